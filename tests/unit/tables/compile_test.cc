#include "dataplane/tables/compile.h"

#include <google/protobuf/stubs/logging.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <ostream>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/config/fabric_config.pb.h"

namespace taploom::tables {
namespace {

using std::chrono::seconds;

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

void SetMatch(config::Match* match, std::int32_t protocol, std::uint32_t from_port = 0,
              std::uint32_t to_port = 65535) {
  match->set_protocol(protocol);
  match->set_from_port(from_port);
  match->set_to_port(to_port);
  match->set_icmp_type(-1);
  match->set_icmp_code(-1);
}

void AddRoute(config::RouteTable* table, std::string_view destination, config::RouteTargetKind kind,
              std::string_view target_id = "") {
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

// Where the objects of TwoTiers() stand in its arrays.
enum : int { kPublicTable = 0, kPrivateTable = 1 };
enum : int { kPublicSubnet = 0, kAppSubnet = 1 };
enum : int { kAlbGroup = 0, kWebGroup = 1 };
enum : int { kAlbEni = 0, kWeb1Eni = 1, kWeb2Eni = 2, kNatEni = 3 };

// A load balancer in public, two dual-stack web servers in app, a NAT gateway, and a client on the
// internet.
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

// A second VPC with the same blocks, and one object of each kind.
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

std::shared_ptr<const Snapshot> MustCompile(const config::FabricConfig& fabric) {
  const CompileResult result = Compile(fabric);
  EXPECT_EQ(result.error, "");
  return result.snapshot;
}

wire::IpAddress Address(std::string_view text) { return wire::IpAddress::Parse(text).value(); }

std::string IdOfMatch(const RuleSet& rules, std::string_view peer, std::uint8_t protocol,
                      std::uint16_t port) {
  const std::uint32_t position = rules.Match({Address(peer), protocol, port, 0, 0});
  return position == RuleSet::kNoMatch ? "none" : rules.rule(position).id;
}

TEST(Compile, AnEmptyConfigIsAnEmptyFabric) {
  const auto snapshot = MustCompile(config::FabricConfig());
  ASSERT_NE(snapshot, nullptr);
  EXPECT_TRUE(snapshot->enis.empty());
  EXPECT_FALSE(snapshot->OwnerOf(1).eni.exists());
}

TEST(Compile, NamesGenerationAndLimitsAreKept) {
  config::FabricConfig fabric = TwoTiers();
  fabric.mutable_limits()->set_connections(1'000);
  const auto snapshot = MustCompile(fabric);
  EXPECT_EQ(snapshot->name, "two-tiers");
  EXPECT_EQ(snapshot->generation, 7u);
  EXPECT_EQ(snapshot->limits.connections, 1'000u);
  EXPECT_EQ(snapshot->limits.connections_per_eni, Limits().connections_per_eni);
}

TEST(Compile, ReferencesBecomeIndices) {
  const auto snapshot = MustCompile(TwoTiers());
  const Eni& web = snapshot->enis[kWeb1Eni];
  EXPECT_EQ((*snapshot)[web.subnet].id, "subnet-app");
  EXPECT_EQ((*snapshot)[web.vpc].id, "vpc-main");
  EXPECT_EQ((*snapshot)[web.security_groups.at(0)].id, "sg-web");
  EXPECT_EQ(web.type, EniType::kInterface);
  EXPECT_TRUE(web.source_dest_check);
  const Subnet& app = (*snapshot)[web.subnet];
  EXPECT_EQ((*snapshot)[app.route_table].id, "rtb-private");
  EXPECT_EQ((*snapshot)[app.network_acl].id, "acl-main");
  EXPECT_EQ(app.RouterAddress(wire::Family::kIpv4), Address("10.0.2.1"));
  EXPECT_EQ(app.RouterAddress(wire::Family::kIpv6), Address("2001:db8:1234:1a02::1"));
  EXPECT_EQ((*snapshot)[snapshot->vpcs[0].internet_gateway].id, "igw-1");
  EXPECT_EQ((*snapshot)[snapshot->internet_gateways[0].vpc].id, "vpc-main");
  EXPECT_TRUE(snapshot->route_tables[kPublicTable].main);
}

TEST(Compile, AddressesAreFoundByVpcAndByPublicBinding) {
  const auto snapshot = MustCompile(TwoTiers());
  const Vpc& vpc = snapshot->vpcs[0];
  EXPECT_EQ(vpc.eni_by_address.size(), 5u);
  EXPECT_EQ((*snapshot)[vpc.eni_by_address.at(Address("10.0.2.51"))].id, "eni-web-2");
  EXPECT_EQ((*snapshot)[vpc.eni_by_address.at(Address("2001:db8:1234:1a02::50"))].id, "eni-web-1");
  EXPECT_EQ(snapshot->public_bindings.size(), 2u);
  const PublicBinding& binding = snapshot->public_bindings.at(Address("203.0.113.20"));
  EXPECT_EQ((*snapshot)[binding.eni].id, "eni-alb");
  EXPECT_EQ(binding.private_address, Address("10.0.1.100"));
  EXPECT_EQ(snapshot->enis[kAlbEni].addresses[0].public_address, Address("203.0.113.20"));
  const InternetHostIndex client = snapshot->internet_host_by_address.at(Address("1.2.3.4"));
  EXPECT_EQ((*snapshot)[client].name, "client");
}

TEST(Compile, EveryPortKnowsItsOwner) {
  const auto snapshot = MustCompile(TwoTiers());
  EXPECT_EQ((*snapshot)[snapshot->OwnerOf(1).eni].id, "eni-alb");
  EXPECT_EQ((*snapshot)[snapshot->OwnerOf(5).eni].id, "eni-web-2");
  EXPECT_EQ((*snapshot)[snapshot->OwnerOf(3).internet_host].id, "host-client");
  EXPECT_FALSE(snapshot->OwnerOf(3).eni.exists());
  for (const PortId unused : {kNoPort, PortId{4}, PortId{6}, PortId{65535}}) {
    EXPECT_FALSE(snapshot->OwnerOf(unused).eni.exists());
    EXPECT_FALSE(snapshot->OwnerOf(unused).internet_host.exists());
  }
}

TEST(Compile, RoutesAreFoundByLongestPrefix) {
  config::FabricConfig fabric = TwoTiers();
  config::RouteTable* table = fabric.mutable_route_tables(kPrivateTable);
  AddRoute(table, "192.168.0.0/16", config::ROUTE_TARGET_BLACKHOLE);
  AddRoute(table, "192.168.7.0/24", config::ROUTE_TARGET_ENI, "eni-web-2");
  const auto snapshot = MustCompile(fabric);
  const RouteTable& compiled = snapshot->route_tables[kPrivateTable];
  const auto target_of = [&](std::string_view destination) {
    return compiled.routes.at(compiled.lpm.Find(Address(destination)));
  };
  EXPECT_EQ(target_of("10.0.1.100").target, RouteTargetKind::kLocal);
  EXPECT_EQ(target_of("1.2.3.4").target, RouteTargetKind::kNatGateway);
  EXPECT_EQ(target_of("1.2.3.4").target_id, "nat-1");
  EXPECT_EQ(snapshot->nat_gateways[target_of("1.2.3.4").target_index].name, "nat-a");
  EXPECT_EQ(target_of("192.168.8.1").target, RouteTargetKind::kBlackhole);
  EXPECT_EQ(target_of("192.168.7.1").target, RouteTargetKind::kEni);
  EXPECT_EQ(snapshot->enis[target_of("192.168.7.1").target_index].id, "eni-web-2");
  EXPECT_EQ(compiled.lpm.Find(Address("2001:db8::1")), Lpm::kNotFound);
}

TEST(Compile, NatGatewayAndItsEniKnowEachOther) {
  const auto snapshot = MustCompile(TwoTiers());
  const Eni& eni = snapshot->enis[kNatEni];
  EXPECT_EQ(eni.type, EniType::kNatGateway);
  EXPECT_EQ((*snapshot)[eni.nat_gateway].id, "nat-1");
  EXPECT_EQ(snapshot->nat_gateways[0].eni.value, static_cast<std::uint32_t>(kNatEni));
  EXPECT_TRUE(snapshot->nat_gateways[0].public_connectivity);
  EXPECT_EQ(eni.ingress_rules, nullptr);
  EXPECT_EQ(eni.egress_rules, nullptr);
  EXPECT_FALSE(snapshot->enis[kWeb1Eni].nat_gateway.exists());
}

TEST(Compile, IdleTimersDefaultToAwsValues) {
  config::FabricConfig fabric = TwoTiers();
  fabric.mutable_enis(kWeb1Eni)->mutable_connection_tracking()->set_tcp_established_seconds(350);
  const auto snapshot = MustCompile(fabric);
  EXPECT_EQ(snapshot->enis[kWeb1Eni].timers.tcp_established, seconds(350));
  EXPECT_EQ(snapshot->enis[kWeb1Eni].timers.udp_stream, seconds(180));
  EXPECT_EQ(snapshot->enis[kWeb1Eni].timers.udp, seconds(30));
  EXPECT_EQ(snapshot->enis[kWeb2Eni].timers.tcp_established, seconds(432'000));
}

TEST(Compile, ACidrRuleMatchesItsBlock) {
  const auto snapshot = MustCompile(TwoTiers());
  const RuleSet& ingress = *snapshot->enis[kAlbEni].ingress_rules;
  EXPECT_EQ(IdOfMatch(ingress, "1.2.3.4", kProtocolTcp, 443), "sgr-1");
  EXPECT_EQ(IdOfMatch(ingress, "1.2.3.4", kProtocolTcp, 80), "none");
  EXPECT_EQ(ingress.rule(0).peer_text, "0.0.0.0/0");
  EXPECT_EQ(ingress.rule(0).owner_id, "sg-alb");
  EXPECT_EQ(ingress.rule(0).owner_name, "alb");
  EXPECT_TRUE(ingress.rule(0).allow);
  EXPECT_EQ(IdOfMatch(*snapshot->enis[kAlbEni].egress_rules, "10.0.2.50", kProtocolTcp, 80),
            "sgr-2");
}

TEST(Compile, AGroupRuleMatchesThePrivateAddressesOfItsMembers) {
  const auto snapshot = MustCompile(TwoTiers());
  const RuleSet& ingress = *snapshot->enis[kWeb1Eni].ingress_rules;
  EXPECT_EQ(IdOfMatch(ingress, "10.0.1.100", kProtocolTcp, 80), "sgr-3");
  EXPECT_EQ(IdOfMatch(ingress, "203.0.113.20", kProtocolTcp, 80), "none") << "its public address";
  EXPECT_EQ(IdOfMatch(ingress, "10.0.1.200", kProtocolTcp, 80), "none") << "not a member";
  EXPECT_EQ(ingress.rule(0).peer_text, "sg:alb");
  // A group may name itself; both families of a member count.
  EXPECT_EQ(IdOfMatch(ingress, "10.0.2.51", kProtocolUdp, 7946), "sgr-5");
  EXPECT_EQ(IdOfMatch(ingress, "2001:db8:1234:1a02::50", kProtocolUdp, 7946), "sgr-5");
}

TEST(Compile, AGroupWithoutMembersMatchesNothing) {
  config::FabricConfig fabric = TwoTiers();
  fabric.mutable_enis(kAlbEni)->clear_security_group_ids();
  const auto snapshot = MustCompile(fabric);
  EXPECT_EQ(IdOfMatch(*snapshot->enis[kWeb1Eni].ingress_rules, "10.0.1.100", kProtocolTcp, 80),
            "none");
}

TEST(Compile, APrefixListRuleMatchesItsBlocks) {
  const auto snapshot = MustCompile(TwoTiers());
  const RuleSet& ingress = *snapshot->enis[kWeb1Eni].ingress_rules;
  EXPECT_EQ(IdOfMatch(ingress, "198.51.100.200", kProtocolTcp, 22), "sgr-4");
  EXPECT_EQ(IdOfMatch(ingress, "192.0.2.7", kProtocolTcp, 22), "sgr-4");
  EXPECT_EQ(IdOfMatch(ingress, "192.0.2.8", kProtocolTcp, 22), "none");
  EXPECT_EQ(ingress.rule(1).peer_text, "pl:partners");
}

TEST(Compile, RulesOfSeveralGroupsStandInTheOrderOfTheEni) {
  config::FabricConfig fabric = TwoTiers();
  fabric.mutable_enis(kWeb2Eni)->add_security_group_ids("sg-alb");
  const auto snapshot = MustCompile(fabric);
  std::vector<std::string> ids;
  for (const Rule& rule : snapshot->enis[kWeb2Eni].ingress_rules->rules()) ids.push_back(rule.id);
  EXPECT_EQ(ids, (std::vector<std::string>{"sgr-3", "sgr-4", "sgr-5", "sgr-1"}));
}

TEST(Compile, EnisWithTheSameGroupsShareTheirClassifiers) {
  const auto snapshot = MustCompile(TwoTiers());
  const auto& enis = snapshot->enis;
  EXPECT_EQ(enis[kWeb1Eni].ingress_rules, enis[kWeb2Eni].ingress_rules);
  EXPECT_EQ(enis[kWeb1Eni].egress_rules, enis[kWeb2Eni].egress_rules);
  EXPECT_NE(enis[kWeb1Eni].ingress_rules, enis[kAlbEni].ingress_rules);
}

TEST(Compile, AnEniWithoutGroupsAllowsNothing) {
  config::FabricConfig fabric = TwoTiers();
  fabric.mutable_enis(kWeb2Eni)->clear_security_group_ids();
  const auto snapshot = MustCompile(fabric);
  ASSERT_NE(snapshot->enis[kWeb2Eni].ingress_rules, nullptr);
  EXPECT_TRUE(snapshot->enis[kWeb2Eni].ingress_rules->empty());
  EXPECT_TRUE(snapshot->enis[kWeb2Eni].egress_rules->empty());
}

TEST(Compile, AclRulesStandInTheOrderOfTheirNumbers) {
  config::FabricConfig fabric = TwoTiers();
  config::NetworkAcl* acl = fabric.mutable_network_acls(0);
  AddAclEntry(acl, 9, config::INGRESS, false, "192.0.2.0/24");
  AddAclEntry(acl, 32766, config::INGRESS, true, "::/0");
  const auto snapshot = MustCompile(fabric);
  const RuleSet& ingress = snapshot->network_acls[0].ingress;
  EXPECT_EQ(IdOfMatch(ingress, "192.0.2.1", kProtocolTcp, 80), "9");
  EXPECT_EQ(IdOfMatch(ingress, "192.0.3.1", kProtocolTcp, 80), "100");
  EXPECT_EQ(IdOfMatch(ingress, "2001:db8::1", kProtocolTcp, 80), "32766");
  EXPECT_FALSE(ingress.rule(0).allow);
  EXPECT_EQ(ingress.rule(0).owner_id, "acl-main");
  EXPECT_EQ(ingress.rule(0).peer_text, "192.0.2.0/24");
  EXPECT_EQ(snapshot->network_acls[0].egress.rules().size(), 1u);
}

TEST(Compile, VpcsWithTheSameBlocksStayApart) {
  config::FabricConfig fabric = TwoTiers();
  AddOtherVpc(fabric);
  const auto snapshot = MustCompile(fabric);
  const wire::IpAddress shared = Address("10.0.2.50");
  EXPECT_EQ((*snapshot)[snapshot->vpcs[0].eni_by_address.at(shared)].id, "eni-web-1");
  EXPECT_EQ((*snapshot)[snapshot->vpcs[1].eni_by_address.at(shared)].id, "eni-other");
}

// A config comes from another process: whatever bytes arrive, there is a snapshot or a reason.
TEST(Compile, MutatedConfigsGiveASnapshotOrAnError) {
  config::FabricConfig fabric = TwoTiers();
  AddOtherVpc(fabric);
  const std::string original = fabric.SerializeAsString();
  const google::protobuf::LogSilencer quiet;  // it reports every string that is no longer UTF-8
  std::mt19937 random(1);
  int compiled = 0;
  int rejected = 0;
  for (int round = 0; round < 5'000; ++round) {
    std::string mutated = original;
    for (int changes = 1 + round % 3; changes > 0; --changes) {
      mutated[random() % mutated.size()] = static_cast<char>(random());
    }
    config::FabricConfig parsed;
    if (!parsed.ParseFromString(mutated)) continue;
    const CompileResult result = Compile(parsed);
    ASSERT_NE(result.snapshot == nullptr, result.error.empty());
    ++(result.snapshot != nullptr ? compiled : rejected);
  }
  EXPECT_GT(compiled, 100);
  EXPECT_GT(rejected, 100);
}

// One way to break TwoTiers(), and what Compile says about it.
struct Fault {
  const char* name;
  std::function<void(config::FabricConfig&)> make;
  std::string error;
};

void PrintTo(const Fault& fault, std::ostream* out) { *out << fault.name; }

class CompileFault : public testing::TestWithParam<Fault> {};

TEST_P(CompileFault, IsReported) {
  config::FabricConfig fabric = TwoTiers();
  GetParam().make(fabric);
  const CompileResult result = Compile(fabric);
  EXPECT_EQ(result.error, GetParam().error);
  EXPECT_EQ(result.snapshot, nullptr);
}

using Config = config::FabricConfig;

std::string TestName(const testing::TestParamInfo<Fault>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(
    Vpcs, CompileFault,
    testing::Values(
        Fault{"WithoutId", [](Config& c) { c.add_vpcs(); }, "VPC: has no id"},
        Fault{"IdTwice", [](Config& c) { *c.add_vpcs() = c.vpcs(0); },
              "VPC main (vpc-main): id is used twice"},
        Fault{"WithoutCidr", [](Config& c) { c.add_vpcs()->set_id("vpc-2"); },
              "VPC vpc-2: has no CIDR"},
        Fault{"CidrOfThreeBytes",
              [](Config& c) { c.mutable_vpcs(0)->mutable_cidrs(0)->set_address("\x0a\x01\x01"); },
              "VPC main (vpc-main): CIDR has 3 bytes, not 4 or 16"},
        Fault{"CidrTooLong", [](Config& c) { c.mutable_vpcs(0)->mutable_cidrs(0)->set_length(33); },
              "VPC main (vpc-main): CIDR 10.0.0.0/33 is longer than 32 bits"},
        Fault{"Ipv6CidrTooLong",
              [](Config& c) { c.mutable_vpcs(0)->mutable_cidrs(1)->set_length(0xffffffff); },
              "VPC main (vpc-main): CIDR 2001:db8:1234:1a00::/4294967295 is longer than 128 bits"},
        Fault{"CidrWithHostBits",
              [](Config& c) { c.mutable_vpcs(0)->mutable_cidrs(0)->set_length(6); },
              "VPC main (vpc-main): CIDR 10.0.0.0/6 has host bits set"},
        Fault{"CidrIpv4Mapped",
              [](Config& c) {
                std::string mapped(16, '\0');
                mapped[10] = mapped[11] = '\xff';
                mapped[12] = 10;
                c.mutable_vpcs(0)->mutable_cidrs(0)->set_address(mapped);
              },
              "VPC main (vpc-main): CIDR ::ffff:10.0.0.0 is an IPv4-mapped IPv6 address"},
        Fault{"CidrsOverlap",
              [](Config& c) { SetPrefix(c.mutable_vpcs(0)->add_cidrs(), "10.0.128.0/17"); },
              "VPC main (vpc-main): CIDR 10.0.128.0/17 overlaps another of its own"}),
    TestName);

INSTANTIATE_TEST_SUITE_P(
    InternetGateways, CompileFault,
    testing::Values(
        Fault{"IdTwice", [](Config& c) { *c.add_internet_gateways() = c.internet_gateways(0); },
              "internet gateway igw (igw-1): id is used twice"},
        Fault{"UnknownVpc", [](Config& c) { c.mutable_internet_gateways(0)->set_vpc_id("vpc-x"); },
              "internet gateway igw (igw-1): unknown VPC \"vpc-x\""},
        Fault{"SecondOfVpc",
              [](Config& c) {
                *c.add_internet_gateways() = c.internet_gateways(0);
                c.mutable_internet_gateways(1)->set_id("igw-2");
              },
              "internet gateway igw (igw-2): VPC vpc-main already has internet gateway igw-1"},
        Fault{"SameIpv6BlockTwice",
              [](Config& c) {
                AddOtherVpc(c);
                SetPrefix(c.mutable_vpcs(1)->add_cidrs(), "2001:db8:1234:1a80::/57");
              },
              "internet gateway igw-other: CIDR 2001:db8:1234:1a80::/57 of VPC vpc-other is "
              "already reachable in VPC vpc-main"}),
    TestName);

INSTANTIATE_TEST_SUITE_P(
    Subnets, CompileFault,
    testing::Values(
        Fault{"IdTwice", [](Config& c) { *c.add_subnets() = c.subnets(0); },
              "subnet public (subnet-public): id is used twice"},
        Fault{"UnknownVpc", [](Config& c) { c.mutable_subnets(0)->set_vpc_id("vpc-x"); },
              "subnet public (subnet-public): unknown VPC \"vpc-x\""},
        Fault{"WithoutCidr", [](Config& c) { c.mutable_subnets(0)->clear_cidrs(); },
              "subnet public (subnet-public): has no CIDR"},
        Fault{"TwoCidrsOfOneFamily",
              [](Config& c) { SetPrefix(c.mutable_subnets(0)->add_cidrs(), "10.0.9.0/24"); },
              "subnet public (subnet-public): has two CIDRs of the same family"},
        Fault{"OutsideVpc", [](Config& c) { AddSubnet(c, "out", {"10.1.0.0/24"}, "rtb-public"); },
              "subnet out (subnet-out): CIDR 10.1.0.0/24 is outside VPC vpc-main"},
        Fault{"WiderThanVpc",
              [](Config& c) { AddSubnet(c, "wide", {"10.0.0.0/15"}, "rtb-public"); },
              "subnet wide (subnet-wide): CIDR 10.0.0.0/15 is outside VPC vpc-main"},
        Fault{"InsideSibling",
              [](Config& c) { AddSubnet(c, "in", {"10.0.2.128/25"}, "rtb-public"); },
              "subnet in (subnet-in): CIDR 10.0.2.128/25 overlaps subnet subnet-app"},
        Fault{"AroundSibling",
              [](Config& c) { AddSubnet(c, "around", {"10.0.2.0/23"}, "rtb-public"); },
              "subnet around (subnet-around): CIDR 10.0.2.0/23 overlaps subnet subnet-app"},
        Fault{"UnknownRouteTable",
              [](Config& c) { c.mutable_subnets(0)->set_route_table_id("rtb-x"); },
              "subnet public (subnet-public): unknown route table \"rtb-x\""},
        Fault{"RouteTableOfOtherVpc",
              [](Config& c) {
                AddOtherVpc(c);
                c.mutable_subnets(0)->set_route_table_id("rtb-other");
              },
              "subnet public (subnet-public): route table rtb-other is in another VPC"},
        Fault{"UnknownAcl", [](Config& c) { c.mutable_subnets(0)->set_network_acl_id("acl-x"); },
              "subnet public (subnet-public): unknown network ACL \"acl-x\""},
        Fault{"AclOfOtherVpc",
              [](Config& c) {
                AddOtherVpc(c);
                c.mutable_subnets(0)->set_network_acl_id("acl-other");
              },
              "subnet public (subnet-public): network ACL acl-other is in another VPC"},
        Fault{"RouterMacMissing", [](Config& c) { c.mutable_subnets(0)->clear_router_mac(); },
              "subnet public (subnet-public): router MAC has 0 bytes, not 6"},
        Fault{"RouterMacOfGroup",
              [](Config& c) { c.mutable_subnets(0)->set_router_mac("\x01\x02\x03\x04\x05\x06"); },
              "subnet public (subnet-public): router MAC 01:02:03:04:05:06 is not the address of "
              "one station"}),
    TestName);

INSTANTIATE_TEST_SUITE_P(
    RouteTables, CompileFault,
    testing::Values(
        Fault{"IdTwice", [](Config& c) { *c.add_route_tables() = c.route_tables(1); },
              "route table private (rtb-private): id is used twice"},
        Fault{"UnknownVpc", [](Config& c) { c.mutable_route_tables(0)->set_vpc_id("vpc-x"); },
              "route table public (rtb-public): unknown VPC \"vpc-x\""},
        Fault{"SecondMain", [](Config& c) { c.mutable_route_tables(1)->set_main(true); },
              "route table private (rtb-private): VPC vpc-main already has a main route table"},
        Fault{"TwoRoutesToOneDestination",
              [](Config& c) {
                AddRoute(c.mutable_route_tables(0), "0.0.0.0/0", config::ROUTE_TARGET_BLACKHOLE);
              },
              "route table public (rtb-public): two routes to 0.0.0.0/0"},
        Fault{"DestinationWithHostBits",
              [](Config& c) {
                c.mutable_route_tables(0)->mutable_routes(0)->mutable_destination()->set_address(
                    Bytes("10.0.0.1"));
              },
              "route table public (rtb-public): route destination 10.0.0.1/16 has host bits set"},
        Fault{"DestinationMissing",
              [](Config& c) { c.mutable_route_tables(0)->mutable_routes(0)->clear_destination(); },
              "route table public (rtb-public): route destination has 0 bytes, not 4 or 16"},
        Fault{"TargetUnspecified",
              [](Config& c) {
                AddRoute(c.mutable_route_tables(0), "10.9.0.0/16",
                         config::ROUTE_TARGET_UNSPECIFIED);
              },
              "route table public (rtb-public): route to 10.9.0.0/16: unknown target kind 0"},
        Fault{"TargetOfUnknownKind",
              [](Config& c) {
                AddRoute(c.mutable_route_tables(0), "10.9.0.0/16",
                         static_cast<config::RouteTargetKind>(99));
              },
              "route table public (rtb-public): route to 10.9.0.0/16: unknown target kind 99"},
        Fault{
            "LocalWithTarget",
            [](Config& c) { c.mutable_route_tables(0)->mutable_routes(0)->set_target_id("igw-1"); },
            "route table public (rtb-public): route to 10.0.0.0/16: local and blackhole have no "
            "target id"},
        Fault{
            "UnknownInternetGateway",
            [](Config& c) { c.mutable_route_tables(0)->mutable_routes(1)->set_target_id("igw-x"); },
            "route table public (rtb-public): unknown internet gateway \"igw-x\""},
        Fault{"InternetGatewayOfOtherVpc",
              [](Config& c) {
                AddOtherVpc(c);
                c.mutable_route_tables(0)->mutable_routes(1)->set_target_id("igw-other");
              },
              "route table public (rtb-public): route to 0.0.0.0/0: internet gateway igw-other is "
              "in another VPC"},
        Fault{
            "UnknownNatGateway",
            [](Config& c) { c.mutable_route_tables(1)->mutable_routes(1)->set_target_id("nat-x"); },
            "route table private (rtb-private): unknown NAT gateway \"nat-x\""},
        Fault{"NatGatewayOfOtherVpc",
              [](Config& c) {
                AddOtherVpc(c);
                c.mutable_route_tables(1)->mutable_routes(1)->set_target_id("nat-other");
              },
              "route table private (rtb-private): route to 0.0.0.0/0: NAT gateway nat-other is in "
              "another VPC"},
        Fault{"UnknownEni",
              [](Config& c) {
                AddRoute(c.mutable_route_tables(1), "10.9.0.0/16", config::ROUTE_TARGET_ENI,
                         "eni-x");
              },
              "route table private (rtb-private): unknown ENI \"eni-x\""},
        Fault{"EniOfOtherVpc",
              [](Config& c) {
                AddOtherVpc(c);
                AddRoute(c.mutable_route_tables(1), "10.9.0.0/16", config::ROUTE_TARGET_ENI,
                         "eni-other");
              },
              "route table private (rtb-private): route to 10.9.0.0/16: ENI eni-other is in "
              "another VPC"}),
    TestName);

config::SecurityGroupRule* FirstWebRule(Config& c) {
  return c.mutable_security_groups(kWebGroup)->mutable_rules(0);
}

INSTANTIATE_TEST_SUITE_P(
    SecurityGroups, CompileFault,
    testing::Values(
        Fault{"IdTwice", [](Config& c) { *c.add_security_groups() = c.security_groups(0); },
              "security group alb (sg-alb): id is used twice"},
        Fault{"UnknownVpc", [](Config& c) { c.mutable_security_groups(0)->set_vpc_id("vpc-x"); },
              "security group alb (sg-alb): unknown VPC \"vpc-x\""},
        Fault{"RuleWithoutId", [](Config& c) { FirstWebRule(c)->clear_id(); },
              "security group web (sg-web): has a rule without id"},
        Fault{"RuleIdTwice", [](Config& c) { FirstWebRule(c)->set_id("sgr-1"); },
              "security group web (sg-web): rule sgr-1: id is used twice"},
        Fault{"DirectionUnspecified", [](Config& c) { FirstWebRule(c)->clear_direction(); },
              "security group web (sg-web): rule sgr-3: direction is neither ingress nor egress"},
        Fault{"MatchMissing", [](Config& c) { FirstWebRule(c)->clear_match(); },
              "security group web (sg-web): rule sgr-3: has no match"},
        Fault{"ProtocolTooLarge",
              [](Config& c) { FirstWebRule(c)->mutable_match()->set_protocol(256); },
              "security group web (sg-web): rule sgr-3: protocol 256 is not one of -1 to 255"},
        Fault{"ProtocolTooSmall",
              [](Config& c) { FirstWebRule(c)->mutable_match()->set_protocol(-2); },
              "security group web (sg-web): rule sgr-3: protocol -2 is not one of -1 to 255"},
        Fault{"PortTooLarge",
              [](Config& c) { FirstWebRule(c)->mutable_match()->set_to_port(65536); },
              "security group web (sg-web): rule sgr-3: ports 80-65536 are above 65535"},
        Fault{"PortsReversed",
              [](Config& c) { FirstWebRule(c)->mutable_match()->set_from_port(81); },
              "security group web (sg-web): rule sgr-3: ports 81-80 are reversed"},
        Fault{"IcmpTypeTooLarge",
              [](Config& c) { FirstWebRule(c)->mutable_match()->set_icmp_type(256); },
              "security group web (sg-web): rule sgr-3: ICMP type 256 is not one of -1 to 255"},
        Fault{"IcmpCodeTooSmall",
              [](Config& c) { FirstWebRule(c)->mutable_match()->set_icmp_code(-2); },
              "security group web (sg-web): rule sgr-3: ICMP code -2 is not one of -1 to 255"},
        Fault{"IcmpCodeWithoutType",
              [](Config& c) {
                SetMatch(FirstWebRule(c)->mutable_match(), kProtocolIcmp);
                FirstWebRule(c)->mutable_match()->set_icmp_code(4);
              },
              "security group web (sg-web): rule sgr-3: ICMP code 4 without a type"},
        Fault{"PeerMissing", [](Config& c) { FirstWebRule(c)->clear_peer(); },
              "security group web (sg-web): rule sgr-3: has no peer"},
        Fault{"PeerCidrWithHostBits",
              [](Config& c) {
                SetPrefix(FirstWebRule(c)->mutable_cidr(), "10.0.0.0/8");
                FirstWebRule(c)->mutable_cidr()->set_length(4);
              },
              "security group web (sg-web): rule sgr-3: peer 10.0.0.0/4 has host bits set"},
        Fault{"UnknownPeerGroup", [](Config& c) { FirstWebRule(c)->set_security_group_id("sg-x"); },
              "security group web (sg-web): rule sgr-3: unknown security group \"sg-x\""},
        Fault{"PeerGroupOfOtherVpc",
              [](Config& c) {
                AddOtherVpc(c);
                FirstWebRule(c)->set_security_group_id("sg-other");
              },
              "security group web (sg-web): rule sgr-3: security group sg-other is in another VPC"},
        Fault{"UnknownPrefixList", [](Config& c) { FirstWebRule(c)->set_prefix_list_id("pl-x"); },
              "security group web (sg-web): rule sgr-3: unknown prefix list \"pl-x\""}),
    TestName);

INSTANTIATE_TEST_SUITE_P(
    PrefixLists, CompileFault,
    testing::Values(
        Fault{"WithoutId", [](Config& c) { c.add_prefix_lists(); }, "prefix list: has no id"},
        Fault{"IdTwice", [](Config& c) { *c.add_prefix_lists() = c.prefix_lists(0); },
              "prefix list partners (pl-1): id is used twice"},
        Fault{"CidrTooLong",
              [](Config& c) { c.mutable_prefix_lists(0)->mutable_cidrs(0)->set_length(40); },
              "prefix list partners (pl-1): CIDR 198.51.100.0/40 is longer than 32 bits"}),
    TestName);

config::NetworkAclEntry* FirstAclEntry(Config& c) {
  return c.mutable_network_acls(0)->mutable_entries(0);
}

INSTANTIATE_TEST_SUITE_P(
    NetworkAcls, CompileFault,
    testing::Values(
        Fault{"IdTwice", [](Config& c) { *c.add_network_acls() = c.network_acls(0); },
              "network ACL default (acl-main): id is used twice"},
        Fault{"UnknownVpc", [](Config& c) { c.mutable_network_acls(0)->set_vpc_id("vpc-x"); },
              "network ACL default (acl-main): unknown VPC \"vpc-x\""},
        Fault{"RuleNumberZero", [](Config& c) { FirstAclEntry(c)->clear_rule_number(); },
              "network ACL default (acl-main): rule number 0 is not one of 1 to 32766"},
        Fault{"RuleNumberOfTheImplicitDeny",
              [](Config& c) { FirstAclEntry(c)->set_rule_number(32767); },
              "network ACL default (acl-main): rule number 32767 is not one of 1 to 32766"},
        Fault{"RuleNumberTwice",
              [](Config& c) {
                AddAclEntry(c.mutable_network_acls(0), 100, config::INGRESS, false, "::/0");
              },
              "network ACL default (acl-main): rule 100: number is used twice in one direction"},
        Fault{"DirectionUnspecified", [](Config& c) { FirstAclEntry(c)->clear_direction(); },
              "network ACL default (acl-main): rule 100: direction is neither ingress nor egress"},
        Fault{"MatchMissing", [](Config& c) { FirstAclEntry(c)->clear_match(); },
              "network ACL default (acl-main): rule 100: has no match"},
        Fault{"PortsReversed",
              [](Config& c) { SetMatch(FirstAclEntry(c)->mutable_match(), 6, 443, 80); },
              "network ACL default (acl-main): rule 100: ports 443-80 are reversed"},
        Fault{"CidrMissing", [](Config& c) { FirstAclEntry(c)->clear_cidr(); },
              "network ACL default (acl-main): rule 100: peer has 0 bytes, not 4 or 16"}),
    TestName);

config::Eni* WebEni(Config& c) { return c.mutable_enis(kWeb1Eni); }

INSTANTIATE_TEST_SUITE_P(
    Enis, CompileFault,
    testing::Values(
        Fault{"IdTwice", [](Config& c) { *c.add_enis() = c.enis(kWeb2Eni); },
              "ENI web-2 (eni-web-2): id is used twice"},
        Fault{"TypeUnknown",
              [](Config& c) { WebEni(c)->set_type(static_cast<config::Eni::Type>(9)); },
              "ENI web-1 (eni-web-1): unknown type 9"},
        Fault{"UnknownSubnet", [](Config& c) { WebEni(c)->set_subnet_id("subnet-x"); },
              "ENI web-1 (eni-web-1): unknown subnet \"subnet-x\""},
        Fault{"MacOfFiveBytes", [](Config& c) { WebEni(c)->set_mac("\x02\x01\x01\x01\x01"); },
              "ENI web-1 (eni-web-1): MAC has 5 bytes, not 6"},
        Fault{"MacOfZeros", [](Config& c) { WebEni(c)->set_mac(std::string(6, '\0')); },
              "ENI web-1 (eni-web-1): MAC 00:00:00:00:00:00 is not the address of one station"},
        Fault{"MacOfNeighbour", [](Config& c) { c.mutable_enis(kWeb2Eni)->set_mac(Mac(2)); },
              "ENI web-2 (eni-web-2): MAC 02:00:00:00:00:02 is used twice in its subnet"},
        Fault{"MacOfRouter", [](Config& c) { WebEni(c)->set_mac(Mac(1)); },
              "ENI web-1 (eni-web-1): MAC 02:00:00:00:00:01 is used twice in its subnet"},
        Fault{"WithoutAddress", [](Config& c) { WebEni(c)->clear_addresses(); },
              "ENI web-1 (eni-web-1): has no address"},
        Fault{"AddressOfFiveBytes",
              [](Config& c) { WebEni(c)->mutable_addresses(0)->set_private_address("12345"); },
              "ENI web-1 (eni-web-1): private address has 5 bytes, not 4 or 16"},
        Fault{"AddressOutsideSubnet",
              [](Config& c) {
                WebEni(c)->mutable_addresses(0)->set_private_address(Bytes("10.0.1.50"));
              },
              "ENI web-1 (eni-web-1): private address 10.0.1.50 is outside subnet subnet-app"},
        Fault{"Ipv6AddressInIpv4Subnet",
              [](Config& c) {
                c.mutable_enis(kAlbEni)->add_addresses()->set_private_address(
                    Bytes("2001:db8:1234:1a02::9"));
              },
              "ENI alb (eni-alb): private address 2001:db8:1234:1a02::9 is outside subnet "
              "subnet-public"},
        Fault{"AddressOfRouter",
              [](Config& c) {
                WebEni(c)->mutable_addresses(0)->set_private_address(Bytes("10.0.2.1"));
              },
              "ENI web-1 (eni-web-1): private address 10.0.2.1 is that of the router of subnet "
              "subnet-app"},
        Fault{"AddressMulticast",
              [](Config& c) {
                WebEni(c)->mutable_addresses(0)->set_private_address(Bytes("224.0.0.1"));
              },
              "ENI web-1 (eni-web-1): private address 224.0.0.1 is not one that a host can have"},
        Fault{"AddressOfNeighbour",
              [](Config& c) {
                c.mutable_enis(kWeb2Eni)->mutable_addresses(0)->set_private_address(
                    Bytes("10.0.2.50"));
              },
              "ENI web-2 (eni-web-2): private address 10.0.2.50 already belongs to eni-web-1"},
        Fault{
            "AddressTwice",
            [](Config& c) { WebEni(c)->add_addresses()->set_private_address(Bytes("10.0.2.50")); },
            "ENI web-1 (eni-web-1): private address 10.0.2.50 already belongs to eni-web-1"},
        Fault{"PublicAddressTwice",
              [](Config& c) {
                WebEni(c)->mutable_addresses(0)->set_public_address(Bytes("203.0.113.20"));
              },
              "ENI web-1 (eni-web-1): public address 203.0.113.20 is already bound to eni-alb"},
        Fault{"PublicAddressOfThreeBytes",
              [](Config& c) { WebEni(c)->mutable_addresses(0)->set_public_address("123"); },
              "ENI web-1 (eni-web-1): public address has 3 bytes, not 4 or 16"},
        Fault{"PublicAddressIpv6",
              [](Config& c) {
                WebEni(c)->mutable_addresses(1)->set_public_address(Bytes("2001:db8::1"));
              },
              "ENI web-1 (eni-web-1): public address 2001:db8::1 for 2001:db8:1234:1a02::50: both "
              "must be IPv4"},
        Fault{"UnknownSecurityGroup", [](Config& c) { WebEni(c)->add_security_group_ids("sg-x"); },
              "ENI web-1 (eni-web-1): unknown security group \"sg-x\""},
        Fault{"SecurityGroupOfOtherVpc",
              [](Config& c) {
                AddOtherVpc(c);
                WebEni(c)->add_security_group_ids("sg-other");
              },
              "ENI web-1 (eni-web-1): security group sg-other is in another VPC"},
        Fault{"SecurityGroupTwice", [](Config& c) { WebEni(c)->add_security_group_ids("sg-web"); },
              "ENI web-1 (eni-web-1): security group sg-web is named twice"},
        Fault{"PortTooLarge", [](Config& c) { WebEni(c)->set_port(65536); },
              "ENI web-1 (eni-web-1): port 65536 is above 65535"},
        Fault{"PortTwice", [](Config& c) { WebEni(c)->set_port(1); },
              "ENI web-1 (eni-web-1): port 1 is used twice"},
        Fault{"NatGatewayWithPort", [](Config& c) { c.mutable_enis(kNatEni)->set_port(9); },
              "ENI nat (eni-nat): a NAT gateway cannot have a port"},
        Fault{"NatGatewayWithSecurityGroup",
              [](Config& c) { c.mutable_enis(kNatEni)->add_security_group_ids("sg-web"); },
              "ENI nat (eni-nat): a NAT gateway cannot have security groups"}),
    TestName);

INSTANTIATE_TEST_SUITE_P(
    NatGateways, CompileFault,
    testing::Values(
        Fault{"IdTwice", [](Config& c) { *c.add_nat_gateways() = c.nat_gateways(0); },
              "NAT gateway nat-a (nat-1): id is used twice"},
        Fault{"UnknownEni", [](Config& c) { c.mutable_nat_gateways(0)->set_eni_id("eni-x"); },
              "NAT gateway nat-a (nat-1): unknown ENI \"eni-x\""},
        Fault{"EniOfOtherType",
              [](Config& c) { c.mutable_nat_gateways(0)->set_eni_id("eni-web-1"); },
              "NAT gateway nat-a (nat-1): ENI eni-web-1 is not of type NAT gateway"},
        Fault{"EniOfOtherNatGateway",
              [](Config& c) {
                *c.add_nat_gateways() = c.nat_gateways(0);
                c.mutable_nat_gateways(1)->set_id("nat-2");
              },
              "NAT gateway nat-a (nat-2): ENI eni-nat already belongs to NAT gateway nat-1"},
        Fault{"EniWithoutNatGateway",
              [](Config& c) {
                AddEni(c, "lost", "subnet-public", {"10.0.1.201"}, 7, {})
                    ->set_type(config::Eni::NAT_GATEWAY);
              },
              "ENI lost (eni-lost): is of type NAT gateway, but no NAT gateway has it"},
        Fault{"PublicWithoutPublicAddress",
              [](Config& c) {
                c.mutable_enis(kNatEni)->mutable_addresses(0)->clear_public_address();
              },
              "NAT gateway nat-a (nat-1): is public, but 10.0.1.200 has no public address"},
        Fault{"PrivateWithPublicAddress",
              [](Config& c) { c.mutable_nat_gateways(0)->set_public_connectivity(false); },
              "NAT gateway nat-a (nat-1): is private, but 10.0.1.200 has a public address"}),
    TestName);

config::InternetHost* Client(Config& c) { return c.mutable_internet_hosts(0); }

INSTANTIATE_TEST_SUITE_P(
    InternetHosts, CompileFault,
    testing::Values(
        Fault{"IdTwice", [](Config& c) { *c.add_internet_hosts() = c.internet_hosts(0); },
              "internet host client (host-client): id is used twice"},
        Fault{"WithoutAddress", [](Config& c) { Client(c)->clear_addresses(); },
              "internet host client (host-client): has no address"},
        Fault{"AddressUnspecified", [](Config& c) { Client(c)->add_addresses(Bytes("0.0.0.0")); },
              "internet host client (host-client): address 0.0.0.0 is not one that a host can "
              "have"},
        Fault{"AddressLinkLocal", [](Config& c) { Client(c)->add_addresses(Bytes("169.254.1.1")); },
              "internet host client (host-client): address 169.254.1.1 is not one that a host can "
              "have"},
        Fault{"AddressTwice", [](Config& c) { Client(c)->add_addresses(Bytes("1.2.3.4")); },
              "internet host client (host-client): address 1.2.3.4 already belongs to an internet "
              "host"},
        Fault{"AddressBoundToEni",
              [](Config& c) { Client(c)->add_addresses(Bytes("203.0.113.10")); },
              "internet host client (host-client): address 203.0.113.10 is a public address of "
              "ENI eni-nat"},
        Fault{"Ipv6AddressOfVpc",
              [](Config& c) { Client(c)->add_addresses(Bytes("2001:db8:1234:1a77::1")); },
              "internet host client (host-client): address 2001:db8:1234:1a77::1 is inside VPC "
              "vpc-main"},
        Fault{"MacMissing", [](Config& c) { Client(c)->clear_mac(); },
              "internet host client (host-client): MAC has 0 bytes, not 6"},
        Fault{"MacOfBroadcast", [](Config& c) { Client(c)->set_mac(std::string(6, '\xff')); },
              "internet host client (host-client): MAC ff:ff:ff:ff:ff:ff is not the address of one "
              "station"},
        Fault{"RouterMacMissing", [](Config& c) { Client(c)->clear_router_mac(); },
              "internet host client (host-client): router MAC has 0 bytes, not 6"},
        Fault{"MacOfRouter", [](Config& c) { Client(c)->set_mac(Mac(1)); },
              "internet host client (host-client): has the MAC of its router"},
        Fault{"PortOfEni", [](Config& c) { Client(c)->set_port(2); },
              "internet host client (host-client): port 2 is used twice"}),
    TestName);

}  // namespace
}  // namespace taploom::tables
