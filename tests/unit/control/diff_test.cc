#include "control/diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/control/topology_test_support.h"

namespace taploom::control {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAre;

// The three-tier fabric, and what `apply` of a changed file would do to it.
class DiffTest : public testing::Test {
 protected:
  DiffTest() : before_(PlanOf(ThreeTier(), allocations_)) {}

  void Apply(std::string_view from, std::string_view to) {
    ApplyText(Replace(ThreeTier(), from, to));
  }
  void ApplyText(const std::string& text) {
    const FabricPlan after = PlanOf(text, allocations_);
    changes_.clear();
    for (const Change& change : Diff(before_, after)) changes_.push_back(change.ToString());
    work_ = WorkBetween(before_, after);
  }

  Allocations allocations_;
  FabricPlan before_;
  std::vector<std::string> changes_;
  NamespaceWork work_;
};

TEST_F(DiffTest, TheSameFileAgainChangesNothing) {
  ApplyText(ThreeTier());
  EXPECT_THAT(changes_, IsEmpty());
  EXPECT_TRUE(work_.empty());
}

TEST_F(DiffTest, CommentsAndOrderOfKeysChangeNothing) {
  Apply("web-1: {subnet: app-a, private_ip: 10.0.2.50,",
        "web-1: {private_ip: 10.0.2.50, subnet: app-a, # moved\n   ");
  EXPECT_THAT(changes_, IsEmpty());
  EXPECT_TRUE(work_.empty());
}

TEST_F(DiffTest, ARouteMovesToABlackhole) {
  Apply("private: {routes: [{to: 0.0.0.0/0, via: nat-a}]}",
        "private: {routes: [{to: 0.0.0.0/0, via: blackhole}]}");
  EXPECT_THAT(changes_, ElementsAre("~ route-table main/private: 0.0.0.0/0 nat-a -> blackhole"));
  EXPECT_TRUE(work_.empty()) << "the dataplane's business alone";
}

TEST_F(DiffTest, ARouteComesAndAnotherGoes) {
  Apply("private: {routes: [{to: 0.0.0.0/0, via: nat-a}]}",
        "private: {routes: [{to: 192.0.2.0/24, via: nat-a}]}");
  EXPECT_THAT(changes_, ElementsAre("~ route-table main/private: 0.0.0.0/0 nat-a -> none",
                                    "~ route-table main/private: 192.0.2.0/24 none -> nat-a"));
}

TEST_F(DiffTest, ARuleGoes) {
  Apply("web: {ingress: [{protocol: tcp, ports: 80, from: sg:alb}]}", "web: {ingress: []}");
  EXPECT_THAT(changes_, ElementsAre("- security-group-rule main/web: ingress tcp 80 from sg:alb"));
  EXPECT_TRUE(work_.empty());
}

TEST_F(DiffTest, ARuleIsReplaced) {
  Apply("ports: 3306, from: sg:web", "ports: 3307, from: sg:web");
  EXPECT_THAT(changes_, ElementsAre("- security-group-rule main/db: ingress tcp 3306 from sg:web",
                                    "+ security-group-rule main/db: ingress tcp 3307 from sg:web"));
}

TEST_F(DiffTest, AnInstanceComes) {
  Apply("  db-1:", "  web-2: {subnet: app-a, private_ip: 10.0.2.51}\n  db-1:");
  EXPECT_THAT(changes_, ElementsAre("+ instance web-2: 10.0.2.51 in main/app-a"));
  EXPECT_THAT(work_.created, ElementsAre("web-2"));
  EXPECT_THAT(work_.renamed, UnorderedElementsAre("web-1", "db-1", "front/public-a"))
      << "they learn its name";
  EXPECT_THAT(work_.removed, IsEmpty());
  EXPECT_THAT(work_.readdressed, IsEmpty());
  EXPECT_THAT(work_.restarted, IsEmpty());
}

TEST_F(DiffTest, AnInstanceGoes) {
  Apply(
      "  db-1:  {subnet: db-a, private_ip: 10.0.3.200, security_groups: [db], run: "
      "[./serve-db.sh]}\n",
      "");
  EXPECT_THAT(changes_, ElementsAre("- instance db-1: 10.0.3.200 in main/db-a"));
  EXPECT_THAT(work_.removed, ElementsAre("db-1"));
}

TEST_F(DiffTest, AnInstanceChangesItsAddressAndGroups) {
  Apply("private_ip: 10.0.2.50, security_groups: [web]",
        "private_ip: 10.0.2.60, security_groups: [web, alb]");
  EXPECT_THAT(changes_, UnorderedElementsAre(
                            "~ instance web-1: address 10.0.2.50 -> 10.0.2.60",
                            "~ instance web-1: security groups web -> web alb",
                            "~ load-balancer front: target group web targets web-1=10.0.2.50:80 -> "
                            "web-1=10.0.2.60:80"));
  EXPECT_THAT(work_.readdressed, ElementsAre("web-1"));
  EXPECT_THAT(work_.load_balancers_changed, ElementsAre("front"));
  EXPECT_THAT(work_.created, IsEmpty());
}

TEST_F(DiffTest, ProgramsChange) {
  Apply("run: [./serve-db.sh]", "run: [./serve-db.sh, ./backup.sh]");
  EXPECT_THAT(changes_,
              ElementsAre("~ instance db-1: run ./serve-db.sh -> ./serve-db.sh; ./backup.sh"));
  EXPECT_THAT(work_.restarted, ElementsAre("db-1"));
  EXPECT_THAT(work_.readdressed, IsEmpty());
}

TEST_F(DiffTest, ASecondInterfaceMeansNewDevices) {
  Apply("web-1: {subnet: app-a, private_ip: 10.0.2.50, security_groups: [web],",
        "web-1: {interfaces: [{subnet: app-a, private_ip: 10.0.2.50, security_groups: [web]}, "
        "{subnet: db-a}],");
  EXPECT_THAT(changes_, Contains("~ instance web-1: eth1 address none -> 10.0.3.4"));
  EXPECT_THAT(work_.removed, ElementsAre("web-1"));
  EXPECT_THAT(work_.created, ElementsAre("web-1"));
}

TEST_F(DiffTest, AListenerAndATargetChangeTheLoadBalancerOnly) {
  Apply("listeners: [{protocol: https, port: 443, forward: web}]",
        "listeners: [{protocol: https, port: 443, forward: web}, {protocol: http, port: 80, "
        "redirect: https}]");
  EXPECT_THAT(changes_,
              ElementsAre("~ load-balancer front: listener 80 none -> http redirect to https 443"));
  EXPECT_THAT(work_.load_balancers_changed, ElementsAre("front"));
  EXPECT_THAT(work_.created, IsEmpty());
}

TEST_F(DiffTest, TheLoadBalancersGroupsAreNoNewsToHaproxy) {
  Apply("security_groups: [alb]\n        dns_name",
        "security_groups: [alb, web]\n        dns_name");
  EXPECT_THAT(changes_,
              ElementsAre("~ load-balancer front: node public-a security groups alb -> alb web"));
  EXPECT_TRUE(work_.empty());
}

TEST_F(DiffTest, APublicAddressMovesAndNamesFollow) {
  Apply("elastic_ips: {public-a: 203.0.113.20}", "elastic_ips: {public-a: 203.0.113.21}");
  EXPECT_THAT(
      changes_,
      ElementsAre(
          "~ load-balancer front: node public-a public address 203.0.113.20 -> 203.0.113.21"));
  EXPECT_THAT(work_.renamed, Contains("client"));
  EXPECT_THAT(work_.load_balancers_changed, IsEmpty());
}

TEST_F(DiffTest, AclRulesCompareByNumber) {
  Apply("rule: 100, action: allow, protocol: tcp, ports: 1024-65535",
        "rule: 100, action: deny, protocol: tcp, ports: 22");
  EXPECT_THAT(
      changes_,
      ElementsAre(
          "~ network-acl main/strict: ingress 100 allow tcp 1024-65535 from 0.0.0.0/0 -> deny "
          "tcp 22 from 0.0.0.0/0"));
}

TEST_F(DiffTest, RemovalsComeFirstThenChangesThenAdditions) {
  ApplyText(Replace(Replace(ThreeTier(), "client: {address: 1.2.3.4}", "other: {address: 1.2.3.5}"),
                    "via: nat-a", "via: blackhole"));
  EXPECT_THAT(changes_, ElementsAre("- internet-host client: 1.2.3.4", HasSubstr("~ route-table"),
                                    "+ internet-host other: 1.2.3.5"));
}

TEST_F(DiffTest, EverythingIsNewAgainstNoFabricAtAll) {
  std::vector<std::string> changes;
  for (const Change& change : Diff(FabricPlan{}, before_)) changes.push_back(change.ToString());
  EXPECT_THAT(changes, Each(testing::StartsWith("+ ")));
  EXPECT_THAT(changes,
              Contains("+ nat-gateway main/nat-a: 10.0.1.4 in public-a, elastic IP 203.0.113.10"));
  EXPECT_THAT(WorkBetween(FabricPlan{}, before_).created,
              ElementsAre("web-1", "db-1", "front/public-a", "client"));
  EXPECT_THAT(WorkBetween(before_, FabricPlan{}).removed,
              ElementsAre("web-1", "db-1", "front/public-a", "client"));
}

}  // namespace
}  // namespace taploom::control
