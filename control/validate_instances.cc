// Instances, attached namespaces and internet hosts: names, subnets, groups. Their addresses:
// validate_addresses.cc.
#include <algorithm>
#include <map>
#include <string>
#include <string_view>

#include "control/object_name.h"
#include "control/validate_sections.h"

namespace taploom::control {
namespace {

// "internet" stands for any public host on the command line.
constexpr std::string_view kReservedName = "internet";

// The subnet an interface names; reports a wrong or ambiguous name.
SubnetRef ResolveSubnet(const Topology& topology, const Name& reference,
                        InstanceFindings& findings) {
  const std::vector<SubnetRef> found = FindSubnets(topology, reference.value);
  if (found.size() == 1) return found.front();
  const ScopedName scoped = SplitScope(reference.value);
  if (found.size() > 1) {
    std::vector<std::string> choices;
    for (const SubnetRef& ref : found) {
      choices.push_back(fmt::format("{}/{}", ref.vpc->name.value, scoped.name));
    }
    findings.Add(reference.at, "subnet \"{}\" exists in several VPCs; write {}", reference.value,
                 fmt::join(choices, " or "));
    return {};
  }
  if (topology.unreadable.contains("subnets") || topology.unreadable.contains("vpcs")) return {};
  if (!scoped.vpc.empty() && FindByName(topology.vpcs, scoped.vpc) == nullptr) {
    findings.Add(reference.at, "vpc \"{}\" does not exist{}", scoped.vpc,
                 DidYouMean(scoped.vpc, NamesOf(topology.vpcs)));
    return {};
  }
  std::vector<std::string> known;
  for (const Vpc& vpc : topology.vpcs) {
    if (!scoped.vpc.empty() && scoped.vpc != vpc.name.value) continue;
    for (const Subnet& subnet : vpc.subnets) known.push_back(subnet.name.value);
  }
  findings.Add(reference.at, "subnet \"{}\" does not exist{}", reference.value,
               DidYouMean(scoped.name, known));
  return {};
}

void CheckInterface(const Topology& topology, const Interface& interface, const SubnetRef& subnet,
                    InstanceFindings& findings) {
  if (interface.elastic_ip && interface.public_ip && interface.public_ip->value) {
    findings.Add(interface.public_ip->at,
                 "elastic_ip takes the place of public_ip; keep one of them");
  }
  if (!subnet) return;
  const Vpc& vpc = *subnet.vpc;
  if (interface.security_groups) {
    const Position at =
        interface.security_groups->empty() ? interface.at : interface.security_groups->front().at;
    CheckGroupList(topology, vpc, *interface.security_groups, at, findings);
  }
  if (interface.elastic_ip && !vpc.internet_gateway &&
      !topology.unreadable.contains("internet_gateway")) {
    findings.Add(interface.elastic_ip->at,
                 "elastic_ip {} needs an internet gateway, and vpc \"{}\" has none",
                 interface.elastic_ip->value.ToString(), vpc.name.value);
  }
  const Position* ipv6 = nullptr;
  if (interface.ipv6_auto) ipv6 = &*interface.ipv6_auto;
  if (!interface.ipv6.empty()) ipv6 = &interface.ipv6.front().at;
  if (ipv6 != nullptr && !subnet.subnet->ipv6_cidr && !topology.unreadable.contains("ipv6_cidr")) {
    findings.Add(*ipv6, "subnet \"{}\" has no ipv6_cidr", subnet.subnet->name.value);
  }
}

void CheckInstance(const Topology& topology, const Instance& instance, Findings& all_findings) {
  InstanceFindings findings(instance, all_findings);
  // ENIs cannot leave their zone (vpc-semantics §7), so all of an instance's are in one.
  std::string zone;
  for (const Interface& interface : instance.interfaces) {
    if (!interface.subnet) continue;
    const SubnetRef subnet = ResolveSubnet(topology, *interface.subnet, findings);
    CheckInterface(topology, interface, subnet, findings);
    if (!subnet || !IsRegionName(RegionOf(topology, *subnet.vpc))) continue;
    const std::string this_zone = ZoneOf(topology, *subnet.vpc, *subnet.subnet);
    if (!zone.empty() && zone != this_zone) {
      findings.Add(interface.subnet->at,
                   "subnet \"{}\" is in {}, and the instance's first interface in {}",
                   interface.subnet->value, this_zone, zone);
    }
    if (zone.empty()) zone = this_zone;
  }
}

void CheckAttached(const Instance& instance, std::map<std::string, std::string>& owners,
                   Findings& findings) {
  if (!IsObjectName(instance.name.value)) {
    findings.Add({}, "\"{}\" is no name for an instance: {}", instance.name.value, kObjectNameRule);
  }
  const auto [owner, is_new] = owners.emplace(instance.attached_netns, instance.name.value);
  if (!is_new) {
    findings.Add({}, "{} is attached already, as \"{}\"", instance.attached_netns, owner->second);
  }
}

// Instances, attached namespaces and internet hosts share the names of namespaces.
void CheckNames(const Topology& topology, Findings& findings) {
  std::map<std::string_view, std::string_view> kinds;
  std::map<std::string, std::string> attached;
  for (const Instance& instance : topology.instances) {
    const std::string_view name = instance.name.value;
    if (instance.attached()) CheckAttached(instance, attached, findings);
    if (name == kReservedName) {
      findings.Add(instance.name.at,
                   "\"internet\" stands for any public host and is no name for an instance");
    }
    if (!kinds.emplace(name, "an instance").second) {
      findings.Add({}, "an instance called \"{}\" exists already", name);
    }
  }
  for (const InternetHost& host : topology.internet_hosts) {
    const std::string_view name = host.name.value;
    if (name == kReservedName) {
      findings.Add(host.name.at, "\"internet\" stands for any public host and is no name for one");
    }
    if (!kinds.emplace(name, "an internet host").second) {
      findings.Add(host.name.at, "\"{}\" is the name of {} too", name, kinds[name]);
    }
  }
}

std::string LowerCase(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

void CheckDnsNames(const Topology& topology, Findings& findings) {
  std::map<std::string, std::string> owners;  // DNS names in lower case (RFC 4343)
  const auto claim = [&](const Name& name, std::string owner) {
    if (!IsDomainName(name.value)) {
      findings.Add(name.at, "\"{}\" is no domain name", name.value);
      return;
    }
    const auto [first, is_new] = owners.emplace(LowerCase(name.value), std::move(owner));
    if (!is_new) {
      findings.Add(name.at, "\"{}\" is the name of {} already", name.value, first->second);
    }
  };
  for (const Vpc& vpc : topology.vpcs) {
    for (const LoadBalancer& balancer : vpc.load_balancers) {
      if (balancer.dns_name) {
        claim(*balancer.dns_name, fmt::format("load balancer \"{}\"", balancer.name.value));
      }
    }
  }
  for (const InternetHost& host : topology.internet_hosts) {
    for (const Name& name : host.dns_names) {
      claim(name, fmt::format("internet host \"{}\"", host.name.value));
    }
  }
}

}  // namespace

void CheckInstances(const Topology& topology, Findings& findings) {
  CheckNames(topology, findings);
  CheckDnsNames(topology, findings);
  for (const Instance& instance : topology.instances) {
    if (findings.full()) return;
    CheckInstance(topology, instance, findings);
  }
}

}  // namespace taploom::control
