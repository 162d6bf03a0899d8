// Finding objects by the names that a topology uses for them.
//
// Inside a VPC a name means an object of that VPC. From instances, which stand outside, "app-a"
// means the one subnet of that name in the fabric and "main/app-a" the one of vpc "main".
#ifndef TAPLOOM_CONTROL_REFERENCES_H_
#define TAPLOOM_CONTROL_REFERENCES_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/region.h"
#include "control/topology.h"

namespace taploom::control {

// The group and ACL that AWS makes with every VPC; a file may write them to change their rules.
inline constexpr std::string_view kDefaultName = "default";
// The main route table when no table of the file is it.
inline constexpr std::string_view kMainName = "main";

template <typename T>
const T* FindByName(const std::vector<T>& objects, std::string_view name) {
  for (const T& object : objects) {
    if (object.name.value == name) return &object;
  }
  return nullptr;
}

template <typename T>
std::vector<std::string> NamesOf(const std::vector<T>& objects) {
  std::vector<std::string> names;
  for (const T& object : objects) names.push_back(object.name.value);
  return names;
}

// "main/web" → {"main", "web"}; "web" → {"", "web"}.
struct ScopedName {
  std::string_view vpc, name;
};
inline ScopedName SplitScope(std::string_view reference) {
  const std::size_t slash = reference.find('/');
  if (slash == std::string_view::npos) return {{}, reference};
  return {reference.substr(0, slash), reference.substr(slash + 1)};
}

// The object's name when a reference inside `vpc` means one of that VPC; nullopt for "other/web".
inline std::optional<std::string_view> NameWithin(const Vpc& vpc, std::string_view reference) {
  const ScopedName scoped = SplitScope(reference);
  if (!scoped.vpc.empty() && scoped.vpc != vpc.name.value) return std::nullopt;
  return scoped.name;
}

struct SubnetRef {
  const Vpc* vpc = nullptr;
  const Subnet* subnet = nullptr;

  explicit operator bool() const { return subnet != nullptr; }
};

// Every subnet a reference from outside the VPCs may mean: one when it is right, several when it is
// ambiguous.
inline std::vector<SubnetRef> FindSubnets(const Topology& topology, std::string_view reference) {
  const ScopedName scoped = SplitScope(reference);
  std::vector<SubnetRef> found;
  for (const Vpc& vpc : topology.vpcs) {
    if (!scoped.vpc.empty() && scoped.vpc != vpc.name.value) continue;
    if (const Subnet* subnet = FindByName(vpc.subnets, scoped.name)) {
      found.push_back({&vpc, subnet});
    }
  }
  return found;
}

// The subnet an interface is in; empty when its reference is wrong.
inline SubnetRef SubnetOf(const Topology& topology, const Interface& interface) {
  if (!interface.subnet) return {};
  const std::vector<SubnetRef> found = FindSubnets(topology, interface.subnet->value);
  return found.size() == 1 ? found.front() : SubnetRef{};
}

inline const Peering* FindPeering(const Topology& topology, const Vpc& one, const Vpc& other) {
  const auto connects = [](const Peering& peering, const Vpc& left, const Vpc& right) {
    return peering.requester && peering.accepter && peering.requester->value == left.name.value &&
           peering.accepter->value == right.name.value;
  };
  for (const Peering& peering : topology.peerings) {
    if (connects(peering, one, other) || connects(peering, other, one)) return &peering;
  }
  return nullptr;
}

struct InterfaceRef {
  const Instance* instance = nullptr;
  std::size_t index = 0;

  explicit operator bool() const { return instance != nullptr; }
  const Interface& interface() const { return instance->interfaces[index]; }
};

// "fw" is the instance's first interface, "fw/eth1" its second; the name an explanation prints for
// the ENI.
inline std::string EniName(std::string_view instance, std::size_t index) {
  return index == 0 ? std::string(instance)
                    : std::string(instance) + "/eth" + std::to_string(index);
}
inline InterfaceRef FindEni(const Topology& topology, std::string_view name) {
  const ScopedName parts = SplitScope(name);
  const std::string_view instance_name = parts.vpc.empty() ? parts.name : parts.vpc;
  const Instance* instance = FindByName(topology.instances, instance_name);
  if (instance == nullptr) return {};
  if (parts.vpc.empty()) return {instance, 0};
  for (std::size_t i = 0; i < instance->interfaces.size(); ++i) {
    if (parts.name == "eth" + std::to_string(i)) return {instance, i};
  }
  return {};
}

inline std::string RegionOf(const Topology& topology, const Vpc& vpc) {
  if (vpc.region) return vpc.region->value;
  return topology.region ? topology.region->value : std::string(kDefaultRegion);
}

// A subnet that names no zone is in the region's first.
inline std::string ZoneOf(const Topology& topology, const Vpc& vpc, const Subnet& subnet) {
  return subnet.az ? subnet.az->value : AvailabilityZones(RegionOf(topology, vpc)).front();
}

// The table written with `main: true` or called "main"; null when the main table is AWS's implicit
// one.
inline const RouteTable* MainRouteTable(const Vpc& vpc) {
  for (const RouteTable& table : vpc.route_tables) {
    if (table.main && table.main->value) return &table;
  }
  return FindByName(vpc.route_tables, kMainName);
}

inline bool IsInternetFacing(const LoadBalancer& balancer) {
  return !balancer.internet_facing || balancer.internet_facing->value;
}

}  // namespace taploom::control

#endif  // TAPLOOM_CONTROL_REFERENCES_H_
