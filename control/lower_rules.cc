// Security groups and network ACLs, with the rules AWS gives to those that write none
// (vpc-semantics §5, §6).
#include "control/lower_sections.h"
#include "control/rule_match.h"

namespace taploom::control {
namespace {

using wire::IpPrefix;

const Cidr kEverywhereV4{wire::IpAddress::V4(0), 0};
const Cidr kEverywhereV6{};

std::vector<Cidr> Everywhere(const Vpc& vpc) {
  std::vector<Cidr> everywhere = {kEverywhereV4};
  if (!vpc.ipv6_cidrs.empty()) everywhere.push_back(kEverywhereV6);
  return everywhere;
}

std::string_view DirectionName(config::Direction direction) {
  return direction == config::INGRESS ? "ingress" : "egress";
}

class SecurityGroupLowering {
 public:
  SecurityGroupLowering(LowerContext& context, const Vpc& vpc, const std::string& name)
      : context_(context), vpc_(vpc), group_(context.plan.config.add_security_groups()) {
    path_ = PathIn(vpc, "security_groups", name);
    group_->set_id(context.SecurityGroupId(vpc, name));
    group_->set_name(name);
    group_->set_vpc_id(context.VpcId(vpc));
  }

  void AddRules(config::Direction direction, const std::vector<SecurityGroupRule>& rules) {
    for (const SecurityGroupRule& rule : rules) {
      for (const Located<Peer>& peer : rule.peers) {
        if (rule.ports.empty()) AddRule(direction, rule, nullptr, peer.value);
        for (const Located<PortRange>& range : rule.ports) {
          AddRule(direction, rule, &range.value, peer.value);
        }
      }
    }
  }
  void AddAllTraffic(config::Direction direction, const Peer& peer) {
    Add(direction, LowerMatch(kAllProtocols, nullptr, {}, {}), peer);
  }

 private:
  void AddRule(config::Direction direction, const SecurityGroupRule& rule, const PortRange* ports,
               const Peer& peer) {
    Add(direction, LowerMatch(rule.protocol->value, ports, rule.icmp_type, rule.icmp_code), peer);
  }

  void Add(config::Direction direction, const config::Match& match, const Peer& peer) {
    config::SecurityGroupRule* rule = group_->add_rules();
    // By what the rule says, not by where it stands.
    rule->set_id(context_.Id("sgr", fmt::format("{}/{}/{}/{}", path_, DirectionName(direction),
                                                ToText(match), PeerText(peer))));
    rule->set_direction(direction);
    *rule->mutable_match() = match;
    switch (peer.kind) {
      case Peer::Kind::kCidr:
        SetPrefix(peer.cidr.prefix(), rule->mutable_cidr());
        break;
      case Peer::Kind::kSecurityGroup:
        rule->set_security_group_id(context_.SecurityGroupId(vpc_, peer.name));
        break;
      case Peer::Kind::kPrefixList:
        rule->set_prefix_list_id(context_.PrefixListId(vpc_, peer.name));
        break;
    }
  }

  LowerContext& context_;
  const Vpc& vpc_;
  config::SecurityGroup* group_;
  std::string path_;
};

void LowerSecurityGroup(LowerContext& context, const Vpc& vpc, const std::string& name,
                        const SecurityGroup* group) {
  SecurityGroupLowering lowering(context, vpc, name);
  if (group != nullptr && group->ingress) {
    lowering.AddRules(config::INGRESS, *group->ingress);
  } else if (name == kDefaultName) {
    lowering.AddAllTraffic(config::INGRESS, {Peer::Kind::kSecurityGroup, {}, name});
  }
  if (group != nullptr && group->egress) {
    lowering.AddRules(config::EGRESS, *group->egress);
  } else {
    for (const Cidr& cidr : Everywhere(vpc)) {
      lowering.AddAllTraffic(config::EGRESS, {Peer::Kind::kCidr, cidr, {}});
    }
  }
}

void LowerAclRules(config::NetworkAcl* acl, config::Direction direction,
                   const std::vector<NetworkAclRule>& rules) {
  for (const NetworkAclRule& rule : rules) {
    config::NetworkAclEntry* entry = acl->add_entries();
    entry->set_rule_number(static_cast<std::uint32_t>(rule.number->value));
    entry->set_direction(direction);
    entry->set_allow(*rule.allow);
    *entry->mutable_match() =
        LowerMatch(rule.protocol->value, rule.ports ? &rule.ports->value : nullptr, rule.icmp_type,
                   rule.icmp_code);
    SetPrefix(rule.cidr->value.prefix(), entry->mutable_cidr());
  }
}

// Rule 100 for IPv4 and, once the VPC has IPv6, 101 for IPv6.
void AllowAll(config::NetworkAcl* acl, config::Direction direction, const Vpc& vpc) {
  std::uint32_t number = 100;
  for (const Cidr& cidr : Everywhere(vpc)) {
    config::NetworkAclEntry* entry = acl->add_entries();
    entry->set_rule_number(number++);
    entry->set_direction(direction);
    entry->set_allow(true);
    *entry->mutable_match() = LowerMatch(kAllProtocols, nullptr, {}, {});
    SetPrefix(cidr.prefix(), entry->mutable_cidr());
  }
}

// A default ACL allows what it does not write; one of the file's own denies it.
void LowerNetworkAcl(LowerContext& context, const Vpc& vpc, const std::string& name,
                     const NetworkAcl* acl) {
  config::NetworkAcl* lowered = context.plan.config.add_network_acls();
  lowered->set_id(context.NetworkAclId(vpc, name));
  lowered->set_name(name);
  lowered->set_vpc_id(context.VpcId(vpc));
  const auto lower = [&](config::Direction direction,
                         const std::optional<std::vector<NetworkAclRule>>* rules) {
    if (rules != nullptr && rules->has_value()) {
      LowerAclRules(lowered, direction, **rules);
    } else if (name == kDefaultName) {
      AllowAll(lowered, direction, vpc);
    }
  };
  lower(config::INGRESS, acl == nullptr ? nullptr : &acl->ingress);
  lower(config::EGRESS, acl == nullptr ? nullptr : &acl->egress);
}

}  // namespace

void LowerSecurityGroups(LowerContext& context) {
  const std::string default_name(kDefaultName);
  for (const Vpc& vpc : context.topology.vpcs) {
    if (FindByName(vpc.security_groups, kDefaultName) == nullptr) {
      LowerSecurityGroup(context, vpc, default_name, nullptr);
    }
    for (const SecurityGroup& group : vpc.security_groups) {
      LowerSecurityGroup(context, vpc, group.name.value, &group);
    }
  }
}

void LowerNetworkAcls(LowerContext& context) {
  const std::string default_name(kDefaultName);
  for (const Vpc& vpc : context.topology.vpcs) {
    if (FindByName(vpc.network_acls, kDefaultName) == nullptr) {
      LowerNetworkAcl(context, vpc, default_name, nullptr);
    }
    for (const NetworkAcl& acl : vpc.network_acls) {
      LowerNetworkAcl(context, vpc, acl.name.value, &acl);
    }
  }
}

}  // namespace taploom::control
