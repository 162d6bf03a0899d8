#include "control/allocate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/control/topology_test_support.h"

namespace taploom::control {
namespace {

using testing::Contains;
using testing::Key;
using testing::Not;
using testing::Pair;
using testing::UnorderedElementsAre;

wire::IpAddress Ip(std::string_view text) { return *wire::IpAddress::Parse(text); }

// A fabric with one subnet of eleven usable addresses and the given instances.
Allocations AllocateFor(const std::string& instances, Allocations earlier = {}) {
  const ParseResult parsed = Parse(R"(
name: lab
vpcs:
  main:
    cidr: 10.0.0.0/16
    ipv6_cidr: "2001:db8:0:100::/56"
    internet_gateway: igw
    subnets: {app-a: {cidr: 10.0.1.0/28, ipv6_cidr: "2001:db8:0:101::/64"}}
instances:
)" + instances);
  EXPECT_TRUE(parsed.findings.empty()) << FormatFindings(parsed.findings.Sorted(), "topology");
  Allocate(parsed.topology, earlier);
  return earlier;
}

TEST(AllocateTest, SkipsTheFourReservedAddressesAndTakesTheLowestFreeOne) {
  const Allocations chosen = AllocateFor(R"(
  a: {subnet: app-a}
  b: {subnet: app-a, private_ip: 10.0.1.5}
  c: {subnet: app-a, private_ips: [10.0.1.6]}
)");
  EXPECT_THAT(chosen.private_addresses, UnorderedElementsAre(Pair("instances/a", Ip("10.0.1.4")),
                                                             Pair("instances/c", Ip("10.0.1.7"))));
}

TEST(AllocateTest, KeepsAnEarlierChoiceWhenAnotherObjectAppearsBeforeIt) {
  const Allocations before = AllocateFor("  b: {subnet: app-a}\n");
  const Allocations after = AllocateFor("  a: {subnet: app-a}\n  b: {subnet: app-a}\n", before);
  EXPECT_THAT(after.private_addresses, UnorderedElementsAre(Pair("instances/a", Ip("10.0.1.5")),
                                                            Pair("instances/b", Ip("10.0.1.4"))));
  EXPECT_EQ(after.ports.at("instances/b"), before.ports.at("instances/b"));
}

TEST(AllocateTest, AWrittenAddressWinsOverAnEarlierChoice) {
  const Allocations before = AllocateFor("  a: {subnet: app-a}\n");
  const Allocations after =
      AllocateFor("  a: {subnet: app-a}\n  b: {subnet: app-a, private_ip: 10.0.1.4}\n", before);
  EXPECT_EQ(after.private_addresses.at("instances/a"), Ip("10.0.1.5"));
}

TEST(AllocateTest, AChoiceForAnotherSubnetIsMadeAnew) {
  Allocations before;
  before.private_addresses["instances/a"] = Ip("10.9.9.9");
  EXPECT_EQ(AllocateFor("  a: {subnet: app-a}\n", before).private_addresses.at("instances/a"),
            Ip("10.0.1.4"));
}

TEST(AllocateTest, ForgetsObjectsThatAreGone) {
  const Allocations before =
      AllocateFor("  a: {subnet: app-a, public_ip: true}\n  b: {subnet: app-a}\n");
  const Allocations after = AllocateFor("  b: {subnet: app-a}\n", before);
  EXPECT_THAT(after.private_addresses, Not(Contains(Key("instances/a"))));
  EXPECT_THAT(after.public_addresses, testing::IsEmpty());
  EXPECT_THAT(after.ports, Not(Contains(Key("instances/a"))));
}

TEST(AllocateTest, PortsStartAtOneAndAreNotReusedInTheSameStep) {
  const Allocations before = AllocateFor("  a: {subnet: app-a}\n  b: {subnet: app-a}\n");
  EXPECT_THAT(before.ports, UnorderedElementsAre(Pair("instances/a", 1), Pair("instances/b", 2)));
  const Allocations after = AllocateFor("  b: {subnet: app-a}\n  c: {subnet: app-a}\n", before);
  EXPECT_THAT(after.ports, UnorderedElementsAre(Pair("instances/b", 2), Pair("instances/c", 3)));
  const Allocations later =
      AllocateFor("  b: {subnet: app-a}\n  c: {subnet: app-a}\n  d: {subnet: app-a}\n", after);
  EXPECT_EQ(later.ports.at("instances/d"), 1) << "free since the step before";
}

TEST(AllocateTest, FillsTheSubnetToItsLastUsableAddress) {
  std::string instances;
  for (int i = 0; i < 11; ++i) instances += "  w" + std::to_string(i) + ": {subnet: app-a}\n";
  const Allocations chosen = AllocateFor(instances);
  EXPECT_EQ(chosen.private_addresses.at("instances/w10"), Ip("10.0.1.14"))
      << "10.0.1.15 is broadcast";
}

TEST(AllocateTest, ChoosesIpv6AddressesAndAddressesOfFurtherInterfaces) {
  const Allocations chosen =
      AllocateFor("  a: {interfaces: [{subnet: app-a, ipv6: true}, {subnet: app-a}]}\n");
  EXPECT_THAT(chosen.private_addresses,
              UnorderedElementsAre(Pair("instances/a", Ip("10.0.1.4")),
                                   Pair("instances/a/eth1", Ip("10.0.1.5")),
                                   Pair("instances/a/ipv6", Ip("2001:db8:0:101::4"))));
  EXPECT_THAT(chosen.ports,
              UnorderedElementsAre(Pair("instances/a", 1), Pair("instances/a/eth1", 2)));
}

TEST(AllocateTest, PublicAddressesAvoidThoseOfHostsAndElasticIps) {
  const ParseResult parsed = Parse(R"(
name: lab
vpcs:
  main:
    cidr: 10.0.0.0/16
    internet_gateway: igw
    subnets: {app-a: {cidr: 10.0.1.0/24}}
instances:
  a: {subnet: app-a, public_ip: true}
  b: {subnet: app-a, elastic_ip: 198.51.100.1}
internet: {hosts: {client: {address: 198.51.100.2}}}
)");
  Allocations chosen;
  Allocate(parsed.topology, chosen);
  EXPECT_THAT(chosen.public_addresses,
              UnorderedElementsAre(Pair("instances/a", Ip("198.51.100.3"))));
}

}  // namespace
}  // namespace taploom::control
