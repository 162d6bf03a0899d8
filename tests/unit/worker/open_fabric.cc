#include "tests/unit/worker/open_fabric.h"

#include <cstdio>

#include "dataplane/wire/ip_address.h"
#include "dataplane/wire/mac_address.h"

namespace taploom {
namespace {

constexpr const char* kEverywhere[] = {"0.0.0.0/0", "::/0"};
constexpr const char* kVpcBlocks[] = {"10.0.0.0/16", "fd00:1::/56"};
constexpr const char* kSubnetBlocks[] = {"10.0.1.0/24", "fd00:1::/64"};

std::string Bytes(const wire::IpAddress& address) {
  const auto bytes = address.bytes();
  return {bytes.begin(), bytes.end()};
}

void Set(const char* text, config::Prefix* prefix) {
  const wire::IpPrefix parsed = wire::IpPrefix::Parse(text).value();
  prefix->set_address(Bytes(parsed.address));
  prefix->set_length(parsed.length);
}

void MatchEverything(config::Match* match) {
  match->set_protocol(-1);
  match->set_to_port(65'535);
  match->set_icmp_type(-1);
  match->set_icmp_code(-1);
}

std::string MacBytes(std::uint8_t last) { return {2, 0, 0, 0, 0, static_cast<char>(last)}; }

void AddFilters(config::FabricConfig& fabric) {
  config::SecurityGroup& group = *fabric.add_security_groups();
  group.set_id("sg-00000000000000001");
  group.set_name("open");
  group.set_vpc_id("vpc-1");
  config::NetworkAcl& acl = *fabric.add_network_acls();
  acl.set_id("acl-1");
  acl.set_name("open");
  acl.set_vpc_id("vpc-1");
  unsigned number = 0;
  for (const config::Direction direction : {config::INGRESS, config::EGRESS}) {
    for (const char* block : kEverywhere) {
      ++number;
      config::SecurityGroupRule& rule = *group.add_rules();
      rule.set_id("sgr-0000000000000000" + std::to_string(number));
      rule.set_direction(direction);
      MatchEverything(rule.mutable_match());
      Set(block, rule.mutable_cidr());
      config::NetworkAclEntry& entry = *acl.add_entries();
      entry.set_rule_number(100 + number);
      entry.set_direction(direction);
      entry.set_allow(true);
      MatchEverything(entry.mutable_match());
      Set(block, entry.mutable_cidr());
    }
  }
}

void AddNetwork(config::FabricConfig& fabric) {
  config::Vpc& vpc = *fabric.add_vpcs();
  vpc.set_id("vpc-1");
  vpc.set_name("main");
  config::RouteTable& routes = *fabric.add_route_tables();
  routes.set_id("rtb-1");
  routes.set_name("main");
  routes.set_vpc_id("vpc-1");
  routes.set_main(true);
  for (const char* block : kVpcBlocks) {
    Set(block, vpc.add_cidrs());
    config::Route& local = *routes.add_routes();
    Set(block, local.mutable_destination());
    local.set_target(config::ROUTE_TARGET_LOCAL);
  }
  config::Subnet& subnet = *fabric.add_subnets();
  subnet.set_id("subnet-1");
  subnet.set_name("app");
  subnet.set_vpc_id("vpc-1");
  for (const char* block : kSubnetBlocks) Set(block, subnet.add_cidrs());
  subnet.set_route_table_id("rtb-1");
  subnet.set_network_acl_id("acl-1");
  subnet.set_router_mac(MacBytes(0xfe));
}

void AddEni(unsigned port, config::FabricConfig& fabric) {
  config::Eni& eni = *fabric.add_enis();
  eni.set_id("eni-" + std::to_string(port));
  eni.set_name("instance-" + std::to_string(port));
  eni.set_subnet_id("subnet-1");
  eni.set_mac(MacBytes(static_cast<std::uint8_t>(port)));
  for (const std::string& address : {AddressOfPort(port), AddressV6OfPort(port)}) {
    eni.add_addresses()->set_private_address(Bytes(wire::IpAddress::Parse(address).value()));
  }
  eni.add_security_group_ids("sg-00000000000000001");
  eni.set_source_dest_check(true);
  eni.set_port(port);
}

}  // namespace

config::FabricConfig OpenFabric(std::uint64_t generation, unsigned eni_count) {
  config::FabricConfig fabric;
  fabric.set_name("open");
  fabric.set_generation(generation);
  AddFilters(fabric);
  AddNetwork(fabric);
  for (unsigned port = 1; port <= eni_count; ++port) AddEni(port, fabric);
  return fabric;
}

std::string AddressOfPort(unsigned port) { return "10.0.1." + std::to_string(9 + port); }
std::string AddressV6OfPort(unsigned port) { return "fd00:1::" + std::to_string(9 + port); }
std::string MacOfPort(unsigned port) {
  char text[18];
  std::snprintf(text, sizeof text, "02:00:00:00:00:%02x", port & 0xff);
  return text;
}

}  // namespace taploom
