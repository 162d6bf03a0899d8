#include "dataplane/io/pcap_source.h"

#include <pcap/pcap.h>
#include <stdio_ext.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <utility>

#include "dataplane/io/classic_pcap_source.h"
#include "dataplane/io/pcapng_source.h"

namespace taploom::io {
namespace {

// stdio over a ByteStream: libpcap wants a FILE.
ssize_t ReadCookie(void* stream, char* bytes, std::size_t size) {
  return static_cast<ssize_t>(
      static_cast<ByteStream*>(stream)->Read({reinterpret_cast<std::uint8_t*>(bytes), size}));
}

// Tells where the stream is; nothing else is ever asked of a file that is read from front to back.
int SeekCookie(void* stream, off64_t* offset, int whence) {
  if (whence != SEEK_CUR || *offset != 0) return -1;
  *offset = static_cast<off64_t>(static_cast<ByteStream*>(stream)->offset());
  return 0;
}

class PcapSource final : public FrameSource {
 public:
  PcapSource(std::unique_ptr<ByteStream> stream, std::string path)
      : stream_(std::move(stream)), path_(std::move(path)) {}
  ~PcapSource() override {
    if (capture_ != nullptr) pcap_close(capture_);  // closes the FILE too
  }

  bool Start(std::string& error) {
    FILE* file = fopencookie(stream_.get(), "r", {.read = ReadCookie, .seek = SeekCookie});
    if (file == nullptr) {
      error = "cannot read " + path_ + ": no memory";
      return false;
    }
    file_ = file;
    __fsetlocking(file, FSETLOCKING_BYCALLER);  // one thread reads it
    char reason[PCAP_ERRBUF_SIZE] = "";
    capture_ = pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, reason);
    if (capture_ == nullptr) {
      fclose(file);
      error = path_ + " is no capture file: " +
              (stream_->error().empty() ? std::string(reason) : stream_->error());
      return false;
    }
    link_type_ = pcap_datalink(capture_);
    return true;
  }

  bool Next(CapturedFrame& frame) override {
    if (!error_.empty()) return false;
    const auto begin = static_cast<std::uint64_t>(ftello(file_));
    pcap_pkthdr* header = nullptr;
    const u_char* bytes = nullptr;
    const int result = pcap_next_ex(capture_, &header, &bytes);
    if (result != 1) {
      const bool is_broken = result != PCAP_ERROR_BREAK || !stream_->error().empty();
      if (is_broken) {
        error_ = path_ + " is broken at byte " + std::to_string(begin) + ": " +
                 (stream_->error().empty() ? pcap_geterr(capture_) : stream_->error());
      }
      return false;
    }
    frame = {.bytes = {bytes, header->caplen},
             .original_size = std::max(header->len, header->caplen),
             .time_ns = std::int64_t{header->ts.tv_sec} * 1'000'000'000 + header->ts.tv_usec,
             .link_type = link_type_};
    return true;
  }

  const std::string& error() const override { return error_; }

 private:
  std::unique_ptr<ByteStream> stream_;
  std::string path_;
  pcap_t* capture_ = nullptr;
  FILE* file_ = nullptr;  // libpcap's
  int link_type_ = 0;
  std::string error_;
};

}  // namespace

std::unique_ptr<FrameSource> OpenCapture(const std::string& path, std::string& error) {
  std::unique_ptr<ByteStream> stream = ByteStream::Open(path, error);
  return stream == nullptr ? nullptr : OpenCapture(std::move(stream), path, error);
}

std::unique_ptr<FrameSource> OpenCapture(std::unique_ptr<ByteStream> stream,
                                         const std::string& path, std::string& error) {
  std::array<std::uint8_t, 4> magic{};
  if (stream->Peek(magic) < magic.size()) {
    error = path + " is no capture file: " +
            (stream->error().empty() ? "it has fewer than 4 bytes" : stream->error());
    return nullptr;
  }
  if (PcapngSource::IsPcapng(magic)) return std::make_unique<PcapngSource>(std::move(stream), path);
  if (auto classic = ClassicPcapSource::Open(stream, path)) return classic;
  auto source = std::make_unique<PcapSource>(std::move(stream), path);
  if (!source->Start(error)) return nullptr;
  return source;
}

}  // namespace taploom::io
