// Parse: Ethernet frame → Headers, checking every length once; afterwards no stage can read outside
// the frame.
#ifndef TAPLOOM_DATAPLANE_WIRE_PARSE_H_
#define TAPLOOM_DATAPLANE_WIRE_PARSE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/wire/ip_address.h"
#include "dataplane/wire/mac_address.h"
#include "dataplane/wire/protocol.h"

namespace taploom::wire {

inline constexpr std::uint16_t kEtherTypeIpv4 = 0x0800, kEtherTypeArp = 0x0806,
                               kEtherTypeIpv6 = 0x86dd;
inline constexpr std::size_t kEthernetSize = 14;

// TCP flags as they stand in byte 13 of the header (RFC 9293 §3.1).
inline constexpr std::uint8_t kTcpFin = 0x01, kTcpSyn = 0x02, kTcpRst = 0x04, kTcpAck = 0x10;

enum class FrameKind : std::uint8_t {
  kUnsupported,  // an EtherType a VPC does not carry
  kMalformed,
  kArp,  // 28 bytes of IPv4-over-Ethernet ARP lie in the head; headers hold the Ethernet fields
         // only
  kIp,
};

// What the stages need to know about a frame. Ports: for ICMP queries the identifier is the "port"
// of the querying side and the other side's is 0 (RFC 5508 §3), so a reply has the reversed key of
// its request. Fields of a layer that is absent are 0.
struct Headers {
  FrameKind kind = FrameKind::kMalformed;
  Family family = Family::kIpv4;
  std::uint8_t protocol = 0;  // of the transport header, after any IPv6 extension headers
  std::uint8_t ttl = 0;       // or hop limit
  std::uint16_t l3_offset = kEthernetSize;
  std::uint16_t l4_offset =
      0;                      // where the transport header starts or, in a later fragment, its data
  std::uint32_t l3_size = 0;  // bytes of the IP packet, header included
  IpAddress source, destination;
  std::uint16_t source_port = 0, destination_port = 0;
  std::uint8_t icmp_type = 0, icmp_code = 0;
  std::uint8_t tcp_flags = 0;
  bool has_transport =
      false;  // a complete transport header of a protocol we know (TCP, UDP, ICMP, ICMPv6)
  bool is_fragment = false;  // any fragment
  bool is_first_fragment = false;
  bool dont_fragment = false;  // IPv4 DF; always true for IPv6
  bool is_icmp_error = false;  // quotes the packet that caused it
  std::uint32_t fragment_id = 0;
  std::uint32_t tcp_sequence = 0, tcp_acknowledgment = 0;
  std::uint16_t tcp_window = 0;
  std::uint16_t tcp_header_size = 0;

  bool is_tcp() const { return protocol == kProtocolTcp && has_transport; }
  bool is_udp() const { return protocol == kProtocolUdp && has_transport; }
  bool is_icmp() const {
    return (protocol == kProtocolIcmp || protocol == kProtocolIcmpv6) && has_transport;
  }
};

// Parses the frame whose first `head.size()` bytes are given and whose whole size is `frame_size`.
// The result's `kind` says how far it went; for kMalformed and kUnsupported only Ethernet addresses
// may be read. Guarantees for kIp: l3_offset, l4_offset and, when has_transport, the whole
// transport header lie inside `head`; l3_size ≤ frame_size − l3_offset; the IPv4 header checksum is
// right; an ICMP error's quoted header may still be short (see ParseQuoted). Never allocates.
void Parse(std::span<const std::uint8_t> head, std::size_t frame_size, Headers& headers);
inline Headers Parse(std::span<const std::uint8_t> head, std::size_t frame_size) {
  Headers headers;
  Parse(head, frame_size, headers);
  return headers;
}

// Parses the IP packet quoted in an ICMP error, of which only the first bytes may be there (RFC
// 792: header + 8 bytes). Ports (or the ICMP identifier) are read when the bytes are there;
// otherwise kind is kMalformed. No checksum is verified.
Headers ParseQuoted(std::span<const std::uint8_t> quoted, Family family);

inline MacAddress DestinationMac(const std::uint8_t* frame) { return MacAddress::FromBytes(frame); }
inline MacAddress SourceMac(const std::uint8_t* frame) { return MacAddress::FromBytes(frame + 6); }
// Swaps the two: the frame goes back the way it came.
inline void TurnEthernetRound(std::uint8_t* frame) {
  std::swap_ranges(frame, frame + 6, frame + 6);
}

}  // namespace taploom::wire

#endif  // TAPLOOM_DATAPLANE_WIRE_PARSE_H_
