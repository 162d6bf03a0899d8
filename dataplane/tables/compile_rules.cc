#include "dataplane/tables/compile_rules.h"

#include <map>

#include "dataplane/tables/config_fields.h"
#include "dataplane/wire/protocol.h"

namespace taploom::tables {
namespace {

// vpc-semantics §6; 32767 is the implicit deny.
constexpr std::uint32_t kLargestRuleNumber = 32'766;

constexpr std::int32_t kAny = -1;

// Fills in the part of `rule` that does not depend on the peer. `label` names the rule inside its
// owner.
void ReadMatch(const Subject& owner, const std::string& label, const config::Match& match,
               Rule& rule) {
  const bool is_icmp = wire::IsIcmp(match.protocol());
  if (match.protocol() < kAny || match.protocol() > 255) {
    Reject(owner, "{}: protocol {} is not one of -1 to 255", label, match.protocol());
  }
  if (match.from_port() > 65'535 || match.to_port() > 65'535) {
    Reject(owner, "{}: ports {}-{} are above 65535", label, match.from_port(), match.to_port());
  }
  if (match.from_port() > match.to_port()) {
    Reject(owner, "{}: ports {}-{} are reversed", label, match.from_port(), match.to_port());
  }
  if (match.icmp_type() < kAny || match.icmp_type() > 255) {
    Reject(owner, "{}: ICMP type {} is not one of -1 to 255", label, match.icmp_type());
  }
  if (match.icmp_code() < kAny || match.icmp_code() > 255) {
    Reject(owner, "{}: ICMP code {} is not one of -1 to 255", label, match.icmp_code());
  }
  if (is_icmp && match.icmp_type() == kAny && match.icmp_code() != kAny) {
    Reject(owner, "{}: ICMP code {} without a type", label, match.icmp_code());
  }
  rule.protocol = static_cast<std::int16_t>(match.protocol());
  rule.from_port = static_cast<std::uint16_t>(match.from_port());
  rule.to_port = static_cast<std::uint16_t>(match.to_port());
  rule.icmp_type = static_cast<std::int16_t>(match.icmp_type());
  rule.icmp_code = static_cast<std::int16_t>(match.icmp_code());
}

void ReadCidrPeer(const Subject& owner, const std::string& label, const config::Prefix& cidr,
                  Rule& rule) {
  const wire::IpPrefix prefix = ReadPrefix(owner, label + ": peer", cidr);
  rule.peers = {prefix};
  rule.peer_text = prefix.ToString();
}

const NamedPeers& GetPeers(const Subject& owner, const std::string& label, std::string_view kind,
                           const NamedPeersById& peers_by_id, const std::string& id) {
  const auto found = peers_by_id.find(id);
  if (found == peers_by_id.end()) Reject(owner, "{}: unknown {} \"{}\"", label, kind, id);
  return found->second;
}

// Whether a rule belongs to `rules.ingress` or `rules.egress`.
std::vector<Rule>& RulesOf(const Subject& owner, const std::string& label,
                           config::Direction direction, DirectedRules& rules) {
  if (direction == config::INGRESS) return rules.ingress;
  if (direction == config::EGRESS) return rules.egress;
  Reject(owner, "{}: direction is neither ingress nor egress", label);
}

}  // namespace

DirectedRules ReadSecurityGroupRules(const config::SecurityGroup& group,
                                     const NamedPeersById& security_groups,
                                     const NamedPeersById& prefix_lists, const PeeredVpcs& peered) {
  const Subject owner = SubjectOf(group);
  DirectedRules rules;
  for (const config::SecurityGroupRule& source : group.rules()) {
    const std::string label = "rule " + source.id();
    if (source.id().empty()) Reject(owner, "has a rule without id");
    if (!source.has_match()) Reject(owner, "{}: has no match", label);
    Rule rule;
    rule.id = source.id();
    rule.owner_id = group.id();
    rule.owner_name = group.name();
    ReadMatch(owner, label, source.match(), rule);
    switch (source.peer_case()) {
      case config::SecurityGroupRule::kCidr:
        ReadCidrPeer(owner, label, source.cidr(), rule);
        break;
      case config::SecurityGroupRule::kSecurityGroupId: {
        const NamedPeers& peers =
            GetPeers(owner, label, "security group", security_groups, source.security_group_id());
        if (peers.vpc_id != group.vpc_id() && !peered.contains({group.vpc_id(), peers.vpc_id})) {
          Reject(owner, "{}: security group {} is in another VPC", label,
                 source.security_group_id());
        }
        rule.peers = peers.prefixes;
        rule.peer_text = "sg:" + peers.name;
        rule.names_group = true;
        break;
      }
      case config::SecurityGroupRule::kPrefixListId: {
        const NamedPeers& peers =
            GetPeers(owner, label, "prefix list", prefix_lists, source.prefix_list_id());
        rule.peers = peers.prefixes;
        rule.peer_text = "pl:" + peers.name;
        break;
      }
      case config::SecurityGroupRule::PEER_NOT_SET:
        Reject(owner, "{}: has no peer", label);
    }
    RulesOf(owner, label, source.direction(), rules).push_back(std::move(rule));
  }
  return rules;
}

DirectedRules ReadNetworkAclRules(const config::NetworkAcl& acl) {
  const Subject owner = SubjectOf(acl);
  // The lowest number decides, so the position of a rule is its rank among the numbers.
  std::map<std::pair<config::Direction, std::uint32_t>, const config::NetworkAclEntry*> ordered;
  for (const config::NetworkAclEntry& entry : acl.entries()) {
    if (entry.rule_number() < 1 || entry.rule_number() > kLargestRuleNumber) {
      Reject(owner, "rule number {} is not one of 1 to {}", entry.rule_number(),
             kLargestRuleNumber);
    }
    if (!ordered.emplace(std::pair(entry.direction(), entry.rule_number()), &entry).second) {
      Reject(owner, "rule {}: number is used twice in one direction", entry.rule_number());
    }
  }
  DirectedRules rules;
  for (const auto& [key, entry] : ordered) {
    const std::string number = std::to_string(entry->rule_number());
    const std::string label = "rule " + number;
    if (!entry->has_match()) Reject(owner, "{}: has no match", label);
    Rule rule;
    rule.id = number;
    rule.owner_id = acl.id();
    rule.owner_name = acl.name();
    rule.allow = entry->allow();
    ReadMatch(owner, label, entry->match(), rule);
    ReadCidrPeer(owner, label, entry->cidr(), rule);
    RulesOf(owner, label, entry->direction(), rules).push_back(std::move(rule));
  }
  return rules;
}

NamedPeersById ReadPrefixLists(const config::FabricConfig& config) {
  NamedPeersById lists;
  for (const config::PrefixList& source : config.prefix_lists()) {
    const Subject subject = SubjectOf(source);
    if (source.id().empty()) Reject(subject, "has no id");
    NamedPeers list{source.name().empty() ? source.id() : source.name(), "", {}};
    for (const config::Prefix& cidr : source.cidrs()) {
      list.prefixes.push_back(ReadPrefix(subject, "CIDR", cidr));
    }
    if (!lists.emplace(source.id(), std::move(list)).second) Reject(subject, "id is used twice");
  }
  return lists;
}

}  // namespace taploom::tables
