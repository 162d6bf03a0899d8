// At a subnet's edge: network ACLs and the route table (stages E5–E7 of vpc-semantics §0).
#include <fmt/format.h>

#include "dataplane/slowpath/describe.h"
#include "dataplane/slowpath/walk.h"

namespace taploom::slowpath {

template <typename Sink>
void Walk<Sink>::LeaveSubnet(tables::SubnetIndex index) {
  subnet_ = index;
  if (PassesNetworkAclOutbound(snapshot_[index])) FollowRoute(index);
}

template <typename Sink>
bool Walk<Sink>::PassesNetworkAclOutbound(const tables::Subnet& subnet) {
  if (subnet.Contains(tuple_.destination)) return true;  // never leaves the subnet
  const tables::NetworkAcl& acl = snapshot_[subnet.network_acl];
  const std::uint32_t entry = acl.egress.Match(QueryFor(tuple_.destination));
  if (entry == tables::RuleSet::kNoMatch || !acl.egress.rule(entry).allow) {
    Drop(Stage::kNetworkAclOutbound, DropReason::kNetworkAclOutbound, acl.id, acl.name,
         Sink::kRecords ? DescribeAclDenial(acl.egress, entry, subnet) : std::string());
    return false;
  }
  Report(Stage::kNetworkAclOutbound,
         [&] { return DescribeAclEntry(acl, acl.egress.rule(entry), subnet); });
  return true;
}

template <typename Sink>
bool Walk<Sink>::PassesNetworkAclInbound(tables::SubnetIndex index) {
  if (subnet_ == index) return true;  // comes from inside the subnet
  const tables::Subnet& subnet = snapshot_[index];
  const tables::NetworkAcl& acl = snapshot_[subnet.network_acl];
  const std::uint32_t entry = acl.ingress.Match(QueryFor(tuple_.source));
  if (entry == tables::RuleSet::kNoMatch || !acl.ingress.rule(entry).allow) {
    Drop(Stage::kNetworkAclInbound, DropReason::kNetworkAclInbound, acl.id, acl.name,
         Sink::kRecords ? DescribeAclDenial(acl.ingress, entry, subnet) : std::string());
    return false;
  }
  Report(Stage::kNetworkAclInbound,
         [&] { return DescribeAclEntry(acl, acl.ingress.rule(entry), subnet); });
  return true;
}

template <typename Sink>
void Walk<Sink>::FollowRoute(tables::SubnetIndex index) {
  const tables::Subnet& subnet = snapshot_[index];
  const tables::RouteTable& table = snapshot_[subnet.route_table];
  const std::uint32_t position = table.lpm.Find(tuple_.destination);
  if (position == tables::Lpm::kNotFound) {
    return Drop(Stage::kRoute, DropReason::kNoRoute, table.id, table.name,
                Sink::kRecords ? fmt::format("no route to {}", tuple_.destination.ToString())
                               : std::string());
  }
  const tables::Route& route = table.routes[position];
  if (route.target == tables::RouteTargetKind::kBlackhole) {
    return DropAtRoute(table, route);
  }
  Report(Stage::kRoute, [&] { return DescribeRoute(snapshot_, table, route); });
  switch (route.target) {
    case tables::RouteTargetKind::kLocal:
      return EnterVpc(subnet.vpc);
    case tables::RouteTargetKind::kInternetGateway:
      return LeaveThroughInternetGateway(tables::InternetGatewayIndex{route.target_index}, index);
    case tables::RouteTargetKind::kNatGateway:
      return EnterNatGatewayFromInside(tables::NatGatewayIndex{route.target_index});
    case tables::RouteTargetKind::kEni:
      return EnterEni(tables::EniIndex{route.target_index}, /*is_appliance=*/true);
    case tables::RouteTargetKind::kVpcPeering:
      return CrossPeering(tables::VpcPeeringIndex{route.target_index}, index);
    case tables::RouteTargetKind::kEgressOnlyInternetGateway:
      return LeaveThroughEgressOnlyGateway(
          tables::EgressOnlyInternetGatewayIndex{route.target_index}, index);
    case tables::RouteTargetKind::kGatewayEndpoint:
      return LeaveThroughGatewayEndpoint(tables::GatewayEndpointIndex{route.target_index}, index);
    case tables::RouteTargetKind::kBlackhole:
      return;  // dropped above
  }
}

template <typename Sink>
void Walk<Sink>::DropAtRoute(const tables::RouteTable& table, const tables::Route& blackhole) {
  Drop(Stage::kRoute, DropReason::kBlackhole, table.id, table.name,
       Sink::kRecords ? fmt::format("{} is blackhole", blackhole.destination.ToString())
                      : std::string());
}

template <typename Sink>
void Walk<Sink>::EnterVpc(tables::VpcIndex index) {
  vpc_ = index;
  const tables::Vpc& vpc = snapshot_[index];
  const auto owner = vpc.eni_by_address.find(tuple_.destination);
  if (owner == vpc.eni_by_address.end()) {
    return Drop(Stage::kRoute, DropReason::kNoSuchAddress, vpc.id, vpc.name,
                Sink::kRecords
                    ? fmt::format("nobody in {} has {}", vpc.name, tuple_.destination.ToString())
                    : std::string());
  }
  EnterEni(owner->second, /*is_appliance=*/false);
}

template class Walk<NullSink>;
template class Walk<RecordingSink>;

}  // namespace taploom::slowpath
