// The body of Apply, for the one loop that has it inlined (pipeline.cc). Everybody else calls
// Apply.
#ifndef TAPLOOM_DATAPLANE_REWRITE_APPLY_INL_H_
#define TAPLOOM_DATAPLANE_REWRITE_APPLY_INL_H_

#include <algorithm>

#include "dataplane/rewrite/rewrite.h"
#include "dataplane/wire/byte_order.h"
#include "dataplane/wire/checksum.h"
#include "dataplane/wire/layout.h"

namespace taploom::rewrite {
namespace internal {

inline void StoreAddress(std::uint8_t* field, const wire::IpAddress& address) {
  const auto bytes = address.bytes();
  std::copy(bytes.begin(), bytes.end(), field);
}

// The identifier of an ICMP query or reply: one of the two ports, the other is 0 (wire/parse.h).
inline std::uint16_t IdentifierOf(const flow::FiveTuple& tuple) {
  return static_cast<std::uint16_t>(tuple.source_port | tuple.destination_port);
}

// UDP's checksum 0 means "none" (RFC 768), so it stays, and a computed 0 is sent as its equal,
// 0xffff.
inline std::uint16_t UpdateUdpChecksum(std::uint16_t checksum, std::uint16_t delta) {
  if (checksum == 0) return 0;
  const std::uint16_t updated = wire::UpdateChecksum(checksum, delta);
  return updated == 0 ? 0xffff : updated;
}

inline void UpdateField(std::uint8_t* field, std::uint32_t delta) {
  wire::Store(field, wire::UpdateChecksum(wire::Load<std::uint16_t>(field), delta));
}

inline void ApplyToIpv4Header(std::uint8_t* header, const flow::FlowAction& action,
                              const flow::PackedKey& leaving_reversed) {
  std::uint32_t delta = action.address_delta;
  if ((action.flags & flow::FlowAction::kTranslates) != 0) {
    wire::Store(header + wire::ipv4::kSource, leaving_reversed.v4_destination());
    wire::Store(header + wire::ipv4::kDestination, leaving_reversed.v4_source());
  }
  if (action.ttl_decrement != 0) {
    // TTL and protocol share a word of the checksum; the TTL is its first byte.
    const auto before = wire::Load<wire::be16>(header + wire::ipv4::kTtl);
    const wire::be16 after(
        static_cast<std::uint16_t>(before.value() - action.ttl_decrement * 256u));
    wire::Store(header + wire::ipv4::kTtl, after);
    delta += static_cast<std::uint16_t>(~before.raw());
    delta += after.raw();
  }
  if (delta != 0) UpdateField(header + wire::ipv4::kChecksum, delta);
}

inline void ApplyToIpv6Header(std::uint8_t* header, const flow::FlowAction& action,
                              const flow::KeyView& leaving_reversed) {
  if ((action.flags & flow::FlowAction::kTranslates) != 0) {
    StoreAddress(header + wire::ipv6::kSource, *leaving_reversed.v6_destination);
    StoreAddress(header + wire::ipv6::kDestination, *leaving_reversed.v6_source);
  }
  header[wire::ipv6::kHopLimit] =
      static_cast<std::uint8_t>(header[wire::ipv6::kHopLimit] - action.ttl_decrement);
}

inline void ApplyToTransport(Packet& packet, const flow::FlowAction& action,
                             const flow::PackedKey& leaving_reversed) {
  std::uint8_t* l4 = packet.head + packet.headers.l4_offset;
  const bool partial = packet.vnet.needs_checksum();
  switch (packet.headers.protocol) {
    case wire::kProtocolTcp:
    case wire::kProtocolUdp: {
      wire::Store(l4, wire::be16(leaving_reversed.destination_port()));
      wire::Store(l4 + 2, wire::be16(leaving_reversed.source_port()));
      const bool is_tcp = packet.headers.protocol == wire::kProtocolTcp;
      std::uint8_t* field = l4 + (is_tcp ? wire::tcp::kChecksum : wire::udp::kChecksum);
      const auto checksum = wire::Load<std::uint16_t>(field);
      wire::Store(field, partial  ? wire::UpdatePartialSum(checksum, action.address_delta)
                         : is_tcp ? wire::UpdateChecksum(checksum, action.l4_delta)
                                  : UpdateUdpChecksum(checksum, action.l4_delta));
      break;
    }
    case wire::kProtocolIcmp:
    case wire::kProtocolIcmpv6: {
      // Messages without an identifier have 0 on both sides of this comparison.
      const auto identifier = static_cast<std::uint16_t>(leaving_reversed.source_port() |
                                                         leaving_reversed.destination_port());
      if (identifier != IdentifierOf(flow::TupleOf(packet.headers)))
        wire::Store(l4 + wire::icmp::kId, wire::be16(identifier));
      // ICMP for IPv4 has no pseudo-header, so its partial sum holds no address.
      const bool is_v6 = packet.headers.protocol == wire::kProtocolIcmpv6;
      const auto checksum = wire::Load<std::uint16_t>(l4 + wire::icmp::kChecksum);
      wire::Store(l4 + wire::icmp::kChecksum,
                  !partial ? wire::UpdateChecksum(checksum, action.l4_delta)
                  : is_v6  ? wire::UpdatePartialSum(checksum, action.address_delta)
                           : checksum);
      break;
    }
    default:
      break;
  }
}

}  // namespace internal

// As Apply.
inline void ApplyInline(Packet& packet, const flow::FlowAction& action,
                        const flow::KeyView& leaving_reversed) {
  wire::Store(packet.head + wire::ethernet::kDestination, action.destination_mac);
  wire::Store(packet.head + wire::ethernet::kSource, action.source_mac);
  std::uint8_t* header = packet.head + packet.headers.l3_offset;
  if (packet.headers.family == wire::Family::kIpv4) {
    internal::ApplyToIpv4Header(header, action, leaving_reversed.packed);
  } else {
    internal::ApplyToIpv6Header(header, action, leaving_reversed);
  }
  if ((action.flags & flow::FlowAction::kTranslates) != 0 && packet.headers.has_transport) {
    internal::ApplyToTransport(packet, action, leaving_reversed.packed);
  }
}

}  // namespace taploom::rewrite

#endif  // TAPLOOM_DATAPLANE_REWRITE_APPLY_INL_H_
