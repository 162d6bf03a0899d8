// Rewrite: applies a FlowAction to a packet. Changes the head only, and checksums by increments
// only.
#ifndef TAPLOOM_DATAPLANE_REWRITE_REWRITE_H_
#define TAPLOOM_DATAPLANE_REWRITE_REWRITE_H_

#include <cstdint>
#include <span>

#include "dataplane/flow/connection.h"
#include "dataplane/packet.h"

namespace taploom::rewrite {

// What a packet of tuple `before` needs to leave as `after`: the flags and checksum deltas of
// `action`.
void PrepareTranslation(const flow::FiveTuple& before, const flow::FiveTuple& after,
                        flow::FlowAction& action);

// Rewrites MACs, addresses, ports or ICMP identifier, TTL and checksums. `leaving_reversed` is the
// tuple the packet leaves with, reversed: the key of the opposite half (flow/connection.h), whose
// port does not matter. A frame that still needs its transport checksum carries the sum of the
// pseudo-header there, so only the addresses are applied to it. REQUIRES: packet.headers describes
// it; the TTL is larger than action.ttl_decrement. Never allocates.
void Apply(Packet& packet, const flow::FlowAction& action, const flow::KeyView& leaving_reversed);
// The same for a tuple that no connection holds.
inline void Apply(Packet& packet, const flow::FlowAction& action, const flow::FiveTuple& leaving) {
  const flow::FlowKey reversed{leaving.Reversed(), 0};
  Apply(packet, action, flow::KeyView(reversed));
}

// What an ICMP error quotes: the bytes behind its header, up to the end of the IP packet. Ethernet
// padding is no part of it. REQUIRES: packet.headers.is_icmp_error.
std::span<std::uint8_t> QuotedPacket(Packet& packet);

// Rewrites the packet quoted by an ICMP error so that its sender knows it again: from the tuple it
// has now to `as_sent` (RFC 5508 §4.2). What is quoted may be as short as 8 bytes of transport
// header; a checksum that was cut off is not missed. The error's own checksum follows. Call after
// Apply. REQUIRES: packet.headers.is_icmp_error.
void ApplyToQuoted(Packet& packet, const flow::FiveTuple& as_sent);

}  // namespace taploom::rewrite

#endif  // TAPLOOM_DATAPLANE_REWRITE_REWRITE_H_
