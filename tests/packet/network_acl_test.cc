// Network ACLs (vpc-semantics §6; §15 cases 7, 8 and 32) and routes (§2; cases 19 and 20).
#include "tests/packet/shop.h"

namespace taploom::test {
namespace {

class NetworkAcl : public Shop {};

// Case 7: the SYN comes in, its answer goes to an ephemeral port and is stopped.
TEST_F(NetworkAcl, IsStateless) {
  fabric.Acl("public", {"100 in allow tcp 80 0.0.0.0/0", "100 out allow tcp 80 0.0.0.0/0"});
  Publish();
  EXPECT_EQ(Send("visitor", Tcp("198.51.100.8:4000", "203.0.113.10:80")).substr(0, 4), "web:");
  EXPECT_EQ(Send("web", Tcp("10.0.0.10:80", "198.51.100.8:4000", "SA")),
            "drop ACL_OUTBOUND_DENIED");
}

TEST_F(NetworkAcl, WithEphemeralPortsOpenTheAnswerLeaves) {
  fabric.Acl("public", {"100 in allow tcp 80 0.0.0.0/0", "100 out allow tcp 1024-65535 0.0.0.0/0"});
  Publish();
  EXPECT_EQ(Send("visitor", Tcp("198.51.100.8:4000", "203.0.113.10:80")).substr(0, 4), "web:");
  EXPECT_EQ(Send("web", Tcp("10.0.0.10:80", "198.51.100.8:4000", "SA")).substr(0, 8), "visitor:");
}

// Case 8.
TEST_F(NetworkAcl, IsNotAskedWithinTheSubnet) {
  fabric.Acl("public", {});
  Publish();
  EXPECT_EQ(Send("web", Tcp("10.0.0.10:4000", "10.0.0.11:80")).substr(0, 5), "bare:");
}

// Case 32.
TEST_F(NetworkAcl, WithoutEntriesDeniesEverythingAtTheEdge) {
  fabric.Acl("app", {});
  Publish();
  EXPECT_EQ(Send("web", Tcp("10.0.0.10:4000", "10.0.1.10:8080")), "drop ACL_INBOUND_DENIED");
  EXPECT_EQ(Send("app", Tcp("10.0.1.10:4000", "10.0.2.10:3306")), "drop ACL_OUTBOUND_DENIED");
}

TEST_F(NetworkAcl, TheLowestRuleNumberDecides) {
  fabric.Acl("app", {"200 in allow all 0.0.0.0/0", "100 in deny tcp 8080 10.0.0.10/32",
                     "100 out allow all 0.0.0.0/0"});
  Publish();
  EXPECT_EQ(Send("web", Tcp("10.0.0.10:4000", "10.0.1.10:8080")), "drop ACL_INBOUND_DENIED");
}

TEST_F(NetworkAcl, CutsATrackedConnection) {
  Connect("app", "10.0.1.10:4000", "db", "10.0.2.10:3306");
  fabric.Acl("data", {});
  Publish();
  EXPECT_EQ(Send("app", Tcp("10.0.1.10:4000", "10.0.2.10:3306", "A").Sequence(1001, 5001)),
            "drop ACL_INBOUND_DENIED");
}

class Routes : public Shop {};

TEST_F(Routes, WithoutARouteNothingLeaves) {
  EXPECT_EQ(Send("db", Tcp("10.0.2.10:4000", "198.51.100.7:80")), "drop SG_EGRESS_DENIED");
  fabric.Group("db", {"out all to 0.0.0.0/0"});
  Publish();
  EXPECT_EQ(Send("db", Tcp("10.0.2.10:4000", "198.51.100.7:80")), "drop NO_ROUTE");
}

// Case 19.
TEST_F(Routes, ABlackholeWinsAndDoesNotFallBack) {
  fabric.Route("public", "198.51.100.0/24 blackhole");
  Publish();
  EXPECT_EQ(Send("web", Tcp("10.0.0.10:4000", "198.51.100.7:80")), "drop BLACKHOLE_ROUTE");
}

TEST_F(Routes, AnAddressNobodyHasIsNoDestination) {
  EXPECT_EQ(Send("web", Tcp("10.0.0.10:4000", "10.0.1.99:80")), "drop NO_SUCH_ADDRESS");
}

TEST_F(Routes, AChangedRouteTakesTheNextPacketOfAConnection) {
  Connect("web", "10.0.0.10:4000", "api", "198.51.100.7:80");
  fabric.Route("public", "198.51.100.0/24 blackhole");
  Publish();
  EXPECT_EQ(Send("web", Tcp("10.0.0.10:4000", "198.51.100.7:80", "A").Sequence(1001, 5001)),
            "drop BLACKHOLE_ROUTE");
  fabric.RemoveRoute("public", "198.51.100.0/24");
  Publish();
  EXPECT_EQ(
      Send("web", Tcp("10.0.0.10:4000", "198.51.100.7:80", "A").Sequence(1001, 5001)).substr(0, 4),
      "api:");
}

// Case 20.
TEST_F(Routes, AnApplianceNeedsItsCheckOff) {
  fabric.Group("open", {"in all from 0.0.0.0/0", "out all to 0.0.0.0/0"});
  fabric.Eni("fw", "app", {"10.0.1.99"}, {"open"});
  fabric.Route("public", "198.51.100.0/24 eni:fw");
  Publish();
  EXPECT_EQ(Send("web", Tcp("10.0.0.10:4000", "198.51.100.7:80")),
            "drop SOURCE_DEST_CHECK_DESTINATION");
}

}  // namespace
}  // namespace taploom::test
