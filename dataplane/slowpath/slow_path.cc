#include "dataplane/slowpath/slow_path.h"

#include <algorithm>
#include <cstring>

#include "dataplane/rewrite/rewrite.h"
#include "dataplane/slowpath/dns.h"
#include "dataplane/slowpath/error_admission.h"
#include "dataplane/slowpath/establish.h"
#include "dataplane/slowpath/tcp_reset.h"
#include "dataplane/wire/layout.h"

namespace taploom::slowpath {
namespace {

// Connections looked at when a NAT gateway's ports are used up: a tenth of a millisecond.
constexpr std::uint32_t kExpireForPorts = 1024;

// Who tells that a packet is too big. Towards an instance the far side of the gateway speaks: the
// public address that was asked for.
wire::IpAddress RouterFor(const Decision& decision, const Packet& packet) {
  return decision.mtu_router.is_unspecified() ? packet.headers.destination : decision.mtu_router;
}

}  // namespace

PacketView ViewOf(const Packet& packet) {
  const wire::Headers& headers = packet.headers;
  return {.ingress_port = packet.ingress_port,
          .tuple = flow::TupleOf(headers),
          .source_mac = wire::SourceMac(packet.head),
          .destination_mac = wire::DestinationMac(packet.head),
          .icmp_type = headers.icmp_type,
          .icmp_code = headers.icmp_code,
          .tcp_flags = headers.tcp_flags,
          .is_fragment = headers.is_fragment,
          .is_icmp_error = headers.is_icmp_error};
}

void SlowPath::Publish(const tables::Snapshot& snapshot) {
  slot_by_gateway_.clear();
  for (const tables::NatGateway& gateway : snapshot.nat_gateways) {
    observe::NatGatewayCounters* counters = &counters_.nat_gateway(gateway.id);
    auto slot = std::find(nat_counters_.begin(), nat_counters_.end(), counters);
    if (slot == nat_counters_.end()) slot = nat_counters_.insert(slot, counters);
    slot_by_gateway_.push_back(static_cast<std::uint16_t>(slot - nat_counters_.begin()));
  }
}

std::uint16_t SlowPath::SlotOf(const Decision& decision) const {
  return decision.nat ? slot_by_gateway_[decision.nat->gateway.value] : 0;
}

void SlowPath::CountNatPassage(const Decision& decision, std::uint32_t size, Tick now) {
  if (!decision.passage) return;
  const Decision::NatPassage& passage = *decision.passage;
  observe::NatGatewayCounters& counters = *nat_counters_[slot_by_gateway_[passage.gateway.value]];
  if (!passage.has_left) {
    (passage.is_from_source ? counters.dropped_from_source : counters.dropped_from_destination)
        .Add(size);
    return;
  }
  counters.peak_rates.Note(now, [&] { return counters.TotalOut(); });
  (passage.is_from_source ? counters.out_to_destination : counters.out_to_source).Add(size);
}

std::uint64_t SlowPath::ChoiceFor(const flow::FiveTuple& tuple) const {
  std::uint64_t words[sizeof(flow::FiveTuple) / 8 + 1] = {};
  std::memcpy(words, &tuple, sizeof tuple);
  std::uint64_t value = connections_.seed();
  for (const std::uint64_t word : words) {  // splitmix64 over each
    value = (value ^ word) + 0x9e3779b97f4a7c15ull;
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ull;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebull;
    value ^= value >> 31;
  }
  return value;
}

Decision SlowPath::Decide(const PacketView& packet, const tables::Snapshot& snapshot,
                          flow::ConnectionRef related, Tick now) {
  counters_.slow_path_packets.Add();
  if (recorder_ != nullptr) {
    recorder_->reports.clear();
    return Walk<RecordingSink>(snapshot, connections_, related, now, ChoiceFor(packet.tuple),
                               *recorder_)
        .Run(packet);
  }
  NullSink nobody;
  return Walk<NullSink>(snapshot, connections_, related, now, ChoiceFor(packet.tuple), nobody)
      .Run(packet);
}

Verdict SlowPath::EndWithoutFlow(Packet& packet, const tables::Snapshot& snapshot,
                                 const Decision& decision, Tick now) {
  CountNatPassage(decision, packet.headers.l3_size, now);
  if (decision.outcome == Decision::Outcome::kAnswerDns) {
    if (!link_local_allowance_->Take(packet.ingress_port, now))
      return Verdict::Drop(DropReason::kLinkLocalAllowance);
    return AnswerDns(packet, NamesFor(snapshot, packet.ingress_port));
  }
  if (decision.outcome == Decision::Outcome::kResetSender) {
    const std::uint16_t sender = packet.ingress_port;
    TurnIntoReset(packet);
    return Verdict::Reply(sender, DropReason::kNatUnsolicited);
  }
  if (decision.reason == DropReason::kNatPortAllocation && decision.nat) {
    nat_counters_[SlotOf(decision)]->port_allocation_errors.Add();
  }
  return Verdict::Drop(decision.reason);
}

void SlowPath::EnterState(flow::Connection& connection, flow::ConnectionState before,
                          const tables::Snapshot& snapshot, Tick now) {
  connection.last_seen = now;
  connections_.SetTimeout(connection,
                          flow::TimeoutOf(connection.state, TimeoutsOf(snapshot, connection)));
  if (!connection.has(flow::Connection::kNat)) return;
  observe::NatGatewayCounters& counters = nat_counters(connection.nat_gateway);
  if (flow::IsOpen(connection.state) && !flow::IsOpen(before)) {
    counters.active_connections.Add();
    counters.connections_established.Add();
  }
  if (!flow::IsOpen(connection.state) && flow::IsOpen(before)) {
    counters.active_connections.Subtract();
  }
}

bool SlowPath::TakeOver(flow::Connection& connection, const tables::Snapshot& snapshot) const {
  for (const flow::Half& half : connection.halves) {
    if (half.action.decided_in() > snapshot.generation) return false;
  }
  if (connection.has(flow::Connection::kNat)) {
    const tables::NatGatewayIndex gateway = NatGatewayOf(connection, snapshot);
    if (!gateway.exists()) return false;
    connection.nat_gateway = slot_by_gateway_[gateway.value];
  }
  connection.timeout_ms = connection.is_marked(flow::Connection::kMappingOnly)
                              ? flow::MappingTimeoutOf(connection.state)
                              : flow::TimeoutOf(connection.state, TimeoutsOf(snapshot, connection));
  return true;
}

void SlowPath::AdvanceOther(const Decision& decision, const wire::Headers& headers,
                            const tables::Snapshot& snapshot, Tick now) {
  if (!decision.is_admitted_by_other) return;
  const flow::ConnectionRef other =
      connections_.Find({decision.tuple.Reversed(), decision.egress_port}, now);
  flow::Connection& connection = *other.connection;
  const flow::ConnectionState before = connection.state;
  const flow::Advance advance =
      flow::AdvanceConnection(connection, flow::Opposite(other.direction), headers);
  if (advance == flow::Advance::kNewState) EnterState(connection, before, snapshot, now);
  if (advance == flow::Advance::kKeep) connection.last_seen = now;
}

SlowPathResult SlowPath::DecideFirst(Packet& packet, const tables::Snapshot& snapshot,
                                     const flow::FlowKey& key, Tick now) {
  PacketView view = ViewOf(packet);
  view.tuple = key.tuple;  // of a later fragment, the ports are known from the first
  Decision decision = Decide(view, snapshot, {}, now);
  if (decision.reason == DropReason::kNatPortAllocation) {
    // The ports of connections that are over, but that Pipeline::Expire has not come to yet, are
    // free.
    connections_.Expire(now, kExpireForPorts);
    decision = Decide(view, snapshot, {}, now);
  }
  if (decision.outcome != Decision::Outcome::kDeliver)
    return {{}, EndWithoutFlow(packet, snapshot, decision, now)};
  AdvanceOther(decision, packet.headers, snapshot, now);
  const std::uint16_t slot = SlotOf(decision);
  const EstablishResult result =
      Establish(connections_, snapshot, view, packet.headers, decision, slot, now);
  if (result.connection == nullptr) {
    if (result.reason == DropReason::kNatPortAllocation)
      nat_counters_[slot]->port_allocation_errors.Add();
    if (decision.nat) nat_counters_[slot]->dropped_from_source.Add(packet.headers.l3_size);
    return {{}, Verdict::Drop(result.reason)};
  }
  if (decision.nat && packet.headers.is_tcp()) nat_counters_[slot]->connection_attempts.Add();
  counters_.rule_hits.Add(decision.source.rule);
  counters_.rule_hits.Add(decision.destination.rule);
  return {{result.connection, flow::FlowDirection::kOriginal}, {}, /*is_new=*/true};
}

bool SlowPath::IsLost(const flow::Connection& connection, const tables::Snapshot& snapshot) const {
  if (!snapshot.has_faults) return false;
  const std::uint64_t decided =
      std::max(connection.halves[0].action.decided_in(), connection.halves[1].action.decided_in());
  for (const flow::PackedKey& key : connection.keys) {
    const tables::PortOwner owner = snapshot.OwnerOf(key.ingress_port());
    if (owner.eni.exists() && decided < snapshot[snapshot[owner.eni].subnet].zone.lost_before)
      return true;
  }
  if (!connection.has(flow::Connection::kNat)) return false;
  for (std::size_t i = 0; i < slot_by_gateway_.size(); ++i) {
    if (slot_by_gateway_[i] != connection.nat_gateway) continue;
    const tables::NatGateway& gateway = snapshot.nat_gateways[i];
    return decided < gateway.health.lost_before ||
           decided < snapshot[snapshot[gateway.eni].subnet].zone.lost_before;
  }
  return false;
}

SlowPathResult SlowPath::DecideAgain(Packet& packet, const tables::Snapshot& snapshot,
                                     flow::ConnectionRef flow, Tick now) {
  PacketView view = ViewOf(packet);
  view.tuple = flow.key().tuple;
  if (IsLost(*flow.connection, snapshot)) {
    connections_.Remove(*flow.connection);
    if (packet.headers.is_fragment && !packet.headers.is_first_fragment)
      return {{}, Verdict::Drop(DropReason::kFragmentUnknown)};
    return DecideFirst(packet, snapshot, {view.tuple, view.ingress_port}, now);
  }
  const Decision decision = Decide(view, snapshot, flow, now);
  if (decision.outcome != Decision::Outcome::kDeliver)
    return {{}, EndWithoutFlow(packet, snapshot, decision, now)};

  const bool translates_alike = decision.tuple.Reversed() == flow.peer_key().tuple;
  if (flow.direction == flow::FlowDirection::kOriginal) {
    const bool leaves_alike = decision.egress_port == flow.peer_key().ingress_port;
    if (!translates_alike || !leaves_alike) {
      connections_.Remove(*flow.connection);
      return DecideFirst(packet, snapshot, {view.tuple, view.ingress_port}, now);
    }
  } else if (!translates_alike) {
    // The way back does not restore what the way there translated: the receiver would not know the
    // packet.
    AdvanceOther(decision, packet.headers, snapshot, now);
    flow::FlowAction action = ActionOf(decision, view, snapshot.generation);
    if (packet.headers.ttl <= action.ttl_decrement)
      return {{}, Verdict::Drop(DropReason::kTtlExceeded)};
    const bool is_too_big = !packet.vnet.is_gso() && packet.headers.l3_size > action.mtu;
    if (is_too_big && packet.headers.dont_fragment) {
      return {{},
              AnswerWithError(packet, snapshot, ErrorKind::kTooBig, RouterFor(decision, packet),
                              action.mtu, now)};
    }
    rewrite::Apply(packet, action, decision.tuple);
    return {{},
            is_too_big ? Verdict::Fragment(decision.egress_port, action.mtu)
                       : Verdict::Forward(decision.egress_port)};
  }
  AdvanceOther(decision, packet.headers, snapshot, now);
  if (flow.connection->is_marked(flow::Connection::kMappingOnly)) {
    if (!Readmit(connections_, snapshot, packet.headers, decision, flow))
      return {{}, Verdict::Drop(DropReason::kConnectionQuota)};
    counters_.rule_hits.Add(decision.source.rule);
    counters_.rule_hits.Add(decision.destination.rule);
  }
  if (decision.is_through_egress_only && flow.direction == flow::FlowDirection::kOriginal)
    flow.connection->marks |= flow::Connection::kThroughEgressOnly;
  flow.half().action = ActionOf(decision, view, snapshot.generation);
  // That other connection may end before this one, without a new configuration.
  if (decision.is_admitted_by_other) {
    flow.half().action.generation |= flow::FlowAction::kOutdated;
  }
  return {flow, {}};
}

Verdict SlowPath::ForwardIcmpError(Packet& packet, const tables::Snapshot& snapshot, Tick now) {
  const wire::Headers quoted =
      wire::ParseQuoted(rewrite::QuotedPacket(packet), packet.headers.family);
  if (quoted.kind != wire::FrameKind::kIp) return Verdict::Drop(DropReason::kMalformed);
  // The quoted packet came this way in one direction of a connection; the error travels in the
  // other.
  const flow::ConnectionRef related =
      connections_.Find({flow::TupleOf(quoted).Reversed(), packet.ingress_port}, now);
  if (!related || IsLost(*related.connection, snapshot))
    return Verdict::Drop(DropReason::kIcmpErrorUnrelated);

  const PacketView view = ViewOf(packet);
  const Decision decision = Decide(view, snapshot, related, now);
  if (decision.outcome != Decision::Outcome::kDeliver) {
    CountNatPassage(decision, packet.headers.l3_size, now);
    return Verdict::Drop(decision.reason);
  }
  const flow::FlowAction action = ActionOf(decision, view, snapshot.generation);
  if (packet.headers.ttl <= action.ttl_decrement) return Verdict::Drop(DropReason::kTtlExceeded);
  rewrite::Apply(packet, action, decision.tuple);
  rewrite::ApplyToQuoted(packet, related.peer_key().tuple);
  if (related.connection->has(flow::Connection::kNat))
    CountNat(*related.connection, related.direction, packet.headers.l3_size, now);
  return Verdict::Forward(decision.egress_port);
}

Verdict SlowPath::AnswerWithError(Packet& packet, const tables::Snapshot& snapshot, ErrorKind kind,
                                  const wire::IpAddress& router, std::uint16_t mtu, Tick now) {
  const DropReason reason =
      kind == ErrorKind::kTooBig ? DropReason::kMtuExceeded : DropReason::kTtlExceeded;
  const bool may_tell =
      MayCauseError(packet.headers) && router.family() == packet.headers.family &&
      SenderAdmitsError(snapshot, packet.ingress_port, router, TypeOf(kind, router.family()));
  if (!may_tell) return Verdict::Drop(reason);
  if (!error_limiter_.Take(now)) return Verdict::Drop(DropReason::kErrorRateLimited);
  TurnIntoError(packet, kind, router, mtu);
  return Verdict::Reply(packet.ingress_port, reason);
}

Verdict SlowPath::AnswerTooBig(Packet& packet, const tables::Snapshot& snapshot,
                               flow::ConnectionRef flow, Tick now) {
  PacketView view = ViewOf(packet);
  view.tuple = flow.key().tuple;
  const Decision decision = Decide(view, snapshot, flow, now);
  return AnswerWithError(packet, snapshot, ErrorKind::kTooBig, RouterFor(decision, packet),
                         flow.half().action.mtu, now);
}

Verdict SlowPath::AnswerTimeExceeded(Packet& packet, const tables::Snapshot& snapshot,
                                     flow::ConnectionRef flow, Tick now) {
  PacketView view = ViewOf(packet);
  view.tuple = flow.key().tuple;
  const Decision decision = Decide(view, snapshot, flow, now);
  const std::size_t hop = packet.headers.ttl == 0 ? 0 : packet.headers.ttl - 1u;
  if (hop >= decision.hop_count) return Verdict::Drop(DropReason::kTtlExceeded);
  return AnswerWithError(packet, snapshot, ErrorKind::kTimeExceeded, decision.hops[hop], 0, now);
}

}  // namespace taploom::slowpath
