// The path of an object in the topology file: what its id is derived from and its allocations are
// kept under.
#ifndef TAPLOOM_CONTROL_OBJECT_PATH_H_
#define TAPLOOM_CONTROL_OBJECT_PATH_H_

#include <fmt/format.h>

#include <cstddef>
#include <string>

#include "control/references.h"
#include "control/topology.h"

namespace taploom::control {

inline std::string PathOf(const Vpc& vpc) { return "vpcs/" + vpc.name.value; }
inline std::string PathOf(const InternetHost& host) { return "internet/hosts/" + host.name.value; }

// "vpcs/main/subnets/app-a"; `collection` is the key the object stands under.
inline std::string PathIn(const Vpc& vpc, std::string_view collection, std::string_view name) {
  return fmt::format("vpcs/{}/{}/{}", vpc.name.value, collection, name);
}
inline std::string PathOf(const Vpc& vpc, const NatGateway& gateway) {
  return PathIn(vpc, "nat_gateways", gateway.name.value);
}
// Where the chosen private address of a NAT gateway's further elastic IP is kept.
inline std::string SecondaryPathOf(const Vpc& vpc, const NatGateway& gateway, std::size_t index) {
  return PathOf(vpc, gateway) + "/" + std::to_string(index + 1);
}
inline std::string PathOf(const Peering& peering) { return "peerings/" + peering.name.value; }
inline std::string PathOf(const Vpc& vpc, const LoadBalancer& balancer) {
  return PathIn(vpc, "load_balancers", balancer.name.value);
}
// A load balancer's node.
inline std::string PathOf(const Vpc& vpc, const LoadBalancer& balancer,
                          const LoadBalancerSubnet& node) {
  return PathOf(vpc, balancer) + "/" + node.name.value;
}
// An instance's interface: "instances/fw", "instances/fw/eth1".
inline std::string PathOf(const Instance& instance, std::size_t interface) {
  return "instances/" + EniName(instance.name.value, interface);
}
// Where the chosen IPv6 address of an interface is kept.
inline std::string Ipv6PathOf(const Instance& instance, std::size_t interface) {
  return PathOf(instance, interface) + "/ipv6";
}

}  // namespace taploom::control

#endif  // TAPLOOM_CONTROL_OBJECT_PATH_H_
