// Connection tracking across configuration changes (vpc-semantics §5, tracking decision; §15 cases
// 3, 4, 6).
#include "tests/packet/shop.h"

namespace taploom::test {
namespace {

class Tracking : public Shop {};

// Case 3: a tracked connection survives the removal of the rule that admitted it; new ones are
// refused silently.
TEST_F(Tracking, TrackedConnectionSurvivesTheRemovalOfItsRule) {
  fabric.Group("web", {"in tcp 22 from 198.51.100.8/32", "out all to 0.0.0.0/0"});
  Publish();
  Connect("visitor", "198.51.100.8:4000", "web", "203.0.113.10:22");
  fabric.Group("web", {"out all to 0.0.0.0/0"});
  Publish();
  EXPECT_EQ(Send("visitor", Tcp("198.51.100.8:4000", "203.0.113.10:22", "A").Sequence(1001, 5001)),
            "web: tcp 198.51.100.8:4000 > 10.0.0.10:22 A");
  EXPECT_EQ(Send("web", Tcp("10.0.0.10:22", "198.51.100.8:4000", "A").Sequence(5001, 1001)),
            "visitor: tcp 203.0.113.10:22 > 198.51.100.8:4000 A ttl 63");
  EXPECT_EQ(Send("visitor", Tcp("198.51.100.8:4001", "203.0.113.10:22")), "drop SG_INGRESS_DENIED");
}

// Case 4: from anywhere with everything allowed back is not tracked: removal cuts at once.
TEST_F(Tracking, UntrackedConnectionEndsWithItsRule) {
  Connect("visitor", "198.51.100.8:4000", "web", "203.0.113.10:80");
  fabric.Group("web", {"out all to 0.0.0.0/0"});
  Publish();
  EXPECT_EQ(Send("visitor", Tcp("198.51.100.8:4000", "203.0.113.10:80", "A").Sequence(1001, 5001)),
            "drop SG_INGRESS_DENIED");
}

TEST_F(Tracking, UntrackedReplyNeedsTheOppositeRule) {
  Connect("visitor", "198.51.100.8:4000", "web", "203.0.113.10:80");
  fabric.Group("web", {"in tcp 80 from 0.0.0.0/0"});
  Publish();
  EXPECT_EQ(Send("web", Tcp("10.0.0.10:80", "198.51.100.8:4000", "A").Sequence(5001, 1001)),
            "drop SG_EGRESS_DENIED");
}

TEST_F(Tracking, WithoutTheOppositeRuleFromAnywhereIsTracked) {
  fabric.Group("web", {"in tcp 80 from 0.0.0.0/0"});
  Publish();
  Connect("visitor", "198.51.100.8:4000", "web", "203.0.113.10:80");
  fabric.Group("web", {});
  Publish();
  EXPECT_EQ(Send("visitor", Tcp("198.51.100.8:4000", "203.0.113.10:80", "A").Sequence(1001, 5001)),
            "web: tcp 198.51.100.8:4000 > 10.0.0.10:80 A");
}

TEST_F(Tracking, IcmpIsAlwaysTracked) {
  fabric.Group("web", {"in icmp from 0.0.0.0/0", "out all to 0.0.0.0/0"});
  Publish();
  EXPECT_EQ(Send("visitor", Echo("198.51.100.8", "203.0.113.10", 5)),
            "web: echo 198.51.100.8 > 10.0.0.10 id 5");
  fabric.Group("web", {});
  Publish();
  EXPECT_EQ(Send("web", EchoReply("10.0.0.10", "198.51.100.8", 5)),
            "visitor: echo-reply 203.0.113.10 > 198.51.100.8 id 5 ttl 63");
  EXPECT_EQ(Send("visitor", Echo("198.51.100.8", "203.0.113.10", 5)),
            "web: echo 198.51.100.8 > 10.0.0.10 id 5");
}

TEST_F(Tracking, ThroughANatGatewayIsAlwaysTracked) {
  fabric.Group("app", {"in all from 0.0.0.0/0", "out all to 0.0.0.0/0"});
  Publish();
  Connect("app", "10.0.1.10:4000", "api", "198.51.100.7:443");
  fabric.Group("app", {});
  Publish();
  EXPECT_EQ(
      Send("app", Tcp("10.0.1.10:4000", "198.51.100.7:443", "A").Sequence(1001, 5001)).substr(0, 4),
      "api:");
}

TEST_F(Tracking, BothEndsAreTrackedOnTheirOwn) {
  // app tracks (its egress rule is narrow), db does not matter: its rule is removed and the flow
  // stays, as db tracks too.
  fabric.Group("app", {"out tcp 3306 to 10.0.2.0/24"});
  Publish();
  Connect("app", "10.0.1.10:4000", "db", "10.0.2.10:3306");
  fabric.Group("db", {}).Group("app", {});
  Publish();
  EXPECT_EQ(Send("app", Tcp("10.0.1.10:4000", "10.0.2.10:3306", "A").Sequence(1001, 5001)),
            "db: tcp 10.0.1.10:4000 > 10.0.2.10:3306 A");
  EXPECT_EQ(Send("db", Tcp("10.0.2.10:3306", "10.0.1.10:4000", "A").Sequence(5001, 1001)),
            "app: tcp 10.0.2.10:3306 > 10.0.1.10:4000 A");
}

TEST_F(Tracking, AnotherRuleMayTakeOver) {
  Connect("visitor", "198.51.100.8:4000", "web", "203.0.113.10:80");
  fabric.Group("web", {"in tcp 0-1023 from 198.51.100.0/24", "out all to 0.0.0.0/0"});
  Publish();
  EXPECT_EQ(Send("visitor", Tcp("198.51.100.8:4000", "203.0.113.10:80", "A").Sequence(1001, 5001)),
            "web: tcp 198.51.100.8:4000 > 10.0.0.10:80 A");
}

TEST_F(Tracking, AclCutsTrackedConnectionsToo) {
  Connect("app", "10.0.1.10:4000", "db", "10.0.2.10:3306");
  fabric.Acl("data", {"100 in deny all 0.0.0.0/0"});
  Publish();
  EXPECT_EQ(Send("app", Tcp("10.0.1.10:4000", "10.0.2.10:3306", "A").Sequence(1001, 5001)),
            "drop ACL_INBOUND_DENIED");
}

TEST_F(Tracking, DroppedPacketsDoNotKeepAConnectionAlive) {
  Connect("visitor", "198.51.100.8:4000", "web", "203.0.113.10:80");
  fabric.Group("web", {});
  Publish();
  const auto idle_since = [&] {
    Tick last_seen{};
    connections().ForEach(
        [&](const flow::Connection& connection) { last_seen = connection.last_seen; });
    return last_seen;
  };
  const Tick before = idle_since();
  Wait(std::chrono::seconds(10));
  Send("visitor", Tcp("198.51.100.8:4000", "203.0.113.10:80", "A").Sequence(1001, 5001));
  EXPECT_EQ(idle_since(), before);
}

TEST_F(Tracking, QuotaLimitsTheConnectionsOfAnInterface) {
  fabric.ConnectionsPerEni(2);
  Publish();
  EXPECT_EQ(Send("app", Tcp("10.0.1.10:4000", "10.0.2.10:3306")).substr(0, 3), "db:");
  EXPECT_EQ(Send("app", Tcp("10.0.1.10:4001", "10.0.2.10:3306")).substr(0, 3), "db:");
  EXPECT_EQ(Send("app", Tcp("10.0.1.10:4002", "10.0.2.10:3306")), "drop CONNECTION_QUOTA");
  EXPECT_EQ(Send("app-2", Tcp("10.0.1.11:4000", "10.0.2.10:3306")),
            "drop CONNECTION_QUOTA");  // db has its two
  EXPECT_EQ(Send("app", Tcp("10.0.1.10:4000", "10.0.2.10:3306")).substr(0, 3),
            "db:");  // what exists goes on
}

TEST_F(Tracking, FullTableSacrificesUnansweredConnectionsFirst) {
  UseTable({.capacity = 4, .capacity_per_port = 100, .seed = 1});
  Publish();
  Connect("app", "10.0.1.10:4000", "db", "10.0.2.10:3306");
  for (int port = 5000; port < 5100; ++port) {
    EXPECT_EQ(Send("app", Tcp("10.0.1.10:" + std::to_string(port), "10.0.2.10:3306")).substr(0, 3),
              "db:")
        << port;
  }
  EXPECT_EQ(connections().size(), 4u);
  EXPECT_EQ(StateOf(4000), "ESTABLISHED");
}

TEST_F(Tracking, TableFullOfEstablishedConnectionsRefusesNewOnes) {
  UseTable({.capacity = 3, .capacity_per_port = 100, .seed = 1});
  Publish();
  for (const char* port : {"4000", "4001", "4002"})
    Connect("app", std::string("10.0.1.10:") + port, "db", "10.0.2.10:3306");
  EXPECT_EQ(Send("app", Tcp("10.0.1.10:4003", "10.0.2.10:3306")), "drop CONNECTION_TABLE_FULL");
  EXPECT_EQ(
      Send("app", Tcp("10.0.1.10:4000", "10.0.2.10:3306", "A").Sequence(1001, 5001)).substr(0, 3),
      "db:");
}

}  // namespace
}  // namespace taploom::test
