// The parts of Validate(), one per kind of rule. Private to the validator.
//
// Each reports all it finds and assumes nothing about the others: a reference that does not resolve
// is reported by one of them and skipped by the rest.
#ifndef TAPLOOM_CONTROL_VALIDATE_SECTIONS_H_
#define TAPLOOM_CONTROL_VALIDATE_SECTIONS_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/did_you_mean.h"
#include "control/finding.h"
#include "control/quota.h"
#include "control/references.h"
#include "control/topology.h"

namespace taploom::control {

// False when there are so many objects that checking them further makes no sense.
bool CheckQuotas(const Topology&, Findings&);    // validate_quotas.cc
void CheckVpcs(const Topology&, Findings&);      // validate_vpc.cc: regions, CIDR blocks, subnets
void CheckRoutes(const Topology&, Findings&);    // validate_routes.cc: gateways and route tables
void CheckPeerings(const Topology&, Findings&);  // validate_peering.cc
void CheckSecurityGroups(const Topology&, Findings&);  // validate_rules.cc
void CheckNetworkAcls(const Topology&, Findings&);     // validate_rules.cc
void CheckInstances(const Topology&, Findings&);       // validate_instances.cc: also internet hosts
void CheckLoadBalancers(const Topology&, Findings&);   // validate_load_balancer.cc
void CheckAddresses(const Topology&, Findings&);  // validate_addresses.cc: who has which address

// Findings about one instance: those of an attached one have no line, so they say whose they are.
class InstanceFindings {
 public:
  InstanceFindings(const Instance& instance, Findings& findings)
      : instance_(instance), findings_(findings) {}

  template <typename... Args>
  void Add(Position at, fmt::format_string<Args...> format, Args&&... args) {
    const std::string message = fmt::format(format, std::forward<Args>(args)...);
    if (instance_.attached()) {
      findings_.Add({}, "attached instance \"{}\": {}", instance_.name.value, message);
    } else {
      findings_.Add(at, "{}", message);
    }
  }

 private:
  const Instance& instance_;
  Findings& findings_;
};

// The object of `vpc` that a reference means. Reports a wrong one to `report` (Findings or
// InstanceFindings), unless the collection itself could not be read.
template <typename T, typename Report>
const T* Resolve(const Topology& topology, const Vpc& vpc, std::vector<T> Vpc::*collection,
                 std::string_view kind, std::string_view key, const Name& reference,
                 Report& report) {
  const std::vector<T>& objects = vpc.*collection;
  if (const auto name = NameWithin(vpc, reference.value)) {
    if (const T* object = FindByName(objects, *name)) return object;
  }
  if (topology.unreadable.contains(std::string(key))) return nullptr;
  const std::string_view name = SplitScope(reference.value).name;
  for (const Vpc& other : topology.vpcs) {
    if (&other != &vpc && FindByName(other.*collection, name) != nullptr) {
      report.Add(reference.at, "{} \"{}\" is in vpc \"{}\", not in vpc \"{}\"", kind, name,
                 other.name.value, vpc.name.value);
      return nullptr;
    }
  }
  report.Add(reference.at, "{} \"{}\" does not exist in vpc \"{}\"{}", kind, reference.value,
             vpc.name.value, DidYouMean(name, NamesOf(objects)));
  return nullptr;
}

// A reference to a security group; "default" always exists.
template <typename Report>
void CheckGroupReference(const Topology& topology, const Vpc& vpc, const Name& reference,
                         Report& report) {
  if (NameWithin(vpc, reference.value) == kDefaultName) return;
  Resolve(topology, vpc, &Vpc::security_groups, "security group", "security_groups", reference,
          report);
}

// The groups of an ENI: they exist, differ, and are not too many.
template <typename Report>
void CheckGroupList(const Topology& topology, const Vpc& vpc, const std::vector<Name>& groups,
                    Position at, Report& report) {
  for (std::size_t i = 0; i < groups.size(); ++i) {
    CheckGroupReference(topology, vpc, groups[i], report);
    for (std::size_t j = 0; j < i; ++j) {
      if (groups[i].value == groups[j].value) {
        report.Add(groups[i].at, "security group \"{}\" is listed twice", groups[i].value);
        break;
      }
    }
  }
  const auto limit = static_cast<std::size_t>(topology.limits.security_groups_per_eni);
  if (groups.empty()) {
    report.Add(
        at,
        "an interface has at least one security group; leave the key out for the default group");
  } else if (groups.size() > limit) {
    report.Add(groups[limit].at, "{} security groups on one interface; {}", groups.size(),
               QuotaText(topology.limits, &Limits::security_groups_per_eni));
  }
}

}  // namespace taploom::control

#endif  // TAPLOOM_CONTROL_VALIDATE_SECTIONS_H_
