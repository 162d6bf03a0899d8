// What is allowed although it looks wrong, and attached namespaces, which have no place in the
// file. What is refused: broken_topologies_test.cc.
#include "control/validate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/control/topology_test_support.h"

namespace taploom::control {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(ValidateTest, AcceptsTheExampleOfTheDesign) {
  EXPECT_THAT(FindingsOf(ThreeTier()), IsEmpty());
}

TEST(ValidateTest, AcceptsTheShippedExample) {
  EXPECT_THAT(FindingsOf(ReadFile(TAPLOOM_EXAMPLES_DIR "/three-tier/topology.yaml")), IsEmpty());
}

TEST(ValidateTest, TwoVpcsMayHaveTheSameBlockAndTheSameNames) {
  EXPECT_THAT(FindingsOf(R"(
name: twins
vpcs:
  left: &vpc
    cidr: 10.0.0.0/16
    internet_gateway: igw
    subnets: {app-a: {cidr: 10.0.2.0/24}}
    route_tables: {public: {main: true, routes: [{to: 0.0.0.0/0, via: igw}]}}
    security_groups: {web: {ingress: [{protocol: tcp, ports: 80, from: sg:web}]}}
  right: *vpc
instances:
  left-1: {subnet: left/app-a, private_ip: 10.0.2.50, security_groups: [web]}
  right-1: {subnet: right/app-a, private_ip: 10.0.2.50, security_groups: [right/web]}
)"),
              IsEmpty());
}

TEST(ValidateTest, ASubnetMayFillTheVpcAndANatGatewayMayLeadNowhere) {
  // A NAT gateway whose own subnet has no route to the internet gateway is a mistake that AWS
  // accepts (§15, case 2).
  EXPECT_THAT(FindingsOf(R"(
name: lab
vpcs:
  main:
    cidr: 10.0.0.0/16
    internet_gateway: igw
    subnets: {all: {cidr: 10.0.0.0/16}}
    nat_gateways: {nat-a: {subnet: all, elastic_ip: 203.0.113.10}}
)"),
              IsEmpty());
}

TEST(ValidateTest, AWholeSubnetCanBeRoutedThroughAnAppliance) {
  EXPECT_THAT(FindingsOf(R"(
name: lab
vpcs:
  main:
    cidr: 10.0.0.0/16
    internet_gateway: igw
    subnets:
      app-a: {cidr: 10.0.2.0/24}
      db-a: {cidr: 10.0.3.0/24, route_table: inspected}
      fw-a: {cidr: 10.0.4.0/24}
    route_tables:
      inspected:
        routes:
          - {to: 10.0.2.0/24, via: "eni:fw"}
          - {to: 10.0.0.0/16, via: "instance:fw"}
          - {to: 10.0.0.0/8, via: igw}
instances:
  fw: {subnet: fw-a, source_dest_check: false}
)"),
              IsEmpty());
}

TEST(ValidateTest, AnInternetHostMayHaveAnAddressFromPublicSpaceThatAVpcUses) {
  EXPECT_THAT(FindingsOf(R"(
name: lab
vpcs: {main: {cidr: 198.51.0.0/16}}
internet: {hosts: {client: {address: 198.51.100.7}}}
)"),
              IsEmpty());
}

TEST(ValidateTest, LimitsRaiseQuotas) {
  std::string text =
      "name: lab\nlimits: {rules_per_security_group: 1000, security_groups_per_eni: 1}\nvpcs:\n  "
      "main:\n    cidr: 10.0.0.0/16\n"
      "    security_groups: {web: {ingress: [{protocol: tcp, from: 0.0.0.0/0, ports: [1000";
  for (int port = 1001; port < 2000; ++port) text += ", " + std::to_string(port);
  text += "]}]}}\n";
  EXPECT_THAT(FindingsOf(text), IsEmpty());
}

// --- attached namespaces ---

class AttachTest : public testing::Test {
 protected:
  AttachTest() : topology_(Parse(ThreeTier()).topology) {}

  void Attach(const AttachRequest& request) { AddAttachedInstance(topology_, request); }

  Topology topology_;
};

TEST_F(AttachTest, JoinsASubnetWithAnAddressOfItsOwn) {
  Attach({.name = "svc",
          .netns_path = "/run/netns/svc",
          .subnet = "app-a",
          .address = wire::IpAddress::Parse("10.0.2.77"),
          .security_groups = {"web"}});
  EXPECT_THAT(FindingsOf(topology_), IsEmpty());
}

TEST_F(AttachTest, SaysWhoseMistakeItIsForWantOfALine) {
  Attach({.name = "svc",
          .netns_path = "/run/netns/svc",
          .subnet = "app-b",
          .security_groups = {"web"}});
  EXPECT_THAT(
      FindingsOf(topology_),
      ElementsAre(
          "attached instance \"svc\": subnet \"app-b\" does not exist; did you mean \"app-a\"?"));
}

TEST_F(AttachTest, CannotTakeAnAddressOrANameOrANamespaceTwice) {
  Attach({.name = "svc",
          .netns_path = "/run/netns/svc",
          .subnet = "app-a",
          .address = wire::IpAddress::Parse("10.0.2.50")});
  Attach({.name = "db-1",
          .netns_path = "/run/netns/svc",
          .subnet = "app-a",
          .security_groups = {"wbe"}});
  EXPECT_THAT(
      FindingsOf(topology_),
      ElementsAre(
          "/run/netns/svc is attached already, as \"svc\"",
          "an instance called \"db-1\" exists already",
          "attached instance \"db-1\": security group \"wbe\" does not exist in vpc \"main\"; did "
          "you "
          "mean \"web\"?",
          "attached instance \"svc\": private_ip 10.0.2.50 belongs to instance \"web-1\" already"));
}

TEST_F(AttachTest, NeedsANameThatANamespaceCanHave) {
  Attach({.name = "../svc", .netns_path = "/run/netns/svc", .subnet = "app-a"});
  EXPECT_THAT(FindingsOf(topology_), ElementsAre("\"../svc\" is no name for an instance: names "
                                                 "have 1 to 63 of a-z, 0-9 and \"-\", and start "
                                                 "and end with a letter or digit"));
}

TEST_F(AttachTest, GoesAwayByName) {
  Attach({.name = "svc", .netns_path = "/run/netns/svc", .subnet = "nowhere"});
  EXPECT_FALSE(RemoveAttachedInstance(topology_, "web-1"))
      << "an instance of the file is not attached";
  EXPECT_TRUE(RemoveAttachedInstance(topology_, "svc"));
  EXPECT_THAT(FindingsOf(topology_), IsEmpty());
}

}  // namespace
}  // namespace taploom::control
