// Route tables: those of the file, the implicit main table, and the local routes of both
// (vpc-semantics §2).
#include <algorithm>
#include <map>
#include <utility>

#include "control/lower_sections.h"

namespace taploom::control {
namespace {

using wire::IpPrefix;

struct LoweredTarget {
  config::RouteTargetKind kind = config::ROUTE_TARGET_BLACKHOLE;
  std::string id;
};

LoweredTarget LowerTarget(const LowerContext& context, const Vpc& vpc, const RouteTarget& target) {
  switch (target.kind) {
    case RouteTarget::Kind::kLocal:
      return {config::ROUTE_TARGET_LOCAL, {}};
    case RouteTarget::Kind::kBlackhole:
      return {config::ROUTE_TARGET_BLACKHOLE, {}};
    case RouteTarget::Kind::kInstance:
    case RouteTarget::Kind::kEni: {
      const InterfaceRef eni = FindEni(context.topology, target.name);
      return {config::ROUTE_TARGET_ENI, context.InterfaceId(*eni.instance, eni.index)};
    }
    case RouteTarget::Kind::kPeering:
      return {config::ROUTE_TARGET_VPC_PEERING,
              context.PeeringId(*FindByName(context.topology.peerings, target.name))};
    case RouteTarget::Kind::kGateway:
      if (vpc.egress_only_internet_gateway &&
          vpc.egress_only_internet_gateway->value == target.name) {
        return {config::ROUTE_TARGET_EGRESS_ONLY_INTERNET_GATEWAY,
                context.EgressOnlyGatewayId(vpc)};
      }
      if (vpc.internet_gateway && vpc.internet_gateway->value == target.name) {
        return {config::ROUTE_TARGET_INTERNET_GATEWAY, context.InternetGatewayId(vpc)};
      }
      return {config::ROUTE_TARGET_NAT_GATEWAY, context.NatGatewayId(vpc, target.name)};
  }
  return {};
}

// Collects the routes of one table; a destination has one route.
class RouteList {
 public:
  // Replaces a route to the same destination.
  void Set(const IpPrefix& destination, LoweredTarget target) {
    const auto [at, is_new] = index_.emplace(destination, routes_.size());
    if (is_new) {
      routes_.emplace_back(destination, std::move(target));
    } else {
      routes_[at->second].second = std::move(target);
    }
  }
  void AddIfAbsent(const IpPrefix& destination, const LoweredTarget& target) {
    if (!index_.contains(destination)) Set(destination, target);
  }

  void WriteTo(config::RouteTable* table) const {
    for (const auto& [destination, target] : routes_) {
      config::Route* route = table->add_routes();
      SetPrefix(destination, route->mutable_destination());
      route->set_target(target.kind);
      route->set_target_id(target.id);
    }
  }

 private:
  std::vector<std::pair<IpPrefix, LoweredTarget>> routes_;
  std::map<IpPrefix, std::size_t> index_;
};

void LowerRouteTable(LowerContext& context, const Vpc& vpc, std::string_view name, bool main,
                     const std::vector<Route>& routes) {
  RouteList list;
  for (const auto* blocks : {&vpc.cidrs, &vpc.ipv6_cidrs}) {
    for (const Located<Cidr>& block : *blocks) {
      list.Set(block.value.prefix(), {config::ROUTE_TARGET_LOCAL, {}});
    }
  }
  for (const Route& route : routes) {
    if (!route.to->value.cidr) continue;
    list.Set(route.to->value.cidr->prefix(), LowerTarget(context, vpc, route.via->value));
  }
  // A static route to a CIDR wins over the same destination from a prefix list; of two prefix
  // lists, the first written.
  for (const Route& route : routes) {
    if (route.to->value.cidr) continue;
    const PrefixList* prefixes =
        FindByName(vpc.prefix_lists, *NameWithin(vpc, route.to->value.prefix_list));
    for (const Located<Cidr>& cidr : prefixes->cidrs) {
      list.AddIfAbsent(cidr.value.prefix(), LowerTarget(context, vpc, route.via->value));
    }
  }
  // What an endpoint adds to its tables by itself.
  const std::string id = context.RouteTableId(vpc, name);
  for (const GatewayEndpoint& endpoint : vpc.gateway_endpoints) {
    const bool is_here = std::any_of(
        endpoint.route_tables.begin(), endpoint.route_tables.end(),
        [&](const Name& table) { return context.RouteTableIdOf(vpc, table.value) == id; });
    if (!is_here) continue;
    const PrefixList* prefixes =
        FindByName(vpc.prefix_lists, *NameWithin(vpc, endpoint.prefix_list->value));
    for (const Located<Cidr>& cidr : prefixes->cidrs) {
      list.AddIfAbsent(cidr.value.prefix(), {config::ROUTE_TARGET_GATEWAY_ENDPOINT,
                                             context.GatewayEndpointId(vpc, endpoint.name.value)});
    }
  }
  config::RouteTable* lowered = context.plan.config.add_route_tables();
  lowered->set_id(context.RouteTableId(vpc, name));
  lowered->set_name(std::string(name));
  lowered->set_vpc_id(context.VpcId(vpc));
  lowered->set_main(main);
  list.WriteTo(lowered);
}

}  // namespace

void LowerRouteTables(LowerContext& context) {
  for (const Vpc& vpc : context.topology.vpcs) {
    const RouteTable* main = MainRouteTable(vpc);
    if (main == nullptr) LowerRouteTable(context, vpc, kMainName, true, {});
    for (const RouteTable& table : vpc.route_tables) {
      LowerRouteTable(context, vpc, table.name.value, &table == main, table.routes);
    }
  }
}

}  // namespace taploom::control
