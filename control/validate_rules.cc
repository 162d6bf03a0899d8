// Security groups and network ACLs (vpc-semantics §5, §6, §14).
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "control/rule_match.h"
#include "control/validate_sections.h"

namespace taploom::control {
namespace {

using wire::Family;

// What both kinds of rule share: ports and ICMP fields fit the protocol.
void CheckShape(const std::optional<Located<int>>& protocol,
                const std::vector<Located<PortRange>>& ports,
                const std::optional<Located<int>>& icmp_type,
                const std::optional<Located<int>>& icmp_code, Findings& findings) {
  for (const Located<PortRange>& range : ports) {
    if (range.value.from > range.value.to) {
      findings.Add(range.at, "ports {}-{} run backwards; write {}-{}", range.value.from,
                   range.value.to, range.value.to, range.value.from);
    }
  }
  if (!protocol) return;
  const int number = protocol->value;
  if (!ports.empty() && !HasPorts(number)) {
    findings.Add(ports.front().at, "protocol {} has no ports{}", ProtocolName(number),
                 HasIcmpType(number) ? "; use type and code" : "; leave the key out");
  }
  if (icmp_type && !HasIcmpType(number)) {
    findings.Add(icmp_type->at, "type is for icmp and icmpv6, not for protocol {}",
                 ProtocolName(number));
  }
  if (icmp_code && !HasIcmpType(number)) {
    findings.Add(icmp_code->at, "code is for icmp and icmpv6, not for protocol {}",
                 ProtocolName(number));
  } else if (icmp_code && icmp_code->value >= 0 && (!icmp_type || icmp_type->value < 0)) {
    findings.Add(icmp_code->at, "code {} needs the type it belongs to", icmp_code->value);
  }
}

void CheckBlock(const Cidr& cidr, Position at, Findings& findings) {
  if (cidr.has_host_bits()) {
    findings.Add(at, "{} has host bits; the block is {}", cidr.ToString(),
                 cidr.prefix().ToString());
  }
}

class SecurityGroupCheck {
 public:
  SecurityGroupCheck(const Topology& topology, const Vpc& vpc, Findings& findings)
      : topology_(topology), vpc_(vpc), findings_(findings) {}

  void Check(const SecurityGroup& group) {
    if (group.ingress) CheckDirection(group, *group.ingress, "ingress");
    if (group.egress) CheckDirection(group, *group.egress, "egress");
  }

 private:
  void CheckDirection(const SecurityGroup& group, const std::vector<SecurityGroupRule>& rules,
                      std::string_view direction) {
    std::set<std::string> seen;
    std::map<Family, std::size_t> weight;
    for (const SecurityGroupRule& rule : rules) {
      CheckShape(rule.protocol, rule.ports, rule.icmp_type, rule.icmp_code, findings_);
      for (const Located<Peer>& peer : rule.peers) CheckPeer(rule, peer, seen, weight);
    }
    const auto limit = static_cast<std::size_t>(topology_.limits.rules_per_security_group);
    for (const auto& [family, count] : weight) {
      if (count <= limit) continue;
      findings_.Add(group.name.at, "security group \"{}\" has {} {} rules for {}; {}",
                    group.name.value, count, direction, family == Family::kIpv4 ? "IPv4" : "IPv6",
                    QuotaText(topology_.limits, &Limits::rules_per_security_group));
    }
  }

  void CheckPeer(const SecurityGroupRule& rule, const Located<Peer>& peer,
                 std::set<std::string>& seen, std::map<Family, std::size_t>& weight) {
    const std::size_t ranges = std::max<std::size_t>(1, rule.ports.size());
    switch (peer.value.kind) {
      case Peer::Kind::kCidr:
        CheckBlock(peer.value.cidr, peer.at, findings_);
        CheckFamily(rule, peer);
        weight[peer.value.cidr.family()] += ranges;
        break;
      case Peer::Kind::kSecurityGroup:
        CheckGroup({peer.value.name, peer.at});
        weight[Family::kIpv4] += ranges;
        break;
      case Peer::Kind::kPrefixList: {
        const PrefixList* list = Resolve(topology_, vpc_, &Vpc::prefix_lists, "prefix list",
                                         "prefix_lists", {peer.value.name, peer.at}, findings_);
        // A prefix list weighs as much as it has entries.
        if (list != nullptr) {
          weight[Family::kIpv4] += ranges * std::max<std::size_t>(1, list->cidrs.size());
        }
        break;
      }
    }
    // A part that could not be read would look like one that is not written.
    if (!rule.protocol || !rule.readable) return;
    for (const MatchText& match : MatchTexts(rule)) {
      if (seen.insert(match.text + " " + PeerText(peer.value)).second) continue;
      findings_.Add(match.at.in_file() ? match.at : peer.at,
                    "the group has this rule already: {} {}", match.text, PeerText(peer.value));
    }
  }

  // A group of this VPC, or of one that is peered with it in the same region.
  void CheckGroup(const Name& reference) {
    const ScopedName scoped = SplitScope(reference.value);
    if (scoped.vpc.empty() || scoped.vpc == vpc_.name.value) {
      return CheckGroupReference(topology_, vpc_, reference, findings_);
    }
    const Vpc* other = FindByName(topology_.vpcs, scoped.vpc);
    if (other == nullptr) {
      if (topology_.unreadable.contains("vpcs")) return;
      findings_.Add(reference.at, "vpc \"{}\" does not exist{}", scoped.vpc,
                    DidYouMean(scoped.vpc, NamesOf(topology_.vpcs)));
    } else if (FindPeering(topology_, vpc_, *other) == nullptr) {
      findings_.Add(reference.at,
                    "security group \"{}\" is in vpc \"{}\", which is not peered with vpc \"{}\"",
                    scoped.name, scoped.vpc, vpc_.name.value);
    } else if (RegionOf(topology_, vpc_) != RegionOf(topology_, *other)) {
      findings_.Add(reference.at,
                    "security group \"{}\" is in another region than vpc \"{}\"; name its blocks",
                    reference.value, vpc_.name.value);
    } else {
      CheckGroupReference(topology_, *other, reference, findings_);
    }
  }

  void CheckFamily(const SecurityGroupRule& rule, const Located<Peer>& peer) {
    if (!rule.protocol) return;
    const Family family = peer.value.cidr.family();
    if (rule.protocol->value == kIcmp && family == Family::kIpv6) {
      findings_.Add(peer.at, "icmp is IPv4's; {} needs protocol icmpv6",
                    peer.value.cidr.ToString());
    }
    if (rule.protocol->value == kIcmpv6 && family == Family::kIpv4) {
      findings_.Add(peer.at, "icmpv6 is IPv6's; {} needs protocol icmp",
                    peer.value.cidr.ToString());
    }
  }

  const Topology& topology_;
  const Vpc& vpc_;
  Findings& findings_;
};

void CheckAclDirection(const Topology& topology, const NetworkAcl& acl,
                       const std::vector<NetworkAclRule>& rules, std::string_view direction,
                       Findings& findings) {
  std::map<int, Position> numbers;
  std::map<Family, int> count;
  for (const NetworkAclRule& rule : rules) {
    std::vector<Located<PortRange>> ports;
    if (rule.ports) ports.push_back(*rule.ports);
    CheckShape(rule.protocol, ports, rule.icmp_type, rule.icmp_code, findings);
    if (rule.cidr) {
      CheckBlock(rule.cidr->value, rule.cidr->at, findings);
      ++count[rule.cidr->value.family()];
    }
    if (!rule.number) continue;
    const auto [first, is_new] = numbers.emplace(rule.number->value, rule.number->at);
    if (!is_new) {
      findings.Add(rule.number->at, "{} rule {} exists already, at {}:{}", direction,
                   rule.number->value, first->second.line, first->second.column);
    }
  }
  // The quota includes the final deny.
  const int limit = topology.limits.rules_per_network_acl;
  for (const auto& [family, number] : count) {
    if (number < limit) continue;
    findings.Add(acl.name.at, "network ACL \"{}\" has {} {} rules for {} and the final deny; {}",
                 acl.name.value, number, direction, family == Family::kIpv4 ? "IPv4" : "IPv6",
                 QuotaText(topology.limits, &Limits::rules_per_network_acl));
  }
}

}  // namespace

void CheckSecurityGroups(const Topology& topology, Findings& findings) {
  for (const Vpc& vpc : topology.vpcs) {
    SecurityGroupCheck check(topology, vpc, findings);
    for (const SecurityGroup& group : vpc.security_groups) {
      if (findings.full()) return;
      check.Check(group);
    }
  }
}

void CheckNetworkAcls(const Topology& topology, Findings& findings) {
  for (const Vpc& vpc : topology.vpcs) {
    for (const NetworkAcl& acl : vpc.network_acls) {
      if (acl.ingress) CheckAclDirection(topology, acl, *acl.ingress, "ingress", findings);
      if (acl.egress) CheckAclDirection(topology, acl, *acl.egress, "egress", findings);
    }
  }
}

}  // namespace taploom::control
