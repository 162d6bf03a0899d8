// Conntrack: how packets move a connection from state to state, and how long each state may stay
// idle.
//
// Windows are liberal: a segment is never dropped for its sequence number, because a firewall that
// guesses wrong about windows breaks working connections (pitfalls: "out-of-window = INVALID"). The
// one exception is RST, which would otherwise let anybody off the path end a connection (RFC 5961
// §3): it must carry a sequence number between what the other side has acknowledged and what this
// side has sent.
#ifndef TAPLOOM_DATAPLANE_FLOW_CONNTRACK_H_
#define TAPLOOM_DATAPLANE_FLOW_CONNTRACK_H_

#include <chrono>
#include <cstdint>

#include "dataplane/flow/connection.h"
#include "dataplane/wire/parse.h"

namespace taploom::flow {

// Idle timers of one connection: the shortest of everything on its path that keeps state for it.
struct Timeouts {
  std::chrono::milliseconds tcp_established{std::chrono::seconds(432'000)};  // vpc-semantics §5
  std::chrono::milliseconds udp_stream{std::chrono::seconds(180)};
  std::chrono::milliseconds udp{std::chrono::seconds(30)};
  std::chrono::milliseconds tcp_closed{std::chrono::seconds(60)};  // after FIN both ways
};

// The states a first packet starts in. A TCP segment that is no SYN is picked up in mid-stream as
// an established connection (vpc-semantics §17: "treat as new flow: evaluate rules, create state if
// allowed").
ConnectionState FirstState(const wire::Headers& headers);

// What a packet does to its connection.
enum class Advance : std::uint8_t {
  kKeep,      // nothing but last_seen
  kNewState,  // the state changed: choose its timeout anew
  kInvalid,   // a RST that does not fit: drop the packet, keep the connection
};

// True for a SYN on a connection that is over: it opens a new one (RFC 6191).
bool StartsAnew(const Connection& connection, const wire::Headers& headers);

// Moves `connection` for a packet travelling in `direction`. Time and counters are the caller's.
// Never allocates; touches the connection only.
Advance AdvanceConnection(Connection& connection, FlowDirection direction,
                          const wire::Headers& headers);

// Records the first packet's sequence numbers.
void StartSequence(Connection& connection, const wire::Headers& headers);

// How long `state` may stay idle.
std::uint32_t TimeoutOf(ConnectionState state, const Timeouts& timeouts);

}  // namespace taploom::flow

#endif  // TAPLOOM_DATAPLANE_FLOW_CONNTRACK_H_
