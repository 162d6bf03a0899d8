// ARP and neighbour discovery (vpc-semantics §1, L2 behaviour): answered by the fabric, never
// flooded.
#include "tests/packet/shop.h"

namespace taploom::test {
namespace {

class Neighbor : public Shop {
 protected:
  std::string Ask(const std::string& asker, const std::string& own, const std::string& target) {
    return Send(asker, ArpRequest(fabric.mac(asker), own, target));
  }
};

TEST_F(Neighbor, SameSubnetAddressHasItsInterfacesRealMac) {
  EXPECT_EQ(Ask("app", "10.0.1.10", "10.0.1.11"),
            "reply: arp 10.0.1.11 is-at " + fabric.mac("app-2").ToString() + " tell 10.0.1.10");
}

TEST_F(Neighbor, BasePlusOneIsTheRouter) {
  EXPECT_EQ(Ask("app", "10.0.1.10", "10.0.1.1"),
            "reply: arp 10.0.1.1 is-at " + fabric.router_mac("app").ToString() + " tell 10.0.1.10");
}

TEST_F(Neighbor, EachSubnetHasItsOwnRouter) {
  EXPECT_NE(fabric.router_mac("app"), fabric.router_mac("web"));
}

TEST_F(Neighbor, AddressNobodyOwnsGetsNoReply) {
  EXPECT_EQ(Ask("app", "10.0.1.10", "10.0.1.77"), "drop NO_SUCH_NEIGHBOR");
}

TEST_F(Neighbor, AddressOfAnotherSubnetGetsNoReply) {
  EXPECT_EQ(Ask("app", "10.0.1.10", "10.0.2.10"), "drop NO_SUCH_NEIGHBOR");
}

TEST_F(Neighbor, GratuitousArpGetsNoReply) {
  EXPECT_EQ(Ask("app", "10.0.1.10", "10.0.1.10"), "drop NO_SUCH_NEIGHBOR");
}

TEST_F(Neighbor, ArpReplyMovesNothing) {
  EXPECT_EQ(Send("app", ArpReplyFrame(fabric.mac("app"), "10.0.1.11", "10.0.1.10")),
            "drop NO_SUCH_NEIGHBOR");
  EXPECT_EQ(Ask("app", "10.0.1.10", "10.0.1.11"),
            "reply: arp 10.0.1.11 is-at " + fabric.mac("app-2").ToString() + " tell 10.0.1.10");
}

TEST_F(Neighbor, NatGatewayInTheSubnetAnswers) {
  EXPECT_EQ(Ask("web", "10.0.0.10", "10.0.0.100").substr(0, 28), "reply: arp 10.0.0.100 is-at ");
}

TEST_F(Neighbor, InternetHostFindsItsRouterAndNobodyElse) {
  EXPECT_EQ(
      Ask("api", "198.51.100.7", "169.254.1.1"),
      "reply: arp 169.254.1.1 is-at " + fabric.router_mac("api").ToString() + " tell 198.51.100.7");
  EXPECT_EQ(Ask("api", "198.51.100.7", "198.51.100.8"), "drop NO_SUCH_NEIGHBOR");
}

TEST_F(Neighbor, ArpOfAnotherHardwareIsMalformed) {
  Frame frame = ArpRequest(fabric.mac("app"), "10.0.1.10", "10.0.1.11");
  frame.bytes[15] = 6;  // IEEE 802
  EXPECT_EQ(Send("app", frame), "drop MALFORMED");
}

TEST_F(Neighbor, TruncatedArpIsMalformed) {
  Frame frame = ArpRequest(fabric.mac("app"), "10.0.1.10", "10.0.1.11");
  frame.bytes.resize(14 + 27);
  EXPECT_EQ(Send("app", frame), "drop MALFORMED");
}

class NeighborV6 : public FabricFixture {
 protected:
  NeighborV6() {
    fabric.Vpc("six", {"10.0.0.0/16", "2001:db8:a::/56"});
    fabric.Group("open", {"in all from ::/0", "out all to ::/0"});
    fabric.Subnet("one", {"10.0.1.0/24", "2001:db8:a:1::/64"}).Subnet("two", {"2001:db8:a:2::/64"});
    fabric.Eni("left", "one", {"2001:db8:a:1::10"}, {"open"})
        .Eni("right", "one", {"2001:db8:a:1::11"}, {"open"});
    fabric.Eni("far", "two", {"2001:db8:a:2::10"}, {"open"});
    Publish();
  }
};

TEST_F(NeighborV6, SolicitationOfANeighbourIsAnsweredWithItsMac) {
  EXPECT_EQ(
      Send("left",
           NeighborSolicitation(fabric.mac("left"), "2001:db8:a:1::10", "2001:db8:a:1::11")),
      "reply: nd 2001:db8:a:1::11 is-at " + fabric.mac("right").ToString() + " solicited override");
}

TEST_F(NeighborV6, SolicitationOfTheRouterSaysThatItIsOne) {
  EXPECT_EQ(
      Send("left", NeighborSolicitation(fabric.mac("left"), "2001:db8:a:1::10", "2001:db8:a:1::1")),
      "reply: nd 2001:db8:a:1::1 is-at " + fabric.router_mac("left").ToString() +
          " router solicited override");
}

TEST_F(NeighborV6, UnknownAndRemoteAddressesGetNoAnswer) {
  EXPECT_EQ(Send("left",
                 NeighborSolicitation(fabric.mac("left"), "2001:db8:a:1::10", "2001:db8:a:1::99")),
            "drop NO_SUCH_NEIGHBOR");
  EXPECT_EQ(Send("left",
                 NeighborSolicitation(fabric.mac("left"), "2001:db8:a:1::10", "2001:db8:a:2::10")),
            "drop NO_SUCH_NEIGHBOR");
}

TEST_F(NeighborV6, DuplicateAddressDetectionFindsNoDuplicate) {
  EXPECT_EQ(Send("left", NeighborSolicitation(fabric.mac("left"), "::", "2001:db8:a:1::10")),
            "drop NO_SUCH_NEIGHBOR");
}

TEST_F(NeighborV6, SolicitationThatCrossedARouterIsNotAnswered) {
  Frame frame = NeighborSolicitation(fabric.mac("left"), "2001:db8:a:1::10", "2001:db8:a:1::11");
  frame.bytes[14 + 7] = 254;  // hop limit; RFC 4861 §7.1.1 demands 255
  EXPECT_EQ(Send("left", frame), "drop NOT_UNICAST");
}

}  // namespace
}  // namespace taploom::test
