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

// A NAT gateway's idle timeout (vpc-semantics §4).
inline constexpr std::uint32_t kNatIdleMs = 350'000;

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
inline bool StartsAnew(const Connection& connection, const wire::Headers& headers) {
  return IsClosed(connection.state) && headers.is_tcp() &&
         (headers.tcp_flags & (wire::kTcpSyn | wire::kTcpAck)) == wire::kTcpSyn;
}

// Moves `connection` for a packet travelling in `direction`. Time and counters are the caller's.
// Never allocates; touches the connection only.
Advance AdvanceConnection(Connection& connection, FlowDirection direction,
                          const wire::Headers& headers);

// Notes the sequence numbers of a segment that travels in `direction`. REQUIRES: headers.is_tcp().
void RecordSequence(Connection& connection, FlowDirection direction, const wire::Headers& headers);

// Records the first packet's sequence numbers.
void StartSequence(Connection& connection, const wire::Headers& headers);

// How long `state` may stay idle.
std::uint32_t TimeoutOf(ConnectionState state, const Timeouts& timeouts);

// How long a NAT gateway keeps the mapping of an idle connection, whatever the interfaces do
// (vpc-semantics §4: 350 s). 0: no longer than they.
std::uint32_t MappingTimeoutOf(ConnectionState state);

// Comparison modulo 2^32 (RFC 9293 §3.4).
inline bool AtOrAfter(std::uint32_t sequence, std::uint32_t reference) {
  return static_cast<std::int32_t>(sequence - reference) >= 0;
}

// The flag that says that a side's sequence numbers are known.
inline std::uint8_t SequenceKnownFlag(FlowDirection direction) {
  static_assert(Connection::kReplySequenceKnown == Connection::kOriginalSequenceKnown << 1);
  return static_cast<std::uint8_t>(Connection::kOriginalSequenceKnown
                                   << static_cast<unsigned>(direction));
}

inline void RecordSequence(Connection& connection, FlowDirection direction,
                           const wire::Headers& headers) {
  Half& half = connection.half(direction);
  const std::uint8_t known_flag = SequenceKnownFlag(direction);
  const bool known = connection.has(known_flag);
  // SYN and FIN occupy a sequence number each (RFC 9293 §3.4).
  const std::uint32_t end = headers.tcp_sequence + headers.l3_size -
                            (headers.l4_offset - headers.l3_offset) - headers.tcp_header_size +
                            ((headers.tcp_flags & wire::kTcpSyn) != 0 ? 1u : 0u) +
                            ((headers.tcp_flags & wire::kTcpFin) != 0 ? 1u : 0u);
  if (!known || AtOrAfter(end, half.tcp_end)) half.tcp_end = end;
  if ((headers.tcp_flags & wire::kTcpAck) != 0 &&
      (!known || AtOrAfter(headers.tcp_acknowledgment, half.tcp_acknowledged))) {
    half.tcp_acknowledged = headers.tcp_acknowledgment;
  }
  connection.flags |= known_flag;
}

Advance AdvanceToAnotherState(Connection& connection, FlowDirection direction,
                              const wire::Headers& headers);

// Nearly every packet is a segment of an open connection and leaves it so.
inline Advance AdvanceConnection(Connection& connection, FlowDirection direction,
                                 const wire::Headers& headers) {
  constexpr std::uint8_t kMoving = wire::kTcpSyn | wire::kTcpFin | wire::kTcpRst;
  if (connection.state != ConnectionState::kTcpEstablished || !headers.is_tcp() ||
      (headers.tcp_flags & kMoving) != 0) {
    return AdvanceToAnotherState(connection, direction, headers);
  }
  RecordSequence(connection, direction, headers);
  return Advance::kKeep;
}

}  // namespace taploom::flow

#endif  // TAPLOOM_DATAPLANE_FLOW_CONNTRACK_H_
