// Security groups: from rules to the classifiers that their ENIs share.
#include <algorithm>
#include <iterator>
#include <map>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "dataplane/tables/compiler.h"

namespace taploom::tables {
namespace {

const std::string& NameOrId(const std::string& name, const std::string& id) {
  return name.empty() ? id : name;
}

}  // namespace

void Compiler::AddSecurityGroup(const config::SecurityGroup& source) {
  const Subject subject = SubjectOf(source);
  security_groups_.Add(subject);
  snapshot_->security_groups.push_back(
      {source.id(), source.name(), vpcs_.Get(subject, source.vpc_id())});
}

void Compiler::AttachSecurityGroups(const NamedPeersById& prefix_lists) {
  const NamedPeersById members = SecurityGroupMembers();
  std::vector<DirectedRules> rules_of_group;
  std::unordered_set<std::string> rule_ids;
  for (const config::SecurityGroup& group : config_.security_groups()) {
    for (const config::SecurityGroupRule& rule : group.rules()) {
      if (!rule_ids.insert(rule.id()).second) {
        Reject(SubjectOf(group), "rule {}: id is used twice", rule.id());
      }
    }
    rules_of_group.push_back(
        ReadSecurityGroupRules(group, members, prefix_lists, peered_in_region_));
  }

  struct Filters {
    std::shared_ptr<const RuleSet> ingress, egress, ingress_without_groups;
  };
  // Without an appliance no packet comes through one.
  const bool has_appliance = std::any_of(snapshot_->enis.begin(), snapshot_->enis.end(),
                                         [](const Eni& eni) { return !eni.source_dest_check; });
  std::map<std::vector<std::uint32_t>, Filters> filters_of_groups;
  for (Eni& eni : snapshot_->enis) {
    if (eni.type == EniType::kNatGateway) continue;
    std::vector<std::uint32_t> groups;
    for (const SecurityGroupIndex group : eni.security_groups) groups.push_back(group.value);
    const auto [entry, is_new] = filters_of_groups.try_emplace(groups);
    Filters& filters = entry->second;
    if (is_new) {
      DirectedRules all;
      for (const std::uint32_t group : groups) {
        const DirectedRules& own = rules_of_group[group];
        all.ingress.insert(all.ingress.end(), own.ingress.begin(), own.ingress.end());
        all.egress.insert(all.egress.end(), own.egress.begin(), own.egress.end());
      }
      std::vector<Rule> without_groups;
      if (has_appliance) {
        std::copy_if(all.ingress.begin(), all.ingress.end(), std::back_inserter(without_groups),
                     [](const Rule& rule) { return !rule.names_group; });
      }
      const bool differs = has_appliance && without_groups.size() != all.ingress.size();
      filters.ingress = std::make_shared<const RuleSet>(std::move(all.ingress));
      filters.ingress_without_groups =
          differs ? std::make_shared<const RuleSet>(std::move(without_groups)) : filters.ingress;
      filters.egress = std::make_shared<const RuleSet>(std::move(all.egress));
    }
    eni.ingress_rules = filters.ingress;
    eni.ingress_rules_without_groups = filters.ingress_without_groups;
    eni.egress_rules = filters.egress;
  }
}

// A group as a peer stands for the private addresses of the ENIs that carry it, of both families;
// public addresses never match (vpc-semantics §5).
NamedPeersById Compiler::SecurityGroupMembers() const {
  NamedPeersById members;
  for (const config::SecurityGroup& group : config_.security_groups()) {
    members[group.id()] = {NameOrId(group.name(), group.id()), group.vpc_id(), {}};
  }
  for (const Eni& eni : snapshot_->enis) {
    for (const SecurityGroupIndex group : eni.security_groups) {
      NamedPeers& peers = members[(*snapshot_)[group].id];
      for (const EniAddress& address : eni.addresses) {
        peers.prefixes.push_back(wire::IpPrefix::Host(address.private_address));
      }
    }
  }
  return members;
}

}  // namespace taploom::tables
