// What the twin remembers: connections, how they begin, go on and end.
#include "tests/packet/twin/fabric_twin.h"

#include <algorithm>
#include <set>

#include "tests/packet/twin/twin_words.h"

namespace taploom::test {
namespace {

using wire::IpAddress;

std::string KeyText(std::uint16_t port, const flow::FiveTuple& tuple) {
  return std::to_string(port) + " " + tuple.source.ToString() + " " +
         std::to_string(tuple.source_port) + " " + tuple.destination.ToString() + " " +
         std::to_string(tuple.destination_port) + " " + std::to_string(tuple.protocol);
}

TwinAnswer Drop(const char* reason) { return {TwinAnswer::Kind::kDrop, reason, 0, {}, false}; }

}  // namespace

std::uint64_t FabricTwin::ZoneFailedAt(const config::Eni& eni) const {
  std::uint64_t generation = 0;
  for (const config::Fault& fault : config_.faults()) {
    if (fault.availability_zone() == SubnetOf(eni).az())
      generation = std::max(generation, fault.began_at_generation());
  }
  return generation;
}

bool FabricTwin::IsLost(const Connection& connection) const {
  for (const std::uint16_t port : {connection.source_port, connection.destination_port}) {
    const config::Eni* eni = EniAt(port);
    if (eni != nullptr && connection.decided < ZoneFailedAt(*eni)) return true;
  }
  if (!connection.nat) return false;
  for (const config::Fault& fault : config_.faults()) {
    if (fault.nat_gateway_id() == connection.nat_gateway &&
        connection.decided < fault.began_at_generation())
      return true;
  }
  const config::NatGateway& gateway = ById(config_.nat_gateways(), connection.nat_gateway);
  return connection.decided < ZoneFailedAt(ById(config_.enis(), gateway.eni_id()));
}

// vpc-semantics §5 and §17, seconds.
Tick FabricTwin::TimeoutOf(const Connection& connection) {
  using std::chrono::seconds;
  switch (connection.state) {
    case State::kSynSent:
    case State::kSynReceived:
      return seconds(60);
    case State::kEstablished:
    case State::kFinWait:
      return connection.nat ? seconds(350) : seconds(432'000);
    case State::kTimeWait:
      return connection.nat ? seconds(120) : seconds(60);
    case State::kUdpOneWay:
    case State::kUdpReplied:
      return seconds(30);
    case State::kUdpStream:
      return seconds(180);
    case State::kEcho:
      return seconds(30);
  }
  return {};
}

// vpc-semantics §4: 350 s. What opens or closes is known to nobody for longer than to the
// interfaces.
Tick FabricTwin::LifetimeOf(const Connection& connection) {
  const bool is_open = connection.state != State::kSynSent &&
                       connection.state != State::kSynReceived &&
                       connection.state != State::kTimeWait;
  return connection.nat && is_open ? Tick(std::chrono::seconds(350)) : TimeoutOf(connection);
}

FabricTwin::Related FabricTwin::Find(std::uint16_t port, const flow::FiveTuple& tuple, Tick now) {
  const auto found = by_key_.find(KeyText(port, tuple));
  if (found == by_key_.end()) return {};
  const Related related = found->second;
  Connection& connection = *related.connection;
  const Tick idle = now - connection.last_seen;
  if (idle > LifetimeOf(connection)) {
    Remove(related.connection);
    return {};
  }
  if (idle > TimeoutOf(connection)) {
    connection.is_mapping_only = true;
    connection.tracked_at_source = connection.tracked_at_destination = false;
  }
  return related;
}

void FabricTwin::Insert(const std::shared_ptr<Connection>& connection) {
  by_key_[KeyText(connection->source_port, connection->sent)] = {connection, false};
  // Expired ones may stand in the way of the reply's key.
  Find(connection->destination_port, connection->received.Reversed(), now_);
  by_key_.try_emplace(KeyText(connection->destination_port, connection->received.Reversed()),
                      Related{connection, true});
}

void FabricTwin::Remove(const std::shared_ptr<Connection>& connection) {
  std::erase_if(by_key_, [&](const auto& item) { return item.second.connection == connection; });
}

bool FabricTwin::IsTrackedByOwn(const Related& own, std::uint16_t port,
                                const flow::FiveTuple& as_sent) {
  if (own.connection == nullptr) return false;
  const Connection& connection = *own.connection;
  return (connection.tracked_at_source && connection.source_port == port &&
          connection.sent == as_sent) ||
         (connection.tracked_at_destination && connection.destination_port == port &&
          connection.received.Reversed() == as_sent);
}

FabricTwin::Related FabricTwin::TrackedBy(std::uint16_t port,
                                          const flow::FiveTuple& as_sent) const {
  const auto found = by_key_.find(KeyText(port, as_sent));
  if (found == by_key_.end()) return {};
  const Connection& connection = *found->second.connection;
  if (now_ - connection.last_seen > TimeoutOf(connection)) return {};
  const bool tracks =
      found->second.is_reply ? connection.tracked_at_destination : connection.tracked_at_source;
  return tracks ? found->second : Related();
}

void FabricTwin::Advance(Connection& connection, bool is_reply, const std::string& tcp_flags) {
  const bool syn = Has(tcp_flags, 'S'), ack = Has(tcp_flags, 'A'), fin = Has(tcp_flags, 'F');
  switch (connection.state) {
    case State::kSynSent:
      if (is_reply && syn) connection.state = State::kSynReceived;
      break;
    case State::kSynReceived:
      if (!fin && !is_reply && ack && !syn) connection.state = State::kEstablished;
      [[fallthrough]];
    case State::kEstablished:
    case State::kFinWait:
      if (!fin) break;
      (is_reply ? connection.reply_closed : connection.original_closed) = true;
      connection.state = connection.original_closed && connection.reply_closed ? State::kTimeWait
                                                                               : State::kFinWait;
      break;
    case State::kUdpOneWay:
      if (is_reply) connection.state = State::kUdpReplied;
      break;
    case State::kUdpReplied:
      if (!is_reply) connection.state = State::kUdpStream;
      break;
    default:
      break;
  }
}

// The interfaces track anew what their rules have let through.
void FabricTwin::Readmit(const Journey& journey, const Related& related) {
  Connection& connection = *related.connection;
  connection.is_mapping_only = false;
  ++readmissions_;
  const bool at_sender = journey.tracked_at_source || journey.is_always_tracked;
  const bool at_receiver = journey.tracked_at_destination || journey.is_always_tracked;
  connection.tracked_at_source = related.is_reply ? at_receiver : at_sender;
  connection.tracked_at_destination = related.is_reply ? at_sender : at_receiver;
  if (connection.sent.protocol == kUdp) connection.state = State::kUdpOneWay;
}

TwinAnswer FabricTwin::Decide(const TwinPacket& packet, Tick now) {
  now_ = now;
  newest_.reset();
  const std::string& flags = packet.tcp_flags;
  Related related = Find(packet.port, packet.tuple, now);
  const bool opens = Has(flags, 'S') && !Has(flags, 'A');
  if (related.connection && related.connection->state == State::kTimeWait && opens) {
    Remove(related.connection);
    related = {};
  }
  if (related.connection && IsLost(*related.connection)) {
    Remove(related.connection);
    related = {};
  }
  Journey journey = Travel(packet, related);
  if (journey.answer.kind != TwinAnswer::Kind::kDeliver) return journey.answer;
  if (related.connection && !related.is_reply &&
      (journey.answer.port != related.connection->destination_port || journey.new_nat ||
       !(journey.answer.tuple == related.connection->received))) {
    // It would now go elsewhere or under another name: that is another connection.
    Remove(related.connection);
    related = {};
    journey = Travel(packet, related);
    if (journey.answer.kind != TwinAnswer::Kind::kDeliver) return journey.answer;
  }
  // The interface that let it in for the sake of another connection counts it as that one's.
  if (const Related& other = journey.admitted_by; other.connection != nullptr) {
    Advance(*other.connection, !other.is_reply, flags);
    other.connection->last_seen = now;
  }
  if (related.is_reply && !(journey.answer.tuple.Reversed() == related.connection->sent)) {
    journey.answer.is_stateless = true;
    return journey.answer;
  }
  if (related.connection) {
    related.connection->decided = config_.generation();
    if (related.connection->is_mapping_only) Readmit(journey, related);
    if (!related.is_reply) related.connection->egress_only_knows |= journey.is_through_egress_only;
    Advance(*related.connection, related.is_reply, flags);
    related.connection->last_seen = now;
    return journey.answer;
  }
  // A service that knows this private address and port from another VPC could not tell them apart.
  if (journey.is_through_endpoint &&
      Find(journey.answer.port, journey.answer.tuple.Reversed(), now).connection)
    return Drop("ENDPOINT_ADDRESS_IN_USE");
  auto connection = std::make_shared<Connection>();
  connection->source_port = packet.port;
  connection->destination_port = journey.answer.port;
  connection->sent = packet.tuple;
  connection->received = journey.answer.tuple;
  connection->tracked_at_source = journey.tracked_at_source || journey.is_always_tracked;
  connection->tracked_at_destination = journey.tracked_at_destination || journey.is_always_tracked;
  connection->nat = journey.new_nat;
  connection->nat_gateway = journey.nat_gateway;
  connection->egress_only_knows = journey.is_through_egress_only;
  connection->decided = config_.generation();
  connection->last_seen = now;
  connection->state = packet.tuple.protocol == kUdp    ? State::kUdpOneWay
                      : packet.tuple.protocol == kIcmp ? State::kEcho
                      : opens                          ? State::kSynSent
                                                       : State::kEstablished;
  newest_ = connection;
  if (!journey.new_nat) Insert(connection);
  return journey.answer;
}

std::string FabricTwin::Chose(std::uint16_t nat_port) {
  if (newest_ == nullptr || !newest_->nat) return "no binding was to be made";
  if (nat_port < 1024) return "a port below 1024";
  newest_->received.source_port = nat_port;
  if (Find(newest_->destination_port, newest_->received.Reversed(), now_).connection)
    return "a port that is in use towards this destination";
  Insert(newest_);
  return "";
}

std::size_t FabricTwin::live_connections(Tick now) const {
  std::set<const Connection*> live;
  for (const auto& [key, related] : by_key_) {
    if (now - related.connection->last_seen <= LifetimeOf(*related.connection))
      live.insert(related.connection.get());
  }
  return live.size();
}

std::size_t FabricTwin::live_nat_connections(Tick now) const {
  std::set<const Connection*> live;
  for (const auto& [key, related] : by_key_) {
    const Connection& connection = *related.connection;
    if (connection.nat && now - connection.last_seen <= LifetimeOf(connection))
      live.insert(&connection);
  }
  return live.size();
}

}  // namespace taploom::test
