// The parts of Lower(). Private to it.
#ifndef TAPLOOM_CONTROL_LOWER_SECTIONS_H_
#define TAPLOOM_CONTROL_LOWER_SECTIONS_H_

#include <set>
#include <string>
#include <string_view>

#include "control/aws_id.h"
#include "control/fault.h"
#include "control/object_path.h"
#include "control/plan.h"
#include "control/references.h"
#include "control/topology.h"

namespace taploom::control {

// What every part reads and the plan they all write.
class LowerContext {
 public:
  LowerContext(const Topology& input, const Allocations& choices, const Faults& failed,
               FabricPlan& output)
      : topology(input), allocations(choices), faults(failed), plan(output) {}

  const Topology& topology;
  const Allocations& allocations;
  const Faults& faults;
  FabricPlan& plan;

  std::string Id(std::string_view prefix, std::string_view path) const {
    return AwsId(prefix, topology.name.value + "/" + std::string(path));
  }
  std::string VpcId(const Vpc& vpc) const { return Id("vpc", PathOf(vpc)); }
  std::string SubnetId(const Vpc& vpc, std::string_view name) const {
    return Id("subnet", PathIn(vpc, "subnets", name));
  }
  std::string RouteTableId(const Vpc& vpc, std::string_view name) const {
    return Id("rtb", PathIn(vpc, "route_tables", name));
  }
  // `reference` means a group of `vpc`, or "other/group" one of a peered VPC.
  std::string SecurityGroupId(const Vpc& vpc, std::string_view reference) const {
    const ScopedName scoped = SplitScope(reference);
    const Vpc* other = scoped.vpc.empty() ? nullptr : FindByName(topology.vpcs, scoped.vpc);
    return Id("sg", PathIn(other == nullptr ? vpc : *other, "security_groups", scoped.name));
  }
  std::string PeeringId(const Peering& peering) const { return Id("pcx", PathOf(peering)); }
  std::string EgressOnlyGatewayId(const Vpc& vpc) const {
    return Id("eigw", PathIn(vpc, "egress_only_internet_gateways",
                             vpc.egress_only_internet_gateway->value));
  }
  std::string GatewayEndpointId(const Vpc& vpc, std::string_view name) const {
    return Id("vpce", PathIn(vpc, "gateway_endpoints", name));
  }
  // "main" is the main table under whatever name.
  std::string RouteTableIdOf(const Vpc& vpc, std::string_view reference) const {
    const RouteTable* main = MainRouteTable(vpc);
    if (reference != kMainName) return RouteTableId(vpc, *NameWithin(vpc, reference));
    return RouteTableId(vpc, main == nullptr ? kMainName : std::string_view(main->name.value));
  }
  std::string NetworkAclId(const Vpc& vpc, std::string_view name) const {
    return Id("acl", PathIn(vpc, "network_acls", name));
  }
  std::string PrefixListId(const Vpc& vpc, std::string_view reference) const {
    return Id("pl", PathIn(vpc, "prefix_lists", *NameWithin(vpc, reference)));
  }
  std::string InternetGatewayId(const Vpc& vpc) const {
    return Id("igw", PathIn(vpc, "internet_gateways", vpc.internet_gateway->value));
  }
  std::string NatGatewayId(const Vpc& vpc, std::string_view name) const {
    return Id("nat", PathIn(vpc, "nat_gateways", name));
  }
  std::string InterfaceId(const Instance& instance, std::size_t index) const {
    return Id("eni", PathOf(instance, index));
  }

  // The MAC address of an id, different from all given before.
  wire::MacAddress NewMac(std::string_view id) {
    unsigned attempt = 0;
    wire::MacAddress mac = MacAddressFor(id);
    while (!macs_.insert(mac.bytes).second) mac = MacAddressFor(id, ++attempt);
    return mac;
  }

 private:
  std::set<std::array<std::uint8_t, 6>> macs_;
};

inline std::string ToBytes(const wire::IpAddress& address) {
  return std::string(address.bytes().begin(), address.bytes().end());
}
inline std::string ToBytes(const wire::MacAddress& mac) {
  return std::string(mac.bytes.begin(), mac.bytes.end());
}
inline void SetPrefix(const wire::IpPrefix& prefix, config::Prefix* out) {
  out->set_address(ToBytes(prefix.address));
  out->set_length(prefix.length);
}

void LowerVpcs(LowerContext&);            // lower_vpc.cc: VPCs, subnets, gateways, prefix lists
void LowerPeerings(LowerContext&);        // lower_vpc.cc
void LowerRouteTables(LowerContext&);     // lower_routes.cc
void LowerSecurityGroups(LowerContext&);  // lower_rules.cc
void LowerNetworkAcls(LowerContext&);     // lower_rules.cc
void LowerInstances(LowerContext&);       // lower_machines.cc
void LowerLoadBalancers(LowerContext&);   // lower_load_balancer.cc
void LowerInternetHosts(LowerContext&);   // lower_machines.cc
// Hosts files and resolvers; last, because it reads the addresses of everything above.
void LowerNames(LowerContext&);  // lower_names.cc

// What all interfaces inside a VPC have in common. `addresses` and `port` are taken from the ENI.
InterfacePlan VpcInterface(const config::Eni& eni, const SubnetRef& subnet, std::size_t index);

}  // namespace taploom::control

#endif  // TAPLOOM_CONTROL_LOWER_SECTIONS_H_
