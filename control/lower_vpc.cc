// VPCs, subnets, gateways and prefix lists.
#include "control/lower_sections.h"

namespace taploom::control {
namespace {

void LowerVpc(LowerContext& context, const Vpc& vpc) {
  config::Vpc* lowered = context.plan.config.add_vpcs();
  lowered->set_id(context.VpcId(vpc));
  lowered->set_name(vpc.name.value);
  lowered->set_region(RegionOf(context.topology, vpc));
  for (const Located<Cidr>& cidr : vpc.cidrs) SetPrefix(cidr.value.prefix(), lowered->add_cidrs());
  for (const Located<Cidr>& cidr : vpc.ipv6_cidrs) {
    SetPrefix(cidr.value.prefix(), lowered->add_cidrs());
  }
}

void LowerSubnet(LowerContext& context, const Vpc& vpc, const Subnet& subnet) {
  config::Subnet* lowered = context.plan.config.add_subnets();
  lowered->set_id(context.SubnetId(vpc, subnet.name.value));
  lowered->set_name(subnet.name.value);
  lowered->set_vpc_id(context.VpcId(vpc));
  lowered->set_az(ZoneOf(context.topology, vpc, subnet));
  SetPrefix(subnet.cidr->value.prefix(), lowered->add_cidrs());
  if (subnet.ipv6_cidr) SetPrefix(subnet.ipv6_cidr->value.prefix(), lowered->add_cidrs());
  const RouteTable* main = MainRouteTable(vpc);
  std::string_view table = main == nullptr ? kMainName : std::string_view(main->name.value);
  // `route_table: main` is the main table under whatever name; anything else is a table's own name.
  if (subnet.route_table && subnet.route_table->value != kMainName) {
    table = *NameWithin(vpc, subnet.route_table->value);
  }
  lowered->set_route_table_id(context.RouteTableId(vpc, table));
  const std::string_view acl = subnet.acl ? *NameWithin(vpc, subnet.acl->value) : kDefaultName;
  lowered->set_network_acl_id(context.NetworkAclId(vpc, acl));
  lowered->set_router_mac(ToBytes(context.NewMac(lowered->id() + "/router")));
}

void LowerInternetGateway(LowerContext& context, const Vpc& vpc) {
  config::InternetGateway* lowered = context.plan.config.add_internet_gateways();
  lowered->set_id(context.InternetGatewayId(vpc));
  lowered->set_name(vpc.internet_gateway->value);
  lowered->set_vpc_id(context.VpcId(vpc));
  if (vpc.edge_route_table) {
    lowered->set_route_table_id(context.RouteTableIdOf(vpc, vpc.edge_route_table->value));
  }
}

void LowerEgressOnlyGateway(LowerContext& context, const Vpc& vpc) {
  config::EgressOnlyInternetGateway* lowered =
      context.plan.config.add_egress_only_internet_gateways();
  lowered->set_id(context.EgressOnlyGatewayId(vpc));
  lowered->set_name(vpc.egress_only_internet_gateway->value);
  lowered->set_vpc_id(context.VpcId(vpc));
}

void LowerGatewayEndpoint(LowerContext& context, const Vpc& vpc, const GatewayEndpoint& endpoint) {
  config::GatewayEndpoint* lowered = context.plan.config.add_gateway_endpoints();
  lowered->set_id(context.GatewayEndpointId(vpc, endpoint.name.value));
  lowered->set_name(endpoint.name.value);
  lowered->set_vpc_id(context.VpcId(vpc));
  lowered->set_prefix_list_id(context.PrefixListId(vpc, endpoint.prefix_list->value));
  lowered->set_always_tracked(endpoint.service->value == "dynamodb");
}

void LowerNatGateway(LowerContext& context, const Vpc& vpc, const NatGateway& gateway) {
  const std::string path = PathOf(vpc, gateway);
  config::Eni* eni = context.plan.config.add_enis();
  eni->set_id(context.Id("eni", path));
  eni->set_name(gateway.name.value);
  eni->set_type(config::Eni::NAT_GATEWAY);
  eni->set_subnet_id(context.SubnetId(vpc, *NameWithin(vpc, gateway.subnet->value)));
  eni->set_mac(ToBytes(context.NewMac(eni->id())));
  config::EniAddress* address = eni->add_addresses();
  address->set_private_address(ToBytes(gateway.private_ip
                                           ? gateway.private_ip->value
                                           : context.allocations.private_addresses.at(path)));
  if (gateway.elastic_ip) address->set_public_address(ToBytes(gateway.elastic_ip->value));
  for (std::size_t i = 0; i < gateway.secondary_count(); ++i) {
    const auto& written = gateway.secondary_private_ips;
    config::EniAddress* secondary = eni->add_addresses();
    secondary->set_private_address(
        ToBytes(i < written.size()
                    ? written[i].value
                    : context.allocations.private_addresses.at(SecondaryPathOf(vpc, gateway, i))));
    if (i < gateway.secondary_elastic_ips.size())
      secondary->set_public_address(ToBytes(gateway.secondary_elastic_ips[i].value));
  }

  config::NatGateway* lowered = context.plan.config.add_nat_gateways();
  lowered->set_id(context.NatGatewayId(vpc, gateway.name.value));
  lowered->set_name(gateway.name.value);
  lowered->set_eni_id(eni->id());
  lowered->set_public_connectivity(gateway.is_public);
}

void LowerPrefixList(LowerContext& context, const Vpc& vpc, const PrefixList& list) {
  config::PrefixList* lowered = context.plan.config.add_prefix_lists();
  lowered->set_id(context.PrefixListId(vpc, list.name.value));
  lowered->set_name(list.name.value);
  for (const Located<Cidr>& cidr : list.cidrs) SetPrefix(cidr.value.prefix(), lowered->add_cidrs());
}

}  // namespace

void LowerVpcs(LowerContext& context) {
  for (const Vpc& vpc : context.topology.vpcs) {
    LowerVpc(context, vpc);
    for (const Subnet& subnet : vpc.subnets) LowerSubnet(context, vpc, subnet);
    if (vpc.internet_gateway) LowerInternetGateway(context, vpc);
    for (const NatGateway& gateway : vpc.nat_gateways) LowerNatGateway(context, vpc, gateway);
    if (vpc.egress_only_internet_gateway) LowerEgressOnlyGateway(context, vpc);
    for (const PrefixList& list : vpc.prefix_lists) LowerPrefixList(context, vpc, list);
    for (const GatewayEndpoint& endpoint : vpc.gateway_endpoints) {
      LowerGatewayEndpoint(context, vpc, endpoint);
    }
  }
}

void LowerPeerings(LowerContext& context) {
  for (const Peering& peering : context.topology.peerings) {
    config::VpcPeeringConnection* lowered = context.plan.config.add_vpc_peering_connections();
    lowered->set_id(context.PeeringId(peering));
    lowered->set_name(peering.name.value);
    lowered->set_requester_vpc_id(
        context.VpcId(*FindByName(context.topology.vpcs, peering.requester->value)));
    lowered->set_accepter_vpc_id(
        context.VpcId(*FindByName(context.topology.vpcs, peering.accepter->value)));
  }
}

}  // namespace taploom::control
