#include "dataplane/rewrite/rewrite.h"

#include <algorithm>

#include "dataplane/wire/byte_order.h"
#include "dataplane/wire/checksum.h"
#include "dataplane/wire/layout.h"

namespace taploom::rewrite {
namespace {

using wire::be16;

void StoreAddress(std::uint8_t* field, const wire::IpAddress& address) {
  const auto bytes = address.bytes();
  std::copy(bytes.begin(), bytes.end(), field);
}

// The identifier of an ICMP query or reply: one of the two ports, the other is 0 (wire/parse.h).
std::uint16_t IdentifierOf(const flow::FiveTuple& tuple) {
  return static_cast<std::uint16_t>(tuple.source_port | tuple.destination_port);
}

// UDP's checksum 0 means "none" (RFC 768), so it stays, and a computed 0 is sent as its equal,
// 0xffff.
std::uint16_t UpdateUdpChecksum(std::uint16_t checksum, std::uint16_t delta) {
  if (checksum == 0) return 0;
  const std::uint16_t updated = wire::UpdateChecksum(checksum, delta);
  return updated == 0 ? 0xffff : updated;
}

void UpdateField(std::uint8_t* field, std::uint32_t delta) {
  wire::Store(field, wire::UpdateChecksum(wire::Load<std::uint16_t>(field), delta));
}

void ApplyToIpv4Header(std::uint8_t* header, const flow::FlowAction& action,
                       const flow::FiveTuple& leaving_reversed) {
  std::uint32_t delta = action.address_delta;
  if ((action.flags & flow::FlowAction::kTranslates) != 0) {
    wire::Store(header + wire::ipv4::kSource, leaving_reversed.destination.v4());
    wire::Store(header + wire::ipv4::kDestination, leaving_reversed.source.v4());
  }
  if (action.ttl_decrement != 0) {
    // TTL and protocol share a word of the checksum; the TTL is its first byte.
    const auto before = wire::Load<be16>(header + wire::ipv4::kTtl);
    const be16 after(static_cast<std::uint16_t>(before.value() - action.ttl_decrement * 256u));
    wire::Store(header + wire::ipv4::kTtl, after);
    delta += static_cast<std::uint16_t>(~before.raw());
    delta += after.raw();
  }
  if (delta != 0) UpdateField(header + wire::ipv4::kChecksum, delta);
}

void ApplyToIpv6Header(std::uint8_t* header, const flow::FlowAction& action,
                       const flow::FiveTuple& leaving_reversed) {
  if ((action.flags & flow::FlowAction::kTranslates) != 0) {
    StoreAddress(header + wire::ipv6::kSource, leaving_reversed.destination);
    StoreAddress(header + wire::ipv6::kDestination, leaving_reversed.source);
  }
  header[wire::ipv6::kHopLimit] =
      static_cast<std::uint8_t>(header[wire::ipv6::kHopLimit] - action.ttl_decrement);
}

void ApplyToTransport(Packet& packet, const flow::FlowAction& action,
                      const flow::FiveTuple& leaving_reversed) {
  std::uint8_t* l4 = packet.head + packet.headers.l4_offset;
  const bool partial = packet.vnet.needs_checksum();
  switch (packet.headers.protocol) {
    case wire::kProtocolTcp:
    case wire::kProtocolUdp: {
      wire::Store(l4, be16(leaving_reversed.destination_port));
      wire::Store(l4 + 2, be16(leaving_reversed.source_port));
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
      if (IdentifierOf(leaving_reversed) != IdentifierOf(flow::TupleOf(packet.headers))) {
        wire::Store(l4 + wire::icmp::kId, be16(IdentifierOf(leaving_reversed)));
      }
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

}  // namespace

void PrepareTranslation(const flow::FiveTuple& before, const flow::FiveTuple& after,
                        flow::FlowAction& action) {
  action.flags = 0;
  action.address_delta = action.l4_delta = 0;
  if (before == after) return;
  action.flags = flow::FlowAction::kTranslates;
  wire::ChecksumDelta addresses;
  addresses.Replace(before.source.bytes(), after.source.bytes());
  addresses.Replace(before.destination.bytes(), after.destination.bytes());
  action.address_delta = addresses.value();

  wire::ChecksumDelta transport;
  // ICMP for IPv4 is the one transport whose checksum does not cover the addresses (RFC 792).
  if (before.protocol != wire::kProtocolIcmp) transport.Add(addresses.value());
  if (wire::HasPorts(before.protocol)) {
    transport.Replace(be16(before.source_port), be16(after.source_port));
    transport.Replace(be16(before.destination_port), be16(after.destination_port));
  } else if (wire::IsIcmp(before.protocol)) {
    transport.Replace(be16(IdentifierOf(before)), be16(IdentifierOf(after)));
  }
  action.l4_delta = transport.value();
}

void Apply(Packet& packet, const flow::FlowAction& action,
           const flow::FiveTuple& leaving_reversed) {
  wire::Store(packet.head + wire::ethernet::kDestination, action.destination_mac);
  wire::Store(packet.head + wire::ethernet::kSource, action.source_mac);
  std::uint8_t* header = packet.head + packet.headers.l3_offset;
  if (packet.headers.family == wire::Family::kIpv4) {
    ApplyToIpv4Header(header, action, leaving_reversed);
  } else {
    ApplyToIpv6Header(header, action, leaving_reversed);
  }
  if ((action.flags & flow::FlowAction::kTranslates) != 0 && packet.headers.has_transport) {
    ApplyToTransport(packet, action, leaving_reversed);
  }
}

std::span<std::uint8_t> QuotedPacket(Packet& packet) {
  const std::size_t begin = packet.headers.l4_offset + wire::icmp::kSize;
  const std::size_t end =
      std::min<std::size_t>(packet.head_size, packet.headers.l3_offset + packet.headers.l3_size);
  return {packet.head + begin, end - begin};
}

void ApplyToQuoted(Packet& packet, const flow::FiveTuple& as_sent) {
  const std::span<std::uint8_t> quoted_packet = QuotedPacket(packet);
  std::uint8_t* quoted = quoted_packet.data();
  const std::size_t quoted_size = quoted_packet.size();
  const wire::Headers inner = wire::ParseQuoted(quoted_packet, packet.headers.family);
  if (inner.kind != wire::FrameKind::kIp) return;
  const flow::FiveTuple now = flow::TupleOf(inner);
  if (now == as_sent) return;
  flow::FlowAction change;
  PrepareTranslation(now, as_sent, change);

  // Everything below changes words under the error's own checksum, so the change is measured there.
  const std::size_t changed_size =
      std::min<std::size_t>(quoted_size, inner.l4_offset + wire::tcp::kMinSize) & ~std::size_t{1};
  const std::uint64_t sum_before = wire::SumBytes({quoted, changed_size});
  if (inner.family == wire::Family::kIpv4) {
    StoreAddress(quoted + wire::ipv4::kSource, as_sent.source);
    StoreAddress(quoted + wire::ipv4::kDestination, as_sent.destination);
    UpdateField(quoted + wire::ipv4::kChecksum, change.address_delta);
  } else {
    StoreAddress(quoted + wire::ipv6::kSource, as_sent.source);
    StoreAddress(quoted + wire::ipv6::kDestination, as_sent.destination);
  }
  std::uint8_t* l4 = quoted + inner.l4_offset;
  const auto has = [&](std::size_t offset) { return inner.l4_offset + offset + 2 <= changed_size; };
  if (wire::HasPorts(inner.protocol)) {
    wire::Store(l4, be16(as_sent.source_port));
    wire::Store(l4 + 2, be16(as_sent.destination_port));
    if (inner.protocol == wire::kProtocolTcp && has(wire::tcp::kChecksum))
      UpdateField(l4 + wire::tcp::kChecksum, change.l4_delta);
    if (inner.protocol == wire::kProtocolUdp && has(wire::udp::kChecksum)) {
      std::uint8_t* field = l4 + wire::udp::kChecksum;
      wire::Store(field, UpdateUdpChecksum(wire::Load<std::uint16_t>(field), change.l4_delta));
    }
  } else if (wire::IsIcmp(inner.protocol) && inner.has_transport) {
    if (IdentifierOf(as_sent) != IdentifierOf(now)) {
      wire::Store(l4 + wire::icmp::kId, be16(IdentifierOf(as_sent)));
    }
    UpdateField(l4 + wire::icmp::kChecksum, change.l4_delta);
  }
  if (packet.vnet.needs_checksum()) return;  // the sum over the body is still to come
  wire::ChecksumDelta body;
  body.Add(static_cast<std::uint16_t>(~wire::Fold(sum_before)));
  body.Add(wire::Fold(wire::SumBytes({quoted, changed_size})));
  UpdateField(packet.head + packet.headers.l4_offset + wire::icmp::kChecksum, body.value());
}

}  // namespace taploom::rewrite
