// Snapshot: the immutable compiled world that the stages read.
//
// Compile() (compile.h) makes one from a FabricConfig; the worker publishes it by one pointer and
// reads it without a lock. Everything is an array indexed by a strong index; a stage follows
// indices, never names. Names and ids are kept for explanations. Nothing changes after Compile, so
// any number of threads may read.
#ifndef TAPLOOM_DATAPLANE_TABLES_SNAPSHOT_H_
#define TAPLOOM_DATAPLANE_TABLES_SNAPSHOT_H_

#include <absl/container/flat_hash_map.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "dataplane/tables/lpm.h"
#include "dataplane/tables/ownership.h"
#include "dataplane/tables/rule_set.h"
#include "dataplane/wire/ip_address.h"
#include "dataplane/wire/mac_address.h"

namespace taploom::tables {

// A position in one of the snapshot's arrays. Valid only inside the snapshot it came from.
template <typename Tag>
struct Index {
  std::uint32_t value = kNone;
  static constexpr std::uint32_t kNone = 0xffffffffu;
  bool exists() const { return value != kNone; }
  friend bool operator==(Index, Index) = default;
};

struct Vpc;
struct Subnet;
struct RouteTable;
struct NetworkAcl;
struct SecurityGroup;
struct Eni;
struct InternetGateway;
struct NatGateway;
struct EgressOnlyInternetGateway;
struct VpcPeering;
struct GatewayEndpoint;
struct InternetHost;
using VpcIndex = Index<Vpc>;
using SubnetIndex = Index<Subnet>;
using RouteTableIndex = Index<RouteTable>;
using NetworkAclIndex = Index<NetworkAcl>;
using SecurityGroupIndex = Index<SecurityGroup>;
using EniIndex = Index<Eni>;
using InternetGatewayIndex = Index<InternetGateway>;
using NatGatewayIndex = Index<NatGateway>;
using EgressOnlyInternetGatewayIndex = Index<EgressOnlyInternetGateway>;
using VpcPeeringIndex = Index<VpcPeering>;
using GatewayEndpointIndex = Index<GatewayEndpoint>;
using InternetHostIndex = Index<InternetHost>;

// A TAP attached to the dataplane. Control numbers ports; 0 means "none".
using PortId = std::uint16_t;
inline constexpr PortId kNoPort = 0;

// Lower-case names to addresses. Looked up by string_view, so that a query allocates nothing.
struct NameHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view name) const {
    return std::hash<std::string_view>()(name);
  }
};
using NameTable =
    std::unordered_map<std::string, std::vector<wire::IpAddress>, NameHash, std::equal_to<>>;

template <typename Value>
using AddressMap = absl::flat_hash_map<wire::IpAddress, Value>;

struct Vpc {
  std::string id, name, region;
  std::vector<wire::IpPrefix> cidrs;
  InternetGatewayIndex internet_gateway;               // attached, or none
  EgressOnlyInternetGatewayIndex egress_only_gateway;  // or none
  std::vector<GatewayEndpointIndex> gateway_endpoints;
  AddressMap<EniIndex> eni_by_address;  // every private address

  bool Contains(const wire::IpAddress& address) const {
    for (const wire::IpPrefix& cidr : cidrs) {
      if (cidr.Contains(address)) return true;
    }
    return false;
  }
  NameTable names;  // what the VPC's resolver answers
};

// Whether a part of the fabric works (vpc-semantics §13).
struct Health {
  bool is_down = false;
  // Connections through it that were decided before this generation are lost: it has forgotten
  // them.
  std::uint64_t lost_before = 0;
};

struct Subnet {
  std::string id, name, az;
  Health zone;  // of its availability zone
  VpcIndex vpc;
  std::vector<wire::IpPrefix> cidrs;
  RouteTableIndex route_table;
  NetworkAclIndex network_acl;
  wire::MacAddress router_mac;

  bool Contains(const wire::IpAddress& address) const {
    for (const wire::IpPrefix& cidr : cidrs) {
      if (cidr.Contains(address)) return true;
    }
    return false;
  }
  // base+1 of the block of that family, "the VPC router" (vpc-semantics §1); nullopt when the
  // subnet has no such block.
  std::optional<wire::IpAddress> RouterAddress(wire::Family family) const {
    for (const wire::IpPrefix& cidr : cidrs) {
      if (cidr.family() == family) return cidr.address.Plus(1);
    }
    return std::nullopt;
  }
};

enum class RouteTargetKind : std::uint8_t {
  kLocal,
  kInternetGateway,
  kNatGateway,
  kEni,
  kBlackhole,
  kVpcPeering,
  kEgressOnlyInternetGateway,
  kGatewayEndpoint
};

struct Route {
  wire::IpPrefix destination;
  RouteTargetKind target = RouteTargetKind::kBlackhole;
  std::uint32_t target_index = 0xffffffffu;  // into the array that `target` names
  std::string target_id;
};

struct RouteTable {
  std::string id, name;
  VpcIndex vpc;
  bool main = false;
  std::vector<Route> routes;
  Lpm lpm;  // prefix → position in `routes`
};

struct SecurityGroup {
  std::string id, name;
  VpcIndex vpc;
};

struct NetworkAcl {
  std::string id, name;
  RuleSet ingress, egress;  // rule ids are the rule numbers as text
};

struct EniAddress {
  wire::IpAddress private_address;
  std::optional<wire::IpAddress> public_address;
};

enum class EniType : std::uint8_t { kInterface, kNatGateway, kLoadBalancer };

// Idle timers of tracked connections, vpc-semantics §5.
struct ConnectionTracking {
  std::chrono::seconds tcp_established{432'000};
  std::chrono::seconds udp_stream{180};
  std::chrono::seconds udp{30};
};

struct Eni {
  std::string id, name;
  EniType type = EniType::kInterface;
  SubnetIndex subnet;
  VpcIndex vpc;
  wire::MacAddress mac;
  std::vector<EniAddress> addresses;  // primary first
  std::vector<SecurityGroupIndex> security_groups;
  // The rules of all attached groups, OR-ed. Shared by ENIs with the same set of groups; never null
  // for an ENI that filters. NAT gateway ENIs have none: no security group is possible there (§4).
  std::shared_ptr<const RuleSet> ingress_rules, egress_rules;
  // The ingress rules without those that name a group: what counts for a packet that came through
  // an appliance, across which groups are not known (§2).
  std::shared_ptr<const RuleSet> ingress_rules_without_groups;
  bool source_dest_check = true;
  PortId port = kNoPort;
  NatGatewayIndex nat_gateway;  // set when type is kNatGateway
  ConnectionTracking timers;

  const EniAddress* FindAddress(const wire::IpAddress& address) const {
    for (const EniAddress& candidate : addresses) {
      if (candidate.private_address == address) return &candidate;
    }
    return nullptr;
  }
};

struct InternetGateway {
  std::string id, name;
  VpcIndex vpc;
  RouteTableIndex route_table;  // of what enters; none: it is delivered as it is
};

struct EgressOnlyInternetGateway {
  std::string id, name;
  VpcIndex vpc;
};

struct VpcPeering {
  std::string id, name;
  VpcIndex requester, accepter;
  bool is_inter_region = false;

  VpcIndex OtherThan(VpcIndex vpc) const { return vpc == requester ? accepter : requester; }
};

struct GatewayEndpoint {
  std::string id, name;
  VpcIndex vpc;
  std::vector<wire::IpPrefix> cidrs;  // of the service
  bool is_always_tracked = false;
};

struct NatGateway {
  std::string id, name;
  EniIndex eni;
  bool public_connectivity = true;
  Health health;  // its own; its zone may be down besides
};

struct InternetHost {
  std::string id, name;
  std::vector<wire::IpAddress> addresses;
  wire::MacAddress mac, router_mac;
  PortId port = kNoPort;
  bool has_the_rest = false;  // besides these, every public address that nobody has
};

// What hangs on a port. Exactly one of the indices exists; both none = the port is not in use.
struct PortOwner {
  EniIndex eni;
  InternetHostIndex internet_host;
};

// A public IPv4 address bound to a private one at an internet gateway.
struct PublicBinding {
  EniIndex eni;
  wire::IpAddress private_address;
};

struct Limits {
  std::uint32_t connections = 262'144;
  std::uint32_t connections_per_eni = 100'000;
};

struct Snapshot {
  std::string name;
  std::uint64_t generation = 0;
  std::vector<Vpc> vpcs;
  std::vector<Subnet> subnets;
  std::vector<RouteTable> route_tables;
  std::vector<SecurityGroup> security_groups;
  std::vector<NetworkAcl> network_acls;
  std::vector<Eni> enis;
  std::vector<InternetGateway> internet_gateways;
  std::vector<NatGateway> nat_gateways;
  std::vector<EgressOnlyInternetGateway> egress_only_internet_gateways;
  std::vector<VpcPeering> vpc_peerings;
  std::vector<GatewayEndpoint> gateway_endpoints;
  std::vector<InternetHost> internet_hosts;
  std::vector<PortOwner>
      ports;  // by PortId; shorter than the largest port when the rest are unused
  AddressMap<PublicBinding> public_bindings;
  AddressMap<InternetHostIndex> internet_host_by_address;
  InternetHostIndex rest_of_internet;  // the host that has the rest, if there is one
  NameTable internet_names;            // what internet hosts resolve
  bool has_faults = false;             // something is down, or has been
  Limits limits;
  Ownership ownership;

  const Vpc& operator[](VpcIndex index) const { return vpcs[index.value]; }
  const Subnet& operator[](SubnetIndex index) const { return subnets[index.value]; }
  const RouteTable& operator[](RouteTableIndex index) const { return route_tables[index.value]; }
  const SecurityGroup& operator[](SecurityGroupIndex index) const {
    return security_groups[index.value];
  }
  const NetworkAcl& operator[](NetworkAclIndex index) const { return network_acls[index.value]; }
  const Eni& operator[](EniIndex index) const { return enis[index.value]; }
  const InternetGateway& operator[](InternetGatewayIndex index) const {
    return internet_gateways[index.value];
  }
  const NatGateway& operator[](NatGatewayIndex index) const { return nat_gateways[index.value]; }
  const EgressOnlyInternetGateway& operator[](EgressOnlyInternetGatewayIndex index) const {
    return egress_only_internet_gateways[index.value];
  }
  const VpcPeering& operator[](VpcPeeringIndex index) const { return vpc_peerings[index.value]; }
  const GatewayEndpoint& operator[](GatewayEndpointIndex index) const {
    return gateway_endpoints[index.value];
  }
  const InternetHost& operator[](InternetHostIndex index) const {
    return internet_hosts[index.value];
  }

  // The worker, of `workers`, that owns what passes between the two addresses (ownership.h).
  std::uint32_t OwnerOf(const wire::IpAddress& one, const wire::IpAddress& other,
                        std::uint32_t workers) const {
    return ownership.OwnerOf(*this, one, other, workers);
  }
  // Who on the internet has the address; does not exist when nobody has.
  InternetHostIndex FindInternetHost(const wire::IpAddress& address) const;
  bool ArePeered(VpcIndex one, VpcIndex other) const {
    for (const VpcPeering& peering : vpc_peerings) {
      if ((peering.requester == one && peering.accepter == other) ||
          (peering.requester == other && peering.accepter == one)) {
        return true;
      }
    }
    return false;
  }
  PortOwner OwnerOf(PortId port) const { return port < ports.size() ? ports[port] : PortOwner{}; }
  // Of the interface or internet host at the port; all zeros when there is none.
  wire::MacAddress MacOf(PortId port) const {
    const PortOwner owner = OwnerOf(port);
    if (owner.eni.exists()) return enis[owner.eni.value].mac;
    if (owner.internet_host.exists()) return internet_hosts[owner.internet_host.value].mac;
    return {};
  }
};

}  // namespace taploom::tables

#endif  // TAPLOOM_DATAPLANE_TABLES_SNAPSHOT_H_
