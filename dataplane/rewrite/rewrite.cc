#include "dataplane/rewrite/rewrite.h"

#include <algorithm>

#include "dataplane/rewrite/apply_inl.h"
#include "dataplane/wire/byte_order.h"
#include "dataplane/wire/checksum.h"
#include "dataplane/wire/layout.h"

namespace taploom::rewrite {

using wire::be16;

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
    transport.Replace(be16(internal::IdentifierOf(before)), be16(internal::IdentifierOf(after)));
  }
  action.l4_delta = transport.value();
}

void Apply(Packet& packet, const flow::FlowAction& action, const flow::KeyView& leaving_reversed) {
  ApplyInline(packet, action, leaving_reversed);
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
    internal::StoreAddress(quoted + wire::ipv4::kSource, as_sent.source);
    internal::StoreAddress(quoted + wire::ipv4::kDestination, as_sent.destination);
    internal::UpdateField(quoted + wire::ipv4::kChecksum, change.address_delta);
  } else {
    internal::StoreAddress(quoted + wire::ipv6::kSource, as_sent.source);
    internal::StoreAddress(quoted + wire::ipv6::kDestination, as_sent.destination);
  }
  std::uint8_t* l4 = quoted + inner.l4_offset;
  const auto has = [&](std::size_t offset) { return inner.l4_offset + offset + 2 <= changed_size; };
  if (wire::HasPorts(inner.protocol)) {
    wire::Store(l4, be16(as_sent.source_port));
    wire::Store(l4 + 2, be16(as_sent.destination_port));
    if (inner.protocol == wire::kProtocolTcp && has(wire::tcp::kChecksum))
      internal::UpdateField(l4 + wire::tcp::kChecksum, change.l4_delta);
    if (inner.protocol == wire::kProtocolUdp && has(wire::udp::kChecksum)) {
      std::uint8_t* field = l4 + wire::udp::kChecksum;
      wire::Store(field,
                  internal::UpdateUdpChecksum(wire::Load<std::uint16_t>(field), change.l4_delta));
    }
  } else if (wire::IsIcmp(inner.protocol) && inner.has_transport) {
    if (internal::IdentifierOf(as_sent) != internal::IdentifierOf(now)) {
      wire::Store(l4 + wire::icmp::kId, be16(internal::IdentifierOf(as_sent)));
    }
    internal::UpdateField(l4 + wire::icmp::kChecksum, change.l4_delta);
  }
  if (packet.vnet.needs_checksum()) return;  // the sum over the body is still to come
  wire::ChecksumDelta body;
  body.Add(static_cast<std::uint16_t>(~wire::Fold(sum_before)));
  body.Add(wire::Fold(wire::SumBytes({quoted, changed_size})));
  internal::UpdateField(packet.head + packet.headers.l4_offset + wire::icmp::kChecksum,
                        body.value());
}

}  // namespace taploom::rewrite
