#include "dataplane/slowpath/establish.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "dataplane/rewrite/rewrite.h"

namespace taploom::slowpath {
namespace {

using std::chrono::seconds;

constexpr seconds kNatClosed{120};  // §4: linger after FIN both ways

void Shorten(flow::Timeouts& timeouts, const tables::ConnectionTracking& eni) {
  timeouts.tcp_established =
      std::min<std::chrono::milliseconds>(timeouts.tcp_established, eni.tcp_established);
  timeouts.udp_stream = std::min<std::chrono::milliseconds>(timeouts.udp_stream, eni.udp_stream);
  timeouts.udp = std::min<std::chrono::milliseconds>(timeouts.udp, eni.udp);
}

// The next port of a NAT address, wrapping within 1024–65535.
std::uint16_t NextPort(std::uint16_t port) {
  return port == 65'535 ? flow::NatPorts::kFirstPort : static_cast<std::uint16_t>(port + 1);
}

flow::FlowKey ReplyKey(const Decision& decision) {
  return {decision.tuple.Reversed(), decision.egress_port};
}

bool MoveToFreePort(const flow::ConnectionTable& connections, Decision& decision) {
  for (std::uint32_t tries = 0; tries < flow::NatPorts::kPortCount; ++tries) {
    if (!connections.Contains(ReplyKey(decision))) return true;
    decision.tuple.source_port = decision.nat->port = NextPort(decision.nat->port);
  }
  return false;
}

std::uint8_t TrackingFlags(const Decision& decision) {
  std::uint8_t flags = 0;
  if (decision.source.filtered && (decision.source.tracked || decision.is_always_tracked)) {
    flags |= flow::Connection::kTrackedAtSource;
  }
  if (decision.destination.filtered &&
      (decision.destination.tracked || decision.is_always_tracked)) {
    flags |= flow::Connection::kTrackedAtDestination;
  }
  return flags;
}

}  // namespace

flow::FlowAction ActionOf(const Decision& decision, const PacketView& entering,
                          std::uint64_t generation) {
  flow::FlowAction action;
  rewrite::PrepareTranslation(entering.tuple, decision.tuple, action);
  action.generation = static_cast<std::uint32_t>(generation);
  action.egress_port = decision.egress_port;
  action.mtu = decision.mtu;
  action.ttl_decrement = decision.hop_count;
  action.destination_mac = decision.destination_mac;
  action.source_mac = decision.source_mac;
  action.enters_with = {entering.destination_mac, entering.source_mac};
  return action;
}

bool Readmit(flow::ConnectionTable& connections, const tables::Snapshot& snapshot,
             const wire::Headers& headers, const Decision& decision, flow::ConnectionRef flow) {
  flow::Connection& connection = *flow.connection;
  if (!connections.Readmit(connection)) return false;
  // Source and destination of the packet; the connection's are those of its original direction.
  Decision admitted = decision;
  if (flow.direction == flow::FlowDirection::kReply)
    std::swap(admitted.source, admitted.destination);
  connection.flags |= TrackingFlags(admitted);
  connection.rules[0] = admitted.source.rule;
  connection.rules[1] = admitted.destination.rule;
  if (!headers.is_tcp()) connection.state = flow::FirstState(headers);
  connections.SetTimeout(connection,
                         flow::TimeoutOf(connection.state, TimeoutsOf(snapshot, connection)));
  return true;
}

flow::Timeouts TimeoutsOf(const tables::Snapshot& snapshot, const flow::Connection& connection) {
  flow::Timeouts timeouts;
  for (const flow::PackedKey& key : connection.keys) {
    const tables::PortOwner owner = snapshot.OwnerOf(key.ingress_port());
    if (owner.eni.exists()) Shorten(timeouts, snapshot[owner.eni].timers);
  }
  if (connection.has(flow::Connection::kNat)) {
    timeouts.tcp_established =
        std::min(timeouts.tcp_established, std::chrono::milliseconds(flow::kNatIdleMs));
    timeouts.tcp_closed = kNatClosed;
  }
  return timeouts;
}

tables::NatGatewayIndex NatGatewayOf(const flow::Connection& connection,
                                     const tables::Snapshot& snapshot) {
  // Other VPCs may have the same address.
  const tables::EniIndex originator = snapshot.OwnerOf(connection.keys[0].ingress_port()).eni;
  if (!originator.exists()) return {};
  std::uint8_t bytes[4];
  std::memcpy(bytes, &connection.nat_address, sizeof bytes);
  const auto& by_address = snapshot[snapshot[originator].vpc].eni_by_address;
  const auto eni = by_address.find(wire::IpAddress::V4FromBytes(bytes));
  return eni == by_address.end() ? tables::NatGatewayIndex() : snapshot[eni->second].nat_gateway;
}

EstablishResult Establish(flow::ConnectionTable& connections, const tables::Snapshot& snapshot,
                          const PacketView& packet, const wire::Headers& headers,
                          Decision& decision, std::uint16_t gateway_slot, Tick now) {
  connections.PrefetchPlaces(ReplyKey(decision));
  flow::FlowAction action = ActionOf(decision, packet, snapshot.generation);
  if (decision.nat) {
    const std::uint16_t port = decision.nat->port;
    if (!MoveToFreePort(connections, decision)) return {nullptr, DropReason::kNatPortAllocation};
    if (decision.nat->port != port) action = ActionOf(decision, packet, snapshot.generation);
  }
  flow::InsertError error;
  flow::Connection* connection =
      connections.Insert({packet.tuple, packet.ingress_port}, ReplyKey(decision), now, error);
  if (connection == nullptr) {
    return {nullptr, error == flow::InsertError::kQuota ? DropReason::kConnectionQuota
                                                        : DropReason::kConnectionTableFull};
  }
  // A translated connection whose replies cannot be found is worth nothing (both buckets of the key
  // are full).
  if (decision.nat && !connection->has(flow::Connection::kReplyInTable)) {
    connections.Remove(*connection);
    return {nullptr, DropReason::kConnectionTableFull};
  }
  // Nor is one whose private address the service knows from another VPC.
  if (decision.is_through_endpoint && !connection->has(flow::Connection::kReplyInTable)) {
    connections.Remove(*connection);
    return {nullptr, DropReason::kEndpointAddressInUse};
  }
  connection->halves[0].action = action;
  connection->flags |= TrackingFlags(decision);
  if (decision.is_through_egress_only) connection->marks |= flow::Connection::kThroughEgressOnly;
  connection->rules[0] = decision.source.rule;
  connection->rules[1] = decision.destination.rule;
  connection->state = flow::FirstState(headers);
  flow::StartSequence(*connection, headers);
  if (decision.nat)
    connections.HoldNatPort(*connection, decision.nat->address, decision.nat->port, gateway_slot);
  connections.SetTimeout(*connection,
                         flow::TimeoutOf(connection->state, TimeoutsOf(snapshot, *connection)));
  return {connection, DropReason::kNone};
}

}  // namespace taploom::slowpath
