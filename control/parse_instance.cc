// Instances with their interfaces, and the hosts of the internet.
#include <string>
#include <utility>
#include <vector>

#include "control/parse_sections.h"

namespace taploom::control {
namespace {

using wire::Family;

std::vector<std::string> ParseRun(const MapReader& map) {
  std::vector<std::string> commands;
  for (Located<std::string>& command : map.Texts("run")) {
    commands.push_back(std::move(command.value));
  }
  return commands;
}

ConnectionTrackingTimers ParseConnectionTracking(ParseContext& context, const YamlNode& node) {
  ConnectionTrackingTimers timers;
  const MapReader map(context, node, "connection_tracking", keys::kConnectionTracking);
  // Ranges of an ENI's ConnectionTrackingSpecification, seconds (vpc-semantics §5).
  timers.tcp_established = map.Integer("tcp_established", 60, 432'000);
  timers.udp_stream = map.Integer("udp_stream", 60, 180);
  timers.udp = map.Integer("udp", 30, 60);
  return timers;
}

// `ipv6`: true, one address or a list.
void ParseIpv6(ParseContext& context, const MapReader& map, Interface& interface) {
  const YamlNode* node = map.Find("ipv6");
  if (node == nullptr) return;
  if (node->kind == YamlNode::Kind::kScalar && (node->text == "true" || node->text == "false")) {
    if (node->text == "true") interface.ipv6_auto = node->at;
    return;
  }
  map.ForOneOrEach("ipv6", [&](const YamlNode& item) {
    if (const auto address = ReadAddress(context, item, "ipv6", Family::kIpv6)) {
      interface.ipv6.push_back(*address);
    }
  });
}

Interface ParseInterface(ParseContext& context, const MapReader& map, Position owner) {
  Interface interface;
  interface.at = map.at();
  map.Require("subnet", owner);
  interface.subnet = map.Text("subnet");
  interface.private_ip = map.Ip("private_ip", Family::kIpv4);
  map.ForOneOrEach("private_ips", [&](const YamlNode& item) {
    if (const auto address = ReadAddress(context, item, "private_ips", Family::kIpv4)) {
      interface.secondary_private_ips.push_back(*address);
    }
  });
  ParseIpv6(context, map, interface);
  if (map.Has("security_groups")) interface.security_groups = map.Texts("security_groups");
  interface.elastic_ip = map.Ip("elastic_ip", Family::kIpv4);
  interface.public_ip = map.Boolean("public_ip");
  if (const auto check = map.Boolean("source_dest_check")) {
    interface.source_dest_check = check->value;
  }
  if (const YamlNode* timers = map.Find("connection_tracking")) {
    interface.connection_tracking = ParseConnectionTracking(context, *timers);
  }
  return interface;
}

// `interfaces` takes the place of the keys of a single interface.
void ParseInterfaceList(ParseContext& context, const MapReader& map, Instance& instance) {
  for (const std::string_view key : keys::kInterface) {
    if (map.Has(key)) {
      context.findings.Add(map.Find(key)->at,
                           "{} lists \"interfaces\", so \"{}\" belongs to one of them",
                           map.object(), key);
    }
  }
  map.ForEachItem("interfaces", [&](const YamlNode& item) {
    const std::string object = fmt::format("interface eth{} of instance \"{}\"",
                                           instance.interfaces.size(), instance.name.value);
    instance.interfaces.push_back(
        ParseInterface(context, MapReader(context, item, object, keys::kInterface), item.at));
  });
  const YamlNode& list = *map.Find("interfaces");
  const bool readable =
      list.kind == YamlNode::Kind::kSequence || list.kind == YamlNode::Kind::kNull;
  if (readable && list.items.empty()) {
    context.findings.Add(list.at, "{} needs at least one interface", map.object());
  }
}

}  // namespace

Instance ParseInstance(ParseContext& context, const Name& name, const YamlNode& node) {
  Instance instance;
  instance.name = name;
  const MapReader map(context, node, fmt::format("instance \"{}\"", name.value), keys::kInstance);
  instance.run = ParseRun(map);
  if (map.Has("interfaces")) {
    ParseInterfaceList(context, map, instance);
  } else {
    instance.interfaces.push_back(ParseInterface(context, map, name.at));
  }
  if (instance.interfaces.empty()) instance.interfaces.emplace_back();
  return instance;
}

InternetHost ParseInternetHost(ParseContext& context, const Name& name, const YamlNode& node) {
  InternetHost host;
  host.name = name;
  const MapReader map(context, node, fmt::format("internet host \"{}\"", name.value),
                      keys::kInternetHost);
  map.Require("address", name.at);
  map.ForOneOrEach("address", [&](const YamlNode& item) {
    if (const auto address = ReadAddress(context, item, "address", std::nullopt)) {
      host.addresses.push_back(*address);
    }
  });
  host.dns_names = map.Texts("dns_names");
  host.run = ParseRun(map);
  return host;
}

}  // namespace taploom::control
