// FabricPlan: everything a running fabric consists of, computed from a valid topology and nothing
// else.
//
// Lower() (lower.h) makes it. One half is the FabricConfig for the dataplane; the other half is
// what control has to make on this host: namespaces with their interfaces and programs, and
// load-balancer nodes. Plain data: comparing two plans gives the list of changes that `apply`
// prints and makes.
#ifndef TAPLOOM_CONTROL_PLAN_H_
#define TAPLOOM_CONTROL_PLAN_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/config/fabric_config.pb.h"
#include "dataplane/wire/ip_address.h"
#include "dataplane/wire/mac_address.h"

namespace taploom::control {

// Choices made once and kept for the life of a fabric, so that adding an object never renumbers
// another. Keyed by the object's path ("instances/web-1",
// "vpcs/main/load_balancers/front/public-a").
struct Allocations {
  std::map<std::string, std::uint16_t> ports;  // dataplane port of each attached interface, from 1
  std::map<std::string, wire::IpAddress> private_addresses;
  std::map<std::string, wire::IpAddress> public_addresses;
};

// An address with the length of its subnet, as `ip addr add` takes it.
struct InterfaceAddress {
  wire::IpAddress address;
  std::uint8_t prefix_length = 0;
};

// One network device inside a namespace: a TAP whose other end is a dataplane port.
struct InterfacePlan {
  std::string device;     // "eth0", "eth1", …
  std::string object_id;  // "eni-…", or the internet host's id
  std::uint16_t port = 0;
  wire::MacAddress mac;
  std::vector<InterfaceAddress> addresses;
  // Default routes; set on the first interface only. `gateway_on_link`: the gateway is outside
  // every prefix above (internet hosts), so the route needs "onlink".
  std::optional<wire::IpAddress> gateway_v4, gateway_v6;
  bool gateway_on_link = false;
  unsigned mtu = 1500;  // 9001 inside a VPC, 1500 on the internet (vpc-semantics §8)
};

struct HostsEntry {
  wire::IpAddress address;
  std::vector<std::string> names;
};

enum class NamespaceKind { kInstance, kInternetHost, kLoadBalancerNode, kAttached };

struct NamespacePlan {
  std::string name;  // "web-1", "client", "front/public-a"; unique in the fabric
  NamespaceKind kind = NamespaceKind::kInstance;
  std::string instance_id;     // "i-…" for instances and attached namespaces
  std::string attached_netns;  // kAttached: the path of the existing namespace
  std::vector<InterfacePlan> interfaces;
  std::vector<std::string> run;  // shell commands, started in the topology file's folder
  std::vector<wire::IpAddress> nameservers;  // resolv.conf
  std::string search_domain;                 // resolv.conf; may be empty
  std::vector<HostsEntry>
      hosts;  // /etc/hosts besides localhost: names of load balancers and internet hosts
};

struct TargetPlan {
  std::string name;  // the instance
  wire::IpAddress address;
  std::uint16_t port = 0;
};

struct HealthCheckPlan {
  std::string protocol = "http";  // "http" or "tcp"
  std::string path = "/";
  std::uint16_t port = 0;  // 0 = the target's traffic port
  unsigned interval_seconds = 30, timeout_seconds = 5;
  unsigned healthy_threshold = 5, unhealthy_threshold = 2;
  std::string matcher = "200";  // "200", "200-399", "200,302"
};

struct TargetGroupPlan {
  std::string id, name;
  std::string protocol = "http";  // "http" or "https"
  std::uint16_t port = 80;
  std::vector<TargetPlan> targets;
  HealthCheckPlan health_check;
};

struct ListenerPlan {
  std::string protocol;  // "http" or "https"
  std::uint16_t port = 0;
  std::string forward;             // a target group's name; empty when redirecting
  bool redirect_to_https = false;  // 301 to https://host:redirect_port
  std::uint16_t redirect_port = 443;
};

// One node of a load balancer: haproxy in its own namespace, behind its own ENI.
struct LoadBalancerNodePlan {
  std::string namespace_name;  // the NamespacePlan above, "front/public-a"
  std::string az;
  wire::IpAddress address;  // where it listens, and its source towards targets
};

struct LoadBalancerPlan {
  std::string id, name;
  std::string dns_name;  // subject of the certificate
  unsigned idle_timeout_seconds = 60;
  std::vector<LoadBalancerNodePlan> nodes;
  std::vector<ListenerPlan> listeners;
  std::vector<TargetGroupPlan> target_groups;
};

struct FabricPlan {
  std::string name;
  std::string region;
  std::string folder;           // where `run` commands start
  config::FabricConfig config;  // generation is filled in when it is published
  std::vector<NamespacePlan> namespaces;
  std::vector<LoadBalancerPlan> load_balancers;
};

}  // namespace taploom::control

#endif  // TAPLOOM_CONTROL_PLAN_H_
