// Security groups (vpc-semantics §5): allow-only rules, both ends asked, stateful.
#include "tests/packet/shop.h"

namespace taploom::test {
namespace {

class SecurityGroup : public FabricFixture {
 protected:
  SecurityGroup() {
    fabric.Vpc("v", {"10.0.0.0/16"});
    fabric.PrefixList("partners", {"10.0.3.0/24", "10.0.4.0/24"});
    fabric.Group("client", {"out all to 0.0.0.0/0"}).Group("server", {});
    fabric.Subnet("a", {"10.0.1.0/24"}).Subnet("b", {"10.0.2.0/24"}).Subnet("c", {"10.0.3.0/24"});
    fabric.Eni("client", "a", {"10.0.1.10"}, {"client"})
        .Eni("server", "b", {"10.0.2.10"}, {"server"});
    fabric.Eni("partner", "c", {"10.0.3.10"}, {"client"});
    Publish();
  }
  // What the server's only rules are.
  void Server(const FabricBuilder::Texts& rules) {
    fabric.Group("server", rules);
    Publish();
  }
  void Client(const FabricBuilder::Texts& rules) {
    fabric.Group("client", rules);
    Publish();
  }
  bool Passes(const std::string& outcome) { return outcome.starts_with("server: "); }
};

TEST_F(SecurityGroup, WithoutAnIngressRuleNothingEnters) {
  EXPECT_EQ(Send("client", Tcp("10.0.1.10:4000", "10.0.2.10:80")), "drop SG_INGRESS_DENIED");
  EXPECT_EQ(Send("client", Udp("10.0.1.10:4000", "10.0.2.10:53")), "drop SG_INGRESS_DENIED");
  EXPECT_EQ(Send("client", Echo("10.0.1.10", "10.0.2.10")), "drop SG_INGRESS_DENIED");
}

TEST_F(SecurityGroup, WithoutAnEgressRuleNothingNewLeaves) {
  Client({});
  Server({"in all from 0.0.0.0/0"});
  EXPECT_EQ(Send("client", Tcp("10.0.1.10:4000", "10.0.2.10:80")), "drop SG_EGRESS_DENIED");
}

TEST_F(SecurityGroup, EgressMatchesTheDestination) {
  Client({"out tcp 80 to 10.0.2.0/25"});
  Server({"in all from 0.0.0.0/0"});
  EXPECT_TRUE(Passes(Send("client", Tcp("10.0.1.10:4000", "10.0.2.10:80"))));
  Client({"out tcp 80 to 10.0.2.128/25"});
  EXPECT_EQ(Send("client", Tcp("10.0.1.10:4001", "10.0.2.10:80")), "drop SG_EGRESS_DENIED");
}

TEST_F(SecurityGroup, IngressMatchesTheSource) {
  Server({"in tcp 80 from 10.0.1.10/32"});
  EXPECT_TRUE(Passes(Send("client", Tcp("10.0.1.10:4000", "10.0.2.10:80"))));
  EXPECT_EQ(Send("partner", Tcp("10.0.3.10:4000", "10.0.2.10:80")), "drop SG_INGRESS_DENIED");
}

TEST_F(SecurityGroup, PortRangeIsInclusive) {
  Server({"in tcp 8000-8010 from 0.0.0.0/0"});
  EXPECT_EQ(Send("client", Tcp("10.0.1.10:4000", "10.0.2.10:7999")), "drop SG_INGRESS_DENIED");
  EXPECT_TRUE(Passes(Send("client", Tcp("10.0.1.10:4000", "10.0.2.10:8000"))));
  EXPECT_TRUE(Passes(Send("client", Tcp("10.0.1.10:4000", "10.0.2.10:8010"))));
  EXPECT_EQ(Send("client", Tcp("10.0.1.10:4000", "10.0.2.10:8011")), "drop SG_INGRESS_DENIED");
}

TEST_F(SecurityGroup, ProtocolsAreDistinct) {
  Server({"in udp 53 from 0.0.0.0/0"});
  EXPECT_TRUE(Passes(Send("client", Udp("10.0.1.10:4000", "10.0.2.10:53"))));
  EXPECT_EQ(Send("client", Tcp("10.0.1.10:4000", "10.0.2.10:53")), "drop SG_INGRESS_DENIED");
}

TEST_F(SecurityGroup, OtherProtocolsMatchByNumber) {
  Server({"in 50 from 0.0.0.0/0"});
  EXPECT_TRUE(Passes(Send("client", PacketBuilder(50, "10.0.1.10", "10.0.2.10").Payload(64))));
  EXPECT_EQ(Send("client", PacketBuilder(47, "10.0.1.10", "10.0.2.10").Payload(64)),
            "drop SG_INGRESS_DENIED");
}

TEST_F(SecurityGroup, IcmpMatchesTypeAndCode) {
  Server({"in icmp 8 from 0.0.0.0/0"});
  EXPECT_TRUE(Passes(Send("client", Echo("10.0.1.10", "10.0.2.10"))));
  EXPECT_EQ(Send("client", Echo("10.0.1.10", "10.0.2.10", 8).Icmp(13)), "drop SG_INGRESS_DENIED");
}

TEST_F(SecurityGroup, AnAllowedEchoDoesNotOpenOtherIcmpTypes) {
  Server({"in icmp 8 from 0.0.0.0/0"});
  EXPECT_TRUE(Passes(Send("client", Echo("10.0.1.10", "10.0.2.10", 7))));
  EXPECT_EQ(Send("client", Echo("10.0.1.10", "10.0.2.10", 7).Icmp(13)), "drop SG_INGRESS_DENIED");
}

TEST_F(SecurityGroup, AnAllowedIcmpTypeWithoutIdentifierDoesNotOpenOthers) {
  Server({"in icmp 10 from 0.0.0.0/0"});
  EXPECT_TRUE(Passes(Send("client", Echo("10.0.1.10", "10.0.2.10").Icmp(10))));
  EXPECT_EQ(Send("client", Echo("10.0.1.10", "10.0.2.10").Icmp(17)), "drop SG_INGRESS_DENIED");
}

TEST_F(SecurityGroup, PrefixListMatchesAnyOfItsBlocks) {
  Server({"in tcp 80 from pl:partners"});
  EXPECT_TRUE(Passes(Send("partner", Tcp("10.0.3.10:4000", "10.0.2.10:80"))));
  EXPECT_EQ(Send("client", Tcp("10.0.1.10:4000", "10.0.2.10:80")), "drop SG_INGRESS_DENIED");
}

TEST_F(SecurityGroup, ReferenceMatchesMembersOnly) {
  fabric.Group("bastion", {"out all to 0.0.0.0/0"})
      .Eni("bastion", "a", {"10.0.1.20", "10.0.1.21"}, {"bastion"});
  Server({"in tcp 22 from sg:bastion"});
  EXPECT_TRUE(Passes(Send("bastion", Tcp("10.0.1.20:4000", "10.0.2.10:22"))));
  EXPECT_TRUE(Passes(
      Send("bastion", Tcp("10.0.1.21:4000", "10.0.2.10:22"))));  // a secondary address counts
  EXPECT_EQ(Send("client", Tcp("10.0.1.10:4000", "10.0.2.10:22")), "drop SG_INGRESS_DENIED");
}

TEST_F(SecurityGroup, EgressReferenceMatchesTheDestinationsMembership) {
  Client({"out tcp 80 to sg:server"});
  Server({"in all from 0.0.0.0/0"});
  EXPECT_TRUE(Passes(Send("client", Tcp("10.0.1.10:4000", "10.0.2.10:80"))));
  EXPECT_EQ(Send("client", Tcp("10.0.1.10:4000", "10.0.3.10:80")), "drop SG_EGRESS_DENIED");
}

TEST_F(SecurityGroup, RulesOfAllGroupsAreOred) {
  fabric.Group("extra", {"in tcp 443 from 0.0.0.0/0"})
      .Eni("double", "b", {"10.0.2.20"}, {"server", "extra"});
  Server({"in tcp 80 from 0.0.0.0/0"});
  EXPECT_EQ(Send("client", Tcp("10.0.1.10:4000", "10.0.2.20:80")).substr(0, 7), "double:");
  EXPECT_EQ(Send("client", Tcp("10.0.1.10:4000", "10.0.2.20:443")).substr(0, 7), "double:");
  EXPECT_EQ(Send("client", Tcp("10.0.1.10:4000", "10.0.2.20:22")), "drop SG_INGRESS_DENIED");
}

// Case 6: an allowed request's reply leaves with zero egress rules.
TEST_F(SecurityGroup, ReplyLeavesWithoutEgressRules) {
  Server(
      {"in tcp 80 from 10.0.0.0/16", "in udp 53 from 10.0.0.0/16", "in icmp 8 from 10.0.0.0/16"});
  Send("client", Tcp("10.0.1.10:4000", "10.0.2.10:80"));
  EXPECT_EQ(Send("server", Tcp("10.0.2.10:80", "10.0.1.10:4000", "SA")),
            "client: tcp 10.0.2.10:80 > 10.0.1.10:4000 SA");
  Send("client", Udp("10.0.1.10:4000", "10.0.2.10:53"));
  EXPECT_EQ(Send("server", Udp("10.0.2.10:53", "10.0.1.10:4000")),
            "client: udp 10.0.2.10:53 > 10.0.1.10:4000");
  Send("client", Echo("10.0.1.10", "10.0.2.10", 9));
  EXPECT_EQ(Send("server", EchoReply("10.0.2.10", "10.0.1.10", 9)),
            "client: echo-reply 10.0.2.10 > 10.0.1.10 id 9");
}

TEST_F(SecurityGroup, ReplyEntersWithoutIngressRules) {
  Server({"in tcp 80 from 10.0.0.0/16"});
  EXPECT_TRUE(Passes(Send(
      "client", Tcp("10.0.1.10:4000", "10.0.2.10:80"))));  // the client has no ingress rule at all
  EXPECT_EQ(Send("server", Tcp("10.0.2.10:80", "10.0.1.10:4000", "SA")),
            "client: tcp 10.0.2.10:80 > 10.0.1.10:4000 SA");
}

TEST_F(SecurityGroup, TheOtherSideMayNotOpenTheSameConnection) {
  Server({"in tcp 80 from 10.0.0.0/16"});
  EXPECT_EQ(Send("server", Tcp("10.0.2.10:80", "10.0.1.10:4000")), "drop SG_EGRESS_DENIED");
  Server({"in tcp 80 from 10.0.0.0/16", "out all to 0.0.0.0/0"});
  EXPECT_EQ(Send("server", Tcp("10.0.2.10:80", "10.0.1.10:4000")), "drop SG_INGRESS_DENIED");
}

TEST_F(SecurityGroup, ReplyWithOtherPortsIsNoReply) {
  Server({"in tcp 80 from 10.0.0.0/16"});
  Send("client", Tcp("10.0.1.10:4000", "10.0.2.10:80"));
  EXPECT_EQ(Send("server", Tcp("10.0.2.10:81", "10.0.1.10:4000", "SA")), "drop SG_EGRESS_DENIED");
  EXPECT_EQ(Send("server", Tcp("10.0.2.10:80", "10.0.1.10:4001", "SA")), "drop SG_EGRESS_DENIED");
}

TEST_F(SecurityGroup, EchoReplyWithAnotherIdentifierIsNoReply) {
  Server({"in icmp 8 from 10.0.0.0/16"});
  Send("client", Echo("10.0.1.10", "10.0.2.10", 9));
  EXPECT_EQ(Send("server", EchoReply("10.0.2.10", "10.0.1.10", 10)), "drop SG_EGRESS_DENIED");
}

TEST_F(SecurityGroup, DroppedPacketLeavesNoState) {
  Send("client", Tcp("10.0.1.10:4000", "10.0.2.10:80"));
  EXPECT_EQ(connections().size(), 0u);
}

TEST_F(SecurityGroup, SecondPacketDoesNotTakeTheSlowPath) {
  Server({"in udp 53 from 10.0.0.0/16"});
  Send("client", Udp("10.0.1.10:4000", "10.0.2.10:53"));
  const std::uint64_t before = slow_path_packets();
  Send("client", Udp("10.0.1.10:4000", "10.0.2.10:53"));
  EXPECT_EQ(slow_path_packets(), before);
}

// Case 10: a rule from a group matches private addresses only.
TEST_F(SecurityGroup, ReferenceNeverMatchesPublicAddresses) {
  fabric.Vpc("w", {"10.1.0.0/16"}).InternetGateway();
  fabric.Group("member", {"out all to 0.0.0.0/0"}).Group("target", {"in tcp 80 from sg:member"});
  fabric.Subnet("w", {"10.1.0.0/24"}).Route("w", "0.0.0.0/0 igw");
  fabric.Eni("member", "w", {"10.1.0.10 = 203.0.113.50"}, {"member"})
      .Eni("target", "w", {"10.1.0.11 = 203.0.113.51"}, {"target"});
  Publish();
  EXPECT_EQ(Send("member", Tcp("10.1.0.10:4000", "10.1.0.11:80")),
            "target: tcp 10.1.0.10:4000 > 10.1.0.11:80 S");
  EXPECT_EQ(Send("member", Tcp("10.1.0.10:4001", "203.0.113.51:80")), "drop SG_INGRESS_DENIED");
}

}  // namespace
}  // namespace taploom::test
