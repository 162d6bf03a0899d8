// Topology: what a topology file says, word for word, with the place of every word.
//
// Nothing is resolved or defaulted here: a reference is still a name, an absent key is an empty
// optional, a CIDR may have host bits. Parse() (parse.h) makes it; Validate() (validate.h) decides
// whether it makes sense. A field that the parser could not read is absent too: the parser has
// reported it, and later checks stay silent about it.
#ifndef TAPLOOM_CONTROL_TOPOLOGY_H_
#define TAPLOOM_CONTROL_TOPOLOGY_H_

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "control/finding.h"
#include "dataplane/wire/ip_address.h"

namespace taploom::control {

using Name = Located<std::string>;
using Address = Located<wire::IpAddress>;

// A CIDR block as written: 10.0.0.1/16 keeps its host bits.
struct Cidr {
  wire::IpAddress address;
  std::uint8_t length = 0;

  wire::IpPrefix prefix() const { return wire::IpPrefix::Of(address, length); }
  bool has_host_bits() const { return prefix().address != address; }
  wire::Family family() const { return address.family(); }
  std::string ToString() const { return address.ToString() + "/" + std::to_string(length); }

  friend bool operator==(const Cidr&, const Cidr&) = default;
};

// Both ends inclusive and within 0–65535; may be written the wrong way round.
struct PortRange {
  int from = 0;
  int to = 65535;

  friend bool operator==(const PortRange&, const PortRange&) = default;
};

// --- filtering ---

struct Peer {
  enum class Kind { kCidr, kSecurityGroup, kPrefixList };
  Kind kind = Kind::kCidr;
  Cidr cidr;
  std::string name;  // of the group or prefix list
};

// IP protocol numbers of rules; any other number from 0 to 255 is as good.
inline constexpr int kAllProtocols = -1;
inline constexpr int kIcmp = 1, kTcp = 6, kUdp = 17, kIcmpv6 = 58;

struct SecurityGroupRule {
  Position at;
  std::optional<Located<int>> protocol;
  std::vector<Located<PortRange>> ports;  // empty: every port
  std::optional<Located<int>> icmp_type, icmp_code;
  std::vector<Located<Peer>> peers;  // `from` of an ingress rule, `to` of an egress rule
  bool readable = true;              // false: the parser reported a part of it
};

struct SecurityGroup {
  Name name;
  std::optional<std::string> description;
  // Absent and empty differ: a group without `egress` may send anything, one with `egress: []`
  // nothing new.
  std::optional<std::vector<SecurityGroupRule>> ingress, egress;
};

struct NetworkAclRule {
  Position at;
  std::optional<Located<int>> number;
  std::optional<bool> allow;
  std::optional<Located<int>> protocol;
  std::optional<Located<PortRange>> ports;
  std::optional<Located<int>> icmp_type, icmp_code;
  std::optional<Located<Cidr>> cidr;
};

struct NetworkAcl {
  Name name;
  std::optional<std::vector<NetworkAclRule>> ingress, egress;
};

struct PrefixList {
  Name name;
  std::vector<Located<Cidr>> cidrs;
};

// --- routing ---

struct RouteDestination {
  std::optional<Cidr> cidr;
  std::string prefix_list;  // when there is no cidr
};

struct RouteTarget {
  enum class Kind { kGateway, kInstance, kEni, kPeering, kLocal, kBlackhole };
  Kind kind = Kind::kBlackhole;
  std::string
      name;  // of the internet, NAT or egress-only gateway, the instance, the ENI or peering
};

struct Route {
  Position at;
  std::optional<Located<RouteDestination>> to;
  std::optional<Located<RouteTarget>> via;
};

struct RouteTable {
  Name name;
  std::optional<Located<bool>> main;
  std::vector<Route> routes;
};

struct NatGateway {
  Name name;
  std::optional<Name> subnet;
  std::optional<Address> elastic_ip;
  std::optional<Address> private_ip;
  // Those after the first. A public gateway has a private address for each elastic IP, written or
  // chosen.
  std::vector<Address> secondary_elastic_ips, secondary_private_ips;
  bool is_public = true;  // connectivity: public | private

  std::size_t secondary_count() const {
    return std::max(secondary_elastic_ips.size(), secondary_private_ips.size());
  }
};

// Of S3 and DynamoDB, AWS's two services that have them. The service itself is played by internet
// hosts.
struct GatewayEndpoint {
  Name name;
  std::optional<Located<std::string>> service;  // "s3" or "dynamodb"
  std::optional<Name> prefix_list;              // the service's addresses
  std::vector<Name> route_tables;
};

struct Peering {
  Name name;
  std::optional<Name> requester, accepter;  // VPCs
};

// --- VPCs ---

struct Subnet {
  Name name;
  std::optional<Located<Cidr>> cidr, ipv6_cidr;
  std::optional<Name> az, route_table, acl;
};

struct Target {
  Name instance;
  std::optional<Located<int>> port;
};

struct HealthCheck {
  std::optional<Located<std::string>> protocol, path, matcher;
  std::optional<Located<int>> port;  // absent: the target's traffic port
  std::optional<Located<int>> interval, timeout, healthy_threshold, unhealthy_threshold;
};

struct TargetGroup {
  Name name;
  std::optional<Located<std::string>> protocol;
  std::optional<Located<int>> port;
  std::vector<Target> targets;
  HealthCheck health_check;
};

struct Listener {
  Position at;
  std::optional<Located<std::string>> protocol;
  std::optional<Located<int>> port;
  std::optional<Name> forward;                   // a target group of the same load balancer
  std::optional<Located<std::string>> redirect;  // "https"
};

struct LoadBalancerSubnet {
  Name name;
  std::optional<Address> address;     // the node's private address
  std::optional<Address> elastic_ip;  // from the load balancer's `elastic_ips`
};

struct LoadBalancer {
  Name name;
  std::optional<Located<bool>> internet_facing;  // scheme; absent: internet-facing
  std::vector<LoadBalancerSubnet> subnets;
  std::vector<Located<std::string>> elastic_ip_subnets;  // the keys of `elastic_ips`
  std::optional<std::vector<Name>> security_groups;
  std::optional<Name> dns_name;
  std::optional<Located<int>> idle_timeout;
  std::vector<Listener> listeners;
  std::vector<TargetGroup> target_groups;
};

struct Vpc {
  Name name;
  std::optional<Name> region;
  std::vector<Located<Cidr>> cidrs, ipv6_cidrs;  // the first is the primary
  std::optional<Name> internet_gateway, egress_only_internet_gateway;
  std::optional<Name> edge_route_table;  // of what enters through the internet gateway
  std::vector<GatewayEndpoint> gateway_endpoints;
  std::vector<Subnet> subnets;
  std::vector<NatGateway> nat_gateways;
  std::vector<RouteTable> route_tables;
  std::vector<SecurityGroup> security_groups;
  std::vector<NetworkAcl> network_acls;
  std::vector<PrefixList> prefix_lists;
  std::vector<LoadBalancer> load_balancers;
};

// --- machines ---

// Idle timers in seconds; absent: AWS's default.
struct ConnectionTrackingTimers {
  std::optional<Located<int>> tcp_established, udp_stream, udp;
};

struct Interface {
  Position at;
  std::optional<Name> subnet;  // "app-a" or "main/app-a"
  std::optional<Address> private_ip;
  std::vector<Address> secondary_private_ips;
  std::vector<Address> ipv6;
  std::optional<Position> ipv6_auto;  // `ipv6: true`: one address, chosen from the subnet
  std::optional<std::vector<Name>> security_groups;
  std::optional<Address> elastic_ip;
  std::optional<Located<bool>> public_ip;
  bool source_dest_check = true;
  ConnectionTrackingTimers connection_tracking;
};

struct Instance {
  Name name;
  std::vector<Interface> interfaces;  // eth0 first; never empty
  std::vector<std::string> run;
  // Path of an existing network namespace that was attached at run time; empty for instances of the
  // file.
  std::string attached_netns;

  bool attached() const { return !attached_netns.empty(); }
};

struct InternetHost {
  Name name;
  std::vector<Address> addresses;
  std::vector<Name> dns_names;
  std::vector<std::string> run;
};

// AWS's adjustable quotas (vpc-semantics §14) and the sizes of the dataplane's tables (0: the
// default). quota.h says how `limits:` calls them, and how far they may be raised.
struct Limits {
  Position at;  // of `limits:`, when the file has it
  int connections = 0;
  int connections_per_eni = 0;
  int vpcs_per_region = 5;
  int ipv4_cidrs_per_vpc = 5;
  int ipv6_cidrs_per_vpc = 5;
  int subnets_per_vpc = 200;
  int route_tables_per_vpc = 200;
  int routes_per_route_table = 500;  // of a family
  int network_acls_per_vpc = 200;
  int rules_per_network_acl = 20;  // of a family and direction, the last included
  int security_groups_per_region = 2500;
  int rules_per_security_group = 60;  // of a family and direction
  int security_groups_per_eni = 5;
  int enis_per_region = 5000;
  int elastic_ips_per_region = 5;
  int nat_gateways_per_az = 5;
  int elastic_ips_per_nat_gateway = 2;
  int peerings_per_vpc = 50;
  int prefix_lists_per_region = 100;
  int entries_per_prefix_list = 1000;
  int gateway_endpoints_per_region = 20;
  int load_balancers_per_region = 50;
  int network_address_units_per_vpc = 64'000;
  int network_address_units_peered = 128'000;
};

struct Topology {
  Name name;
  std::optional<Name> region;
  std::vector<Vpc> vpcs;
  std::vector<Peering> peerings;
  std::vector<Instance> instances;
  std::vector<InternetHost> internet_hosts;
  Limits limits;
  // Keys whose content could not be read ("subnets"): a name missing from such a collection is no
  // second mistake.
  std::set<std::string> unreadable;
};

// What `attach` asks for: an existing network namespace that becomes an instance.
struct AttachRequest {
  std::string name;
  std::string netns_path;
  std::string subnet;  // "app-a" or "main/app-a"
  std::optional<wire::IpAddress>
      address;  // of either family; without an IPv4 address one is chosen
  std::optional<wire::IpAddress> ipv6;
  std::vector<std::string> security_groups;  // empty: the VPC's default group
};

// Adds the namespace as an instance that is not in the file; Validate() then says whether it fits.
void AddAttachedInstance(Topology& topology, const AttachRequest& request);
// False when no attached instance has that name.
bool RemoveAttachedInstance(Topology& topology, const std::string& name);

}  // namespace taploom::control

#endif  // TAPLOOM_CONTROL_TOPOLOGY_H_
