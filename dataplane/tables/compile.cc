#include "dataplane/tables/compile.h"

#include "dataplane/config/fabric_config.pb.h"
#include "dataplane/tables/compiler.h"
#include "dataplane/tables/config_fields.h"

namespace taploom::tables {

// Every reference points backwards in this order. Routes and rules may name anything, so they come
// last.
std::shared_ptr<const Snapshot> Compiler::Run() {
  snapshot_->name = config_.name();
  snapshot_->generation = config_.generation();
  ReadLimits();
  for (const config::Vpc& vpc : config_.vpcs()) AddVpc(vpc);
  for (const config::InternetGateway& igw : config_.internet_gateways()) AddInternetGateway(igw);
  for (const auto& gateway : config_.egress_only_internet_gateways())
    AddEgressOnlyInternetGateway(gateway);
  for (const auto& peering : config_.vpc_peering_connections()) AddVpcPeering(peering);
  for (const config::NetworkAcl& acl : config_.network_acls()) AddNetworkAcl(acl);
  for (const config::RouteTable& table : config_.route_tables()) AddRouteTable(table);
  for (const config::Subnet& subnet : config_.subnets()) AddSubnet(subnet);
  for (const config::SecurityGroup& group : config_.security_groups()) AddSecurityGroup(group);
  for (const config::Eni& eni : config_.enis()) AddEni(eni);
  for (const config::NatGateway& nat : config_.nat_gateways()) AddNatGateway(nat);
  for (const config::InternetHost& host : config_.internet_hosts()) AddInternetHost(host);
  CheckNatGatewayEnis();
  for (const config::Fault& fault : config_.faults()) AddFault(fault);
  const NamedPeersById prefix_lists = ReadPrefixLists(config_);
  for (const auto& endpoint : config_.gateway_endpoints())
    AddGatewayEndpoint(endpoint, prefix_lists);
  for (int i = 0; i < config_.route_tables_size(); ++i) {
    AddRoutes(config_.route_tables(i), snapshot_->route_tables[static_cast<std::size_t>(i)]);
  }
  for (int i = 0; i < config_.internet_gateways_size(); ++i) {
    SetEdgeRouteTable(config_.internet_gateways(i),
                      snapshot_->internet_gateways[static_cast<std::size_t>(i)]);
  }
  AttachSecurityGroups(prefix_lists);
  const std::string nobody;
  snapshot_->internet_names = ReadNames({"internet", nobody, nobody}, config_.internet_names());
  snapshot_->ownership = Ownership::Of(*snapshot_);
  return snapshot_;
}

void Compiler::ReadLimits() {
  const config::Limits& limits = config_.limits();
  if (limits.connections() != 0) snapshot_->limits.connections = limits.connections();
  if (limits.connections_per_eni() != 0) {
    snapshot_->limits.connections_per_eni = limits.connections_per_eni();
  }
}

CompileResult Compile(const config::FabricConfig& config) {
  try {
    return {Compiler(config).Run(), ""};
  } catch (const ConfigFault& fault) {
    return {nullptr, fault.what()};
  }
}

}  // namespace taploom::tables
