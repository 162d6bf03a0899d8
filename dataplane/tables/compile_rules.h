// Rules of security groups and network ACLs, checked and with their references resolved.
#ifndef TAPLOOM_DATAPLANE_TABLES_COMPILE_RULES_H_
#define TAPLOOM_DATAPLANE_TABLES_COMPILE_RULES_H_

#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "dataplane/config/fabric_config.pb.h"
#include "dataplane/tables/rule_set.h"
#include "dataplane/wire/ip_address.h"

namespace taploom::tables {

// The rules of one owner, in the order in which they are to be matched.
struct DirectedRules {
  std::vector<Rule> ingress, egress;
};

// Something that a rule may name as its peer instead of a CIDR.
struct NamedPeers {
  std::string name;    // what the rule shows: "sg:alb", "pl:partners"
  std::string vpc_id;  // of a security group; empty for a prefix list, which belongs to no VPC
  std::vector<wire::IpPrefix> prefixes;
};
using NamedPeersById = std::unordered_map<std::string, NamedPeers>;

// Ids of VPCs that are peered within one region, each pair both ways: their rules may name each
// other's groups (vpc-semantics §12).
using PeeredVpcs = std::set<std::pair<std::string, std::string>>;

// Both throw ConfigFault. `security_groups` holds every group of the config.
DirectedRules ReadSecurityGroupRules(const config::SecurityGroup& group,
                                     const NamedPeersById& security_groups,
                                     const NamedPeersById& prefix_lists, const PeeredVpcs& peered);
DirectedRules ReadNetworkAclRules(const config::NetworkAcl& acl);

NamedPeersById ReadPrefixLists(const config::FabricConfig& config);

}  // namespace taploom::tables

#endif  // TAPLOOM_DATAPLANE_TABLES_COMPILE_RULES_H_
