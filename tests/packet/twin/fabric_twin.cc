#include "tests/packet/twin/fabric_twin.h"

#include <algorithm>
#include <set>

#include "dataplane/wire/ip_address.h"

namespace taploom::test {
namespace {

using wire::IpAddress;
using wire::IpPrefix;

constexpr std::uint8_t kIcmp = 1, kTcp = 6, kUdp = 17;

std::string KeyText(std::uint16_t port, const flow::FiveTuple& tuple) {
  return std::to_string(port) + " " + tuple.source.ToString() + " " +
         std::to_string(tuple.source_port) + " " + tuple.destination.ToString() + " " +
         std::to_string(tuple.destination_port) + " " + std::to_string(tuple.protocol);
}

IpAddress AddressOf(const std::string& bytes) { return *IpAddress::FromBytes(bytes); }
IpPrefix PrefixOf(const config::Prefix& prefix) {
  return {AddressOf(prefix.address()), static_cast<std::uint8_t>(prefix.length())};
}

bool IsWithin(const IpAddress& address, const char* block) {
  return IpPrefix::Parse(block)->Contains(address);
}
bool IsPrivate(const IpAddress& address) {
  return IsWithin(address, "10.0.0.0/8") || IsWithin(address, "172.16.0.0/12") ||
         IsWithin(address, "192.168.0.0/16");
}

bool IsShared(const IpAddress& address) { return IsWithin(address, "100.64.0.0/10"); }

bool Has(const std::string& letters, char letter) {
  return letters.find(letter) != std::string::npos;
}

bool Matches(const config::Match& match, const flow::FiveTuple& tuple, bool is_echo_reply) {
  if (match.protocol() == -1) return true;
  if (match.protocol() != tuple.protocol) return false;
  if (tuple.protocol == kIcmp) {
    return match.icmp_type() == -1 ||
           (match.icmp_type() == (is_echo_reply ? 0 : 8) && match.icmp_code() <= 0);
  }
  return match.from_port() <= tuple.destination_port && tuple.destination_port <= match.to_port();
}

bool IsAnywhere(const config::SecurityGroupRule& rule) {
  return rule.has_cidr() && rule.cidr().length() == 0;
}

bool AllowsEveryPort(const config::Match& match, std::uint8_t protocol) {
  return match.protocol() == -1 ||
         (match.protocol() == protocol && match.from_port() == 0 && match.to_port() == 65'535);
}

bool Contains(const config::Subnet& subnet, const IpAddress& address) {
  for (const config::Prefix& cidr : subnet.cidrs()) {
    if (PrefixOf(cidr).Contains(address)) return true;
  }
  return false;
}

TwinAnswer Drop(const char* reason) { return {TwinAnswer::Kind::kDrop, reason, 0, {}, false}; }

template <typename Objects>
const auto& ById(const Objects& objects, const std::string& id) {
  for (const auto& object : objects) {
    if (object.id() == id) return object;
  }
  return objects[0];
}

}  // namespace

const config::Subnet& FabricTwin::SubnetOf(const config::Eni& eni) const {
  return ById(config_.subnets(), eni.subnet_id());
}

const config::Eni* FabricTwin::EniWith(const std::string& vpc_id, const IpAddress& address) const {
  for (const config::Eni& eni : config_.enis()) {
    if (SubnetOf(eni).vpc_id() != vpc_id) continue;
    for (const config::EniAddress& candidate : eni.addresses()) {
      if (AddressOf(candidate.private_address()) == address) return &eni;
    }
  }
  return nullptr;
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

FabricTwin::Related FabricTwin::Find(std::uint16_t port, const flow::FiveTuple& tuple, Tick now) {
  const auto found = by_key_.find(KeyText(port, tuple));
  if (found == by_key_.end()) return {};
  const Related related = found->second;
  if (now - related.connection->last_seen > TimeoutOf(*related.connection)) {
    Remove(related.connection);
    return {};
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

bool FabricTwin::IsTracked(std::uint16_t port, const flow::FiveTuple& as_sent) const {
  const auto found = by_key_.find(KeyText(port, as_sent));
  if (found == by_key_.end()) return false;
  const Connection& connection = *found->second.connection;
  if (now_ - connection.last_seen > TimeoutOf(connection)) return false;
  return found->second.is_reply ? connection.tracked_at_destination : connection.tracked_at_source;
}

bool FabricTwin::PassesGroups(const Journey& journey, const config::Eni& eni,
                              config::Direction direction, bool& tracked) const {
  const bool ingress = direction == config::INGRESS;
  const flow::FiveTuple& tuple = journey.tuple;
  tracked = true;
  if (IsTracked(static_cast<std::uint16_t>(eni.port()), ingress ? tuple.Reversed() : tuple))
    return true;
  const IpAddress peer = ingress ? tuple.source : tuple.destination;
  const config::SecurityGroupRule* permitting = nullptr;
  bool opposite_is_open = false;
  for (const std::string& group_id : eni.security_group_ids()) {
    for (const config::SecurityGroupRule& rule :
         ById(config_.security_groups(), group_id).rules()) {
      if (rule.direction() != direction) {
        opposite_is_open |= IsAnywhere(rule) && AllowsEveryPort(rule.match(), tuple.protocol);
        continue;
      }
      if (permitting != nullptr || !Matches(rule.match(), tuple, journey.packet->is_reply))
        continue;
      bool is_peer = rule.has_cidr() && PrefixOf(rule.cidr()).Contains(peer);
      for (const config::Eni& member : config_.enis()) {
        const auto& groups = member.security_group_ids();
        if (std::find(groups.begin(), groups.end(), rule.security_group_id()) == groups.end())
          continue;
        for (const config::EniAddress& address : member.addresses())
          is_peer |= AddressOf(address.private_address()) == peer;
      }
      if (is_peer) permitting = &rule;
    }
  }
  if (permitting == nullptr) return false;
  tracked = tuple.protocol == kIcmp || !IsAnywhere(*permitting) || !opposite_is_open;
  return true;
}

bool FabricTwin::PassesAcl(const Journey& journey, const config::Subnet& subnet,
                           config::Direction direction) const {
  const config::NetworkAclEntry* first = nullptr;
  for (const config::NetworkAclEntry& entry :
       ById(config_.network_acls(), subnet.network_acl_id()).entries()) {
    const IpAddress& peer =
        direction == config::INGRESS ? journey.tuple.source : journey.tuple.destination;
    const bool matches = entry.direction() == direction &&
                         Matches(entry.match(), journey.tuple, journey.packet->is_reply) &&
                         PrefixOf(entry.cidr()).Contains(peer);
    if (matches && (first == nullptr || entry.rule_number() < first->rule_number())) first = &entry;
  }
  return first != nullptr && first->allow();
}

void FabricTwin::LeaveEni(Journey& journey, const config::Eni& eni) const {
  const config::Subnet& subnet = SubnetOf(eni);
  if (EniWith(subnet.vpc_id(), journey.tuple.source) != &eni) {
    journey.answer = Drop("SOURCE_DEST_CHECK_SOURCE");
    return;
  }
  if (!PassesGroups(journey, eni, config::EGRESS, journey.tracked_at_source)) {
    journey.answer = Drop("SG_EGRESS_DENIED");
    return;
  }
  journey.subnet_id = subnet.id();
  const config::Eni* neighbor = EniWith(subnet.vpc_id(), journey.tuple.destination);
  if (neighbor != nullptr && neighbor->subnet_id() == subnet.id() &&
      neighbor->type() != config::Eni::NAT_GATEWAY) {
    return EnterEni(journey, *neighbor);
  }
  LeaveSubnet(journey, subnet);
}

void FabricTwin::EnterEni(Journey& journey, const config::Eni& eni) const {
  if (journey.subnet_id != eni.subnet_id() && !PassesAcl(journey, SubnetOf(eni), config::INGRESS)) {
    journey.answer = Drop("ACL_INBOUND_DENIED");
    return;
  }
  if (!PassesGroups(journey, eni, config::INGRESS, journey.tracked_at_destination)) {
    journey.answer = Drop("SG_INGRESS_DENIED");
    return;
  }
  journey.answer = {TwinAnswer::Kind::kDeliver, "", static_cast<std::uint16_t>(eni.port()),
                    journey.tuple, journey.new_nat.has_value()};
}

void FabricTwin::LeaveSubnet(Journey& journey, const config::Subnet& subnet) const {
  journey.subnet_id = subnet.id();
  if (!Contains(subnet, journey.tuple.destination) && !PassesAcl(journey, subnet, config::EGRESS)) {
    journey.answer = Drop("ACL_OUTBOUND_DENIED");
    return;
  }
  const config::Route* longest = nullptr;
  for (const config::Route& route :
       ById(config_.route_tables(), subnet.route_table_id()).routes()) {
    const bool matches = PrefixOf(route.destination()).Contains(journey.tuple.destination);
    if (matches &&
        (longest == nullptr || route.destination().length() > longest->destination().length()))
      longest = &route;
  }
  if (longest == nullptr) {
    journey.answer = Drop("NO_ROUTE");
    return;
  }
  switch (longest->target()) {
    case config::ROUTE_TARGET_LOCAL:
      return EnterVpc(journey, subnet.vpc_id());
    case config::ROUTE_TARGET_INTERNET_GATEWAY:
      return LeaveThroughInternetGateway(journey, subnet.vpc_id());
    case config::ROUTE_TARGET_NAT_GATEWAY: {
      const config::NatGateway& gateway = ById(config_.nat_gateways(), longest->target_id());
      return EnterNatFromInside(journey, ById(config_.enis(), gateway.eni_id()));
    }
    default:
      journey.answer = Drop("BLACKHOLE_ROUTE");
  }
}

void FabricTwin::EnterVpc(Journey& journey, const std::string& vpc_id) const {
  const config::Eni* owner = EniWith(vpc_id, journey.tuple.destination);
  if (owner == nullptr) {
    journey.answer = Drop("NO_SUCH_ADDRESS");
    return;
  }
  if (owner->type() == config::Eni::NAT_GATEWAY) return EnterNatFromOutside(journey, *owner);
  EnterEni(journey, *owner);
}

void FabricTwin::EnterNatFromInside(Journey& journey, const config::Eni& gateway) const {
  const config::Subnet& subnet = SubnetOf(gateway);
  if (journey.subnet_id != subnet.id() && !PassesAcl(journey, subnet, config::INGRESS)) {
    journey.answer = Drop("ACL_INBOUND_DENIED");
    return;
  }
  // Of ICMP only queries open a translation.
  if (journey.tuple.protocol == kIcmp && journey.packet->is_reply) {
    journey.answer = Drop("NAT_UNSUPPORTED_PROTOCOL");
    return;
  }
  const std::shared_ptr<Connection>& known = journey.related.connection;
  const std::string& flags = journey.packet->tcp_flags;
  const bool has_binding = known != nullptr && known->nat;
  if (journey.tuple.protocol == kTcp && !has_binding && !(Has(flags, 'S') && !Has(flags, 'A'))) {
    journey.answer = {TwinAnswer::Kind::kReset, "", 0, {}, false};
    return;
  }
  const IpAddress address = AddressOf(gateway.addresses(0).private_address());
  journey.passes_nat = true;
  if (has_binding && !journey.related.is_reply) {
    journey.tuple.source_port = known->received.source_port;
  } else {
    journey.new_nat = address;
  }
  journey.tuple.source = address;
  LeaveSubnet(journey, subnet);
}

void FabricTwin::EnterNatFromOutside(Journey& journey, const config::Eni& gateway) const {
  const config::Subnet& subnet = SubnetOf(gateway);
  if (journey.subnet_id != subnet.id() && !PassesAcl(journey, subnet, config::INGRESS)) {
    journey.answer = Drop("ACL_INBOUND_DENIED");
    return;
  }
  const std::shared_ptr<Connection>& known = journey.related.connection;
  if (known == nullptr || !journey.related.is_reply || known->nat != journey.tuple.destination) {
    journey.answer = Drop("NAT_UNSOLICITED_INBOUND");
    return;
  }
  journey.passes_nat = true;
  journey.tuple.destination = known->sent.source;
  journey.tuple.destination_port = known->sent.source_port;
  LeaveSubnet(journey, subnet);
}

void FabricTwin::LeaveThroughInternetGateway(Journey& journey, const std::string& vpc_id) const {
  if (IsPrivate(journey.tuple.destination)) {
    journey.answer = Drop("IGW_PRIVATE_DESTINATION");
    return;
  }
  if (IsShared(journey.tuple.destination)) {
    journey.answer = Drop("IGW_SHARED_DESTINATION");
    return;
  }
  const config::Eni* owner = EniWith(vpc_id, journey.tuple.source);
  std::string public_address;
  if (owner != nullptr) {
    for (const config::EniAddress& address : owner->addresses()) {
      if (AddressOf(address.private_address()) == journey.tuple.source)
        public_address = address.public_address();
    }
  }
  if (public_address.empty()) {
    journey.answer = Drop("NO_PUBLIC_ADDRESS");
    return;
  }
  journey.tuple.source = AddressOf(public_address);
  CrossInternet(journey);
}

void FabricTwin::CrossInternet(Journey& journey) const {
  journey.subnet_id.clear();
  for (const config::InternetHost& host : config_.internet_hosts()) {
    for (const std::string& address : host.addresses()) {
      if (AddressOf(address) != journey.tuple.destination) continue;
      journey.answer = {TwinAnswer::Kind::kDeliver, "", static_cast<std::uint16_t>(host.port()),
                        journey.tuple, journey.new_nat.has_value()};
      return;
    }
  }
  for (const config::Eni& eni : config_.enis()) {
    for (const config::EniAddress& address : eni.addresses()) {
      if (address.public_address().empty() ||
          AddressOf(address.public_address()) != journey.tuple.destination)
        continue;
      if (IsPrivate(journey.tuple.source)) {
        journey.answer = Drop("IGW_PRIVATE_SOURCE");
        return;
      }
      if (IsShared(journey.tuple.source)) {
        journey.answer = Drop("IGW_SHARED_SOURCE");
        return;
      }
      journey.tuple.destination = AddressOf(address.private_address());
      return EnterVpc(journey, SubnetOf(eni).vpc_id());
    }
  }
  journey.answer = Drop("NO_INTERNET_DESTINATION");
}

FabricTwin::Journey FabricTwin::Travel(const TwinPacket& packet, const Related& related) const {
  Journey journey;
  journey.tuple = packet.tuple;
  journey.packet = &packet;
  journey.related = related;
  for (const config::Eni& eni : config_.enis()) {
    if (eni.port() != packet.port) continue;
    LeaveEni(journey, eni);
    return journey;
  }
  for (const config::InternetHost& host : config_.internet_hosts()) {
    if (host.port() != packet.port) continue;
    if (AddressOf(host.addresses(0)) != packet.tuple.source && !IsPrivate(packet.tuple.source) &&
        !IsShared(packet.tuple.source)) {
      journey.answer = Drop("SPOOFED_INTERNET_SOURCE");
    } else {
      CrossInternet(journey);
    }
    return journey;
  }
  journey.answer = Drop("PORT_NOT_IN_USE");
  return journey;
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
  if (related.connection) {
    Advance(*related.connection, related.is_reply, flags);
    related.connection->last_seen = now;
    return journey.answer;
  }
  auto connection = std::make_shared<Connection>();
  connection->source_port = packet.port;
  connection->destination_port = journey.answer.port;
  connection->sent = packet.tuple;
  connection->received = journey.answer.tuple;
  connection->tracked_at_source = journey.tracked_at_source || journey.passes_nat;
  connection->tracked_at_destination = journey.tracked_at_destination || journey.passes_nat;
  connection->nat = journey.new_nat;
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
    if (now - related.connection->last_seen <= TimeoutOf(*related.connection))
      live.insert(related.connection.get());
  }
  return live.size();
}

std::size_t FabricTwin::live_nat_connections(Tick now) const {
  std::set<const Connection*> live;
  for (const auto& [key, related] : by_key_) {
    const Connection& connection = *related.connection;
    if (connection.nat && now - connection.last_seen <= TimeoutOf(connection))
      live.insert(&connection);
  }
  return live.size();
}

}  // namespace taploom::test
