#include "control/topology_schema.h"

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "control/quota.h"
#include "control/topology_keys.h"

namespace taploom::control {
namespace {

using Json = nlohmann::ordered_json;
using Properties = std::initializer_list<std::pair<const char*, Json>>;

constexpr const char* kNamePattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$";

Json Described(Json schema, const char* description) {
  schema["description"] = description;
  return schema;
}

// A map with exactly these keys.
Json Object(Properties properties, std::initializer_list<const char*> required = {}) {
  Json schema = {{"type", "object"}, {"additionalProperties", false}};
  Json& list = schema["properties"] = Json::object();
  for (const auto& [key, value] : properties) list[key] = value;
  if (required.size() > 0) schema["required"] = Json(required);
  return schema;
}

// A map from object names to `value`.
Json Named(Json value) {
  return {{"type", {"object", "null"}},
          {"additionalProperties", false},
          {"patternProperties", {{kNamePattern, std::move(value)}}}};
}

Json List(Json item) { return {{"type", {"array", "null"}}, {"items", std::move(item)}}; }
Json OneOrList(Json item) { return {{"anyOf", {item, {{"type", "array"}, {"items", item}}}}}; }
Json Ref(const char* definition) { return {{"$ref", std::string("#/definitions/") + definition}}; }
Json Enum(std::initializer_list<const char*> values) { return {{"enum", Json(values)}}; }
Json Integer(int minimum, int maximum) {
  return {{"type", "integer"}, {"minimum", minimum}, {"maximum", maximum}};
}
Json Text() { return {{"type", "string"}, {"minLength", 1}}; }
Json Boolean() { return {{"type", "boolean"}}; }
Json Pattern(const char* pattern) { return {{"type", "string"}, {"pattern", pattern}}; }

Json LimitsObject() {
  Json schema = Object({});
  for (const Quota& quota : kQuotas)
    schema["properties"][std::string(quota.key)] = Integer(1, quota.most);
  return schema;
}

Json Rule(const char* peer_key) {
  return Object(
      {{"protocol", Ref("protocol")},
       {"ports", Described(OneOrList(Ref("ports")), "80, 8000-8010 or a list; absent: every port")},
       {"type", Described(Integer(-1, 255), "ICMP type; -1 or absent: any")},
       {"code", Described(Integer(-1, 255), "ICMP code; -1 or absent: any")},
       {peer_key, Described(OneOrList(Ref("peer")), "a CIDR, sg:NAME, pl:NAME or a list")},
       {"description", Text()}},
      {"protocol", peer_key});
}

Json Interface(bool whole_instance) {
  Json schema = Object(
      {{"subnet",
        Described(Text(), "SUBNET, or VPC/SUBNET when several VPCs have one of that name")},
       {"private_ip", Described(Ref("ipv4"), "absent: the lowest free address of the subnet")},
       {"private_ips", Described(OneOrList(Ref("ipv4")), "secondary addresses")},
       {"ipv6", {{"anyOf", {Boolean(), OneOrList(Ref("ipv6"))}}}},
       {"security_groups", Described(OneOrList(Text()), "absent: the VPC's default group")},
       {"elastic_ip", Ref("ipv4")},
       {"public_ip", Described(Boolean(), "true: an address from the pool")},
       {"source_dest_check", Boolean()},
       {"connection_tracking", Ref("connection_tracking")}});
  if (whole_instance) {
    schema["properties"]["run"] =
        Described(OneOrList(Text()), "commands, started in the topology file's folder");
    schema["properties"]["interfaces"] =
        Described(List(Ref("interface")), "eth0, eth1, … instead of the keys above");
  } else {
    schema["required"] = {"subnet"};
  }
  return schema;
}

Json Definitions() {
  Json definitions = Json::object();
  definitions["ipv4"] = Pattern("^[0-9]{1,3}(\\.[0-9]{1,3}){3}$");
  definitions["ipv6"] = Pattern("^[0-9a-fA-F:.]*:[0-9a-fA-F:.]*$");
  definitions["cidr"] = Pattern("^[0-9a-fA-F:.]+/[0-9]{1,3}$");
  definitions["peer"] = Pattern("^(sg:.+|pl:.+|[0-9a-fA-F:.]+/[0-9]{1,3})$");
  definitions["protocol"] = {
      {"anyOf", {Enum({"tcp", "udp", "icmp", "icmpv6", "all"}), Integer(-1, 255)}}};
  definitions["ports"] = {{"anyOf", {Integer(0, 65535), Pattern("^[0-9]{1,5}(-[0-9]{1,5})?$")}}};
  definitions["ingress_rule"] = Rule("from");
  definitions["egress_rule"] = Rule("to");
  definitions["security_group"] =
      Object({{"ingress", List(Ref("ingress_rule"))},
              {"egress", Described(List(Ref("egress_rule")),
                                   "absent: everything is allowed out, as AWS creates it")},
              {"description", Text()}});
  definitions["network_acl_rule"] = Object({{"rule", Integer(1, 32766)},
                                            {"action", Enum({"allow", "deny"})},
                                            {"protocol", Ref("protocol")},
                                            {"ports", Ref("ports")},
                                            {"type", Integer(-1, 255)},
                                            {"code", Integer(-1, 255)},
                                            {"cidr", Ref("cidr")}},
                                           {"rule", "action", "protocol", "cidr"});
  definitions["network_acl"] = Object(
      {{"ingress", List(Ref("network_acl_rule"))}, {"egress", List(Ref("network_acl_rule"))}});
  definitions["subnet"] =
      Object({{"cidr", Ref("cidr")},
              {"ipv6_cidr", Ref("cidr")},
              {"az", Described(Text(), "absent: the region's first zone")},
              {"route_table", Described(Text(), "absent: the VPC's main table")},
              {"acl", Described(Text(), "absent: the VPC's default ACL")}},
             {"cidr"});
  definitions["nat_gateway"] =
      Object({{"subnet", Text()},
              {"elastic_ip", Described(OneOrList(Ref("ipv4")), "the first is the primary")},
              {"connectivity", Enum({"public", "private"})},
              {"private_ip", OneOrList(Ref("ipv4"))}},
             {"subnet"});
  definitions["route"] = Object(
      {{"to", Described(Text(), "a CIDR or pl:NAME")},
       {"via",
        Described(Text(),
                  "a gateway's name, instance:NAME, eni:NAME, peering:NAME, local or blackhole")}},
      {"to", "via"});
  definitions["route_table"] = Object({{"routes", List(Ref("route"))}, {"main", Boolean()}});
  definitions["listener"] =
      Object({{"protocol", Enum({"http", "https"})},
              {"port", Integer(1, 65535)},
              {"forward", Described(Text(), "a target group of this load balancer")},
              {"redirect", Enum({"https"})}},
             {"protocol", "port"});
  definitions["health_check"] =
      Object({{"path", Pattern("^/")},
              {"port", {{"anyOf", {Integer(1, 65535), Enum({"traffic-port"})}}}},
              {"protocol", Enum({"http", "tcp"})},
              {"interval", Integer(5, 300)},
              {"timeout", Integer(2, 120)},
              {"healthy_threshold", Integer(2, 10)},
              {"unhealthy_threshold", Integer(2, 10)},
              {"matcher", {{"type", {"integer", "string"}}}}});
  definitions["target"] = {
      {"anyOf",
       {Text(), Object({{"instance", Text()}, {"port", Integer(1, 65535)}}, {"instance"})}}};
  definitions["target_group"] = Object({{"protocol", Enum({"http", "https"})},
                                        {"port", Integer(1, 65535)},
                                        {"targets", List(Ref("target"))},
                                        {"health_check", Ref("health_check")}},
                                       {"port"});
  definitions["load_balancer"] = Object(
      {{"type", Enum({"application"})},
       {"scheme", Enum({"internet-facing", "internal"})},
       {"subnets",
        Described({{"anyOf",
                    {OneOrList(Text()),
                     {{"type", "object"},
                      {"additionalProperties", {{"anyOf", {Ref("ipv4"), {{"type", "null"}}}}}}}}}},
                  "a list, or a map from subnet to the node's address")},
       {"elastic_ips", {{"type", "object"}, {"additionalProperties", Ref("ipv4")}}},
       {"security_groups", OneOrList(Text())},
       {"dns_name", Text()},
       {"idle_timeout", Described(Integer(1, 4000), "seconds")},
       {"listeners", List(Ref("listener"))},
       {"target_groups", Named(Ref("target_group"))}},
      {"subnets", "listeners"});
  definitions["gateway_endpoint"] = Object(
      {{"service", Enum({"s3", "dynamodb"})},
       {"prefix_list", Described(Text(), "the service's addresses, played by internet hosts")},
       {"route_tables", OneOrList(Text())}},
      {"service", "prefix_list", "route_tables"});
  definitions["peering"] =
      Object({{"requester", Described(Text(), "a VPC")}, {"accepter", Described(Text(), "a VPC")}},
             {"requester", "accepter"});
  definitions["vpc"] = Object(
      {{"cidr", OneOrList(Ref("cidr"))},
       {"ipv6_cidr", OneOrList(Ref("cidr"))},
       {"region", Text()},
       {"internet_gateway", Text()},
       {"subnets", Named(Ref("subnet"))},
       {"nat_gateways", Named(Ref("nat_gateway"))},
       {"route_tables", Named(Ref("route_table"))},
       {"security_groups", Named(Ref("security_group"))},
       {"network_acls", Named(Ref("network_acl"))},
       {"prefix_lists", Named(OneOrList(Ref("cidr")))},
       {"load_balancers", Named(Ref("load_balancer"))},
       {"egress_only_internet_gateway", Text()},
       {"edge_route_table", Described(Text(), "of what enters through the internet gateway")},
       {"gateway_endpoints", Named(Ref("gateway_endpoint"))}},
      {"cidr"});
  definitions["connection_tracking"] = Object({{"tcp_established", Integer(60, 432000)},
                                               {"udp_stream", Integer(60, 180)},
                                               {"udp", Integer(30, 60)}});
  definitions["interface"] = Interface(false);
  definitions["instance"] = Interface(true);
  definitions["internet_host"] =
      Object({{"address", OneOrList({{"anyOf", {Ref("ipv4"), Ref("ipv6")}}})},
              {"dns_names", OneOrList(Text())},
              {"run", OneOrList(Text())}},
             {"address"});
  return definitions;
}

}  // namespace

std::string TopologySchema() {
  Json schema = {{"$schema", "http://json-schema.org/draft-07/schema#"},
                 {"title", "taploom topology"},
                 {"description", "A VPC and the machines in and around it."}};
  schema.update(Object({{"name", Pattern(kNamePattern)},
                        {"region", Described(Text(), "such as ap-northeast-2")},
                        {"vpcs", Named(Ref("vpc"))},
                        {"peerings", Named(Ref("peering"))},
                        {"instances", Named(Ref("instance"))},
                        {"internet", Object({{"hosts", Named(Ref("internet_host"))}})},
                        {"limits", LimitsObject()}},
                       {"name", "vpcs"}));
  schema["definitions"] = Definitions();
  return schema.dump(2) + "\n";
}

}  // namespace taploom::control
