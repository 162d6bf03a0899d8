// How many objects of each kind there may be (vpc-semantics §14), at the most that AWS grants:
// beyond that the other checks, some of them quadratic, are not worth their time. Defaults that
// `limits:` raises are checked with the objects. Quotas that AWS raises on request to what a fabric
// may want (VPCs, elastic IPs, NAT gateways) are not enforced.
#include <algorithm>
#include <cstddef>
#include <string_view>

#include "control/validate_sections.h"

namespace taploom::control {
namespace {

constexpr std::size_t kMaxVpcs = 500;
constexpr std::size_t kMaxEnis =
    5000;  // per region; also the number of instances and of internet hosts
constexpr std::size_t kMaxDevices =
    20'000;  // ours: the interfaces of two generations fit into 16 bits of port number
constexpr std::size_t kMaxInterfaces = 15;  // the most that any instance type has
constexpr std::size_t kMaxSubnets = 200;
constexpr std::size_t kMaxRouteTables = 200;
constexpr std::size_t kMaxNetworkAcls = 200;
constexpr std::size_t kMaxSecurityGroups = 2500;
constexpr std::size_t kMaxNatGateways = 200;
constexpr std::size_t kMaxPrefixLists = 100;
constexpr std::size_t kMaxPrefixListEntries = 1000;
constexpr std::size_t kMaxLoadBalancers = 50;
constexpr std::size_t kMaxGatewayEndpoints = 20;
constexpr std::size_t kMaxPeerings = 50;  // active, of one VPC
constexpr std::size_t kMaxIpv4Blocks = 5;
constexpr std::size_t kMaxIpv6Blocks = 5;
constexpr std::size_t kMaxListeners = 50;
constexpr std::size_t kMaxZones = 6;  // no region has more; a load balancer has one node in each
constexpr std::size_t kMaxAddresses = 50;  // per interface and family
constexpr std::size_t kMaxGroupsPerEni = 16;
constexpr std::size_t kMaxRules = 1000;   // per group and direction, before lists are expanded
constexpr std::size_t kMaxAclRules = 80;  // per ACL and direction, both families
constexpr std::size_t kMaxRoutes = 2000;  // per table, both families
constexpr std::size_t kMaxTargetGroups = 100;
constexpr std::size_t kMaxTargets = 1000;

class QuotaCheck {
 public:
  explicit QuotaCheck(Findings& findings) : findings_(findings) {}

  void Count(Position at, std::string_view owner, std::string_view things, std::size_t count,
             std::size_t quota) {
    if (count <= quota) return;
    ok_ = false;
    findings_.Add(at, "{} has {} {}; the quota is {}", owner, count, things, quota);
  }
  bool ok() const { return ok_; }

 private:
  Findings& findings_;
  bool ok_ = true;
};

void CheckVpc(const Vpc& vpc, QuotaCheck& check) {
  const std::string owner = fmt::format("vpc \"{}\"", vpc.name.value);
  const auto count = [&](std::string_view things, std::size_t number, std::size_t quota) {
    check.Count(vpc.name.at, owner, things, number, quota);
  };
  count("IPv4 CIDR blocks", vpc.cidrs.size(), kMaxIpv4Blocks);
  count("IPv6 CIDR blocks", vpc.ipv6_cidrs.size(), kMaxIpv6Blocks);
  count("subnets", vpc.subnets.size(), kMaxSubnets);
  count("route tables", vpc.route_tables.size(), kMaxRouteTables);
  count("network ACLs", vpc.network_acls.size(), kMaxNetworkAcls);
  count("security groups", vpc.security_groups.size(), kMaxSecurityGroups);
  count("NAT gateways", vpc.nat_gateways.size(), kMaxNatGateways);
  count("prefix lists", vpc.prefix_lists.size(), kMaxPrefixLists);
  count("gateway endpoints", vpc.gateway_endpoints.size(), kMaxGatewayEndpoints);
  count("load balancers", vpc.load_balancers.size(), kMaxLoadBalancers);
  for (const SecurityGroup& group : vpc.security_groups) {
    const std::string group_owner = fmt::format("security group \"{}\"", group.name.value);
    for (const auto* rules : {&group.ingress, &group.egress}) {
      if (*rules) check.Count(group.name.at, group_owner, "rules", (*rules)->size(), kMaxRules);
    }
  }
  for (const NetworkAcl& acl : vpc.network_acls) {
    const std::string acl_owner = fmt::format("network ACL \"{}\"", acl.name.value);
    for (const auto* rules : {&acl.ingress, &acl.egress}) {
      if (*rules) check.Count(acl.name.at, acl_owner, "rules", (*rules)->size(), kMaxAclRules);
    }
  }
  for (const RouteTable& table : vpc.route_tables) {
    check.Count(table.name.at, fmt::format("route table \"{}\"", table.name.value), "routes",
                table.routes.size(), kMaxRoutes);
  }
  for (const PrefixList& list : vpc.prefix_lists) {
    check.Count(list.name.at, fmt::format("prefix list \"{}\"", list.name.value), "entries",
                list.cidrs.size(), kMaxPrefixListEntries);
  }
  for (const LoadBalancer& balancer : vpc.load_balancers) {
    const std::string balancer_owner = fmt::format("load balancer \"{}\"", balancer.name.value);
    check.Count(balancer.name.at, balancer_owner, "listeners", balancer.listeners.size(),
                kMaxListeners);
    check.Count(balancer.name.at, balancer_owner, "subnets", balancer.subnets.size(), kMaxZones);
    check.Count(balancer.name.at, balancer_owner, "elastic IPs", balancer.elastic_ip_subnets.size(),
                kMaxZones);
    if (balancer.security_groups) {
      check.Count(balancer.name.at, balancer_owner, "security groups",
                  balancer.security_groups->size(), kMaxGroupsPerEni);
    }
    check.Count(balancer.name.at, balancer_owner, "target groups", balancer.target_groups.size(),
                kMaxTargetGroups);
    for (const TargetGroup& group : balancer.target_groups) {
      check.Count(group.name.at, fmt::format("target group \"{}\"", group.name.value), "targets",
                  group.targets.size(), kMaxTargets);
    }
  }
}

void CheckInstance(const Instance& instance, QuotaCheck& check) {
  const std::string owner = fmt::format("instance \"{}\"", instance.name.value);
  check.Count(instance.name.at, owner, "interfaces", instance.interfaces.size(), kMaxInterfaces);
  for (const Interface& interface : instance.interfaces) {
    check.Count(interface.at, owner, "IPv4 addresses on one interface",
                interface.secondary_private_ips.size() + 1, kMaxAddresses);
    check.Count(interface.at, owner, "IPv6 addresses on one interface", interface.ipv6.size(),
                kMaxAddresses);
    if (interface.security_groups) {
      check.Count(interface.at, owner, "security groups on one interface",
                  interface.security_groups->size(), kMaxGroupsPerEni);
    }
  }
}

}  // namespace

bool CheckQuotas(const Topology& topology, Findings& findings) {
  QuotaCheck check(findings);
  check.Count(topology.name.at, "the topology", "VPCs", topology.vpcs.size(), kMaxVpcs);
  check.Count(topology.name.at, "the topology", "internet hosts", topology.internet_hosts.size(),
              kMaxEnis);
  for (const Vpc& vpc : topology.vpcs) {
    const auto peerings = std::count_if(
        topology.peerings.begin(), topology.peerings.end(), [&](const Peering& peering) {
          return (peering.requester && peering.requester->value == vpc.name.value) ||
                 (peering.accepter && peering.accepter->value == vpc.name.value);
        });
    check.Count(vpc.name.at, fmt::format("vpc \"{}\"", vpc.name.value), "peerings",
                static_cast<std::size_t>(peerings), kMaxPeerings);
  }
  std::size_t security_groups = 0;
  std::size_t devices = topology.internet_hosts.size();
  for (const Vpc& vpc : topology.vpcs) {
    CheckVpc(vpc, check);
    security_groups += vpc.security_groups.size();
    for (const LoadBalancer& balancer : vpc.load_balancers) devices += balancer.subnets.size();
  }
  check.Count(topology.name.at, "the topology", "security groups", security_groups,
              kMaxSecurityGroups);
  std::size_t interfaces = 0;
  for (const Instance& instance : topology.instances) {
    interfaces += instance.interfaces.size();
    CheckInstance(instance, check);
  }
  check.Count(topology.name.at, "the topology", "interfaces", interfaces, kMaxEnis);
  check.Count(topology.name.at, "the topology",
              "interfaces, load balancer nodes and internet hosts", devices + interfaces,
              kMaxDevices);
  return check.ok();
}

}  // namespace taploom::control
