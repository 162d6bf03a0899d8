#include "dataplane/flow/conntrack.h"

namespace taploom::flow {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// vpc-semantics §17: half-open 60 s, RST 5 s, ICMP 30 s; §5: other protocols 600 s.
constexpr milliseconds kTcpHalfOpen = seconds(60);
constexpr milliseconds kTcpReset = seconds(5);
constexpr milliseconds kIcmp = seconds(30);
constexpr milliseconds kOther = seconds(600);

// RFC 5961 §3.2, with what a middlebox can know.
bool IsResetPlausible(const Connection& connection, FlowDirection direction,
                      const wire::Headers& headers) {
  const Half& sender = connection.half(direction);
  const Half& receiver = connection.half(Opposite(direction));
  if (!connection.has(SequenceKnownFlag(Opposite(direction))))
    return true;  // the other side has not spoken: nothing to compare with
  if (!connection.has(SequenceKnownFlag(direction))) {
    // The answer of a host that has no such connection (RFC 9293 §3.10.7.1): to a SYN, sequence 0
    // acknowledging exactly the SYN; to a segment with an ACK, that acknowledgment as sequence.
    if ((headers.tcp_flags & wire::kTcpAck) != 0) {
      return headers.tcp_acknowledgment == receiver.tcp_end;
    }
    return connection.state != ConnectionState::kTcpSynSent &&
           headers.tcp_sequence == receiver.tcp_acknowledged;
  }
  // The answer to an ACK that fits nothing (RFC 9293 §3.10.7.3): a client that opens anew what the
  // server still remembers has sent less, by far, than that ACK acknowledges.
  if (headers.tcp_sequence == receiver.tcp_acknowledged) return true;
  return AtOrAfter(headers.tcp_sequence, receiver.tcp_acknowledged) &&
         AtOrAfter(sender.tcp_end, headers.tcp_sequence);
}

Advance MoveTo(Connection& connection, ConnectionState state) {
  if (connection.state == state) return Advance::kKeep;
  connection.state = state;
  return Advance::kNewState;
}

Advance CloseSide(Connection& connection, FlowDirection direction) {
  connection.first_fin = direction;
  return MoveTo(connection, ConnectionState::kTcpFinWait);
}

Advance AdvanceTcp(Connection& connection, FlowDirection direction, const wire::Headers& headers) {
  const bool syn = (headers.tcp_flags & wire::kTcpSyn) != 0;
  const bool ack = (headers.tcp_flags & wire::kTcpAck) != 0;
  if ((headers.tcp_flags & wire::kTcpRst) != 0) {
    if (!IsResetPlausible(connection, direction, headers)) return Advance::kInvalid;
    return MoveTo(connection, ConnectionState::kTcpReset);
  }
  RecordSequence(connection, direction, headers);
  const bool fin = (headers.tcp_flags & wire::kTcpFin) != 0;
  switch (connection.state) {
    case ConnectionState::kTcpSynSent:
      if (direction == FlowDirection::kReply && syn)
        return MoveTo(connection, ConnectionState::kTcpSynReceived);
      return Advance::kKeep;
    case ConnectionState::kTcpSynReceived:
      if (fin) return CloseSide(connection, direction);
      if (direction == FlowDirection::kOriginal && ack && !syn)
        return MoveTo(connection, ConnectionState::kTcpEstablished);
      return Advance::kKeep;
    case ConnectionState::kTcpEstablished:
      return fin ? CloseSide(connection, direction) : Advance::kKeep;
    case ConnectionState::kTcpFinWait:
      return fin && connection.first_fin != direction
                 ? MoveTo(connection, ConnectionState::kTcpTimeWait)
                 : Advance::kKeep;
    default:
      return Advance::kKeep;
  }
}

}  // namespace

ConnectionState FirstState(const wire::Headers& headers) {
  if (headers.is_tcp()) {
    const bool opens =
        (headers.tcp_flags & (wire::kTcpSyn | wire::kTcpAck | wire::kTcpRst)) == wire::kTcpSyn;
    if ((headers.tcp_flags & wire::kTcpRst) != 0) return ConnectionState::kTcpReset;
    return opens ? ConnectionState::kTcpSynSent : ConnectionState::kTcpEstablished;
  }
  if (headers.protocol == wire::kProtocolUdp) return ConnectionState::kUdpOneWay;
  if (headers.is_icmp()) return ConnectionState::kIcmp;
  return ConnectionState::kOther;
}

void StartSequence(Connection& connection, const wire::Headers& headers) {
  if (headers.is_tcp()) RecordSequence(connection, FlowDirection::kOriginal, headers);
}

Advance AdvanceToAnotherState(Connection& connection, FlowDirection direction,
                              const wire::Headers& headers) {
  if (headers.is_tcp()) return AdvanceTcp(connection, direction, headers);
  if (headers.is_fragment && !headers.is_first_fragment)
    return Advance::kKeep;  // part of a datagram that has counted
  switch (connection.state) {
    case ConnectionState::kUdpOneWay:
      return direction == FlowDirection::kReply ? MoveTo(connection, ConnectionState::kUdpReplied)
                                                : Advance::kKeep;
    case ConnectionState::kUdpReplied:
      return direction == FlowDirection::kOriginal ? MoveTo(connection, ConnectionState::kUdpStream)
                                                   : Advance::kKeep;
    default:
      return Advance::kKeep;
  }
}

std::uint32_t TimeoutOf(ConnectionState state, const Timeouts& timeouts) {
  const auto milliseconds_of = [](milliseconds value) {
    return static_cast<std::uint32_t>(value.count());
  };
  switch (state) {
    case ConnectionState::kTcpSynSent:
    case ConnectionState::kTcpSynReceived:
      return milliseconds_of(kTcpHalfOpen);
    case ConnectionState::kTcpEstablished:
    // A half-closed connection may still carry data for as long as an open one.
    case ConnectionState::kTcpFinWait:
      return milliseconds_of(timeouts.tcp_established);
    case ConnectionState::kTcpTimeWait:
      return milliseconds_of(timeouts.tcp_closed);
    case ConnectionState::kTcpReset:
      return milliseconds_of(kTcpReset);
    case ConnectionState::kUdpOneWay:
    case ConnectionState::kUdpReplied:
      return milliseconds_of(timeouts.udp);
    case ConnectionState::kUdpStream:
      return milliseconds_of(timeouts.udp_stream);
    case ConnectionState::kIcmp:
      return milliseconds_of(kIcmp);
    case ConnectionState::kOther:
      return milliseconds_of(kOther);
  }
  return milliseconds_of(kOther);
}

std::uint32_t MappingTimeoutOf(ConnectionState state) {
  switch (state) {
    case ConnectionState::kTcpEstablished:
    case ConnectionState::kTcpFinWait:
    case ConnectionState::kUdpOneWay:
    case ConnectionState::kUdpReplied:
    case ConnectionState::kUdpStream:
    case ConnectionState::kIcmp:
      return kNatIdleMs;
    default:
      return 0;
  }
}

}  // namespace taploom::flow
