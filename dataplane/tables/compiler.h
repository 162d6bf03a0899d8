// Compiler: builds one Snapshot, object by object. Private to Compile().
#ifndef TAPLOOM_DATAPLANE_TABLES_COMPILER_H_
#define TAPLOOM_DATAPLANE_TABLES_COMPILER_H_

#include <array>
#include <cstdint>
#include <memory>
#include <set>
#include <unordered_set>
#include <utility>
#include <vector>

#include "dataplane/config/fabric_config.pb.h"
#include "dataplane/tables/compile_rules.h"
#include "dataplane/tables/config_fields.h"
#include "dataplane/tables/snapshot.h"

namespace taploom::tables {

// Each Add… checks one object, appends it to the snapshot and throws ConfigFault when something is
// wrong with it. What an object refers to must have been added before: Run() keeps that order.
class Compiler {
 public:
  explicit Compiler(const config::FabricConfig& config) : config_(config) {}

  std::shared_ptr<const Snapshot> Run();

 private:
  void ReadLimits();
  void AddVpc(const config::Vpc& source);
  void AddInternetGateway(const config::InternetGateway& source);
  void AddEgressOnlyInternetGateway(const config::EgressOnlyInternetGateway& source);
  void AddVpcPeering(const config::VpcPeeringConnection& source);
  void AddGatewayEndpoint(const config::GatewayEndpoint& source, const NamedPeersById& lists);
  void SetEdgeRouteTable(const config::InternetGateway& source, InternetGateway& gateway);
  void AddNetworkAcl(const config::NetworkAcl& source);
  void AddRouteTable(const config::RouteTable& source);
  void AddSubnet(const config::Subnet& source);
  void AddSecurityGroup(const config::SecurityGroup& source);
  void AddEni(const config::Eni& source);
  void AddEniAddress(const Subject& subject, const config::EniAddress& source, EniIndex index,
                     Eni& eni);
  void AddNatGateway(const config::NatGateway& source);
  void CheckNatGatewayEnis();
  void AddInternetHost(const config::InternetHost& source);
  void AddFault(const config::Fault& source);
  void AddRoutes(const config::RouteTable& source, RouteTable& table);
  void SetRouteTarget(const Subject& subject, const config::Route& source, VpcIndex vpc,
                      Route& route);
  void AttachSecurityGroups(const NamedPeersById& prefix_lists);
  NamedPeersById SecurityGroupMembers() const;

  // Records that `owner` hangs on `port`; a port carries one thing.
  void OccupyPort(const Subject& subject, PortId port, PortOwner owner);
  // The station address `mac` belongs to `subject` alone within the subnet.
  void OccupyMac(const Subject& subject, SubnetIndex subnet, const wire::MacAddress& mac);

  const config::FabricConfig& config_;
  std::shared_ptr<Snapshot> snapshot_ = std::make_shared<Snapshot>();

  IdTable<Vpc> vpcs_{"VPC"};
  IdTable<InternetGateway> internet_gateways_{"internet gateway"};
  IdTable<NetworkAcl> network_acls_{"network ACL"};
  IdTable<RouteTable> route_tables_{"route table"};
  IdTable<Subnet> subnets_{"subnet"};
  IdTable<SecurityGroup> security_groups_{"security group"};
  IdTable<Eni> enis_{"ENI"};
  IdTable<NatGateway> nat_gateways_{"NAT gateway"};
  IdTable<EgressOnlyInternetGateway> egress_only_gateways_{"egress-only internet gateway"};
  IdTable<VpcPeering> vpc_peerings_{"VPC peering connection"};
  IdTable<GatewayEndpoint> gateway_endpoints_{"gateway endpoint"};
  IdTable<InternetHost> internet_hosts_{"internet host"};

  std::vector<VpcIndex> vpc_of_network_acl_;     // the snapshot needs it no longer
  std::vector<DisjointPrefixes> subnet_blocks_;  // by VPC
  PeeredVpcs peered_in_region_;
  std::unordered_set<std::uint32_t> vpcs_with_main_;  // route table
  DisjointPrefixes routed_v6_blocks_;                 // of VPCs with an internet gateway
  std::set<std::pair<std::uint32_t, std::array<std::uint8_t, 6>>> macs_;  // subnet, address
};

}  // namespace taploom::tables

#endif  // TAPLOOM_DATAPLANE_TABLES_COMPILER_H_
