// The link as an instance sees it (vpc-semantics §0 E1, E2): unicast only, nothing flooded, no
// service at reserved addresses.
#include "tests/packet/shop.h"

namespace taploom::test {
namespace {

class LinkLayer : public Shop {};

TEST_F(LinkLayer, BroadcastIsDropped) {
  const wire::MacAddress everybody{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
  EXPECT_EQ(Send("app", Udp("10.0.1.10:4000", "10.0.1.255:9").To(everybody)), "drop NOT_UNICAST");
  EXPECT_EQ(Send("app", Udp("10.0.1.10:4000", "255.255.255.255:67")), "drop NOT_UNICAST");
}

TEST_F(LinkLayer, MulticastIsDropped) {
  const wire::MacAddress group{{0x01, 0x00, 0x5e, 0, 0, 0x12}};
  EXPECT_EQ(Send("app", PacketBuilder(112, "10.0.1.10", "224.0.0.18").To(group)),
            "drop NOT_UNICAST");  // VRRP: case 30
  EXPECT_EQ(Send("app", Udp("10.0.1.10:4000", "224.0.0.251:5353")), "drop NOT_UNICAST");
  EXPECT_EQ(Send("api", Udp("198.51.100.7:4000", "224.0.0.251:5353")), "drop NOT_UNICAST");
}

TEST_F(LinkLayer, UnknownMacIsDroppedNotFlooded) {
  const wire::MacAddress nobody{{0x02, 0, 0, 0x99, 0, 1}};
  EXPECT_EQ(Send("app", Tcp("10.0.1.10:4000", "10.0.1.11:8080").To(nobody)),
            "drop UNKNOWN_DESTINATION_MAC");
  EXPECT_EQ(Send("api", Tcp("198.51.100.7:4000", "203.0.113.10:80").To(nobody)),
            "drop UNKNOWN_DESTINATION_MAC");
}

TEST_F(LinkLayer, MacOfAnotherSubnetIsUnknown) {
  EXPECT_EQ(Send("app", Tcp("10.0.1.10:4000", "10.0.2.10:3306").To(fabric.mac("db"))),
            "drop UNKNOWN_DESTINATION_MAC");
}

TEST_F(LinkLayer, NeighbourSeesTheSendersMac) {
  fabric.Group("app", {"in tcp 8080 from 10.0.1.0/24", "out all to 0.0.0.0/0"});
  Publish();
  EXPECT_EQ(Send("app", Tcp("10.0.1.10:4000", "10.0.1.11:8080")),
            "app-2: tcp 10.0.1.10:4000 > 10.0.1.11:8080 S");
  EXPECT_EQ(SourceMacOf(last().frame), fabric.mac("app"));
}

TEST_F(LinkLayer, AcrossSubnetsTheReceiverSeesItsRoutersMac) {
  EXPECT_EQ(Send("app", Tcp("10.0.1.10:4000", "10.0.2.10:3306")),
            "db: tcp 10.0.1.10:4000 > 10.0.2.10:3306 S");
  EXPECT_EQ(SourceMacOf(last().frame), fabric.router_mac("db"));
}

TEST_F(LinkLayer, RouterDoesNotDecrementTheTtlInsideTheVpc) {
  EXPECT_EQ(Send("app", Tcp("10.0.1.10:4000", "10.0.2.10:3306").Ttl(1)),
            "db: tcp 10.0.1.10:4000 > 10.0.2.10:3306 S ttl 1");
}

TEST_F(LinkLayer, NeighbourReachedThroughTheRouterIsStillOneSubnetAway) {
  fabric.Group("app", {"in tcp 8080 from 10.0.1.0/24", "out all to 0.0.0.0/0"})
      .Acl("app", {"100 in deny all 0.0.0.0/0"});
  Publish();
  EXPECT_EQ(Send("app", Tcp("10.0.1.10:4000", "10.0.1.11:8080").To(fabric.router_mac("app"))),
            "app-2: tcp 10.0.1.10:4000 > 10.0.1.11:8080 S");
}

TEST_F(LinkLayer, AFlowIsDecidedAgainWhenItsFramesGoToAnotherMac) {
  EXPECT_EQ(Send("app", Tcp("10.0.1.10:4000", "10.0.2.10:3306")),
            "db: tcp 10.0.1.10:4000 > 10.0.2.10:3306 S");
  EXPECT_EQ(Send("app", Tcp("10.0.1.10:4000", "10.0.2.10:3306").To({{0x02, 0, 0, 0x99, 0, 1}})),
            "drop UNKNOWN_DESTINATION_MAC");
  EXPECT_EQ(Send("app", Tcp("10.0.1.10:4000", "10.0.2.10:3306")),
            "db: tcp 10.0.1.10:4000 > 10.0.2.10:3306 S");
}

TEST_F(LinkLayer, OtherEtherTypesAreNotCarried) {
  Frame frame = FrameOf("app", Tcp("10.0.1.10:4000", "10.0.1.11:8080"));
  frame.bytes[12] = 0x81;  // 802.1Q
  frame.bytes[13] = 0x00;
  EXPECT_EQ(Send("app", frame), "drop UNSUPPORTED_ETHERTYPE");
}

TEST_F(LinkLayer, NoServiceAnswersAtReservedAndLinkLocalAddresses) {
  for (const char* address :
       {"10.0.1.1", "10.0.1.3", "169.254.169.254", "169.254.169.123", "169.254.1.1"}) {
    EXPECT_EQ(Send("app", Echo("10.0.1.10", address)), "drop LINK_LOCAL_SERVICE_ABSENT") << address;
  }
}

TEST_F(LinkLayer, UnusedPortIsRefused) {
  bench().counters().AddPort(999);
  const Outcome outcome =
      bench().Process(FrameOf("app", Tcp("10.0.1.10:4000", "10.0.2.10:3306")), 999);
  EXPECT_EQ(outcome.verdict.drop_reason, DropReason::kPortNotInUse);
  EXPECT_EQ(bench().drops(999, DropReason::kPortNotInUse), 1u);
}

TEST_F(LinkLayer, InterfaceThatIsNotAttachedReceivesNothing) {
  fabric.Eni("stopped", "data", {"10.0.2.30"}, {"web"}, {.attached = false});
  Publish();
  EXPECT_EQ(Send("app", Tcp("10.0.1.10:4000", "10.0.2.30:80")), "drop NOT_ATTACHED");
}

}  // namespace
}  // namespace taploom::test
