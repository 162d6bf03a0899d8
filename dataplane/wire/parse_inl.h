// The body of Parse, for the one loop that has it inlined (pipeline.cc). Everybody else calls
// Parse.
#ifndef TAPLOOM_DATAPLANE_WIRE_PARSE_INL_H_
#define TAPLOOM_DATAPLANE_WIRE_PARSE_INL_H_

#include <algorithm>
#include <memory>

#include "dataplane/wire/byte_order.h"
#include "dataplane/wire/checksum.h"
#include "dataplane/wire/layout.h"
#include "dataplane/wire/parse.h"

namespace taploom::wire {
namespace internal {

// RFC 8200 sets no limit to the chain; more than this is an attack.
inline constexpr int kMaxExtensionHeaders = 8;

inline std::uint16_t Read16(std::span<const std::uint8_t> bytes, std::size_t at) {
  return Load<be16>(bytes.data() + at).value();
}
inline std::uint32_t Read32(std::span<const std::uint8_t> bytes, std::size_t at) {
  return Load<be32>(bytes.data() + at).value();
}

inline bool IsQuery(const Headers& headers) {
  if (headers.family == Family::kIpv6) {
    return headers.icmp_type == icmp::kV6Echo;
  }
  return headers.icmp_type == icmp::kEcho || headers.icmp_type == icmp::kTimestamp;
}

inline bool IsReply(const Headers& headers) {
  if (headers.family == Family::kIpv6) {
    return headers.icmp_type == icmp::kV6EchoReply;
  }
  return headers.icmp_type == icmp::kEchoReply || headers.icmp_type == icmp::kTimestampReply;
}

inline bool IsError(const Headers& headers) {
  if (headers.family == Family::kIpv6) {
    return headers.icmp_type >= icmp::kV6Unreachable && headers.icmp_type < icmp::kV6Echo;
  }
  return headers.icmp_type == icmp::kUnreachable || headers.icmp_type == icmp::kTimeExceeded ||
         headers.icmp_type == icmp::kParameterProblem || headers.icmp_type == icmp::kSourceQuench ||
         headers.icmp_type == icmp::kRedirect;
}

inline void ReadIcmp(std::span<const std::uint8_t> l4, Headers& headers) {
  headers.icmp_type = l4[icmp::kType];
  headers.icmp_code = l4[icmp::kCode];
  headers.is_icmp_error = IsError(headers);
  if (IsQuery(headers)) headers.source_port = Read16(l4, icmp::kId);
  if (IsReply(headers)) headers.destination_port = Read16(l4, icmp::kId);
}

// Reads the transport header of an unfragmented packet or first fragment. `available` bytes of it
// lie in the head, `claimed` is what the IP header says. False when it is shorter than its protocol
// allows.
inline bool ReadTransport(std::span<const std::uint8_t> available, std::size_t claimed,
                          Headers& headers) {
  switch (headers.protocol) {
    case kProtocolTcp: {
      if (available.size() < tcp::kMinSize || claimed < tcp::kMinSize) return false;
      const std::size_t size = std::size_t{available[tcp::kDataOffset]} / 16 * 4;
      if (size < tcp::kMinSize || size > available.size() || size > claimed) return false;
      headers.source_port = Read16(available, tcp::kSourcePort);
      headers.destination_port = Read16(available, tcp::kDestinationPort);
      headers.tcp_sequence = Read32(available, tcp::kSequence);
      headers.tcp_acknowledgment = Read32(available, tcp::kAcknowledgment);
      headers.tcp_flags = available[tcp::kFlags];
      headers.tcp_window = Read16(available, tcp::kWindow);
      headers.tcp_header_size = static_cast<std::uint16_t>(size);
      break;
    }
    case kProtocolUdp: {
      if (available.size() < udp::kSize || claimed < udp::kSize) return false;
      const std::uint16_t length = Read16(available, udp::kLength);
      // A first fragment says the length of the whole datagram. GSO frames may say 0 or the length
      // of one segment.
      if (!headers.is_fragment && length > claimed) return false;
      if (length != 0 && length < udp::kSize) return false;
      headers.source_port = Read16(available, udp::kSourcePort);
      headers.destination_port = Read16(available, udp::kDestinationPort);
      break;
    }
    case kProtocolIcmp:
    case kProtocolIcmpv6:
      // Each family has its own ICMP; the other's number is just an unknown protocol.
      if ((headers.protocol == kProtocolIcmp) != (headers.family == Family::kIpv4)) return true;
      if (available.size() < icmp::kSize || claimed < icmp::kSize) return false;
      ReadIcmp(available, headers);
      break;
    default:
      return true;
  }
  headers.has_transport = true;
  return true;
}

// Fills everything up to the transport header. `packet` starts at the IP header.
inline bool ReadIpv4(std::span<const std::uint8_t> packet, std::size_t available_size,
                     Headers& headers) {
  if (packet.size() < ipv4::kMinSize || packet[0] >> 4 != 4) return false;
  const std::size_t header_size = std::size_t{packet[0]} % 16 * 4;
  if (header_size < ipv4::kMinSize || header_size > packet.size()) return false;
  const std::uint16_t total = Read16(packet, ipv4::kTotalLength);
  if (total < header_size || total > available_size) return false;
  const std::uint16_t fragment = Read16(packet, ipv4::kFragment);
  const std::uint16_t offset = fragment & ipv4::kOffsetMask;
  headers.family = Family::kIpv4;
  headers.protocol = packet[ipv4::kProtocol];
  headers.ttl = packet[ipv4::kTtl];
  headers.l3_size = total;
  headers.l4_offset = static_cast<std::uint16_t>(headers.l3_offset + header_size);
  headers.source = IpAddress::V4FromBytes(packet.data() + ipv4::kSource);
  headers.destination = IpAddress::V4FromBytes(packet.data() + ipv4::kDestination);
  headers.dont_fragment = (fragment & ipv4::kDontFragment) != 0;
  headers.is_fragment = offset != 0 || (fragment & ipv4::kMoreFragments) != 0;
  headers.is_first_fragment = headers.is_fragment && offset == 0;
  headers.fragment_id = Read16(packet, ipv4::kId);
  // A fragment that would end past the largest datagram is the "ping of death".
  return offset * 8u + (total - header_size) <= 65'535u - header_size;
}

inline bool ReadIpv6(std::span<const std::uint8_t> packet, std::size_t available_size,
                     Headers& headers) {
  if (packet.size() < ipv6::kSize || packet[0] >> 4 != 6) return false;
  const std::size_t total = ipv6::kSize + Read16(packet, ipv6::kPayloadLength);
  if (total > available_size) return false;
  headers.family = Family::kIpv6;
  headers.ttl = packet[ipv6::kHopLimit];
  headers.l3_size = static_cast<std::uint32_t>(total);
  headers.source = IpAddress::V6FromBytes(packet.data() + ipv6::kSource);
  headers.destination = IpAddress::V6FromBytes(packet.data() + ipv6::kDestination);
  headers.dont_fragment = true;
  // An IPv4-mapped address on the wire would be taken for IPv4; RFC 4291 §2.5.5.2 gives it no
  // meaning there.
  if (headers.source.is_v4() || headers.destination.is_v4()) return false;

  std::uint8_t next = packet[ipv6::kNextHeader];
  std::size_t at = ipv6::kSize;
  for (int seen = 0;; ++seen) {
    const bool is_options =
        next == ipv6::kHopByHop || next == ipv6::kRouting || next == ipv6::kDestinationOptions;
    if (!is_options && next != ipv6::kFragmentHeader) break;
    if (seen == kMaxExtensionHeaders || at + 8 > packet.size() || at + 8 > total) return false;
    const std::uint8_t after = packet[at];
    if (next == ipv6::kFragmentHeader) {
      if (headers.is_fragment) return false;  // RFC 8200 §4.1: at most once
      const std::uint16_t field = Read16(packet, at + 2);
      headers.is_fragment =
          (field & ~0x6) != 0;  // offset or more-fragments; an atomic fragment is whole (RFC 6946)
      headers.is_first_fragment = headers.is_fragment && field >> 3 == 0;
      headers.fragment_id = Read32(packet, at + 4);
      at += 8;
      if (headers.is_fragment && !headers.is_first_fragment) {
        next = after;
        break;
      }
    } else {
      at += 8u + 8u * packet[at + 1];
    }
    if (at > packet.size() || at > total) return false;
    next = after;
  }
  headers.protocol = next;
  headers.l4_offset = static_cast<std::uint16_t>(headers.l3_offset + at);
  return true;
}

inline bool HasRightChecksum(std::span<const std::uint8_t> packet, std::size_t header_size) {
  if (header_size != ipv4::kMinSize) return Fold(SumBytes(packet.first(header_size))) == 0xffff;
  // Nearly every packet: no loop.
  const std::uint8_t* words = packet.data();
  const std::uint64_t sum = std::uint64_t{Load<std::uint32_t>(words)} +
                            Load<std::uint32_t>(words + 4) + Load<std::uint32_t>(words + 8) +
                            Load<std::uint32_t>(words + 12) + Load<std::uint32_t>(words + 16);
  return Fold(sum) == 0xffff;
}

inline bool HasTransportHeader(const Headers& headers) {
  return !headers.is_fragment || headers.is_first_fragment;
}

}  // namespace internal

// As Parse.
inline void ParseInline(std::span<const std::uint8_t> head, std::size_t frame_size,
                        Headers& headers) {
  std::construct_at(&headers);  // in place: an assignment would go through a temporary
  if (head.size() < kEthernetSize) return;
  const std::uint16_t ether_type = internal::Read16(head, ethernet::kType);
  const auto packet = head.subspan(kEthernetSize);
  const std::size_t available_size = frame_size - kEthernetSize;
  switch (ether_type) {
    case kEtherTypeArp:
      if (packet.size() >= arp::kSize) headers.kind = FrameKind::kArp;
      return;
    case kEtherTypeIpv4:
      if (!internal::ReadIpv4(packet, available_size, headers)) return;
      if (!internal::HasRightChecksum(packet, headers.l4_offset - kEthernetSize)) return;
      break;
    case kEtherTypeIpv6:
      if (!internal::ReadIpv6(packet, available_size, headers)) return;
      break;
    default:
      headers.kind = FrameKind::kUnsupported;
      return;
  }
  if (internal::HasTransportHeader(headers)) {
    const std::size_t claimed = headers.l3_size - (headers.l4_offset - kEthernetSize);
    auto l4 = head.subspan(headers.l4_offset);
    // Bytes behind the IP packet are Ethernet padding (IEEE 802.3 §4.2.3.3): never a header.
    l4 = l4.first(std::min(l4.size(), claimed));
    if (!internal::ReadTransport(l4, claimed, headers)) return;
  }
  headers.kind = FrameKind::kIp;
}

}  // namespace taploom::wire

#endif  // TAPLOOM_DATAPLANE_WIRE_PARSE_INL_H_
