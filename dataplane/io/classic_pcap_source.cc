#include "dataplane/io/classic_pcap_source.h"

#include <pcap/pcap.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdio>
#include <utility>

#include "dataplane/wire/byte_order.h"

namespace taploom::io {
namespace {

constexpr std::uint32_t kMicrosecondMagic = 0xa1b2c3d4, kNanosecondMagic = 0xa1b23c4d;
constexpr std::size_t kFileHeaderSize = 24, kPacketHeaderSize = 16;

// libpcap's own bound. More is a length that lies.
constexpr std::uint32_t kLongestPacket = 262'144;

using FileHeader = std::array<std::uint8_t, kFileHeaderSize>;

struct CloseCapture {
  void operator()(pcap_t* capture) const { pcap_close(capture); }
};
using Capture = std::unique_ptr<pcap_t, CloseCapture>;

// A file without packets that has this header; null when libpcap does not understand it.
Capture OpenHeader(FileHeader& header) {
  FILE* file = fmemopen(header.data(), header.size(), "rb");
  if (file == nullptr) return nullptr;
  char reason[PCAP_ERRBUF_SIZE] = "";
  Capture capture(
      pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, reason));
  if (capture == nullptr) fclose(file);
  return capture;
}

}  // namespace

std::unique_ptr<ClassicPcapSource> ClassicPcapSource::Open(std::unique_ptr<ByteStream>& stream,
                                                           const std::string& path) {
  FileHeader header{};
  if (stream->Peek(header) < header.size()) return nullptr;
  const auto magic = wire::Load<std::uint32_t>(header.data());
  const bool is_swapped =
      __builtin_bswap32(magic) == kMicrosecondMagic || __builtin_bswap32(magic) == kNanosecondMagic;
  const std::uint32_t native = is_swapped ? __builtin_bswap32(magic) : magic;
  if (native != kMicrosecondMagic && native != kNanosecondMagic) return nullptr;
  const Capture capture = OpenHeader(header);
  const bool is_classic = capture != nullptr && pcap_major_version(capture.get()) == 2 &&
                          pcap_minor_version(capture.get()) == 4;
  if (!is_classic) return nullptr;
  const Format format{.is_swapped = is_swapped,
                      .nanoseconds = native == kMicrosecondMagic ? 1000 : 1,
                      .link_type = pcap_datalink(capture.get()),
                      .snap_length = static_cast<std::uint32_t>(pcap_snapshot(capture.get()))};
  stream->Take(kFileHeaderSize);
  return std::unique_ptr<ClassicPcapSource>(new ClassicPcapSource(std::move(stream), path, format));
}

std::uint32_t ClassicPcapSource::Get32(const std::uint8_t* bytes) const {
  const auto value = wire::Load<std::uint32_t>(bytes);
  return format_.is_swapped ? __builtin_bswap32(value) : value;
}

bool ClassicPcapSource::Break(std::uint64_t at, const std::string& what) {
  error_ = path_ + " is broken at byte " + std::to_string(at) + ": " +
           (stream_->error().empty() ? what : stream_->error());
  return false;
}

bool ClassicPcapSource::Next(CapturedFrame& frame) {
  if (!error_.empty()) return false;
  const std::uint64_t begin = stream_->offset();
  const std::span<const std::uint8_t> header = stream_->Take(kPacketHeaderSize);
  if (header.size() < kPacketHeaderSize) {
    const bool is_end = header.empty() && stream_->error().empty();
    return is_end ? false : Break(begin, "the file ends inside a packet's header");
  }
  const std::int64_t seconds = static_cast<std::int32_t>(Get32(header.data()));
  const std::int64_t rest = static_cast<std::int32_t>(Get32(header.data() + 4));
  const std::uint32_t recorded_size = Get32(header.data() + 8);
  const std::uint32_t whole_size = Get32(header.data() + 12);
  if (recorded_size > std::max(kLongestPacket, format_.snap_length))
    return Break(begin, "a packet of impossible length " + std::to_string(recorded_size));
  const std::span<const std::uint8_t> bytes = stream_->Take(recorded_size);
  if (bytes.size() < recorded_size) return Break(begin, "the file ends inside a packet");
  const std::uint32_t shown_size = std::min(recorded_size, format_.snap_length);
  frame = {.bytes = bytes.first(shown_size),
           .original_size = std::max(whole_size, shown_size),
           .time_ns = seconds * 1'000'000'000 + rest * format_.nanoseconds,
           .link_type = format_.link_type};
  return true;
}

}  // namespace taploom::io
