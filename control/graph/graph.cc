#include "control/graph/graph.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

namespace taploom::control {
namespace {

std::string AddressText(const std::string& bytes) {
  const auto address = wire::IpAddress::FromBytes(bytes);
  return address ? address->ToString() : "";
}

std::string PrefixesText(const google::protobuf::RepeatedPtrField<config::Prefix>& prefixes) {
  std::vector<std::string> texts;
  for (const config::Prefix& prefix : prefixes)
    texts.push_back(fmt::format("{}/{}", AddressText(prefix.address()), prefix.length()));
  return fmt::format("{}", fmt::join(texts, ", "));
}

// Names of what routes lead to.
std::map<std::string, std::string> TargetNames(const config::FabricConfig& config) {
  std::map<std::string, std::string> names;
  for (const auto& gateway : config.internet_gateways()) names[gateway.id()] = gateway.name();
  for (const auto& gateway : config.nat_gateways()) names[gateway.id()] = gateway.name();
  for (const auto& gateway : config.egress_only_internet_gateways())
    names[gateway.id()] = gateway.name();
  for (const auto& peering : config.vpc_peering_connections()) names[peering.id()] = peering.name();
  for (const auto& endpoint : config.gateway_endpoints()) names[endpoint.id()] = endpoint.name();
  for (const auto& eni : config.enis()) names[eni.id()] = eni.name();
  return names;
}

NodeKind KindOf(const config::Eni& eni) {
  switch (eni.type()) {
    case config::Eni::NAT_GATEWAY:
      return NodeKind::kNatGateway;
    case config::Eni::LOAD_BALANCER:
      return NodeKind::kLoadBalancer;
    default:
      return NodeKind::kInstance;
  }
}

GraphNode NodeOf(const config::Eni& eni) {
  GraphNode node{eni.id(), eni.name(), KindOf(eni), {}};
  for (const config::EniAddress& address : eni.addresses()) {
    node.lines.push_back(AddressText(address.private_address()));
    if (!address.public_address().empty())
      node.lines.push_back("= " + AddressText(address.public_address()));
  }
  return node;
}

GraphSubnet SubnetOf(const config::FabricConfig& config, const config::Subnet& subnet,
                     const std::map<std::string, std::string>& targets) {
  GraphSubnet result{subnet.id(), subnet.name(), PrefixesText(subnet.cidrs()), "", {}, false, {}};
  for (const config::RouteTable& table : config.route_tables()) {
    if (table.id() != subnet.route_table_id()) continue;
    result.route_table = table.name();
    for (const config::Route& route : table.routes()) {
      if (route.target() == config::ROUTE_TARGET_LOCAL) continue;
      const auto target = targets.find(route.target_id());
      const std::string name = route.target() == config::ROUTE_TARGET_BLACKHOLE ? "blackhole"
                               : target == targets.end()                        ? route.target_id()
                                                                                : target->second;
      result.routes.push_back(fmt::format("{}/{} → {}", AddressText(route.destination().address()),
                                          route.destination().length(), name));
      result.is_public |= route.target() == config::ROUTE_TARGET_INTERNET_GATEWAY;
    }
  }
  for (const config::Eni& eni : config.enis()) {
    if (eni.subnet_id() == subnet.id()) result.nodes.push_back(NodeOf(eni));
  }
  return result;
}

GraphZone& ZoneOf(GraphVpc& vpc, const std::string& name) {
  const auto found = std::find_if(vpc.zones.begin(), vpc.zones.end(),
                                  [&](const GraphZone& zone) { return zone.name == name; });
  if (found != vpc.zones.end()) return *found;
  return vpc.zones.emplace_back(GraphZone{name, {}});
}

// From each node of a load balancer to the interfaces of its targets.
void AddLoadBalancers(const FabricPlan& plan, Graph& graph) {
  std::map<std::string, std::string> eni_by_name, eni_by_address;
  for (const config::Eni& eni : plan.config.enis()) {
    eni_by_name[eni.name()] = eni.id();
    for (const config::EniAddress& address : eni.addresses())
      eni_by_address[AddressText(address.private_address())] = eni.id();
  }
  for (const LoadBalancerPlan& balancer : plan.load_balancers) {
    for (const LoadBalancerNodePlan& node : balancer.nodes) {
      for (const TargetGroupPlan& group : balancer.target_groups) {
        for (const TargetPlan& target : group.targets) {
          const auto eni = eni_by_address.find(target.address.ToString());
          if (eni == eni_by_address.end()) continue;
          graph.edges.push_back({eni_by_name[node.namespace_name], eni->second,
                                 fmt::format("{}:{}", group.protocol, target.port)});
        }
      }
    }
  }
}

}  // namespace

Graph GraphOf(const FabricPlan& plan) {
  const config::FabricConfig& config = plan.config;
  const auto targets = TargetNames(config);
  Graph graph;
  graph.name = plan.name;
  for (const config::Vpc& vpc : config.vpcs()) {
    GraphVpc& drawn =
        graph.vpcs.emplace_back(GraphVpc{vpc.id(), vpc.name(), PrefixesText(vpc.cidrs()), {}, {}});
    for (const config::InternetGateway& gateway : config.internet_gateways()) {
      if (gateway.vpc_id() == vpc.id())
        drawn.gateways.push_back({gateway.id(), gateway.name(), NodeKind::kInternetGateway, {}});
    }
    for (const config::Subnet& subnet : config.subnets()) {
      if (subnet.vpc_id() == vpc.id())
        ZoneOf(drawn, subnet.az()).subnets.push_back(SubnetOf(config, subnet, targets));
    }
    // The way out of a NAT gateway is what its subnet's routes say.
    for (const GraphZone& zone : drawn.zones) {
      for (const GraphSubnet& subnet : zone.subnets) {
        for (const GraphNode& node : subnet.nodes) {
          if (node.kind == NodeKind::kNatGateway && subnet.is_public && !drawn.gateways.empty())
            graph.edges.push_back({node.id, drawn.gateways.front().id, ""});
        }
      }
    }
  }
  for (const config::InternetHost& host : config.internet_hosts()) {
    GraphNode& node =
        graph.hosts.emplace_back(GraphNode{host.id(), host.name(), NodeKind::kInternetHost, {}});
    for (const std::string& address : host.addresses()) node.lines.push_back(AddressText(address));
  }
  AddLoadBalancers(plan, graph);
  return graph;
}

}  // namespace taploom::control
