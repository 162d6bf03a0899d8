// One packet's way, from where it enters to where it ends, in the order of vpc-semantics §0.
#include <algorithm>

#include "dataplane/wire/ip_address.h"
#include "tests/packet/twin/fabric_twin.h"
#include "tests/packet/twin/twin_words.h"

namespace taploom::test {
namespace {

using wire::IpAddress;
using wire::IpPrefix;

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

bool Matches(const config::Match& match, const flow::FiveTuple& tuple, bool is_echo_reply) {
  if (match.protocol() == -1) return true;
  if (match.protocol() != tuple.protocol) return false;
  if (tuple.protocol == kIcmp) {
    return match.icmp_type() == -1 ||
           (match.icmp_type() == (is_echo_reply ? 0 : 8) && match.icmp_code() <= 0);
  }
  return match.from_port() <= tuple.destination_port && tuple.destination_port <= match.to_port();
}

bool IsAnywhere(const config::SecurityGroupRule& rule, const IpAddress& peer) {
  return rule.has_cidr() && rule.cidr().length() == 0 && PrefixOf(rule.cidr()).Contains(peer);
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

const config::Eni* FabricTwin::EniAt(std::uint16_t port) const {
  for (const config::Eni& eni : config_.enis()) {
    if (eni.port() == port && port != 0) return &eni;
  }
  return nullptr;
}

bool FabricTwin::IsInVpc(const std::string& vpc_id, const IpAddress& address) const {
  for (const config::Prefix& cidr : ById(config_.vpcs(), vpc_id).cidrs()) {
    if (PrefixOf(cidr).Contains(address)) return true;
  }
  return false;
}

bool FabricTwin::IsZoneDown(const config::Eni& eni) const {
  for (const config::Fault& fault : config_.faults()) {
    if (fault.availability_zone() == SubnetOf(eni).az() && !fault.is_over()) return true;
  }
  return false;
}

const config::Route* FabricTwin::LongestRoute(const std::string& table_id,
                                              const IpAddress& destination) const {
  const config::Route* longest = nullptr;
  for (const config::Route& route : ById(config_.route_tables(), table_id).routes()) {
    const bool matches = PrefixOf(route.destination()).Contains(destination);
    if (matches &&
        (longest == nullptr || route.destination().length() > longest->destination().length()))
      longest = &route;
  }
  return longest;
}

bool FabricTwin::PassesGroups(Journey& journey, const config::Eni& eni, config::Direction direction,
                              bool& tracked) const {
  const bool ingress = direction == config::INGRESS;
  const flow::FiveTuple& tuple = journey.tuple;
  tracked = true;
  const auto port = static_cast<std::uint16_t>(eni.port());
  const flow::FiveTuple as_sent = ingress ? tuple.Reversed() : tuple;
  if (IsTrackedByOwn(journey.related, port, as_sent)) return true;
  const IpAddress peer = ingress ? tuple.source : tuple.destination;
  const config::SecurityGroupRule* permitting = nullptr;
  bool opposite_is_open = false;
  for (const std::string& group_id : eni.security_group_ids()) {
    for (const config::SecurityGroupRule& rule :
         ById(config_.security_groups(), group_id).rules()) {
      if (rule.direction() != direction) {
        opposite_is_open |= IsAnywhere(rule, peer) && AllowsEveryPort(rule.match(), tuple.protocol);
        continue;
      }
      if (permitting != nullptr || !Matches(rule.match(), tuple, journey.packet->is_reply))
        continue;
      if (ingress && journey.is_forwarded && !rule.security_group_id().empty()) continue;
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
  if (permitting == nullptr) {
    if (ingress && !journey.new_nat) journey.admitted_by = TrackedBy(port, as_sent);
    return journey.admitted_by.connection != nullptr;
  }
  tracked = tuple.protocol == kIcmp || !IsAnywhere(*permitting, peer) || !opposite_is_open;
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
  journey.vpc_id = subnet.vpc_id();
  const bool is_own = EniWith(subnet.vpc_id(), journey.tuple.source) == &eni;
  journey.is_forwarded = !is_own;
  if (IsZoneDown(eni)) {
    journey.answer = Drop("AZ_DOWN");
    return;
  }
  if (journey.packet->has_foreign_mac) {
    journey.answer = Drop("FOREIGN_SOURCE_MAC");
    return;
  }
  if (eni.source_dest_check() && !is_own) {
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
    return EnterEni(journey, *neighbor, false);
  }
  LeaveSubnet(journey, subnet);
}

void FabricTwin::EnterEni(Journey& journey, const config::Eni& eni, bool is_appliance) const {
  if (IsZoneDown(eni)) {
    journey.answer = Drop("AZ_DOWN");
    return;
  }
  if (eni.type() == config::Eni::NAT_GATEWAY) return EnterNatFromOutside(journey, eni);
  if (journey.subnet_id != eni.subnet_id() && !PassesAcl(journey, SubnetOf(eni), config::INGRESS)) {
    journey.answer = Drop("ACL_INBOUND_DENIED");
    return;
  }
  if (!PassesGroups(journey, eni, config::INGRESS, journey.tracked_at_destination)) {
    journey.answer = Drop("SG_INGRESS_DENIED");
    return;
  }
  if (is_appliance && eni.source_dest_check()) {
    journey.answer = Drop("SOURCE_DEST_CHECK_DESTINATION");
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
  const config::Route* route = LongestRoute(subnet.route_table_id(), journey.tuple.destination);
  if (route == nullptr) {
    journey.answer = Drop("NO_ROUTE");
    return;
  }
  FollowRoute(journey, subnet, *route);
}

void FabricTwin::FollowRoute(Journey& journey, const config::Subnet& subnet,
                             const config::Route& route) const {
  const std::string& target = route.target_id();
  switch (route.target()) {
    case config::ROUTE_TARGET_LOCAL:
      return EnterVpc(journey, subnet.vpc_id());
    case config::ROUTE_TARGET_INTERNET_GATEWAY:
      return LeaveThroughInternetGateway(journey);
    case config::ROUTE_TARGET_NAT_GATEWAY:
      return EnterNatFromInside(journey, ById(config_.nat_gateways(), target));
    case config::ROUTE_TARGET_ENI:
      return EnterEni(journey, ById(config_.enis(), target), true);
    case config::ROUTE_TARGET_VPC_PEERING:
      return CrossPeering(journey, ById(config_.vpc_peering_connections(), target));
    case config::ROUTE_TARGET_EGRESS_ONLY_INTERNET_GATEWAY:
      return LeaveThroughEgressOnlyGateway(journey);
    case config::ROUTE_TARGET_GATEWAY_ENDPOINT:
      return LeaveThroughEndpoint(journey, ById(config_.gateway_endpoints(), target));
    default:
      journey.answer = Drop("BLACKHOLE_ROUTE");
  }
}

void FabricTwin::EnterVpc(Journey& journey, const std::string& vpc_id) const {
  journey.vpc_id = vpc_id;
  const config::Eni* owner = EniWith(vpc_id, journey.tuple.destination);
  if (owner == nullptr) {
    journey.answer = Drop("NO_SUCH_ADDRESS");
    return;
  }
  EnterEni(journey, *owner, false);
}

void FabricTwin::CrossPeering(Journey& journey, const config::VpcPeeringConnection& peering) const {
  const std::string here = ById(config_.subnets(), journey.subnet_id).vpc_id();
  const std::string& peer =
      peering.requester_vpc_id() == here ? peering.accepter_vpc_id() : peering.requester_vpc_id();
  if (!IsInVpc(here, journey.tuple.source) || !IsInVpc(peer, journey.tuple.destination)) {
    journey.answer = Drop("PEERING_OUTSIDE_VPC");
    return;
  }
  journey.subnet_id.clear();
  EnterVpc(journey, peer);
}

void FabricTwin::EnterNatFromInside(Journey& journey, const config::NatGateway& nat) const {
  const config::Eni& gateway = ById(config_.enis(), nat.eni_id());
  const config::Subnet& subnet = SubnetOf(gateway);
  if (IsZoneDown(gateway)) {
    journey.answer = Drop("AZ_DOWN");
    return;
  }
  for (const config::Fault& fault : config_.faults()) {
    if (fault.nat_gateway_id() != nat.id() || fault.is_over()) continue;
    journey.answer = Drop("NAT_GATEWAY_DOWN");
    return;
  }
  if (journey.subnet_id != subnet.id() && !PassesAcl(journey, subnet, config::INGRESS)) {
    journey.answer = Drop("ACL_INBOUND_DENIED");
    return;
  }
  // Of ICMP only queries open a translation.
  if ((journey.tuple.protocol == kIcmp && journey.packet->is_reply) ||
      !journey.tuple.destination.is_v4()) {
    journey.answer = Drop("NAT_UNSUPPORTED_PROTOCOL");
    return;
  }
  if (EniWith(subnet.vpc_id(), journey.tuple.source) == nullptr) {
    journey.answer = Drop("NAT_SOURCE_OUTSIDE_VPC");
    return;
  }
  const std::shared_ptr<Connection>& known = journey.related.connection;
  const std::string& flags = journey.packet->tcp_flags;
  const bool has_binding = known != nullptr && known->nat;
  if (journey.tuple.protocol == kTcp && !has_binding && !(Has(flags, 'S') && !Has(flags, 'A'))) {
    journey.answer = {TwinAnswer::Kind::kReset, "", 0, {}, false};
    return;
  }
  IpAddress address = AddressOf(gateway.addresses(0).private_address());
  bool keeps_binding = false;
  for (const config::EniAddress& each : gateway.addresses()) {
    const IpAddress candidate = AddressOf(each.private_address());
    if (candidate == journey.packet->nat_address) address = candidate;
    keeps_binding |= has_binding && !journey.related.is_reply && known->nat == candidate;
  }
  journey.is_always_tracked = true;
  if (keeps_binding) {
    address = *known->nat;
    journey.tuple.source_port = known->received.source_port;
  } else {
    journey.new_nat = address;
    journey.nat_gateway = nat.id();
  }
  journey.tuple.source = address;
  journey.vpc_id = subnet.vpc_id();
  LeaveSubnet(journey, subnet);
}

void FabricTwin::EnterNatFromOutside(Journey& journey, const config::Eni& gateway) const {
  const config::Subnet& subnet = SubnetOf(gateway);
  for (const config::NatGateway& nat : config_.nat_gateways()) {
    for (const config::Fault& fault : config_.faults()) {
      if (nat.eni_id() != gateway.id() || fault.nat_gateway_id() != nat.id() || fault.is_over())
        continue;
      journey.answer = Drop("NAT_GATEWAY_DOWN");
      return;
    }
  }
  if (journey.subnet_id != subnet.id() && !PassesAcl(journey, subnet, config::INGRESS)) {
    journey.answer = Drop("ACL_INBOUND_DENIED");
    return;
  }
  const std::shared_ptr<Connection>& known = journey.related.connection;
  if (known == nullptr || !journey.related.is_reply || known->nat != journey.tuple.destination) {
    journey.answer = Drop("NAT_UNSOLICITED_INBOUND");
    return;
  }
  journey.is_always_tracked = true;
  journey.tuple.destination = known->sent.source;
  journey.tuple.destination_port = known->sent.source_port;
  journey.vpc_id = subnet.vpc_id();
  LeaveSubnet(journey, subnet);
}

void FabricTwin::LeaveThroughInternetGateway(Journey& journey) const {
  if (IsPrivate(journey.tuple.destination)) {
    journey.answer = Drop("IGW_PRIVATE_DESTINATION");
    return;
  }
  if (IsShared(journey.tuple.destination)) {
    journey.answer = Drop("IGW_SHARED_DESTINATION");
    return;
  }
  const config::Eni* owner = EniWith(journey.vpc_id, journey.tuple.source);
  if (owner == nullptr) {
    journey.answer = Drop("SPOOFED_INTERNET_SOURCE");
    return;
  }
  for (const config::InternetGateway& gateway : config_.internet_gateways()) {
    if (gateway.vpc_id() != journey.vpc_id || gateway.route_table_id().empty()) continue;
    const config::Route* in = LongestRoute(gateway.route_table_id(), journey.tuple.source);
    if (in == nullptr || in->target() != config::ROUTE_TARGET_ENI || journey.is_forwarded) continue;
    if (in->target_id() == owner->id()) continue;
    journey.answer = Drop("INGRESS_REDIRECTED");
    return;
  }
  if (journey.tuple.source.is_v4()) {
    std::string public_address;
    for (const config::EniAddress& address : owner->addresses()) {
      if (AddressOf(address.private_address()) == journey.tuple.source)
        public_address = address.public_address();
    }
    if (public_address.empty()) {
      journey.answer = Drop("NO_PUBLIC_ADDRESS");
      return;
    }
    journey.tuple.source = AddressOf(public_address);
  }
  CrossInternet(journey);
}

void FabricTwin::LeaveThroughEgressOnlyGateway(Journey& journey) const {
  if (EniWith(journey.vpc_id, journey.tuple.source) == nullptr) {
    journey.answer = Drop("SPOOFED_INTERNET_SOURCE");
    return;
  }
  journey.is_always_tracked = journey.is_through_egress_only = true;
  CrossInternet(journey);
}

void FabricTwin::LeaveThroughEndpoint(Journey& journey,
                                      const config::GatewayEndpoint& endpoint) const {
  const bool is_echo = journey.tuple.protocol == kIcmp && !journey.packet->is_reply;
  if (journey.tuple.protocol != kTcp && !is_echo) {
    journey.answer = Drop("ENDPOINT_PROTOCOL");
    return;
  }
  if (EniWith(journey.vpc_id, journey.tuple.source) == nullptr) {
    journey.answer = Drop("ENDPOINT_SOURCE_OUTSIDE_VPC");
    return;
  }
  journey.is_always_tracked |= endpoint.always_tracked();
  journey.is_through_endpoint = true;
  if (!ReachesInternetHost(journey)) journey.answer = Drop("NO_INTERNET_DESTINATION");
}

// The service answers to a private address; where it leads is known from the connection.
bool FabricTwin::ReturnsThroughEndpoint(Journey& journey) const {
  if (journey.related.connection == nullptr || !journey.related.is_reply) return false;
  const config::Eni* origin = EniAt(journey.related.connection->source_port);
  if (origin == nullptr) return false;
  const std::string vpc_id = SubnetOf(*origin).vpc_id();
  if (EniWith(vpc_id, journey.tuple.destination) != origin) return false;
  for (const config::GatewayEndpoint& endpoint : config_.gateway_endpoints()) {
    if (endpoint.vpc_id() != vpc_id) continue;
    for (const config::Prefix& cidr :
         ById(config_.prefix_lists(), endpoint.prefix_list_id()).cidrs()) {
      if (!PrefixOf(cidr).Contains(journey.tuple.source)) continue;
      EnterVpc(journey, vpc_id);
      return true;
    }
  }
  return false;
}

bool FabricTwin::ReachesInternetHost(Journey& journey) const {
  journey.subnet_id.clear();
  for (const config::InternetHost& host : config_.internet_hosts()) {
    for (const std::string& address : host.addresses()) {
      if (AddressOf(address) != journey.tuple.destination) continue;
      journey.answer = {TwinAnswer::Kind::kDeliver, "", static_cast<std::uint16_t>(host.port()),
                        journey.tuple, journey.new_nat.has_value()};
      return true;
    }
  }
  return false;
}

void FabricTwin::CrossInternet(Journey& journey) const {
  journey.subnet_id.clear();
  if (journey.tuple.destination.is_v4() && ReturnsThroughEndpoint(journey)) return;
  if (ReachesInternetHost(journey)) return;
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
      return EnterThroughGateway(journey, SubnetOf(eni).vpc_id());
    }
  }
  if (!journey.tuple.destination.is_v4()) {
    for (const config::Vpc& vpc : config_.vpcs()) {
      if (IsInVpc(vpc.id(), journey.tuple.destination))
        return EnterThroughGateway(journey, vpc.id());
    }
  }
  journey.answer = Drop("NO_INTERNET_DESTINATION");
}

// From the internet, with the private destination, by one of the VPC's gateways.
void FabricTwin::EnterThroughGateway(Journey& journey, const std::string& vpc_id) const {
  const IpAddress& destination = journey.tuple.destination;
  const config::InternetGateway* gateway = nullptr;
  for (const config::InternetGateway& each : config_.internet_gateways()) {
    if (each.vpc_id() == vpc_id) gateway = &each;
  }
  bool has_egress_only = false;
  for (const auto& each : config_.egress_only_internet_gateways())
    has_egress_only |= each.vpc_id() == vpc_id;
  if (has_egress_only && !destination.is_v4()) {
    bool by_egress_only = gateway == nullptr;
    if (const config::Eni* owner = EniWith(vpc_id, destination); owner != nullptr) {
      const config::Route* back =
          LongestRoute(SubnetOf(*owner).route_table_id(), journey.tuple.source);
      by_egress_only |=
          back != nullptr && back->target() == config::ROUTE_TARGET_EGRESS_ONLY_INTERNET_GATEWAY;
    }
    if (by_egress_only) {
      if (journey.related.connection == nullptr || !journey.related.is_reply ||
          !journey.related.connection->egress_only_knows) {
        journey.answer = Drop("EIGW_UNSOLICITED_INBOUND");
        return;
      }
      return EnterVpc(journey, vpc_id);
    }
  }
  if (gateway == nullptr) {
    journey.answer = Drop("NO_INTERNET_DESTINATION");
    return;
  }
  if (gateway->route_table_id().empty()) return EnterVpc(journey, vpc_id);
  const config::Route* route = LongestRoute(gateway->route_table_id(), destination);
  if (route == nullptr) return EnterVpc(journey, vpc_id);
  if (route->target() == config::ROUTE_TARGET_BLACKHOLE) {
    journey.answer = Drop("BLACKHOLE_ROUTE");
    return;
  }
  if (route->target() != config::ROUTE_TARGET_ENI) return EnterVpc(journey, vpc_id);
  journey.vpc_id = vpc_id;
  const config::Eni& appliance = ById(config_.enis(), route->target_id());
  EnterEni(journey, appliance, EniWith(vpc_id, destination) != &appliance);
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
    bool is_own = false;
    for (const std::string& address : host.addresses())
      is_own |= AddressOf(address) == packet.tuple.source;
    if (!is_own && !IsPrivate(packet.tuple.source) && !IsShared(packet.tuple.source)) {
      journey.answer = Drop("SPOOFED_INTERNET_SOURCE");
    } else {
      CrossInternet(journey);
    }
    return journey;
  }
  journey.answer = Drop("PORT_NOT_IN_USE");
  return journey;
}

}  // namespace taploom::test
