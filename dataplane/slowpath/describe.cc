#include "dataplane/slowpath/describe.h"

#include <fmt/format.h>

namespace taploom::slowpath {
namespace {

std::string QuestionText(const flow::FiveTuple& tuple, const PacketView& packet) {
  if (wire::HasPorts(tuple.protocol))
    return fmt::format("{} {}", ProtocolText(tuple.protocol), tuple.destination_port);
  if (wire::IsIcmp(tuple.protocol)) {
    return fmt::format("{} type {} code {}", ProtocolText(tuple.protocol), packet.icmp_type,
                       packet.icmp_code);
  }
  return fmt::format("protocol {}", tuple.protocol);
}

std::string TargetText(const tables::Snapshot& snapshot, const tables::Route& route) {
  switch (route.target) {
    case tables::RouteTargetKind::kLocal:
      return "local";
    case tables::RouteTargetKind::kBlackhole:
      return "blackhole";
    case tables::RouteTargetKind::kInternetGateway:
      return snapshot.internet_gateways[route.target_index].name;
    case tables::RouteTargetKind::kNatGateway:
      return snapshot.nat_gateways[route.target_index].name;
    case tables::RouteTargetKind::kEni:
      return snapshot.enis[route.target_index].name;
    case tables::RouteTargetKind::kVpcPeering:
      return "peering:" + snapshot.vpc_peerings[route.target_index].name;
    case tables::RouteTargetKind::kEgressOnlyInternetGateway:
      return snapshot.egress_only_internet_gateways[route.target_index].name;
    case tables::RouteTargetKind::kGatewayEndpoint:
      return snapshot.gateway_endpoints[route.target_index].name;
  }
  return "?";
}

}  // namespace

std::string EndpointText(const wire::IpAddress& address, std::uint16_t port,
                         std::uint8_t protocol) {
  std::string text;
  AppendEndpoint(text, address, port, protocol);
  return text;
}

void AppendEndpoint(std::string& out, const wire::IpAddress& address, std::uint16_t port,
                    std::uint8_t protocol) {
  const bool has_port = wire::HasPorts(protocol);
  const bool has_identifier = wire::IsIcmp(protocol) && port != 0;
  const bool is_bracketed = has_port && !address.is_v4();
  if (is_bracketed) out += '[';
  out += address.ToString();
  if (is_bracketed) out += ']';
  if (has_port) out += ':';
  if (has_identifier) out += " id ";
  if (!has_port && !has_identifier) return;
  const fmt::format_int digits(port);
  out.append(digits.data(), digits.size());
}

std::string ProtocolText(std::uint8_t protocol) {
  switch (protocol) {
    case wire::kProtocolTcp:
      return "tcp";
    case wire::kProtocolUdp:
      return "udp";
    case wire::kProtocolIcmp:
      return "icmp";
    case wire::kProtocolIcmpv6:
      return "icmpv6";
    default:
      return std::to_string(protocol);
  }
}

std::string MatchText(const tables::Rule& rule) {
  if (rule.protocol < 0) return "all";
  const auto protocol = static_cast<std::uint8_t>(rule.protocol);
  std::string text = ProtocolText(protocol);
  if (wire::HasPorts(protocol)) {
    if (rule.from_port == 0 && rule.to_port == 65'535) return text;
    return rule.from_port == rule.to_port
               ? fmt::format("{} {}", text, rule.from_port)
               : fmt::format("{} {}-{}", text, rule.from_port, rule.to_port);
  }
  if (wire::IsIcmp(protocol) && rule.icmp_type >= 0) {
    text += fmt::format(" type {}", rule.icmp_type);
    if (rule.icmp_code >= 0) text += fmt::format(" code {}", rule.icmp_code);
  }
  return text;
}

StageReport DescribeRule(const tables::Rule& rule, const char* direction, const char* tracking) {
  return {.component_id = rule.owner_id,
          .component_name = rule.owner_name,
          .rule_id = rule.id,
          .detail = fmt::format("{} {} {} {}{}{}", direction, MatchText(rule),
                                direction[0] == 'i' ? "from" : "to", rule.peer_text,
                                tracking[0] == '\0' ? "" : ", ", tracking)};
}

std::string DescribeNoRule(const tables::Snapshot& snapshot, const tables::Eni& eni,
                           const char* direction, const flow::FiveTuple& tuple,
                           const PacketView& packet) {
  const bool ingress = direction[0] == 'i';
  std::string groups;
  for (const tables::SecurityGroupIndex group : eni.security_groups) {
    groups += (groups.empty() ? "" : ", ") + snapshot[group].name;
  }
  return fmt::format("no {} rule of {} allows {} {} {}", direction,
                     groups.empty() ? "any security group" : groups, QuestionText(tuple, packet),
                     ingress ? "from" : "to",
                     (ingress ? tuple.source : tuple.destination).ToString());
}

StageReport DescribeAclEntry(const tables::NetworkAcl& acl, const tables::Rule& entry,
                             const tables::Subnet& subnet) {
  return {.component_id = acl.id,
          .component_name = acl.name,
          .rule_id = entry.id,
          .detail = fmt::format("rule {} allows {} {} at subnet {}", entry.id, MatchText(entry),
                                entry.peer_text, subnet.name)};
}

std::string DescribeAclDenial(const tables::RuleSet& entries, std::uint32_t entry,
                              const tables::Subnet& subnet) {
  if (entry == tables::RuleSet::kNoMatch)
    return fmt::format("rule * denies at subnet {}: no entry matches", subnet.name);
  const tables::Rule& rule = entries.rule(entry);
  return fmt::format("rule {} denies {} {} at subnet {}", rule.id, MatchText(rule), rule.peer_text,
                     subnet.name);
}

StageReport DescribeRoute(const tables::Snapshot& snapshot, const tables::RouteTable& table,
                          const tables::Route& route) {
  return {.component_id = table.id,
          .component_name = table.name,
          .rule_id = route.destination.ToString(),
          .detail =
              fmt::format("{} via {}", route.destination.ToString(), TargetText(snapshot, route))};
}

Stage StageOf(DropReason reason) {
  switch (reason) {
    case DropReason::kMtuExceeded:
    case DropReason::kErrorRateLimited:
      return Stage::kMtu;
    case DropReason::kTtlExceeded:
      return Stage::kRoute;
    case DropReason::kInvalidTcp:
    case DropReason::kConnectionTableFull:
    case DropReason::kConnectionQuota:
    case DropReason::kFragmentUnknown:
    case DropReason::kIcmpErrorUnrelated:
      return Stage::kConnection;
    case DropReason::kNatFragment:
    case DropReason::kNatPortAllocation:
    case DropReason::kNatUnsolicited:
      return Stage::kNatGateway;
    case DropReason::kLinkLocalAllowance:
      return Stage::kLinkLocal;
    case DropReason::kMalformed:
    case DropReason::kUnsupportedEtherType:
      return Stage::kParse;
    default:
      return Stage::kLinkLayer;
  }
}

}  // namespace taploom::slowpath
