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
    for (const PrefixList& list : vpc.prefix_lists) LowerPrefixList(context, vpc, list);
  }
}

}  // namespace taploom::control
