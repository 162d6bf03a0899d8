// Routes, which may name any gateway or ENI of their VPC.
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dataplane/tables/compiler.h"

namespace taploom::tables {

void Compiler::AddRoutes(const config::RouteTable& source, RouteTable& table) {
  const Subject subject = SubjectOf(source);
  std::set<wire::IpPrefix> destinations;
  std::vector<Lpm::Entry> entries;
  for (const config::Route& source_route : source.routes()) {
    Route route;
    route.destination = ReadPrefix(subject, "route destination", source_route.destination());
    if (!destinations.insert(route.destination).second) {
      Reject(subject, "two routes to {}", route.destination.ToString());
    }
    SetRouteTarget(subject, source_route, table.vpc, route);
    entries.push_back({route.destination, static_cast<std::uint32_t>(table.routes.size())});
    table.routes.push_back(std::move(route));
  }
  table.lpm = Lpm(entries);
}

void Compiler::SetRouteTarget(const Subject& subject, const config::Route& source, VpcIndex vpc,
                              Route& route) {
  const std::string destination = route.destination.ToString();
  const std::string& id = source.target_id();
  route.target_id = id;
  const auto require_same_vpc = [&](std::string_view kind, VpcIndex target_vpc) {
    if (target_vpc != vpc) {
      Reject(subject, "route to {}: {} {} is in another VPC", destination, kind, id);
    }
  };
  switch (source.target()) {
    case config::ROUTE_TARGET_LOCAL:
    case config::ROUTE_TARGET_BLACKHOLE:
      if (!id.empty()) {
        Reject(subject, "route to {}: local and blackhole have no target id", destination);
      }
      route.target = source.target() == config::ROUTE_TARGET_LOCAL ? RouteTargetKind::kLocal
                                                                   : RouteTargetKind::kBlackhole;
      return;
    case config::ROUTE_TARGET_INTERNET_GATEWAY: {
      const InternetGatewayIndex igw = internet_gateways_.Get(subject, id);
      require_same_vpc("internet gateway", (*snapshot_)[igw].vpc);
      route.target = RouteTargetKind::kInternetGateway;
      route.target_index = igw.value;
      return;
    }
    case config::ROUTE_TARGET_NAT_GATEWAY: {
      const NatGatewayIndex nat = nat_gateways_.Get(subject, id);
      require_same_vpc("NAT gateway", (*snapshot_)[(*snapshot_)[nat].eni].vpc);
      route.target = RouteTargetKind::kNatGateway;
      route.target_index = nat.value;
      return;
    }
    case config::ROUTE_TARGET_ENI: {
      const EniIndex eni = enis_.Get(subject, id);
      require_same_vpc("ENI", (*snapshot_)[eni].vpc);
      route.target = RouteTargetKind::kEni;
      route.target_index = eni.value;
      return;
    }
    case config::ROUTE_TARGET_EGRESS_ONLY_INTERNET_GATEWAY: {
      const EgressOnlyInternetGatewayIndex gateway = egress_only_gateways_.Get(subject, id);
      require_same_vpc("egress-only internet gateway", (*snapshot_)[gateway].vpc);
      route.target = RouteTargetKind::kEgressOnlyInternetGateway;
      route.target_index = gateway.value;
      return;
    }
    case config::ROUTE_TARGET_VPC_PEERING: {
      const VpcPeeringIndex peering = vpc_peerings_.Get(subject, id);
      const bool is_own =
          (*snapshot_)[peering].requester == vpc || (*snapshot_)[peering].accepter == vpc;
      if (!is_own) Reject(subject, "route to {}: {} connects other VPCs", destination, id);
      route.target = RouteTargetKind::kVpcPeering;
      route.target_index = peering.value;
      return;
    }
    case config::ROUTE_TARGET_GATEWAY_ENDPOINT: {
      const GatewayEndpointIndex endpoint = gateway_endpoints_.Get(subject, id);
      require_same_vpc("gateway endpoint", (*snapshot_)[endpoint].vpc);
      route.target = RouteTargetKind::kGatewayEndpoint;
      route.target_index = endpoint.value;
      return;
    }
    default:  // unspecified, or a kind this dataplane does not know
      Reject(subject, "route to {}: unknown target kind {}", destination,
             static_cast<int>(source.target()));
  }
}

}  // namespace taploom::tables
