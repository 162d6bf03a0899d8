// VPCs with their subnets, gateways, route tables and prefix lists.
#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "control/parse_sections.h"

namespace taploom::control {
namespace {

using wire::Family;

std::string Quoted(std::string_view kind, const Name& name) {
  return fmt::format("{} \"{}\"", kind, name.value);
}

Subnet ParseSubnet(ParseContext& context, const Name& name, const YamlNode& node) {
  Subnet subnet;
  subnet.name = name;
  const MapReader map(context, node, Quoted("subnet", name), keys::kSubnet);
  if (const YamlNode* cidr = map.Require("cidr", name.at)) {
    subnet.cidr = ReadCidr(context, *cidr, "cidr", Family::kIpv4);
  }
  if (const YamlNode* cidr = map.Find("ipv6_cidr")) {
    subnet.ipv6_cidr = ReadCidr(context, *cidr, "ipv6_cidr", Family::kIpv6);
  }
  subnet.az = map.Text("az");
  subnet.route_table = map.Text("route_table");
  subnet.acl = map.Text("acl");
  return subnet;
}

NatGateway ParseNatGateway(ParseContext& context, const Name& name, const YamlNode& node) {
  NatGateway gateway;
  gateway.name = name;
  const MapReader map(context, node, Quoted("NAT gateway", name), keys::kNatGateway);
  map.Require("subnet", name.at);
  gateway.subnet = map.Text("subnet");
  if (const auto connectivity = map.Choice("connectivity", {"public", "private"})) {
    gateway.is_public = connectivity->value == "public";
  }
  if (gateway.is_public) map.Require("elastic_ip", name.at);
  const auto read_addresses = [&](std::string_view key, std::optional<Address>& first,
                                  std::vector<Address>& others) {
    map.ForOneOrEach(key, [&](const YamlNode& item) {
      const auto address = ReadAddress(context, item, key, Family::kIpv4);
      if (!address) return;
      if (first) {
        others.push_back(*address);
      } else {
        first = address;
      }
    });
  };
  read_addresses("elastic_ip", gateway.elastic_ip, gateway.secondary_elastic_ips);
  read_addresses("private_ip", gateway.private_ip, gateway.secondary_private_ips);
  return gateway;
}

GatewayEndpoint ParseGatewayEndpoint(ParseContext& context, const Name& name,
                                     const YamlNode& node) {
  GatewayEndpoint endpoint;
  endpoint.name = name;
  const MapReader map(context, node, Quoted("gateway endpoint", name), keys::kGatewayEndpoint);
  map.Require("service", name.at);
  endpoint.service = map.Choice("service", {"s3", "dynamodb"});
  map.Require("prefix_list", name.at);
  endpoint.prefix_list = map.Text("prefix_list");
  map.Require("route_tables", name.at);
  endpoint.route_tables = map.Texts("route_tables");
  return endpoint;
}

std::optional<Located<RouteDestination>> ParseRouteDestination(ParseContext& context,
                                                               const YamlNode& node) {
  if (node.kind == YamlNode::Kind::kScalar && node.text.starts_with("pl:")) {
    return Located<RouteDestination>{{std::nullopt, node.text.substr(3)}, node.at};
  }
  const auto cidr = ReadCidr(context, node, "to", std::nullopt);
  if (!cidr) return std::nullopt;
  return Located<RouteDestination>{{cidr->value, {}}, node.at};
}

std::optional<Located<RouteTarget>> ParseRouteTarget(ParseContext& context, const YamlNode& node) {
  using Kind = RouteTarget::Kind;
  const auto text = ReadText(context, node, "via");
  if (!text) return std::nullopt;
  const std::string& word = text->value;
  if (word == "local") return Located<RouteTarget>{{Kind::kLocal, {}}, node.at};
  if (word == "blackhole") return Located<RouteTarget>{{Kind::kBlackhole, {}}, node.at};
  const std::size_t colon = word.find(':');
  if (colon == std::string::npos) return Located<RouteTarget>{{Kind::kGateway, word}, node.at};
  const std::string kind = word.substr(0, colon);
  const std::string name = word.substr(colon + 1);
  if (kind == "instance") return Located<RouteTarget>{{Kind::kInstance, name}, node.at};
  if (kind == "eni") return Located<RouteTarget>{{Kind::kEni, name}, node.at};
  if (kind == "peering") return Located<RouteTarget>{{Kind::kPeering, name}, node.at};
  static constexpr std::string_view kLater[] = {"tgw",  "vpce", "endpoint",    "vgw",
                                                "cagw", "lgw",  "core-network"};
  if (std::find(std::begin(kLater), std::end(kLater), kind) != std::end(kLater)) {
    context.findings.Add(node.at, "via: a route to \"{}\" is not modelled yet", word);
    return std::nullopt;
  }
  context.findings.Add(
      node.at,
      "via: \"{}\" is no route target; write a gateway's name, instance:NAME, eni:NAME, "
      "peering:NAME, local or blackhole",
      word);
  return std::nullopt;
}

Route ParseRoute(ParseContext& context, const YamlNode& node) {
  Route route;
  route.at = node.at;
  const MapReader map(context, node, "the route", keys::kRoute);
  if (const YamlNode* to = map.Require("to", node.at)) {
    route.to = ParseRouteDestination(context, *to);
  }
  if (const YamlNode* via = map.Require("via", node.at)) {
    route.via = ParseRouteTarget(context, *via);
  }
  return route;
}

RouteTable ParseRouteTable(ParseContext& context, const Name& name, const YamlNode& node) {
  RouteTable table;
  table.name = name;
  const MapReader map(context, node, Quoted("route table", name), keys::kRouteTable);
  table.main = map.Boolean("main");
  map.ForEachItem(
      "routes", [&](const YamlNode& route) { table.routes.push_back(ParseRoute(context, route)); });
  return table;
}

PrefixList ParsePrefixList(ParseContext& context, const Name& name, const YamlNode& node) {
  PrefixList list;
  list.name = name;
  ForOneOrEach(context, node, Quoted("prefix list", name), [&](const YamlNode& item) {
    if (auto cidr = ReadCidr(context, item, Quoted("prefix list", name), std::nullopt)) {
      list.cidrs.push_back(*cidr);
    }
  });
  return list;
}

void ParseBlocks(ParseContext& context, const MapReader& map, Vpc& vpc) {
  map.Require("cidr", vpc.name.at);
  map.ForOneOrEach("cidr", [&](const YamlNode& node) {
    if (const auto cidr = ReadCidr(context, node, "cidr", Family::kIpv4)) {
      vpc.cidrs.push_back(*cidr);
    }
  });
  map.ForOneOrEach("ipv6_cidr", [&](const YamlNode& node) {
    if (const auto cidr = ReadCidr(context, node, "ipv6_cidr", Family::kIpv6)) {
      vpc.ipv6_cidrs.push_back(*cidr);
    }
  });
  // A subnet's IPv6 block is not to blame for a VPC's that could not be read.
  if (map.Has("ipv6_cidr") && vpc.ipv6_cidrs.empty()) context.unreadable.emplace("ipv6_cidr");
}

}  // namespace

Vpc ParseVpc(ParseContext& context, const Name& name, const YamlNode& node) {
  Vpc vpc;
  vpc.name = name;
  const MapReader map(context, node, Quoted("vpc", name), keys::kVpc);
  ParseBlocks(context, map, vpc);
  vpc.region = map.Text("region");
  vpc.internet_gateway = map.Text("internet_gateway");
  vpc.egress_only_internet_gateway = map.Text("egress_only_internet_gateway");
  vpc.edge_route_table = map.Text("edge_route_table");
  // Calls `parse` for each entry of the map under `key` and appends what it returns.
  const auto read = [&](std::string_view key, auto& list, auto parse) {
    map.ForEachNamed(key, [&](const Name& object, const YamlNode& value) {
      list.push_back(parse(context, object, value));
    });
  };
  read("subnets", vpc.subnets, ParseSubnet);
  read("nat_gateways", vpc.nat_gateways, ParseNatGateway);
  read("route_tables", vpc.route_tables, ParseRouteTable);
  read("security_groups", vpc.security_groups, ParseSecurityGroup);
  read("network_acls", vpc.network_acls, ParseNetworkAcl);
  read("prefix_lists", vpc.prefix_lists, ParsePrefixList);
  read("load_balancers", vpc.load_balancers, ParseLoadBalancer);
  read("gateway_endpoints", vpc.gateway_endpoints, ParseGatewayEndpoint);
  return vpc;
}

Peering ParsePeering(ParseContext& context, const Name& name, const YamlNode& node) {
  Peering peering;
  peering.name = name;
  const MapReader map(context, node, Quoted("peering", name), keys::kPeering);
  map.Require("requester", name.at);
  map.Require("accepter", name.at);
  peering.requester = map.Text("requester");
  peering.accepter = map.Text("accepter");
  return peering;
}

}  // namespace taploom::control
