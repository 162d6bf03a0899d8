#include "dataplane/io/fragment.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "dataplane/io/finish_checksum.h"
#include "dataplane/io/frame_slice.h"
#include "dataplane/wire/byte_order.h"
#include "dataplane/wire/checksum.h"
#include "dataplane/wire/layout.h"
#include "dataplane/wire/parse.h"

namespace taploom::io {
namespace {

namespace ipv4 = wire::ipv4;
using wire::be16;
using wire::Load;
using wire::Store;

constexpr std::size_t kOffsetUnit = 8;
constexpr std::uint8_t kOptionEnd = 0, kOptionNop = 1, kOptionCopied = 0x80;

}  // namespace

Fragmenter::Fragmenter(Packet& packet, std::size_t mtu) : packet_(packet) {
  assert(!packet.vnet.is_gso());
  valid_ = ReadHeader(mtu) && FinishChecksum(packet);
  if (valid_) MakeLaterHeader();
}

bool Fragmenter::ReadHeader(std::size_t mtu) {
  if (packet_.head_size < wire::kEthernetSize + ipv4::kMinSize) return false;
  if (Load<be16>(packet_.head + wire::ethernet::kType).value() != wire::kEtherTypeIpv4)
    return false;
  const std::uint8_t* header = packet_.head + wire::kEthernetSize;
  if (header[0] >> 4 != 4) return false;

  header_size_ = std::size_t{header[0] & 0xfu} * 4;
  const std::size_t total_length = Load<be16>(header + ipv4::kTotalLength).value();
  if (header_size_ < ipv4::kMinSize || wire::kEthernetSize + header_size_ > packet_.head_size)
    return false;
  // Bytes after the total length are Ethernet padding and stay behind.
  if (total_length < header_size_ || wire::kEthernetSize + total_length > packet_.size())
    return false;

  const std::uint16_t flags_and_offset = Load<be16>(header + ipv4::kFragment).value();
  if ((flags_and_offset & ipv4::kDontFragment) != 0) return false;
  if (mtu < header_size_ + kOffsetUnit) return false;

  mtu_ = mtu;
  payload_size_ = total_length - header_size_;
  base_offset_units_ = flags_and_offset & ipv4::kOffsetMask;
  more_after_packet_ = (flags_and_offset & ipv4::kMoreFragments) != 0;
  return true;
}

void Fragmenter::MakeLaterHeader() {
  const std::uint8_t* header = packet_.head + wire::kEthernetSize;
  std::memcpy(later_header_.data(), header, ipv4::kMinSize);
  std::size_t size = ipv4::kMinSize;
  for (std::size_t at = ipv4::kMinSize; at < header_size_ && header[at] != kOptionEnd;) {
    if (header[at] == kOptionNop) {
      ++at;
      continue;
    }
    const std::size_t option_size = at + 1 < header_size_ ? header[at + 1] : 0;
    if (option_size < 2 || at + option_size > header_size_)
      break;  // nothing after a broken option can be read
    if ((header[at] & kOptionCopied) != 0) {
      std::memcpy(later_header_.data() + size, header + at, option_size);
      size += option_size;
    }
    at += option_size;
  }
  while (size % 4 != 0) later_header_[size++] = kOptionEnd;
  later_header_size_ = size;
  later_header_[0] = static_cast<std::uint8_t>(0x40 | size / 4);
}

bool Fragmenter::Next(Packet& fragment) {
  if (!valid_ || done_) return false;

  const bool first = next_offset_ == 0;
  const std::size_t header_size = first ? header_size_ : later_header_size_;
  const std::uint8_t* source = first ? packet_.head + wire::kEthernetSize : later_header_.data();
  const std::size_t room = mtu_ - header_size;
  const std::size_t remaining = payload_size_ - next_offset_;
  const bool last = remaining <= room;
  const std::size_t size = last ? remaining : room / kOffsetUnit * kOffsetUnit;

  std::memcpy(head_.data(), packet_.head, wire::kEthernetSize);
  std::uint8_t* header = head_.data() + wire::kEthernetSize;
  std::memcpy(header, source, header_size);
  Store(header + ipv4::kTotalLength, be16(static_cast<std::uint16_t>(header_size + size)));
  const std::size_t offset_units = base_offset_units_ + next_offset_ / kOffsetUnit;
  const bool more = !last || more_after_packet_;
  Store(header + ipv4::kFragment,
        be16(static_cast<std::uint16_t>((offset_units & ipv4::kOffsetMask) |
                                        (more ? ipv4::kMoreFragments : 0u))));
  Store(header + ipv4::kChecksum, std::uint16_t{0});
  Store(header + ipv4::kChecksum, wire::InternetChecksum({header, header_size}));

  const std::size_t payload_begin = wire::kEthernetSize + header_size_;
  AssembleFrame(head_.data(), wire::kEthernetSize + header_size,
                SliceOf(packet_, payload_begin + next_offset_, size), fragment);
  fragment.vnet = packet_.vnet;
  fragment.ingress_port = packet_.ingress_port;

  next_offset_ += size;
  done_ = last;
  return true;
}

}  // namespace taploom::io
