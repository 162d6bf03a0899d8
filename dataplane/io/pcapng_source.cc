#include "dataplane/io/pcapng_source.h"

#include <algorithm>
#include <array>
#include <utility>

#include "dataplane/io/pcapng_format.h"

namespace taploom::io {
namespace {

// Longer than any block with a frame of 256 KiB and its options; more is a length that lies.
constexpr std::uint32_t kMaxBlockSize = 16 * 1024 * 1024;
constexpr std::size_t kBlockHeaderSize = 8, kBlockTrailerSize = 4;

std::uint32_t Little32(const std::uint8_t* bytes) {
  return std::uint32_t{bytes[0]} | std::uint32_t{bytes[1]} << 8 | std::uint32_t{bytes[2]} << 16 |
         std::uint32_t{bytes[3]} << 24;
}
std::uint32_t Big32(const std::uint8_t* bytes) {
  return std::uint32_t{bytes[3]} | std::uint32_t{bytes[2]} << 8 | std::uint32_t{bytes[1]} << 16 |
         std::uint32_t{bytes[0]} << 24;
}

constexpr std::size_t Padded(std::size_t size) { return (size + 3) & ~std::size_t{3}; }

// clock / 2^exponent or clock / 10^exponent seconds, in nanoseconds.
std::int64_t ToNanoseconds(std::uint64_t clock, bool is_binary, unsigned exponent) {
  unsigned __int128 nanoseconds = clock;
  nanoseconds *= 1'000'000'000;
  if (is_binary) return static_cast<std::int64_t>(nanoseconds >> std::min(exponent, 127u));
  for (unsigned i = 0; i < exponent && nanoseconds != 0; ++i) nanoseconds /= 10;
  return static_cast<std::int64_t>(nanoseconds);
}

}  // namespace

bool PcapngSource::IsPcapng(std::span<const std::uint8_t> first_four_bytes) {
  return first_four_bytes.size() >= 4 && Big32(first_four_bytes.data()) == pcapng::kSectionHeader;
}

std::uint16_t PcapngSource::Get16(std::size_t offset) const {
  const std::uint8_t* bytes = body_.data() + offset;
  return static_cast<std::uint16_t>(is_big_endian_ ? bytes[0] << 8 | bytes[1]
                                                   : bytes[1] << 8 | bytes[0]);
}

std::uint32_t PcapngSource::Get32(std::size_t offset) const {
  return is_big_endian_ ? Big32(body_.data() + offset) : Little32(body_.data() + offset);
}

bool PcapngSource::Break(const std::string& what) {
  error_ = path_ + " is broken at byte " + std::to_string(block_offset_) + ": " +
           (stream_->error().empty() ? what : stream_->error());
  return false;
}

bool PcapngSource::ReadBlock() {
  block_offset_ = stream_->offset();
  std::array<std::uint8_t, 12> head{};
  const std::size_t got = stream_->Read(std::span(head).first(kBlockHeaderSize));
  if (got == 0 && stream_->error().empty()) return false;
  if (got < kBlockHeaderSize) return Break("the file ends inside a block header");
  type_ = Big32(head.data());
  if (type_ == pcapng::kSectionHeader) {  // the same in both byte orders; tells which follows
    if (stream_->Read(std::span(head).subspan(kBlockHeaderSize)) < 4)
      return Break("the file ends inside a section header");
    if (!ReadSectionHeader(head)) return false;
  } else if (!in_section_) {
    return Break("a block before the first section header");
  } else {
    type_ = is_big_endian_ ? type_ : Little32(head.data());
  }
  const std::uint32_t size = is_big_endian_ ? Big32(head.data() + 4) : Little32(head.data() + 4);
  if (size < kBlockHeaderSize + kBlockTrailerSize || size % 4 != 0 || size > kMaxBlockSize)
    return Break("a block of impossible length " + std::to_string(size));
  // The section header's byte-order magic has been taken already.
  const std::size_t taken = type_ == pcapng::kSectionHeader ? 4 : 0;
  body_.resize(size - kBlockHeaderSize);
  if (taken > body_.size() - kBlockTrailerSize) return Break("a section header without contents");
  std::copy_n(head.begin() + kBlockHeaderSize, taken, body_.begin());
  const std::span<std::uint8_t> rest = std::span(body_).subspan(taken);
  if (stream_->Read(rest) < rest.size()) return Break("the file ends inside a block");
  if (Get32(body_.size() - kBlockTrailerSize) != size)
    return Break("a block whose two lengths differ");
  body_.resize(body_.size() - kBlockTrailerSize);
  return true;
}

bool PcapngSource::ReadSectionHeader(std::span<const std::uint8_t> head) {
  if (Big32(head.data() + 8) == pcapng::kByteOrderMagic) {
    is_big_endian_ = true;
  } else if (Little32(head.data() + 8) == pcapng::kByteOrderMagic) {
    is_big_endian_ = false;
  } else {
    return Break("a section header without a byte order");
  }
  in_section_ = true;
  interfaces_.clear();
  return true;
}

template <typename Visitor>
void PcapngSource::ForEachOption(std::size_t offset, Visitor visit) const {
  while (offset + 4 <= body_.size()) {
    const std::uint16_t code = Get16(offset), size = Get16(offset + 2);
    offset += 4;
    if (code == pcapng::kEndOfOptions || offset + size > body_.size()) return;
    visit(code, offset, size);
    offset += Padded(size);
  }
}

bool PcapngSource::ReadInterface() {
  if (body_.size() < 8) return Break("an interface block that is too short");
  Interface interface;
  interface.link_type = Get16(0);
  interface.snap_length = Get32(4);
  ForEachOption(8, [&](std::uint16_t code, std::size_t at, std::uint16_t size) {
    if (code == pcapng::kName) {
      interface.name.assign(body_.begin() + static_cast<std::ptrdiff_t>(at),
                            body_.begin() + static_cast<std::ptrdiff_t>(at + size));
    } else if (code == pcapng::kClockUnit && size == 1) {
      interface.is_binary = (body_[at] & 0x80) != 0;
      interface.exponent = body_[at] & 0x7fu;
    } else if (code == pcapng::kClockOffset && size == 8) {
      const std::uint64_t low = Get32(at + (is_big_endian_ ? 4 : 0));
      const std::uint64_t high = Get32(at + (is_big_endian_ ? 0 : 4));
      interface.offset_seconds = static_cast<std::int64_t>(high << 32 | low);
    }
  });
  interfaces_.push_back(std::move(interface));
  return true;
}

bool PcapngSource::FinishPacket(std::uint32_t interface, std::uint64_t clock,
                                std::size_t data_offset, std::uint32_t captured_size,
                                std::uint32_t original_size, CapturedFrame& frame) {
  if (interface >= interfaces_.size())
    return Break("a packet of interface " + std::to_string(interface) + ", which is not declared");
  if (captured_size > body_.size() - data_offset) return Break("a packet longer than its block");
  const Interface& owner = interfaces_[interface];
  constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;
  // Seconds are the file's word: a lie wraps, and does no harm.
  const auto offset_ns = static_cast<std::int64_t>(
      static_cast<std::uint64_t>(owner.offset_seconds) * std::uint64_t{kNanosecondsPerSecond});
  last_time_ns_ = static_cast<std::int64_t>(
      static_cast<std::uint64_t>(ToNanoseconds(clock, owner.is_binary, owner.exponent)) +
      static_cast<std::uint64_t>(offset_ns));
  frame = {.bytes = std::span(body_).subspan(data_offset, captured_size),
           .original_size = std::max(captured_size, original_size),
           .time_ns = last_time_ns_,
           .link_type = owner.link_type,
           .interface = owner.name};
  return true;
}

bool PcapngSource::ReadEnhancedPacket(CapturedFrame& frame) {
  constexpr std::size_t kHeaderSize = 20;
  if (body_.size() < kHeaderSize) return Break("a packet block that is too short");
  const std::uint64_t clock = std::uint64_t{Get32(4)} << 32 | Get32(8);
  const std::uint32_t captured_size = Get32(12);
  if (!FinishPacket(Get32(0), clock, kHeaderSize, captured_size, Get32(16), frame)) return false;
  ForEachOption(kHeaderSize + Padded(captured_size),
                [&](std::uint16_t code, std::size_t at, std::uint16_t size) {
                  if (code == pcapng::kFlags && size == 4) {
                    const std::uint32_t direction = Get32(at) & 3u;
                    if (direction != 3) frame.direction = static_cast<FrameDirection>(direction);
                  } else if (code == pcapng::kPacketId && size == 8) {
                    const std::uint64_t low = Get32(at + (is_big_endian_ ? 4 : 0));
                    const std::uint64_t high = Get32(at + (is_big_endian_ ? 0 : 4));
                    frame.packet_id = high << 32 | low;
                  }
                });
  return true;
}

bool PcapngSource::ReadObsoletePacket(CapturedFrame& frame) {
  constexpr std::size_t kHeaderSize = 20;
  if (body_.size() < kHeaderSize) return Break("a packet block that is too short");
  const std::uint64_t clock = std::uint64_t{Get32(4)} << 32 | Get32(8);
  return FinishPacket(Get16(0), clock, kHeaderSize, Get32(12), Get32(16), frame);
}

bool PcapngSource::ReadSimplePacket(CapturedFrame& frame) {
  constexpr std::size_t kHeaderSize = 4;
  if (body_.size() < kHeaderSize) return Break("a packet block that is too short");
  const std::uint32_t original_size = Get32(0);
  std::size_t captured_size = std::min<std::size_t>(original_size, body_.size() - kHeaderSize);
  if (!interfaces_.empty() && interfaces_[0].snap_length != 0)
    captured_size = std::min<std::size_t>(captured_size, interfaces_[0].snap_length);
  const std::int64_t time_ns = last_time_ns_;  // such a block has no time of its own
  if (!FinishPacket(0, 0, kHeaderSize, static_cast<std::uint32_t>(captured_size), original_size,
                    frame)) {
    return false;
  }
  frame.time_ns = last_time_ns_ = time_ns;
  return true;
}

bool PcapngSource::Next(CapturedFrame& frame) {
  while (error_.empty() && ReadBlock()) {
    switch (type_) {
      case pcapng::kInterface:
        if (!ReadInterface()) return false;
        break;
      case pcapng::kEnhancedPacket:
        return ReadEnhancedPacket(frame);
      case pcapng::kObsoletePacket:
        return ReadObsoletePacket(frame);
      case pcapng::kSimplePacket:
        return ReadSimplePacket(frame);
      default:  // of no use here, or not known: to be skipped (§3.1)
        break;
    }
  }
  return false;
}

}  // namespace taploom::io
