#include "tests/unit/tables/two_tiers.h"

#include "dataplane/wire/ip_address.h"

namespace taploom::tables {

std::string Bytes(std::string_view address) {
  const wire::IpAddress parsed = wire::IpAddress::Parse(address).value();
  return std::string(parsed.bytes().begin(), parsed.bytes().end());
}

std::string Mac(std::uint8_t last) { return {0x02, 0, 0, 0, 0, static_cast<char>(last)}; }

void SetPrefix(config::Prefix* prefix, std::string_view text) {
  const wire::IpPrefix parsed = wire::IpPrefix::Parse(text).value();
  prefix->set_address(std::string(parsed.address.bytes().begin(), parsed.address.bytes().end()));
  prefix->set_length(parsed.length);
}

void SetMatch(config::Match* match, std::int32_t protocol, std::uint32_t from_port,
              std::uint32_t to_port) {
  match->set_protocol(protocol);
  match->set_from_port(from_port);
  match->set_to_port(to_port);
  match->set_icmp_type(-1);
  match->set_icmp_code(-1);
}

void AddRoute(config::RouteTable* table, std::string_view destination, config::RouteTargetKind kind,
              std::string_view target_id) {
  config::Route* route = table->add_routes();
  SetPrefix(route->mutable_destination(), destination);
  route->set_target(kind);
  route->set_target_id(std::string(target_id));
}

config::Subnet* AddSubnet(config::FabricConfig& fabric, std::string_view name,
                          std::vector<std::string_view> cidrs, std::string_view route_table_id) {
  config::Subnet* subnet = fabric.add_subnets();
  subnet->set_id("subnet-" + std::string(name));
  subnet->set_name(std::string(name));
  subnet->set_vpc_id("vpc-main");
  subnet->set_az("ap-northeast-2a");
  for (const std::string_view cidr : cidrs) SetPrefix(subnet->add_cidrs(), cidr);
  subnet->set_route_table_id(std::string(route_table_id));
  subnet->set_network_acl_id("acl-main");
  subnet->set_router_mac(Mac(1));
  return subnet;
}

config::SecurityGroupRule* AddRule(config::SecurityGroup* group, std::string_view id,
                                   config::Direction direction, std::int32_t protocol,
                                   std::uint32_t from_port, std::uint32_t to_port) {
  config::SecurityGroupRule* rule = group->add_rules();
  rule->set_id(std::string(id));
  rule->set_direction(direction);
  SetMatch(rule->mutable_match(), protocol, from_port, to_port);
  return rule;
}

config::Eni* AddEni(config::FabricConfig& fabric, std::string_view name, std::string_view subnet_id,
                    std::vector<std::string_view> addresses, std::uint8_t mac,
                    std::vector<std::string_view> groups) {
  config::Eni* eni = fabric.add_enis();
  eni->set_id("eni-" + std::string(name));
  eni->set_name(std::string(name));
  eni->set_subnet_id(std::string(subnet_id));
  eni->set_mac(Mac(mac));
  for (const std::string_view address : addresses) {
    eni->add_addresses()->set_private_address(Bytes(address));
  }
  for (const std::string_view group : groups) eni->add_security_group_ids(std::string(group));
  eni->set_source_dest_check(true);
  return eni;
}

config::NetworkAclEntry* AddAclEntry(config::NetworkAcl* acl, std::uint32_t number,
                                     config::Direction direction, bool allow,
                                     std::string_view cidr) {
  config::NetworkAclEntry* entry = acl->add_entries();
  entry->set_rule_number(number);
  entry->set_direction(direction);
  entry->set_allow(allow);
  SetMatch(entry->mutable_match(), -1);
  SetPrefix(entry->mutable_cidr(), cidr);
  return entry;
}

config::FabricConfig TwoTiers() {
  config::FabricConfig fabric;
  fabric.set_name("two-tiers");
  fabric.set_generation(7);

  config::Vpc* vpc = fabric.add_vpcs();
  vpc->set_id("vpc-main");
  vpc->set_name("main");
  vpc->set_region("ap-northeast-2");
  SetPrefix(vpc->add_cidrs(), "10.0.0.0/16");
  SetPrefix(vpc->add_cidrs(), "2001:db8:1234:1a00::/56");

  config::InternetGateway* igw = fabric.add_internet_gateways();
  igw->set_id("igw-1");
  igw->set_name("igw");
  igw->set_vpc_id("vpc-main");

  config::NetworkAcl* acl = fabric.add_network_acls();
  acl->set_id("acl-main");
  acl->set_name("default");
  acl->set_vpc_id("vpc-main");
  AddAclEntry(acl, 100, config::INGRESS, true, "0.0.0.0/0");
  AddAclEntry(acl, 100, config::EGRESS, true, "0.0.0.0/0");

  for (const std::string_view name : {"public", "private"}) {
    config::RouteTable* table = fabric.add_route_tables();
    table->set_id("rtb-" + std::string(name));
    table->set_name(std::string(name));
    table->set_vpc_id("vpc-main");
    AddRoute(table, "10.0.0.0/16", config::ROUTE_TARGET_LOCAL);
  }
  fabric.mutable_route_tables(kPublicTable)->set_main(true);
  AddRoute(fabric.mutable_route_tables(kPublicTable), "0.0.0.0/0",
           config::ROUTE_TARGET_INTERNET_GATEWAY, "igw-1");
  AddRoute(fabric.mutable_route_tables(kPrivateTable), "0.0.0.0/0",
           config::ROUTE_TARGET_NAT_GATEWAY, "nat-1");

  AddSubnet(fabric, "public", {"10.0.1.0/24"}, "rtb-public");
  AddSubnet(fabric, "app", {"10.0.2.0/24", "2001:db8:1234:1a02::/64"}, "rtb-private");

  for (const std::string_view name : {"alb", "web"}) {
    config::SecurityGroup* group = fabric.add_security_groups();
    group->set_id("sg-" + std::string(name));
    group->set_name(std::string(name));
    group->set_vpc_id("vpc-main");
  }
  config::SecurityGroup* alb = fabric.mutable_security_groups(kAlbGroup);
  SetPrefix(AddRule(alb, "sgr-1", config::INGRESS, 6, 443, 443)->mutable_cidr(), "0.0.0.0/0");
  SetPrefix(AddRule(alb, "sgr-2", config::EGRESS, -1, 0, 65535)->mutable_cidr(), "0.0.0.0/0");
  config::SecurityGroup* web = fabric.mutable_security_groups(kWebGroup);
  AddRule(web, "sgr-3", config::INGRESS, 6, 80, 80)->set_security_group_id("sg-alb");
  AddRule(web, "sgr-4", config::INGRESS, 6, 22, 22)->set_prefix_list_id("pl-1");
  AddRule(web, "sgr-5", config::INGRESS, 17, 7946, 7946)->set_security_group_id("sg-web");

  config::PrefixList* list = fabric.add_prefix_lists();
  list->set_id("pl-1");
  list->set_name("partners");
  SetPrefix(list->add_cidrs(), "198.51.100.0/24");
  SetPrefix(list->add_cidrs(), "192.0.2.7/32");

  config::Eni* alb_eni = AddEni(fabric, "alb", "subnet-public", {"10.0.1.100"}, 2, {"sg-alb"});
  alb_eni->set_type(config::Eni::LOAD_BALANCER);
  alb_eni->mutable_addresses(0)->set_public_address(Bytes("203.0.113.20"));
  alb_eni->set_port(1);
  AddEni(fabric, "web-1", "subnet-app", {"10.0.2.50", "2001:db8:1234:1a02::50"}, 2, {"sg-web"})
      ->set_port(2);
  AddEni(fabric, "web-2", "subnet-app", {"10.0.2.51"}, 3, {"sg-web"})->set_port(5);
  config::Eni* nat_eni = AddEni(fabric, "nat", "subnet-public", {"10.0.1.200"}, 3, {});
  nat_eni->set_type(config::Eni::NAT_GATEWAY);
  nat_eni->set_source_dest_check(false);
  nat_eni->mutable_addresses(0)->set_public_address(Bytes("203.0.113.10"));

  config::NatGateway* nat = fabric.add_nat_gateways();
  nat->set_id("nat-1");
  nat->set_name("nat-a");
  nat->set_eni_id("eni-nat");
  nat->set_public_connectivity(true);

  config::InternetHost* host = fabric.add_internet_hosts();
  host->set_id("host-client");
  host->set_name("client");
  host->add_addresses(Bytes("1.2.3.4"));
  host->set_mac(Mac(9));
  host->set_router_mac(Mac(1));
  host->set_port(3);
  return fabric;
}

void AddOtherVpc(config::FabricConfig& fabric) {
  config::Vpc* vpc = fabric.add_vpcs();
  vpc->set_id("vpc-other");
  SetPrefix(vpc->add_cidrs(), "10.0.0.0/16");
  config::InternetGateway* igw = fabric.add_internet_gateways();
  igw->set_id("igw-other");
  igw->set_vpc_id("vpc-other");
  config::NetworkAcl* acl = fabric.add_network_acls();
  acl->set_id("acl-other");
  acl->set_vpc_id("vpc-other");
  config::RouteTable* table = fabric.add_route_tables();
  table->set_id("rtb-other");
  table->set_vpc_id("vpc-other");
  config::SecurityGroup* group = fabric.add_security_groups();
  group->set_id("sg-other");
  group->set_vpc_id("vpc-other");
  config::Subnet* subnet = AddSubnet(fabric, "other", {"10.0.2.0/24"}, "rtb-other");
  subnet->set_vpc_id("vpc-other");
  subnet->set_network_acl_id("acl-other");
  AddEni(fabric, "other", "subnet-other", {"10.0.2.50"}, 2, {"sg-other"});
  config::Eni* nat_eni = AddEni(fabric, "other-nat", "subnet-other", {"10.0.2.200"}, 3, {});
  nat_eni->set_type(config::Eni::NAT_GATEWAY);
  config::NatGateway* nat = fabric.add_nat_gateways();
  nat->set_id("nat-other");
  nat->set_eni_id("eni-other-nat");
}

}  // namespace taploom::tables
