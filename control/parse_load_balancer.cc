// Load balancers with their listeners and target groups.
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "control/parse_sections.h"

namespace taploom::control {
namespace {

using wire::Family;

// The value of a key that must be there and not be an empty list or map.
const YamlNode* RequireSome(ParseContext& context, const MapReader& map, std::string_view key,
                            Position at) {
  const YamlNode* node = map.Require(key, at);
  if (node != nullptr && node->kind != YamlNode::Kind::kScalar && node->items.empty() &&
      node->entries.empty()) {
    context.findings.Add(node->at, "\"{}\" is empty; {} needs at least one", key, map.object());
  }
  return node;
}

// `subnets`: a list of names, or a map from name to the node's private address.
void ParseSubnets(ParseContext& context, const MapReader& map, const Name& name,
                  LoadBalancer& balancer) {
  const YamlNode* node = RequireSome(context, map, "subnets", name.at);
  if (node == nullptr) return;
  if (node->kind == YamlNode::Kind::kMap) {
    for (const YamlEntry& entry : node->entries) {
      LoadBalancerSubnet subnet;
      subnet.name = {entry.key, entry.at};
      if (entry.value->kind != YamlNode::Kind::kNull) {
        subnet.address = ReadAddress(context, *entry.value, entry.key, Family::kIpv4);
      }
      balancer.subnets.push_back(std::move(subnet));
    }
    return;
  }
  ForOneOrEach(context, *node, "subnets", [&](const YamlNode& item) {
    if (auto text = ReadText(context, item, "subnets")) {
      balancer.subnets.push_back({std::move(*text), std::nullopt, std::nullopt});
    }
  });
}

void ParseElasticIps(ParseContext& context, const MapReader& map, LoadBalancer& balancer) {
  const YamlNode* node = map.Find("elastic_ips");
  if (node == nullptr || node->kind == YamlNode::Kind::kNull) return;
  if (node->kind != YamlNode::Kind::kMap) {
    context.findings.Add(node->at, "\"elastic_ips\" must be a map from subnets to addresses");
    return;
  }
  std::map<std::string_view, LoadBalancerSubnet*> subnets;
  for (LoadBalancerSubnet& subnet : balancer.subnets) subnets.emplace(subnet.name.value, &subnet);
  for (const YamlEntry& entry : node->entries) {
    balancer.elastic_ip_subnets.push_back({entry.key, entry.at});
    const auto address = ReadAddress(context, *entry.value, entry.key, Family::kIpv4);
    const auto subnet = subnets.find(entry.key);
    if (subnet != subnets.end()) subnet->second->elastic_ip = address;
  }
}

Listener ParseListener(ParseContext& context, const YamlNode& node) {
  Listener listener;
  listener.at = node.at;
  const MapReader map(context, node, "the listener", keys::kListener);
  map.Require("protocol", node.at);
  listener.protocol = map.Choice("protocol", {"http", "https"});
  map.Require("port", node.at);
  listener.port = map.Integer("port", 1, 65535);
  listener.forward = map.Text("forward");
  listener.redirect = map.Choice("redirect", {"https"});
  if (map.is_map() && map.Has("forward") == map.Has("redirect")) {
    context.findings.Add(
        node.at, "a listener has either \"forward\" with a target group or \"redirect: https\"");
  }
  return listener;
}

HealthCheck ParseHealthCheck(ParseContext& context, const YamlNode& node) {
  HealthCheck check;
  const MapReader map(context, node, "the health check", keys::kHealthCheck);
  check.protocol = map.Choice("protocol", {"http", "tcp"});
  check.path = map.Text("path");
  check.matcher = map.Text("matcher");
  const YamlNode* port = map.Find("port");
  const bool traffic_port = port != nullptr && port->text == "traffic-port";
  if (!traffic_port) check.port = map.Integer("port", 1, 65535);
  // Ranges: vpc-semantics §9.
  check.interval = map.Integer("interval", 5, 300);
  check.timeout = map.Integer("timeout", 2, 120);
  check.healthy_threshold = map.Integer("healthy_threshold", 2, 10);
  check.unhealthy_threshold = map.Integer("unhealthy_threshold", 2, 10);
  return check;
}

// "web-1" or {instance: web-1, port: 8080}.
std::optional<Target> ParseTarget(ParseContext& context, const YamlNode& node) {
  if (node.kind != YamlNode::Kind::kMap) {
    auto name = ReadText(context, node, "targets");
    if (!name) return std::nullopt;
    return Target{std::move(*name), std::nullopt};
  }
  const MapReader map(context, node, "the target", keys::kTarget);
  map.Require("instance", node.at);
  auto name = map.Text("instance");
  const auto port = map.Integer("port", 1, 65535);
  if (!name) return std::nullopt;
  return Target{std::move(*name), port};
}

TargetGroup ParseTargetGroup(ParseContext& context, const Name& name, const YamlNode& node) {
  TargetGroup group;
  group.name = name;
  const MapReader map(context, node, fmt::format("target group \"{}\"", name.value),
                      keys::kTargetGroup);
  group.protocol = map.Choice("protocol", {"http", "https"});
  map.Require("port", name.at);
  group.port = map.Integer("port", 1, 65535);
  map.ForEachItem("targets", [&](const YamlNode& item) {
    if (auto target = ParseTarget(context, item)) group.targets.push_back(std::move(*target));
  });
  if (const YamlNode* check = map.Find("health_check")) {
    group.health_check = ParseHealthCheck(context, *check);
  }
  return group;
}

void ParseType(ParseContext& context, const MapReader& map) {
  const auto type = map.Text("type");
  if (!type || type->value == "application") return;
  if (type->value == "network" || type->value == "gateway") {
    context.findings.Add(type->at, "a load balancer of type {} is not modelled yet", type->value);
  } else {
    context.findings.Add(type->at, "type must be application, not \"{}\"", type->value);
  }
}

}  // namespace

LoadBalancer ParseLoadBalancer(ParseContext& context, const Name& name, const YamlNode& node) {
  LoadBalancer balancer;
  balancer.name = name;
  const MapReader map(context, node, fmt::format("load balancer \"{}\"", name.value),
                      keys::kLoadBalancer);
  ParseType(context, map);
  if (const auto scheme = map.Choice("scheme", {"internet-facing", "internal"})) {
    balancer.internet_facing = Located<bool>{scheme->value == "internet-facing", scheme->at};
  }
  ParseSubnets(context, map, name, balancer);
  ParseElasticIps(context, map, balancer);
  if (map.Has("security_groups")) balancer.security_groups = map.Texts("security_groups");
  balancer.dns_name = map.Text("dns_name");
  balancer.idle_timeout = map.Integer("idle_timeout", 1, 4000);
  RequireSome(context, map, "listeners", name.at);
  map.ForEachItem("listeners", [&](const YamlNode& item) {
    balancer.listeners.push_back(ParseListener(context, item));
  });
  map.ForEachNamed("target_groups", [&](const Name& group, const YamlNode& value) {
    balancer.target_groups.push_back(ParseTargetGroup(context, group, value));
  });
  return balancer;
}

}  // namespace taploom::control
