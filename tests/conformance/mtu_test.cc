// MTU and TTL by path (vpc-semantics §8, §17).
#include <string>

#include "tests/conformance/check.h"
#include "tests/conformance/lab.h"
#include "tests/conformance/pages.h"
#include "tests/packet/shop.h"

namespace taploom::test {
namespace {

class PathMtu : public Shop {
 protected:
  void SetUp() override {
    fabric.Group("app",
                 {"in icmp from 0.0.0.0/0", "out all to 0.0.0.0/0", "in tcp 8080 from sg:web"});
    Publish();
  }
};

PROVED_BY(MTU_01, "Fragments.JumboFramesPassInsideTheVpc", kMtu, "Inside a VPC the MTU is 9001.");
PROVED_BY(MTU_02, "InternetGateway.TooBigWithDontFragmentIsToldByBasePlusOne", kMtu,
          "At the internet gateway it is 1500; with DF the subnet's router sends ICMP 3/4.");
PROVED_BY(MTU_03, "InternetGateway.TooBigWithoutDontFragmentIsFragmented", kMtu,
          "Without DF the packet is fragmented.");
PROVED_BY(MTU_04, "Fragments.PacketOfExactlyTheMtuIsNotCut", kMtu, "1500 bytes fit.");
PROVED_BY(MTU_05, "Ipv6.TooBigIsAlwaysToldNeverFragmented", kMtu,
          "IPv6 is never fragmented on the way: Packet Too Big.");
PROVED_BY(MTU_06, "InternetGateway.WithoutAnIcmpRuleTooBigIsABlackHole", kMtu,
          "Without a rule for ICMP the sender never hears of it.");
PROVED_BY(MTU_07, "Superframe.TooLargeSegmentsWithDontFragmentAreToldTheMtu", kMtu,
          "With segmentation offload each segment is judged.");

FOLLOWS(PathMtu, MTU_08, kMtu, "Through a NAT gateway the MTU is 1500, told to the client.") {
  EXPECT_EQ(Send("app", Udp("10.0.1.10:4000", "198.51.100.7:53").Payload(1500).DontFragment()),
            "reply [MTU_EXCEEDED]: icmp 3/4 10.0.0.1 > 10.0.1.10 mtu 1500 quoting [udp "
            "10.0.1.10:4000 > 198.51.100.7:53]");
}

FOLLOWS(PathMtu, MTU_09, kMtu, "A connection that comes to have a smaller MTU is told.") {
  fabric.Route("app", "198.51.100.0/24 eni:web");
  Publish();
  Send("app", Udp("10.0.1.10:4000", "198.51.100.7:53").Payload(1000).DontFragment());
  fabric.RemoveRoute("app", "198.51.100.0/24");
  Publish();
  EXPECT_EQ(Send("app", Udp("10.0.1.10:4000", "198.51.100.7:53").Payload(1500).DontFragment())
                .substr(0, 20),
            "reply [MTU_EXCEEDED]");
}

FOLLOWS(PathMtu, MTU_10, kMtu, "What comes from the internet has at most 1500 bytes.") {
  EXPECT_EQ(Fate(Send("visitor", Tcp("198.51.100.8:4000", "203.0.113.10:80").Payload(1460))),
            "web");
  EXPECT_EQ(
      Send("visitor", Tcp("198.51.100.8:4000", "203.0.113.10:80").Payload(1461).DontFragment())
          .substr(0, 20),
      "reply [MTU_EXCEEDED]");
}

FOLLOWS(PathMtu, MTU_12, kMtu,
        "A reply that is no longer translated as it was meets the MTU too.") {
  fabric.Group("web",
               {"in tcp 80 from 0.0.0.0/0", "in icmp from 0.0.0.0/0", "out all to 0.0.0.0/0"});
  Publish();
  Send("visitor", Tcp("198.51.100.8:4000", "203.0.113.10:80"));
  fabric.SetAddresses("web", {"10.0.0.10 = 203.0.113.11"});
  Publish();
  const PacketBuilder reply =
      Tcp("10.0.0.10:80", "198.51.100.8:4000", "A").Sequence(5001, 1001).Payload(2000);
  EXPECT_EQ(Send("web", PacketBuilder(reply).DontFragment()).substr(0, 20), "reply [MTU_EXCEEDED]");
  EXPECT_EQ(Send("web", reply).substr(0, 26), "visitor in fragments of 15");
}

NOT_MODELLED(Lab, MTU_11, kMtu, "Through a VPN or a transit gateway the MTU is smaller.") {
  EXPECT_EQ(Refusal("transit_gateways: {hub: {}}\nvpcs: {main: {cidr: 10.0.0.0/16}}\n"),
            "\"transit_gateways\" is not modelled yet");
}

PROVED_BY(TTL_01, "LinkLayer.RouterDoesNotDecrementTheTtlInsideTheVpc", kRouteTables,
          "Inside a VPC the TTL is not decremented.");
PROVED_BY(TTL_02, "InternetGateway.ALastHopIsToldByTheSubnetsRouter", kIgw,
          "Towards the internet it is, once; the subnet's router reports its end.");
PROVED_BY(TTL_03, "IcmpErrors.TracerouteThroughTheNatGatewaySeesBothHops", kNat,
          "A NAT gateway is a hop of its own.");
PROVED_BY(TTL_04, "Ipv6.HopLimitEndsAtTheGateway", kIgw, "The same for IPv6's hop limit.");
PROVED_BY(TTL_05, "IcmpErrors.FabricNeverAnswersAnErrorWithAnError", kMtu,
          "No error is sent about an error (RFC 1122 §3.2.2).");
PROVED_BY(TTL_06, "IcmpErrors.ErrorsOfTheFabricAreRateLimited", kMtu,
          "Errors are limited in number (RFC 1812 §4.3.2.8).");

}  // namespace
}  // namespace taploom::test
