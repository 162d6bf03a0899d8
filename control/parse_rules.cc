// Security groups and network ACLs.
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "control/parse_sections.h"

namespace taploom::control {
namespace {

std::optional<Located<int>> ParseProtocol(ParseContext& context, const YamlNode& node) {
  const auto text = ReadText(context, node, "protocol");
  if (!text) return std::nullopt;
  static constexpr std::pair<std::string_view, int> kNames[] = {
      {"all", kAllProtocols}, {"tcp", kTcp}, {"udp", kUdp}, {"icmp", kIcmp}, {"icmpv6", kIcmpv6}};
  for (const auto& [name, number] : kNames) {
    if (text->value == name) return Located<int>{number, node.at};
  }
  const std::optional<int> number = ParseInteger(text->value, -1, 255);
  if (!number) {
    context.findings.Add(
        node.at,
        "protocol must be tcp, udp, icmp, icmpv6, all or a number from 0 to 255, not \"{}\"",
        text->value);
    return std::nullopt;
  }
  return Located<int>{*number, node.at};
}

std::optional<Located<PortRange>> ParsePortRange(ParseContext& context, const YamlNode& node) {
  const auto text = ReadText(context, node, "ports");
  if (!text) return std::nullopt;
  const std::size_t dash = text->value.find('-');
  const std::string_view word = text->value;
  const std::optional<int> from = ParseInteger(word.substr(0, dash), 0, 65535);
  const std::optional<int> to =
      dash == std::string_view::npos ? from : ParseInteger(word.substr(dash + 1), 0, 65535);
  if (!from || !to) {
    context.findings.Add(node.at, "ports: \"{}\" is no port or range within 0-65535", word);
    return std::nullopt;
  }
  return Located<PortRange>{{*from, *to}, node.at};
}

std::optional<Located<Peer>> ParsePeer(ParseContext& context, const YamlNode& node,
                                       std::string_view key) {
  if (node.kind == YamlNode::Kind::kScalar) {
    if (node.text.starts_with("sg:")) {
      return Located<Peer>{{Peer::Kind::kSecurityGroup, {}, node.text.substr(3)}, node.at};
    }
    if (node.text.starts_with("pl:")) {
      return Located<Peer>{{Peer::Kind::kPrefixList, {}, node.text.substr(3)}, node.at};
    }
    if (!ParseCidr(node.text) && node.text.find_first_of("./:") == std::string::npos &&
        !node.text.empty()) {
      context.findings.Add(
          node.at,
          "{}: \"{}\" is not a CIDR block; a security group is written sg:{}, a prefix list pl:{}",
          key, node.text, node.text, node.text);
      return std::nullopt;
    }
  }
  const auto cidr = ReadCidr(context, node, key, std::nullopt);
  if (!cidr) return std::nullopt;
  return Located<Peer>{{Peer::Kind::kCidr, cidr->value, {}}, node.at};
}

SecurityGroupRule ParseSecurityGroupRule(ParseContext& context, const YamlNode& node,
                                         bool ingress) {
  SecurityGroupRule rule;
  rule.at = node.at;
  const std::size_t findings_before = context.findings.count();
  const std::string_view peer_key = ingress ? "from" : "to";
  const MapReader map(context, node, ingress ? "the ingress rule" : "the egress rule",
                      ingress ? keys::Keys(keys::kIngressRule) : keys::Keys(keys::kEgressRule));
  if (const YamlNode* protocol = map.Require("protocol", node.at)) {
    rule.protocol = ParseProtocol(context, *protocol);
  }
  map.ForOneOrEach("ports", [&](const YamlNode& item) {
    if (const auto range = ParsePortRange(context, item)) rule.ports.push_back(*range);
  });
  rule.icmp_type = map.Integer("type", -1, 255);
  rule.icmp_code = map.Integer("code", -1, 255);
  map.Require(peer_key, node.at);
  map.ForOneOrEach(peer_key, [&](const YamlNode& item) {
    if (auto peer = ParsePeer(context, item, peer_key)) rule.peers.push_back(std::move(*peer));
  });
  map.Text("description");
  rule.readable = context.findings.count() == findings_before;
  return rule;
}

NetworkAclRule ParseNetworkAclRule(ParseContext& context, const YamlNode& node) {
  NetworkAclRule rule;
  rule.at = node.at;
  const MapReader map(context, node, "the network ACL rule", keys::kNetworkAclRule);
  map.Require("rule", node.at);
  // 32767 and 32768 are the implicit final denies (vpc-semantics §6).
  rule.number = map.Integer("rule", 1, 32766);
  map.Require("action", node.at);
  if (const auto action = map.Choice("action", {"allow", "deny"})) {
    rule.allow = action->value == "allow";
  }
  if (const YamlNode* protocol = map.Require("protocol", node.at)) {
    rule.protocol = ParseProtocol(context, *protocol);
  }
  if (const YamlNode* ports = map.Find("ports")) {
    if (ports->kind == YamlNode::Kind::kSequence) {
      context.findings.Add(ports->at,
                           "a network ACL rule has one port or range; write one rule for each");
    } else {
      rule.ports = ParsePortRange(context, *ports);
    }
  }
  rule.icmp_type = map.Integer("type", -1, 255);
  rule.icmp_code = map.Integer("code", -1, 255);
  if (const YamlNode* cidr = map.Require("cidr", node.at)) {
    rule.cidr = ReadCidr(context, *cidr, "cidr", std::nullopt);
  }
  return rule;
}

// The rules under `key`, absent when it is not written. `key:` with nothing behind it says neither
// "none" nor "default".
template <typename ParseRule>
auto ParseRules(ParseContext& context, const MapReader& map, std::string_view key,
                ParseRule parse_rule) {
  std::optional<std::vector<std::invoke_result_t<ParseRule, const YamlNode&>>> rules;
  const YamlNode* node = map.Find(key);
  if (node == nullptr) return rules;
  rules.emplace();
  if (node->kind == YamlNode::Kind::kNull) {
    context.findings.Add(node->at, "\"{}\" is empty; write [] for no rule, or leave the key out",
                         key);
    return rules;
  }
  ForEachItem(context, *node, key,
              [&](const YamlNode& item) { rules->push_back(parse_rule(item)); });
  return rules;
}

}  // namespace

SecurityGroup ParseSecurityGroup(ParseContext& context, const Name& name, const YamlNode& node) {
  SecurityGroup group;
  group.name = name;
  const MapReader map(context, node, fmt::format("security group \"{}\"", name.value),
                      keys::kSecurityGroup);
  if (const auto description = map.Text("description")) group.description = description->value;
  group.ingress = ParseRules(context, map, "ingress", [&](const YamlNode& item) {
    return ParseSecurityGroupRule(context, item, true);
  });
  group.egress = ParseRules(context, map, "egress", [&](const YamlNode& item) {
    return ParseSecurityGroupRule(context, item, false);
  });
  return group;
}

NetworkAcl ParseNetworkAcl(ParseContext& context, const Name& name, const YamlNode& node) {
  NetworkAcl acl;
  acl.name = name;
  const MapReader map(context, node, fmt::format("network ACL \"{}\"", name.value),
                      keys::kNetworkAcl);
  const auto parse = [&](const YamlNode& item) { return ParseNetworkAclRule(context, item); };
  acl.ingress = ParseRules(context, map, "ingress", parse);
  acl.egress = ParseRules(context, map, "egress", parse);
  return acl;
}

}  // namespace taploom::control
