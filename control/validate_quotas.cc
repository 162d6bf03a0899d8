// How many objects of each kind there may be (vpc-semantics §14). What exceeds the quota that
// `limits:` sets is one finding among others. What exceeds the most that could be set ends the
// checks: beyond that the others, some of them quadratic, are not worth their time.
#include <algorithm>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "control/quota.h"
#include "control/validate_sections.h"

namespace taploom::control {
namespace {

// Not adjustable, or ours.
constexpr std::size_t kMaxInternetHosts = 5000;
constexpr std::size_t kMaxDevices =
    20'000;  // ours: the interfaces of two generations fit into 16 bits of port number
constexpr std::size_t kMaxInterfaces = 15;  // the most that any instance type has
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
  QuotaCheck(const Limits& limits, Findings& findings) : limits_(limits), findings_(findings) {}

  void Count(Position at, std::string_view owner, std::string_view things, std::size_t count,
             int Limits::*limit) {
    if (count <= static_cast<std::size_t>(limits_.*limit)) return;
    if (count > static_cast<std::size_t>(QuotaOf(limit).most)) ok_ = false;
    findings_.Add(at, "{} has {} {}; {}", owner, count, things, QuotaText(limits_, limit));
  }

  void Count(Position at, std::string_view owner, std::string_view things, std::size_t count,
             std::size_t quota) {
    if (count <= quota) return;
    ok_ = false;
    findings_.Add(at, "{} has {} {}; the quota is {}", owner, count, things, quota);
  }
  bool ok() const { return ok_; }

 private:
  const Limits& limits_;
  Findings& findings_;
  bool ok_ = true;
};

void CheckVpc(const Vpc& vpc, QuotaCheck& check) {
  const std::string owner = fmt::format("vpc \"{}\"", vpc.name.value);
  const auto count = [&](std::string_view things, std::size_t number, int Limits::*limit) {
    check.Count(vpc.name.at, owner, things, number, limit);
  };
  count("IPv4 CIDR blocks", vpc.cidrs.size(), &Limits::ipv4_cidrs_per_vpc);
  count("IPv6 CIDR blocks", vpc.ipv6_cidrs.size(), &Limits::ipv6_cidrs_per_vpc);
  count("subnets", vpc.subnets.size(), &Limits::subnets_per_vpc);
  count("route tables", vpc.route_tables.size(), &Limits::route_tables_per_vpc);
  count("network ACLs", vpc.network_acls.size(), &Limits::network_acls_per_vpc);
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
                list.cidrs.size(), &Limits::entries_per_prefix_list);
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

// What a region has, all its VPCs together.
struct RegionCounts {
  std::size_t vpcs = 0, security_groups = 0, prefix_lists = 0, gateway_endpoints = 0,
              load_balancers = 0, elastic_ips = 0, enis = 0;
  std::map<std::string, std::size_t> nat_gateways;  // by availability zone
};

// Network address units of a VPC: 1 for each address and each interface beyond an instance's first,
// 6 for a NAT gateway.
using Units = std::map<std::string_view, std::size_t>;

std::size_t CountOf(const std::optional<Address>& address) { return address ? 1 : 0; }

void CountVpc(const Topology& topology, const Vpc& vpc, RegionCounts& counts, Units& units) {
  constexpr std::size_t kUnitsOfNatGateway = 6;
  ++counts.vpcs;
  counts.security_groups += vpc.security_groups.size();
  counts.prefix_lists += vpc.prefix_lists.size();
  counts.gateway_endpoints += vpc.gateway_endpoints.size();
  counts.load_balancers += vpc.load_balancers.size();
  for (const NatGateway& gateway : vpc.nat_gateways) {
    ++counts.enis;
    counts.elastic_ips += CountOf(gateway.elastic_ip) + gateway.secondary_elastic_ips.size();
    units[vpc.name.value] += kUnitsOfNatGateway;
    const Subnet* subnet =
        gateway.subnet ? FindByName(vpc.subnets, gateway.subnet->value) : nullptr;
    if (subnet != nullptr) ++counts.nat_gateways[ZoneOf(topology, vpc, *subnet)];
  }
  for (const LoadBalancer& balancer : vpc.load_balancers) {
    counts.enis += balancer.subnets.size();
    units[vpc.name.value] += balancer.subnets.size();
    for (const LoadBalancerSubnet& subnet : balancer.subnets)
      counts.elastic_ips += CountOf(subnet.elastic_ip);
  }
}

void CountInterface(const Interface& interface, bool is_first, const Vpc& vpc, RegionCounts& counts,
                    Units& units) {
  ++counts.enis;
  counts.elastic_ips += CountOf(interface.elastic_ip);
  const std::size_t ipv6 = interface.ipv6_auto ? 1 : interface.ipv6.size();
  units[vpc.name.value] += 1 + interface.secondary_private_ips.size() + ipv6 + (is_first ? 0 : 1);
}

void CheckRegion(const Topology& topology, const std::string& region, const RegionCounts& counts,
                 QuotaCheck& check) {
  const std::string owner = fmt::format("region {}", region);
  const auto count = [&](std::string_view things, std::size_t number, int Limits::*limit) {
    check.Count(topology.name.at, owner, things, number, limit);
  };
  count("VPCs", counts.vpcs, &Limits::vpcs_per_region);
  count("security groups", counts.security_groups, &Limits::security_groups_per_region);
  count("prefix lists", counts.prefix_lists, &Limits::prefix_lists_per_region);
  count("gateway endpoints", counts.gateway_endpoints, &Limits::gateway_endpoints_per_region);
  count("load balancers", counts.load_balancers, &Limits::load_balancers_per_region);
  count("elastic IPs", counts.elastic_ips, &Limits::elastic_ips_per_region);
  count("network interfaces", counts.enis, &Limits::enis_per_region);
  for (const auto& [zone, gateways] : counts.nat_gateways) {
    check.Count(topology.name.at, zone, "NAT gateways", gateways, &Limits::nat_gateways_per_az);
  }
}

void CheckRegions(const Topology& topology, Units& units, QuotaCheck& check) {
  std::map<std::string, RegionCounts> regions;
  for (const Vpc& vpc : topology.vpcs)
    CountVpc(topology, vpc, regions[RegionOf(topology, vpc)], units);
  for (const Instance& instance : topology.instances) {
    for (const Interface& interface : instance.interfaces) {
      const SubnetRef subnet = SubnetOf(topology, interface);
      if (!subnet) continue;
      CountInterface(interface, &interface == &instance.interfaces.front(), *subnet.vpc,
                     regions[RegionOf(topology, *subnet.vpc)], units);
    }
  }
  for (const auto& [region, counts] : regions) CheckRegion(topology, region, counts, check);
}

// A VPC's own units, and those of all that are peered with each other in its region.
void CheckUnits(const Topology& topology, const Units& units, QuotaCheck& check) {
  const auto units_of = [&](std::string_view vpc) {
    const auto found = units.find(vpc);
    return found == units.end() ? std::size_t{0} : found->second;
  };
  for (const Vpc& vpc : topology.vpcs) {
    const std::string owner = fmt::format("vpc \"{}\"", vpc.name.value);
    const std::size_t own = units_of(vpc.name.value);
    check.Count(vpc.name.at, owner, "network address units", own,
                &Limits::network_address_units_per_vpc);
    std::size_t together = own, peers = 0;
    for (const Peering& peering : topology.peerings) {
      if (!peering.requester || !peering.accepter) continue;
      const bool requests = peering.requester->value == vpc.name.value;
      if (!requests && peering.accepter->value != vpc.name.value) continue;
      ++peers;
      const Vpc* peer =
          FindByName(topology.vpcs, requests ? peering.accepter->value : peering.requester->value);
      if (peer != nullptr && RegionOf(topology, *peer) == RegionOf(topology, vpc))
        together += units_of(peer->name.value);
    }
    check.Count(vpc.name.at, owner, "peerings", peers, &Limits::peerings_per_vpc);
    check.Count(vpc.name.at, owner, "network address units with its peers", together,
                &Limits::network_address_units_peered);
  }
}

}  // namespace

bool CheckQuotas(const Topology& topology, Findings& findings) {
  QuotaCheck check(topology.limits, findings);
  const Limits& limits = topology.limits;
  if (limits.rules_per_security_group * limits.security_groups_per_eni > kMostRulesPerEni) {
    findings.Add(
        limits.at, "rules_per_security_group times security_groups_per_eni is {}; the quota is {}",
        limits.rules_per_security_group * limits.security_groups_per_eni, kMostRulesPerEni);
  }
  std::size_t devices = topology.internet_hosts.size();
  check.Count(topology.name.at, "the topology", "internet hosts", devices, kMaxInternetHosts);
  for (const Vpc& vpc : topology.vpcs) {
    CheckVpc(vpc, check);
    for (const LoadBalancer& balancer : vpc.load_balancers) devices += balancer.subnets.size();
  }
  for (const Instance& instance : topology.instances) {
    devices += instance.interfaces.size();
    CheckInstance(instance, check);
  }
  check.Count(topology.name.at, "the topology",
              "interfaces, load balancer nodes and internet hosts", devices, kMaxDevices);
  // What follows looks names up, once for each interface.
  if (!check.ok()) return false;
  Units units;
  CheckRegions(topology, units, check);
  CheckUnits(topology, units, check);
  return check.ok();
}

}  // namespace taploom::control
