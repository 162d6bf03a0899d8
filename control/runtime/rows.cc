#include "control/runtime/rows.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/wait.h>

#include <algorithm>
#include <map>
#include <unordered_map>

#include "control/did_you_mean.h"
#include "control/process/exit_watcher.h"
#include "dataplane/config/rule_digest.h"
#include "dataplane/wire/ip_address.h"
#include "dataplane/wire/mac_address.h"

namespace taploom::runtime {
namespace {

using config::FabricConfig;
using control::NamespaceKind;

std::string AddressText(const std::string& bytes) {
  const auto address = wire::IpAddress::FromBytes(bytes);
  return address ? address->ToString() : "";
}

std::string PrefixText(const config::Prefix& prefix) {
  return fmt::format("{}/{}", AddressText(prefix.address()), prefix.length());
}

std::string PrefixesText(const google::protobuf::RepeatedPtrField<config::Prefix>& prefixes) {
  std::vector<std::string> texts;
  for (const config::Prefix& prefix : prefixes) texts.push_back(PrefixText(prefix));
  return fmt::format("{}", fmt::join(texts, ","));
}

std::string EndpointText(const std::string& address, std::uint32_t port) {
  const std::string text = AddressText(address);
  return address.size() == 16 ? fmt::format("[{}]:{}", text, port)
                              : fmt::format("{}:{}", text, port);
}

std::string MacText(const std::string& bytes) {
  const auto mac = wire::MacAddress::FromBytes(bytes);
  return mac ? mac->ToString() : "";
}

std::string_view DirectionText(config::Direction direction) {
  return direction == config::INGRESS ? "ingress" : "egress";
}

std::string ProtocolText(int protocol) {
  switch (protocol) {
    case -1:
      return "all";
    case 1:
      return "icmp";
    case 6:
      return "tcp";
    case 17:
      return "udp";
    case 58:
      return "icmpv6";
    default:
      return std::to_string(protocol);
  }
}

std::string PortsText(const config::Match& match) {
  if (match.protocol() == 1 || match.protocol() == 58) {
    if (match.icmp_type() < 0) return "all";
    return match.icmp_code() < 0
               ? fmt::format("type {}", match.icmp_type())
               : fmt::format("type {} code {}", match.icmp_type(), match.icmp_code());
  }
  if (match.protocol() != 6 && match.protocol() != 17) return "all";
  if (match.from_port() == 0 && match.to_port() == 65535) return "all";
  return match.from_port() == match.to_port()
             ? std::to_string(match.from_port())
             : fmt::format("{}-{}", match.from_port(), match.to_port());
}

// Names of the objects that others refer to by id.
class Names {
 public:
  explicit Names(const FabricConfig& config) {
    Add(config.vpcs());
    Add(config.subnets());
    Add(config.route_tables());
    Add(config.security_groups());
    Add(config.network_acls());
    Add(config.prefix_lists());
    Add(config.enis());
    Add(config.internet_gateways());
    Add(config.nat_gateways());
    Add(config.egress_only_internet_gateways());
    Add(config.vpc_peering_connections());
    Add(config.gateway_endpoints());
    for (const config::Subnet& subnet : config.subnets()) vpc_of_[subnet.id()] = subnet.vpc_id();
    for (const config::Eni& eni : config.enis()) ports_[eni.port()] = &eni.name();
    for (const config::InternetHost& host : config.internet_hosts())
      ports_[host.port()] = &host.name();
  }

  // The id itself when nothing has it.
  const std::string& Of(const std::string& id) const {
    const auto found = names_.find(id);
    return found == names_.end() ? id : *found->second;
  }
  const std::string& VpcOfSubnet(const std::string& subnet_id) const {
    const auto found = vpc_of_.find(subnet_id);
    return Of(found == vpc_of_.end() ? subnet_id : found->second);
  }
  std::string Port(std::uint32_t port) const {
    const auto found = ports_.find(port);
    return found == ports_.end() || port == 0 ? "-" : *found->second;
  }

 private:
  template <typename Objects>
  void Add(const Objects& objects) {
    for (const auto& object : objects) names_[object.id()] = &object.name();
  }

  std::unordered_map<std::string, const std::string*> names_;
  std::unordered_map<std::string, std::string> vpc_of_;
  std::unordered_map<std::uint32_t, const std::string*> ports_;
};

// --- one function per kind, in the order of kKinds ---

Rows Vpcs(const RowSources& sources, const Names&) {
  Rows rows;
  for (const config::Vpc& vpc : sources.plan.config.vpcs()) {
    rows.push_back({{"name", vpc.name()},
                    {"id", vpc.id()},
                    {"region", vpc.region()},
                    {"cidrs", PrefixesText(vpc.cidrs())}});
  }
  return rows;
}

bool IsZoneDown(const FabricConfig& config, const std::string& zone) {
  return std::any_of(config.faults().begin(), config.faults().end(), [&](const auto& fault) {
    return !fault.is_over() && fault.availability_zone() == zone;
  });
}

bool IsNatGatewayDown(const FabricConfig& config, const std::string& id) {
  return std::any_of(config.faults().begin(), config.faults().end(), [&](const auto& fault) {
    return !fault.is_over() && fault.nat_gateway_id() == id;
  });
}

Rows Zones(const RowSources& sources, const Names&) {
  const FabricConfig& config = sources.plan.config;
  std::map<std::string, Row> zones;
  std::unordered_map<std::string, std::string> zone_of_subnet;
  const auto add = [](Row& row, const char* key) { row[key] = row[key].get<int>() + 1; };
  for (const config::Subnet& subnet : config.subnets()) {
    zone_of_subnet[subnet.id()] = subnet.az();
    const auto [zone, is_new] = zones.try_emplace(subnet.az());
    if (is_new) {
      zone->second = {{"name", subnet.az()},
                      {"state", IsZoneDown(config, subnet.az()) ? "down" : "available"},
                      {"subnets", 0},
                      {"enis", 0}};
    }
    add(zone->second, "subnets");
  }
  for (const config::Eni& eni : config.enis()) add(zones[zone_of_subnet[eni.subnet_id()]], "enis");
  Rows rows;
  for (auto& [name, row] : zones) rows.push_back(std::move(row));
  return rows;
}

Rows FaultRows(const RowSources& sources, const Names& names) {
  Rows rows;
  for (const config::Fault& fault : sources.plan.config.faults()) {
    if (fault.is_over()) continue;
    const bool is_zone = fault.has_availability_zone();
    rows.push_back(
        {{"kind", is_zone ? "az" : "nat"},
         {"name", is_zone ? fault.availability_zone() : names.Of(fault.nat_gateway_id())},
         {"id", is_zone ? fault.availability_zone() : fault.nat_gateway_id()},
         {"since_generation", fault.began_at_generation()}});
  }
  return rows;
}

Rows Subnets(const RowSources& sources, const Names& names) {
  Rows rows;
  for (const config::Subnet& subnet : sources.plan.config.subnets()) {
    rows.push_back({{"vpc", names.Of(subnet.vpc_id())},
                    {"name", subnet.name()},
                    {"id", subnet.id()},
                    {"az", subnet.az()},
                    {"cidrs", PrefixesText(subnet.cidrs())},
                    {"route_table", names.Of(subnet.route_table_id())},
                    {"acl", names.Of(subnet.network_acl_id())}});
  }
  return rows;
}

Rows Enis(const RowSources& sources, const Names& names) {
  Rows rows;
  for (const config::Eni& eni : sources.plan.config.enis()) {
    std::vector<std::string> privates, publics, groups;
    for (const config::EniAddress& address : eni.addresses()) {
      privates.push_back(AddressText(address.private_address()));
      if (!address.public_address().empty())
        publics.push_back(AddressText(address.public_address()));
    }
    for (const std::string& group : eni.security_group_ids()) groups.push_back(names.Of(group));
    constexpr std::string_view kTypes[] = {"interface", "nat-gateway", "load-balancer"};
    rows.push_back({{"vpc", names.VpcOfSubnet(eni.subnet_id())},
                    {"name", eni.name()},
                    {"id", eni.id()},
                    {"type", kTypes[std::clamp<int>(eni.type(), 0, 2)]},
                    {"subnet", names.Of(eni.subnet_id())},
                    {"mac", MacText(eni.mac())},
                    {"private_ips", fmt::format("{}", fmt::join(privates, ","))},
                    {"public_ips", fmt::format("{}", fmt::join(publics, ","))},
                    {"security_groups", fmt::format("{}", fmt::join(groups, ","))},
                    {"source_dest_check", eni.source_dest_check()}});
  }
  return rows;
}

std::string_view KindText(NamespaceKind kind) {
  switch (kind) {
    case NamespaceKind::kInstance:
      return "instance";
    case NamespaceKind::kInternetHost:
      return "internet-host";
    case NamespaceKind::kLoadBalancerNode:
      return "load-balancer-node";
    case NamespaceKind::kAttached:
      return "attached";
  }
  return "";
}

std::string ProgramsText(const std::vector<Program>& programs) {
  std::vector<std::string> texts;
  for (const Program& program : programs) {
    texts.push_back(program.wait_status ? process::DescribeExit(*program.wait_status) : "running");
  }
  return fmt::format("{}", fmt::join(texts, ","));
}

// "running" while every program does; "stopped" when one has ended well, "failed" when one has not.
std::string_view StateText(const std::vector<Program>& programs) {
  std::string_view state = "running";
  for (const Program& program : programs) {
    if (!program.wait_status) continue;
    if (*program.wait_status != 0) return "failed";
    state = "stopped";
  }
  return state;
}

Row NamespaceRow(const RunningNamespace& space) {
  std::vector<std::string> addresses, devices;
  for (const auto& device : space.devices()) {
    devices.push_back(device.plan.device);
    for (const auto& address : device.plan.addresses)
      addresses.push_back(address.address.ToString());
  }
  return {{"name", space.plan().name},
          {"id", space.plan().instance_id},
          {"kind", KindText(space.plan().kind)},
          {"state", StateText(space.programs())},
          {"addresses", fmt::format("{}", fmt::join(addresses, ","))},
          {"programs", ProgramsText(space.programs())},
          {"devices", fmt::format("{}", fmt::join(devices, ","))},
          {"netns", space.netns_path()},
          {"resolver_folder", space.resolver_folder()},
          {"state_folder", space.state_folder()}};
}

Rows NamespaceRows(const RowSources& sources, const Names&) {
  Rows rows;
  for (const control::NamespacePlan& plan : sources.plan.namespaces) {
    const auto space = sources.namespaces.find(plan.name);
    if (space != sources.namespaces.end()) rows.push_back(NamespaceRow(*space->second));
  }
  return rows;
}

Rows Instances(const RowSources& sources, const Names& names) {
  std::unordered_map<std::string, const config::Eni*> enis;
  for (const config::Eni& eni : sources.plan.config.enis()) enis[eni.id()] = &eni;
  Rows rows;
  for (const control::NamespacePlan& plan : sources.plan.namespaces) {
    if (plan.kind != NamespaceKind::kInstance && plan.kind != NamespaceKind::kAttached) continue;
    const auto space = sources.namespaces.find(plan.name);
    if (space == sources.namespaces.end()) continue;
    Row row = {{"name", plan.name},
               {"id", plan.instance_id},
               {"state", StateText(space->second->programs())},
               {"vpc", ""},
               {"subnet", ""},
               {"private_ip", ""},
               {"public_ip", ""},
               {"programs", ProgramsText(space->second->programs())},
               {"netns", space->second->netns_path()}};
    const auto eni =
        plan.interfaces.empty() ? enis.end() : enis.find(plan.interfaces.front().object_id);
    if (eni != enis.end() && eni->second->addresses_size() > 0) {
      row["vpc"] = names.VpcOfSubnet(eni->second->subnet_id());
      row["subnet"] = names.Of(eni->second->subnet_id());
      row["private_ip"] = AddressText(eni->second->addresses(0).private_address());
      row["public_ip"] = AddressText(eni->second->addresses(0).public_address());
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

Rows RouteTables(const RowSources& sources, const Names& names) {
  Rows rows;
  for (const config::RouteTable& table : sources.plan.config.route_tables()) {
    rows.push_back({{"vpc", names.Of(table.vpc_id())},
                    {"name", table.name()},
                    {"id", table.id()},
                    {"main", table.main()},
                    {"routes", table.routes_size()}});
  }
  return rows;
}

Rows Routes(const RowSources& sources, const Names& names) {
  Rows rows;
  for (const config::RouteTable& table : sources.plan.config.route_tables()) {
    for (const config::Route& route : table.routes()) {
      const bool blackhole = route.target() == config::ROUTE_TARGET_BLACKHOLE;
      const bool local = route.target() == config::ROUTE_TARGET_LOCAL;
      rows.push_back({{"vpc", names.Of(table.vpc_id())},
                      {"name", table.name()},
                      {"destination", PrefixText(route.destination())},
                      {"target", local       ? "local"
                                 : blackhole ? "-"
                                             : names.Of(route.target_id())},
                      {"target_id", route.target_id()},
                      {"state", blackhole ? "blackhole" : "active"}});
    }
  }
  return rows;
}

Rows SecurityGroups(const RowSources& sources, const Names& names) {
  Rows rows;
  for (const config::SecurityGroup& group : sources.plan.config.security_groups()) {
    const auto ingress =
        std::count_if(group.rules().begin(), group.rules().end(),
                      [](const auto& rule) { return rule.direction() == config::INGRESS; });
    rows.push_back({{"vpc", names.Of(group.vpc_id())},
                    {"name", group.name()},
                    {"id", group.id()},
                    {"ingress_rules", ingress},
                    {"egress_rules", group.rules_size() - ingress}});
  }
  return rows;
}

std::string PeerText(const config::SecurityGroupRule& rule, const Names& names) {
  if (rule.has_cidr()) return PrefixText(rule.cidr());
  if (!rule.security_group_id().empty()) return "sg:" + names.Of(rule.security_group_id());
  return "pl:" + names.Of(rule.prefix_list_id());
}

Rows Rules(const RowSources& sources, const Names& names) {
  std::unordered_map<std::uint64_t, std::uint64_t> hits;
  for (const config::RuleHits& each : sources.counters.rules())
    hits[each.rule_digest()] = each.connections();
  Rows rows;
  for (const config::SecurityGroup& group : sources.plan.config.security_groups()) {
    for (const config::SecurityGroupRule& rule : group.rules()) {
      rows.push_back({{"vpc", names.Of(group.vpc_id())},
                      {"name", group.name()},
                      {"id", rule.id()},
                      {"direction", DirectionText(rule.direction())},
                      {"protocol", ProtocolText(rule.match().protocol())},
                      {"ports", PortsText(rule.match())},
                      {"peer", PeerText(rule, names)},
                      {"hits", hits[config::RuleDigest(rule.id())]}});
    }
  }
  return rows;
}

Rows Acls(const RowSources& sources, const Names& names) {
  Rows rows;
  for (const config::NetworkAcl& acl : sources.plan.config.network_acls()) {
    for (const config::NetworkAclEntry& entry : acl.entries()) {
      rows.push_back({{"vpc", names.Of(acl.vpc_id())},
                      {"name", acl.name()},
                      {"id", acl.id()},
                      {"direction", DirectionText(entry.direction())},
                      {"rule", entry.rule_number()},
                      {"action", entry.allow() ? "allow" : "deny"},
                      {"protocol", ProtocolText(entry.match().protocol())},
                      {"ports", PortsText(entry.match())},
                      {"cidr", PrefixText(entry.cidr())}});
    }
  }
  return rows;
}

Rows NatGateways(const RowSources& sources, const Names& names) {
  std::unordered_map<std::string, const config::NatGatewayCounters*> counters;
  for (const auto& each : sources.counters.nat_gateways()) counters[each.nat_gateway_id()] = &each;
  static const config::NatGatewayCounters kNone;
  Rows rows;
  for (const config::NatGateway& gateway : sources.plan.config.nat_gateways()) {
    const auto found = counters.find(gateway.id());
    const config::NatGatewayCounters& count = found == counters.end() ? kNone : *found->second;
    Row row = {{"name", gateway.name()}, {"id", gateway.id()}, {"state", "available"},
               {"subnet", ""},           {"private_ip", ""},   {"public_ip", ""}};
    if (IsNatGatewayDown(sources.plan.config, gateway.id())) row["state"] = "down";
    for (const config::Eni& eni : sources.plan.config.enis()) {
      if (eni.id() != gateway.eni_id() || eni.addresses_size() == 0) continue;
      row["subnet"] = names.Of(eni.subnet_id());
      for (const config::Subnet& subnet : sources.plan.config.subnets()) {
        if (subnet.id() == eni.subnet_id() && IsZoneDown(sources.plan.config, subnet.az()))
          row["state"] = "down";
      }
      std::vector<std::string> privates, publics;
      for (const config::EniAddress& address : eni.addresses()) {
        privates.push_back(AddressText(address.private_address()));
        if (!address.public_address().empty())
          publics.push_back(AddressText(address.public_address()));
      }
      row["private_ip"] = fmt::format("{}", fmt::join(privates, ","));
      row["public_ip"] = fmt::format("{}", fmt::join(publics, ","));
    }
    row["ActiveConnectionCount"] = count.active_connections();
    row["ConnectionAttemptCount"] = count.connection_attempts();
    row["ConnectionEstablishedCount"] = count.connections_established();
    row["ErrorPortAllocation"] = count.port_allocation_errors();
    row["IdleTimeoutCount"] = count.idle_timeouts();
    row["PacketsDropCount"] = count.packets_dropped();
    row["PacketsInFromSource"] = count.packets_in_from_source();
    row["PacketsOutToDestination"] = count.packets_out_to_destination();
    row["PacketsInFromDestination"] = count.packets_in_from_destination();
    row["PacketsOutToSource"] = count.packets_out_to_source();
    row["BytesInFromSource"] = count.bytes_in_from_source();
    row["BytesOutToDestination"] = count.bytes_out_to_destination();
    row["BytesInFromDestination"] = count.bytes_in_from_destination();
    row["BytesOutToSource"] = count.bytes_out_to_source();
    row["PeakPacketsPerSecond"] = count.peak_packets_per_second();
    row["PeakBytesPerSecond"] = count.peak_bytes_per_second();
    rows.push_back(std::move(row));
  }
  return rows;
}

Rows InternetGateways(const RowSources& sources, const Names& names) {
  Rows rows;
  for (const config::InternetGateway& gateway : sources.plan.config.internet_gateways()) {
    rows.push_back({{"vpc", names.Of(gateway.vpc_id())},
                    {"name", gateway.name()},
                    {"id", gateway.id()},
                    {"edge_route_table", names.Of(gateway.route_table_id())}});
  }
  return rows;
}

Rows EgressOnlyInternetGateways(const RowSources& sources, const Names& names) {
  Rows rows;
  for (const auto& gateway : sources.plan.config.egress_only_internet_gateways()) {
    rows.push_back(
        {{"vpc", names.Of(gateway.vpc_id())}, {"name", gateway.name()}, {"id", gateway.id()}});
  }
  return rows;
}

Rows Peerings(const RowSources& sources, const Names& names) {
  Rows rows;
  for (const auto& peering : sources.plan.config.vpc_peering_connections()) {
    rows.push_back({{"name", peering.name()},
                    {"id", peering.id()},
                    {"requester", names.Of(peering.requester_vpc_id())},
                    {"accepter", names.Of(peering.accepter_vpc_id())}});
  }
  return rows;
}

Rows GatewayEndpoints(const RowSources& sources, const Names& names) {
  Rows rows;
  for (const config::GatewayEndpoint& endpoint : sources.plan.config.gateway_endpoints()) {
    rows.push_back({{"vpc", names.Of(endpoint.vpc_id())},
                    {"name", endpoint.name()},
                    {"id", endpoint.id()},
                    {"prefix_list", names.Of(endpoint.prefix_list_id())}});
  }
  return rows;
}

Rows LoadBalancers(const RowSources& sources, const Names&) {
  Rows rows;
  for (const control::LoadBalancerPlan& balancer : sources.plan.load_balancers) {
    std::vector<std::string> listeners;
    for (const control::ListenerPlan& listener : balancer.listeners) {
      listeners.push_back(fmt::format("{}:{}", listener.protocol, listener.port));
    }
    for (const control::LoadBalancerNodePlan& node : balancer.nodes) {
      const auto space = sources.namespaces.find(node.namespace_name);
      rows.push_back(
          {{"name", balancer.name},
           {"id", balancer.id},
           {"dns_name", balancer.dns_name},
           {"node", node.namespace_name},
           {"az", node.az},
           {"address", node.address.ToString()},
           {"listeners", fmt::format("{}", fmt::join(listeners, ","))},
           {"state", IsZoneDown(sources.plan.config, node.az) ? "down"
                     : space == sources.namespaces.end()      ? "missing"
                                                         : StateText(space->second->programs())}});
    }
  }
  return rows;
}

Rows Targets(const RowSources& sources, const Names&) {
  Rows rows;
  for (const control::LoadBalancerPlan& balancer : sources.plan.load_balancers) {
    for (const control::LoadBalancerNodePlan& node : balancer.nodes) {
      const auto health = sources.health.find(node.namespace_name);
      for (const control::TargetGroupPlan& group : balancer.target_groups) {
        for (const control::TargetPlan& target : group.targets) {
          Row row = {{"load_balancer", balancer.name},
                     {"node", node.namespace_name},
                     {"target_group", group.name},
                     {"name", target.name},
                     {"address", target.address.ToString()},
                     {"port", target.port},
                     {"state", "unavailable"},
                     {"reason", "Elb.InternalError"},
                     {"description", "The node does not answer"}};
          if (health != sources.health.end()) {
            for (const control::TargetHealth& each : health->second) {
              if (each.target_group != group.name || each.target != target.name ||
                  each.port != target.port) {
                continue;
              }
              row["state"] = control::ToString(each.state);
              row["reason"] = each.reason;
              row["description"] = each.description;
            }
          }
          if (IsZoneDown(sources.plan.config, node.az)) {
            row["state"] = "unavailable";
            row["reason"] = "Elb.InternalError";
            row["description"] = fmt::format("{}, the node's zone, is down", node.az);
          }
          rows.push_back(std::move(row));
        }
      }
    }
  }
  return rows;
}

Rows Flows(const RowSources& sources, const Names& names) {
  Rows rows;
  for (const config::Connection& flow : sources.connections.connections()) {
    rows.push_back({{"protocol", flow.protocol()},
                    {"from", names.Port(flow.ingress_port())},
                    {"to", names.Port(flow.egress_port())},
                    {"source", EndpointText(flow.source(), flow.source_port())},
                    {"destination", EndpointText(flow.destination(), flow.destination_port())},
                    {"translated_source",
                     EndpointText(flow.translated_source(), flow.translated_source_port())},
                    {"translated_destination", EndpointText(flow.translated_destination(),
                                                            flow.translated_destination_port())},
                    {"state", flow.state()},
                    {"age_ms", flow.age_ms()},
                    {"idle_ms", flow.idle_ms()},
                    {"timeout_ms", flow.timeout_ms()},
                    {"packets", flow.original_packets()},
                    {"bytes", flow.original_bytes()},
                    {"reply_packets", flow.reply_packets()},
                    {"reply_bytes", flow.reply_bytes()},
                    {"egress_rule", flow.egress_rule_id()},
                    {"ingress_rule", flow.ingress_rule_id()},
                    {"nat", names.Of(flow.nat_gateway_id())}});
  }
  return rows;
}

// What the kernels at both ends of a TAP lose is lost outside of the dataplane, and shown beside
// its own drops.
void AddKernelDrops(const RowSources& sources, const Names& names, Rows& rows) {
  for (const auto& [name, space] : sources.namespaces) {
    for (const RunningNamespace::PortDrops& each : space->KernelDrops()) {
      const std::pair<const char*, std::uint64_t> counters[] = {
          {"DEVICE_QUEUE_FULL", each.drops.sent}, {"DEVICE_RECEIVE_DROPPED", each.drops.received}};
      for (const auto& [reason, packets] : counters) {
        if (packets == 0) continue;
        rows.push_back({{"name", names.Port(each.port)},
                        {"port", each.port},
                        {"reason", reason},
                        {"packets", packets}});
      }
    }
  }
}

Rows Drops(const RowSources& sources, const Names& names) {
  Rows rows;
  for (const config::PortCounters& port : sources.counters.ports()) {
    for (const config::DropCount& drop : port.drops()) {
      if (drop.packets() == 0) continue;
      rows.push_back({{"name", names.Port(port.port())},
                      {"port", port.port()},
                      {"reason", drop.reason()},
                      {"packets", drop.packets()}});
    }
  }
  AddKernelDrops(sources, names, rows);
  return rows;
}

Rows Ports(const RowSources& sources, const Names& names) {
  Rows rows;
  for (const config::PortCounters& port : sources.counters.ports()) {
    std::uint64_t dropped = 0;
    for (const config::DropCount& drop : port.drops()) dropped += drop.packets();
    rows.push_back({{"name", names.Port(port.port())},
                    {"port", port.port()},
                    {"received_packets", port.received_packets()},
                    {"received_bytes", port.received_bytes()},
                    {"sent_packets", port.sent_packets()},
                    {"sent_bytes", port.sent_bytes()},
                    {"dropped_packets", dropped},
                    {"cut_superframes", port.cut_superframes()}});
  }
  return rows;
}

// The dataplane's threads. Packets are handed over when they come to another worker than the one
// that their connection belongs to: first packets, unless a device's driver keeps forgetting.
Rows Workers(const RowSources& sources, const Names&) {
  Rows rows;
  for (const config::WorkerCounters& worker : sources.counters.workers()) {
    rows.push_back({{"name", fmt::to_string(rows.size())},
                    {"connections", worker.connections()},
                    {"slow_path_packets", worker.slow_path_packets()},
                    {"handed_over_packets", worker.handed_over_packets()}});
  }
  return rows;
}

// What the test at the start has found, and what a port has met since.
Rows Offloads(const RowSources& sources, const Names& names) {
  Rows rows;
  for (const netns::Offload each : netns::kAllOffloads) {
    auto [state, detail] = sources.offloads[each];
    for (const config::PortCounters& port : sources.counters.ports()) {
      const bool is_taken = (sources.offloads.superframes_to_cut() & SuperframeBit(each)) == 0;
      if (!is_taken || (port.superframes_to_cut() & SuperframeBit(each)) == 0) continue;
      state = netns::OffloadState::kRefused;
      detail = fmt::format("the kernel refused one towards {}", names.Port(port.port()));
    }
    rows.push_back({{"name", ToString(each)},
                    {"state", ToString(state)},
                    {"left_to_device", sources.offloads.IsLeftToDevice(each)},
                    {"detail", detail}});
  }
  return rows;
}

struct Kind {
  std::string_view name;
  Rows (*rows)(const RowSources&, const Names&);
};
constexpr Kind kKinds[] = {{"vpcs", Vpcs},
                           {"azs", Zones},
                           {"subnets", Subnets},
                           {"enis", Enis},
                           {"instances", Instances},
                           {"namespaces", NamespaceRows},
                           {"route-tables", RouteTables},
                           {"routes", Routes},
                           {"sgs", SecurityGroups},
                           {"rules", Rules},
                           {"acls", Acls},
                           {"nats", NatGateways},
                           {"igws", InternetGateways},
                           {"eigws", EgressOnlyInternetGateways},
                           {"peerings", Peerings},
                           {"endpoints", GatewayEndpoints},
                           {"lbs", LoadBalancers},
                           {"targets", Targets},
                           {"flows", Flows},
                           {"drops", Drops},
                           {"ports", Ports},
                           {"workers", Workers},
                           {"offloads", Offloads},
                           {"faults", FaultRows}};

std::string TextOf(const Row& row, const char* key) {
  const auto value = row.find(key);
  return value != row.end() && value->is_string() ? value->get<std::string>() : std::string();
}

bool Answers(const Row& row, const std::string& name) {
  const std::string own = TextOf(row, "name");
  return own == name || TextOf(row, "id") == name || TextOf(row, "node") == name ||
         TextOf(row, "vpc") + "/" + own == name;
}

}  // namespace

const std::vector<std::string>& RowKinds() {
  static const std::vector<std::string> kinds = [] {
    std::vector<std::string> names;
    for (const Kind& kind : kKinds) names.emplace_back(kind.name);
    return names;
  }();
  return kinds;
}

std::string KindError(const std::string& kind) {
  if (std::find(RowKinds().begin(), RowKinds().end(), kind) != RowKinds().end()) return "";
  return fmt::format("no kind \"{}\"{}; kinds: {}", kind, control::DidYouMean(kind, RowKinds()),
                     fmt::join(RowKinds(), " "));
}

bool NeedsCounters(std::string_view kind) {
  return kind == "nats" || kind == "drops" || kind == "ports" || kind == "rules" ||
         kind == "workers" || kind == "offloads";
}
bool NeedsPortState(std::string_view kind) { return kind == "ports" || kind == "offloads"; }
bool NeedsConnections(std::string_view kind) { return kind == "flows"; }
bool NeedsTargetHealth(std::string_view kind) { return kind == "targets"; }

absl::StatusOr<Rows> RowsOf(const std::string& kind, const std::string& name,
                            const RowSources& sources) {
  const auto found = std::find_if(std::begin(kKinds), std::end(kKinds),
                                  [&](const Kind& each) { return each.name == kind; });
  if (found == std::end(kKinds)) return absl::NotFoundError(KindError(kind));
  Rows rows = found->rows(sources, Names(sources.plan.config));
  if (name.empty()) return rows;
  std::vector<std::string> names;
  for (const Row& row : rows) names.push_back(TextOf(row, "name"));
  std::erase_if(rows, [&](const Row& row) { return !Answers(row, name); });
  if (rows.empty() && kind != "drops" && kind != "flows" && kind != "faults") {
    return absl::NotFoundError(
        fmt::format("no {} \"{}\"{}", kind, name, control::DidYouMean(name, names)));
  }
  return rows;
}

}  // namespace taploom::runtime
