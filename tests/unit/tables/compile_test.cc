#include "dataplane/tables/compile.h"

#include <google/protobuf/stubs/logging.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <string_view>

#include "dataplane/wire/protocol.h"
#include "tests/unit/tables/two_tiers.h"

namespace taploom::tables {
namespace {

using std::chrono::seconds;

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
  EXPECT_EQ(IdOfMatch(ingress, "1.2.3.4", wire::kProtocolTcp, 443), "sgr-1");
  EXPECT_EQ(IdOfMatch(ingress, "1.2.3.4", wire::kProtocolTcp, 80), "none");
  EXPECT_EQ(ingress.rule(0).peer_text, "0.0.0.0/0");
  EXPECT_EQ(ingress.rule(0).owner_id, "sg-alb");
  EXPECT_EQ(ingress.rule(0).owner_name, "alb");
  EXPECT_TRUE(ingress.rule(0).allow);
  EXPECT_EQ(IdOfMatch(*snapshot->enis[kAlbEni].egress_rules, "10.0.2.50", wire::kProtocolTcp, 80),
            "sgr-2");
}

TEST(Compile, AGroupRuleMatchesThePrivateAddressesOfItsMembers) {
  const auto snapshot = MustCompile(TwoTiers());
  const RuleSet& ingress = *snapshot->enis[kWeb1Eni].ingress_rules;
  EXPECT_EQ(IdOfMatch(ingress, "10.0.1.100", wire::kProtocolTcp, 80), "sgr-3");
  EXPECT_EQ(IdOfMatch(ingress, "203.0.113.20", wire::kProtocolTcp, 80), "none")
      << "its public address";
  EXPECT_EQ(IdOfMatch(ingress, "10.0.1.200", wire::kProtocolTcp, 80), "none") << "not a member";
  EXPECT_EQ(ingress.rule(0).peer_text, "sg:alb");
  // A group may name itself; both families of a member count.
  EXPECT_EQ(IdOfMatch(ingress, "10.0.2.51", wire::kProtocolUdp, 7946), "sgr-5");
  EXPECT_EQ(IdOfMatch(ingress, "2001:db8:1234:1a02::50", wire::kProtocolUdp, 7946), "sgr-5");
}

TEST(Compile, AGroupWithoutMembersMatchesNothing) {
  config::FabricConfig fabric = TwoTiers();
  fabric.mutable_enis(kAlbEni)->clear_security_group_ids();
  const auto snapshot = MustCompile(fabric);
  EXPECT_EQ(
      IdOfMatch(*snapshot->enis[kWeb1Eni].ingress_rules, "10.0.1.100", wire::kProtocolTcp, 80),
      "none");
}

TEST(Compile, APrefixListRuleMatchesItsBlocks) {
  const auto snapshot = MustCompile(TwoTiers());
  const RuleSet& ingress = *snapshot->enis[kWeb1Eni].ingress_rules;
  EXPECT_EQ(IdOfMatch(ingress, "198.51.100.200", wire::kProtocolTcp, 22), "sgr-4");
  EXPECT_EQ(IdOfMatch(ingress, "192.0.2.7", wire::kProtocolTcp, 22), "sgr-4");
  EXPECT_EQ(IdOfMatch(ingress, "192.0.2.8", wire::kProtocolTcp, 22), "none");
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
  EXPECT_EQ(IdOfMatch(ingress, "192.0.2.1", wire::kProtocolTcp, 80), "9");
  EXPECT_EQ(IdOfMatch(ingress, "192.0.3.1", wire::kProtocolTcp, 80), "100");
  EXPECT_EQ(IdOfMatch(ingress, "2001:db8::1", wire::kProtocolTcp, 80), "32766");
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

}  // namespace
}  // namespace taploom::tables
