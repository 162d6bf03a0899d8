#include "dataplane/io/segment.h"

#include <algorithm>
#include <cstring>

#include "dataplane/io/frame_slice.h"
#include "dataplane/wire/byte_order.h"
#include "dataplane/wire/checksum.h"
#include "dataplane/wire/layout.h"
#include "dataplane/wire/parse.h"

namespace taploom::io {
namespace {

namespace ipv4 = wire::ipv4;
namespace ipv6 = wire::ipv6;
namespace tcp = wire::tcp;
namespace udp = wire::udp;
using wire::be16;
using wire::be32;
using wire::Load;
using wire::Store;

constexpr std::uint8_t kTcpPsh = 0x08, kTcpCwr = 0x80;

}  // namespace

Segmenter::Segmenter(const Packet& packet) : packet_(packet) { valid_ = ReadHeaders(); }

bool Segmenter::ReadHeaders() {
  headers_ = wire::Parse({packet_.head, packet_.head_size}, packet_.size());
  if (headers_.kind != wire::FrameKind::kIp || !headers_.has_transport || headers_.is_fragment)
    return false;
  switch (packet_.vnet.gso_type & ~VnetHeader::kGsoEcn) {
    case VnetHeader::kGsoTcp4:
      if (!headers_.is_tcp() || headers_.family != wire::Family::kIpv4) return false;
      break;
    case VnetHeader::kGsoTcp6:
      if (!headers_.is_tcp() || headers_.family != wire::Family::kIpv6) return false;
      break;
    case VnetHeader::kGsoUdpL4:
      if (!headers_.is_udp()) return false;
      break;
    default:
      return false;
  }
  header_size_ = headers_.l4_offset + (headers_.is_tcp() ? headers_.tcp_header_size : udp::kSize);
  const std::size_t frame_size = headers_.l3_offset + headers_.l3_size;
  if (header_size_ >= frame_size) return false;
  payload_size_ = frame_size - header_size_;

  const std::size_t gso_size = packet_.vnet.gso_size;
  return gso_size > 0 && (payload_size_ + gso_size - 1) / gso_size <= kMaxSegments;
}

bool Segmenter::Next(Packet& segment) {
  if (!valid_ || next_offset_ == payload_size_) return false;

  const bool first = next_offset_ == 0;
  const std::size_t size =
      std::min<std::size_t>(packet_.vnet.gso_size, payload_size_ - next_offset_);
  const bool last = next_offset_ + size == payload_size_;
  const FrameSlice payload = SliceOf(packet_, header_size_ + next_offset_, size);
  std::memcpy(head_.data(), packet_.head, header_size_);

  const std::size_t l3_size = header_size_ - headers_.l3_offset + size;
  std::uint8_t* l3 = head_.data() + headers_.l3_offset;
  if (headers_.family == wire::Family::kIpv4) {
    const std::uint16_t id = Load<be16>(l3 + ipv4::kId).value();
    Store(l3 + ipv4::kTotalLength, be16(static_cast<std::uint16_t>(l3_size)));
    Store(l3 + ipv4::kId, be16(static_cast<std::uint16_t>(id + next_index_)));
    Store(l3 + ipv4::kChecksum, std::uint16_t{0});
    const std::size_t ip_header_size = headers_.l4_offset - headers_.l3_offset;
    Store(l3 + ipv4::kChecksum, wire::InternetChecksum({l3, ip_header_size}));
  } else {
    Store(l3 + ipv6::kPayloadLength, be16(static_cast<std::uint16_t>(l3_size - ipv6::kSize)));
  }

  std::uint8_t* l4 = head_.data() + headers_.l4_offset;
  const std::size_t l4_header_size = header_size_ - headers_.l4_offset;
  const std::size_t l4_size = l4_header_size + size;
  std::uint8_t* checksum = l4 + (headers_.is_tcp() ? tcp::kChecksum : udp::kChecksum);
  if (headers_.is_tcp()) {
    Store(l4 + tcp::kSequence,
          be32(static_cast<std::uint32_t>(headers_.tcp_sequence + next_offset_)));
    // The end of the data is in the last segment, and CWR is said once (RFC 3168 §6.1.2).
    if (!last) l4[tcp::kFlags] &= static_cast<std::uint8_t>(~(wire::kTcpFin | kTcpPsh));
    if (!first) l4[tcp::kFlags] &= static_cast<std::uint8_t>(~kTcpCwr);
  } else {
    Store(l4 + udp::kLength, be16(static_cast<std::uint16_t>(l4_size)));
  }
  Store(checksum, std::uint16_t{0});
  const std::uint64_t sum =
      wire::PseudoHeaderSum(headers_.source, headers_.destination, headers_.protocol,
                            static_cast<std::uint32_t>(l4_size)) +
      wire::SumBytes({l4, l4_header_size}) + SumOf(payload);
  const auto full = static_cast<std::uint16_t>(~wire::Fold(sum));
  Store(checksum,
        full == 0 ? std::uint16_t{0xffff} : full);  // zero would mean "none" in UDP (RFC 768)

  AssembleFrame(head_.data(), header_size_, payload, segment);
  segment.vnet = {};
  segment.ingress_port = packet_.ingress_port;

  next_offset_ += size;
  ++next_index_;
  return true;
}

}  // namespace taploom::io
