#include "control/explain/analysis.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "dataplane/slowpath/describe.h"
#include "dataplane/wire/layout.h"

namespace taploom::control {
namespace {

using nlohmann::ordered_json;
using slowpath::StageReport;
using tables::Snapshot;

// taploom has no accounts; ARNs need a number in that place.
constexpr const char* kAccount = "000000000000";

constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kArnTypes = {
    {{"vpc-", "vpc"},
     {"subnet-", "subnet"},
     {"eni-", "network-interface"},
     {"sg-", "security-group"},
     {"acl-", "network-acl"},
     {"rtb-", "route-table"},
     {"igw-", "internet-gateway"},
     {"nat-", "natgateway"}}};

ordered_json ComponentJson(const FabricPlan& plan, const std::string& id, const std::string& name) {
  ordered_json json = ordered_json::object();
  if (!id.empty()) json["Id"] = id;
  for (const auto& [prefix, type] : kArnTypes) {
    if (id.starts_with(prefix))
      json["Arn"] = fmt::format("arn:aws:ec2:{}:{}:{}/{}", plan.region, kAccount, type, id);
  }
  if (!name.empty()) json["Name"] = name;
  return json;
}

ordered_json PortRangeJson(int from, int to) { return {{"From", from}, {"To", to}}; }

ordered_json HeaderJson(const flow::FiveTuple& tuple) {
  ordered_json json = {{"DestinationAddresses", {tuple.destination.ToString()}}};
  const bool has_ports =
      tuple.protocol == wire::kProtocolTcp || tuple.protocol == wire::kProtocolUdp;
  if (has_ports) {
    json["DestinationPortRanges"] = {PortRangeJson(tuple.destination_port, tuple.destination_port)};
  }
  json["Protocol"] = slowpath::ProtocolText(tuple.protocol);
  json["SourceAddresses"] = {tuple.source.ToString()};
  if (has_ports) json["SourcePortRanges"] = {PortRangeJson(tuple.source_port, tuple.source_port)};
  return json;
}

bool IsInbound(Stage stage) {
  return stage == Stage::kSecurityGroupIngress || stage == Stage::kNetworkAclInbound;
}

std::string ProtocolText(int protocol) {
  return protocol < 0 ? "-1" : slowpath::ProtocolText(static_cast<std::uint8_t>(protocol));
}

ordered_json SecurityGroupRuleJson(const tables::Rule& rule, const FabricPlan& plan,
                                   bool is_ingress) {
  ordered_json json = ordered_json::object();
  for (const config::SecurityGroup& group : plan.config.security_groups()) {
    for (const config::SecurityGroupRule& each : group.rules()) {
      if (each.id() != rule.id) continue;
      if (!each.security_group_id().empty()) json["SecurityGroupId"] = each.security_group_id();
      if (!each.prefix_list_id().empty()) json["PrefixListId"] = each.prefix_list_id();
    }
  }
  if (json.empty()) json["Cidr"] = rule.peer_text;
  json["Direction"] = is_ingress ? "ingress" : "egress";
  if (rule.protocol == wire::kProtocolTcp || rule.protocol == wire::kProtocolUdp)
    json["PortRange"] = PortRangeJson(rule.from_port, rule.to_port);
  json["Protocol"] = ProtocolText(rule.protocol);
  json["rule_id"] = rule.id;
  return json;
}

ordered_json AclRuleJson(const tables::Rule* rule, bool is_ingress) {
  constexpr int kLastRule = 32'767;  // "*", as AWS numbers it
  ordered_json json;
  json["Cidr"] = rule == nullptr ? "0.0.0.0/0" : rule->peer_text;
  json["Egress"] = !is_ingress;
  if (rule != nullptr &&
      (rule->protocol == wire::kProtocolTcp || rule->protocol == wire::kProtocolUdp))
    json["PortRange"] = PortRangeJson(rule->from_port, rule->to_port);
  json["Protocol"] = ProtocolText(rule == nullptr ? -1 : rule->protocol);
  json["RuleAction"] = rule != nullptr && rule->allow ? "allow" : "deny";
  int number = kLastRule;
  if (rule != nullptr) std::from_chars(rule->id.data(), rule->id.data() + rule->id.size(), number);
  json["RuleNumber"] = number;
  return json;
}

ordered_json RouteJson(const tables::Route& route) {
  ordered_json json = {{"DestinationCidr", route.destination.ToString()}};
  const std::string& target = route.target_id;
  if (route.target == tables::RouteTargetKind::kLocal) json["GatewayId"] = "local";
  if (target.starts_with("igw-")) json["GatewayId"] = target;
  if (target.starts_with("nat-")) json["NatGatewayId"] = target;
  if (target.starts_with("eni-")) json["NetworkInterfaceId"] = target;
  if (target.starts_with("pcx-")) json["VpcPeeringConnectionId"] = target;
  if (target.starts_with("eigw-")) json["EgressOnlyInternetGatewayId"] = target;
  if (target.starts_with("vpce-")) json["GatewayId"] = target;
  json["Origin"] =
      route.target == tables::RouteTargetKind::kLocal ? "createroutetable" : "createroute";
  json["State"] = route.target == tables::RouteTargetKind::kBlackhole ? "blackhole" : "active";
  return json;
}

const tables::Rule* RuleWithId(const tables::RuleSet& rules, const std::string& id) {
  for (const tables::Rule& rule : rules.rules()) {
    if (rule.id == id) return &rule;
  }
  return nullptr;
}

// What the stage looked up, under AWS's key for it.
void AddMatch(const FabricPlan& plan, const Snapshot& snapshot, const StageReport& report,
              ordered_json& json) {
  const bool is_ingress = IsInbound(report.stage);
  switch (report.stage) {
    case Stage::kSecurityGroupEgress:
    case Stage::kSecurityGroupIngress:
      if (report.rule_id.empty()) return;
      for (const tables::Eni& eni : snapshot.enis) {
        const auto& rules = is_ingress ? eni.ingress_rules : eni.egress_rules;
        const tables::Rule* rule = rules ? RuleWithId(*rules, report.rule_id) : nullptr;
        if (rule == nullptr) continue;
        json["SecurityGroupRule"] = SecurityGroupRuleJson(*rule, plan, is_ingress);
        return;
      }
      return;
    case Stage::kNetworkAclOutbound:
    case Stage::kNetworkAclInbound:
      for (const tables::NetworkAcl& acl : snapshot.network_acls) {
        if (acl.id != report.component_id) continue;
        const auto asked = FilterQuestionOf(snapshot, report, 0, 0);
        const tables::RuleSet& entries = is_ingress ? acl.ingress : acl.egress;
        const tables::Rule* entry = RuleWithId(entries, report.rule_id);
        if (entry == nullptr && asked) {
          const std::uint32_t position = entries.Match(asked->query);
          if (position != tables::RuleSet::kNoMatch) entry = &entries.rule(position);
        }
        json["AclRule"] = AclRuleJson(entry, is_ingress);
      }
      return;
    case Stage::kRoute:
      for (const tables::RouteTable& table : snapshot.route_tables) {
        if (table.id != report.component_id) continue;
        const std::uint32_t position = table.lpm.Find(report.before.destination);
        if (position != tables::Lpm::kNotFound)
          json["RouteTableRoute"] = RouteJson(table.routes[position]);
      }
      return;
    default:
      return;
  }
}

void AddPlace(const FabricPlan& plan, const Snapshot& snapshot, const StageReport& report,
              ordered_json& json) {
  for (const tables::Eni& eni : snapshot.enis) {
    if (eni.id != report.component_id) continue;
    const tables::Subnet& subnet = snapshot[eni.subnet];
    json["Subnet"] = ComponentJson(plan, subnet.id, subnet.name);
    json["Vpc"] = ComponentJson(plan, snapshot[eni.vpc].id, snapshot[eni.vpc].name);
  }
}

}  // namespace

ordered_json PathComponents(const FabricPlan& plan, const Snapshot& snapshot,
                            const slowpath::PathExplanation& path) {
  ordered_json components = ordered_json::array();
  for (const StageReport& report : path.stages) {
    ordered_json json = {{"SequenceNumber", components.size() + 1}};
    json["Component"] = ComponentJson(plan, report.component_id, report.component_name);
    AddMatch(plan, snapshot, report, json);
    AddPlace(plan, snapshot, report, json);
    json["InboundHeader"] = HeaderJson(report.before);
    if (report.passed) json["OutboundHeader"] = HeaderJson(report.after);
    json["stage"] = ToText(report.stage);
    json["passed"] = report.passed;
    if (!report.detail.empty()) json["detail"] = report.detail;
    components.push_back(std::move(json));
  }
  return components;
}

ordered_json AwsExplanation(const FabricPlan& plan, const Snapshot& snapshot,
                            const Reason& reason) {
  ordered_json json = {{"ExplanationCode", reason.code}};
  if (reason.stage) {
    const StageReport& stage = *reason.stage;
    ordered_json component = ComponentJson(plan, stage.component_id, stage.component_name);
    json["Component"] = component;
    json["PacketField"] = "destination-address";
    if (IsInbound(stage.stage)) json["Direction"] = "ingress";
    if (stage.stage == Stage::kSecurityGroupEgress || stage.stage == Stage::kNetworkAclOutbound)
      json["Direction"] = "egress";
    if (IsInbound(stage.stage)) json["PacketField"] = "source-address";
    if (stage.component_id.starts_with("acl-")) json["Acl"] = component;
    if (stage.component_id.starts_with("eni-")) json["NetworkInterface"] = component;
    if (stage.component_id.starts_with("igw-")) json["InternetGateway"] = component;
    if (stage.component_id.starts_with("nat-")) json["NatGateway"] = component;
    if (stage.component_id.starts_with("rtb-")) json["RouteTable"] = component;
    AddMatch(plan, snapshot, stage, json);
    AddPlace(plan, snapshot, stage, json);
    if (stage.stage == Stage::kSecurityGroupEgress || stage.stage == Stage::kSecurityGroupIngress) {
      json["SecurityGroups"] = ordered_json::array();
      for (const tables::Eni& eni : snapshot.enis) {
        if (eni.id != stage.component_id) continue;
        for (const tables::SecurityGroupIndex group : eni.security_groups)
          json["SecurityGroups"].push_back(
              ComponentJson(plan, snapshot[group].id, snapshot[group].name));
      }
    }
  }
  json["path"] = reason.is_reply ? "return" : "forward";
  json["is_failure"] = reason.is_failure;
  json["sentence"] = reason.sentence;
  if (reason.stage && !reason.stage->detail.empty()) json["detail"] = reason.stage->detail;
  if (reason.near_miss) {
    json["near_miss"] = {{"rule", reason.near_miss->rule->id},
                         {"owner", reason.near_miss->rule->owner_name},
                         {"matches", reason.near_miss->matches},
                         {"fails", reason.near_miss->fails},
                         {"text", reason.near_miss->text}};
  }
  if (reason.fix) {
    json["fix"] = {{"summary", reason.fix->summary},
                   {"topology", reason.fix->topology},
                   {"aws", reason.fix->aws},
                   {"terraform", reason.fix->terraform}};
  }
  return json;
}

}  // namespace taploom::control
