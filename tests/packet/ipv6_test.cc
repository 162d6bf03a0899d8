// IPv6 (vpc-semantics §1, §3): routed, never translated.
#include "tests/packet/shop.h"

namespace taploom::test {
namespace {

class Ipv6 : public FabricFixture {
 protected:
  Ipv6() {
    fabric.Vpc("six", {"10.0.0.0/16", "2001:db8:a::/56"}).InternetGateway();
    fabric.Group("open", {"in all from ::/0", "out all to ::/0"})
        .Group("quiet", {"out tcp 80 to ::/0"});
    fabric.Subnet("one", {"10.0.1.0/24", "2001:db8:a:1::/64"}).Subnet("two", {"2001:db8:a:2::/64"});
    fabric.Eni("left", "one", {"10.0.1.10", "2001:db8:a:1::10"}, {"open"})
        .Eni("right", "two", {"2001:db8:a:2::10"}, {"open"});
    fabric.Eni("quiet", "two", {"2001:db8:a:2::20"}, {"quiet"});
    fabric.InternetHost("host", {"2001:db8:ffff::7", "198.51.100.7"});
    fabric.Route("one", "::/0 igw");
    Publish();
  }
};

TEST_F(Ipv6, AcrossSubnetsWithoutLosingAHop) {
  EXPECT_EQ(Send("left", Tcp("[2001:db8:a:1::10]:4000", "[2001:db8:a:2::10]:80")),
            "right: tcp [2001:db8:a:1::10]:4000 > [2001:db8:a:2::10]:80 S");
}

TEST_F(Ipv6, ThroughTheInternetGatewayUntranslatedBothWays) {
  EXPECT_EQ(Send("left", Tcp("[2001:db8:a:1::10]:4000", "[2001:db8:ffff::7]:80")),
            "host: tcp [2001:db8:a:1::10]:4000 > [2001:db8:ffff::7]:80 S ttl 63");
  EXPECT_EQ(
      Send("host",
           Tcp("[2001:db8:ffff::7]:80", "[2001:db8:a:1::10]:4000", "SA").Sequence(5000, 1001)),
      "left: tcp [2001:db8:ffff::7]:80 > [2001:db8:a:1::10]:4000 SA");
}

TEST_F(Ipv6, UnsolicitedFromTheInternetMeetsTheSecurityGroup) {
  EXPECT_EQ(Send("host", Echo("2001:db8:ffff::7", "2001:db8:a:1::10", 7)),
            "left: echo 2001:db8:ffff::7 > 2001:db8:a:1::10 id 7");
  EXPECT_EQ(Send("host", Echo("2001:db8:ffff::7", "2001:db8:a:2::20", 7)),
            "drop SG_INGRESS_DENIED");
}

TEST_F(Ipv6, SubnetWithoutARouteStaysInside) {
  EXPECT_EQ(Send("right", Tcp("[2001:db8:a:2::10]:4000", "[2001:db8:ffff::7]:80")),
            "drop NO_ROUTE");
}

TEST_F(Ipv6, FamiliesAreFilteredOnTheirOwn) {
  fabric.Group("open", {"in all from 0.0.0.0/0", "out all to 0.0.0.0/0"});
  Publish();
  EXPECT_EQ(Send("left", Tcp("[2001:db8:a:1::10]:4000", "[2001:db8:a:2::10]:80")),
            "drop SG_EGRESS_DENIED");
}

TEST_F(Ipv6, TooBigIsAlwaysToldNeverFragmented) {
  EXPECT_EQ(Send("left", Udp("[2001:db8:a:1::10]:4000", "[2001:db8:ffff::7]:53").Payload(2000)),
            "reply [MTU_EXCEEDED]: icmpv6 2/0 2001:db8:a:1::1 > 2001:db8:a:1::10 mtu 1500 quoting "
            "[udp [2001:db8:a:1::10]:4000 > [2001:db8:ffff::7]:53]");
  EXPECT_LE(last().frame.bytes.size(), 14u + 1280u);
}

TEST_F(Ipv6, HopLimitEndsAtTheGateway) {
  EXPECT_EQ(Send("left", Udp("[2001:db8:a:1::10]:4000", "[2001:db8:ffff::7]:53").Ttl(1)),
            "reply [TTL_EXCEEDED]: icmpv6 3/0 2001:db8:a:1::1 > 2001:db8:a:1::10 quoting "
            "[udp [2001:db8:a:1::10]:4000 > [2001:db8:ffff::7]:53]");
}

TEST_F(Ipv6, ErrorsFindTheirConnection) {
  Send("left", Udp("[2001:db8:a:1::10]:4000", "[2001:db8:ffff::7]:53"));
  const Frame seen = last().frame;
  EXPECT_EQ(
      Send("host", IcmpError("2001:db8:ffff::7", "2001:db8:a:1::10", 1, 4).Quoting(seen.bytes)),
      "left: icmpv6 1/4 2001:db8:ffff::7 > 2001:db8:a:1::10 quoting [udp [2001:db8:a:1::10]:4000 > "
      "[2001:db8:ffff::7]:53]");
}

TEST_F(Ipv6, ForeignSourceFailsTheSourceCheck) {
  EXPECT_EQ(Send("left", Tcp("[2001:db8:a:1::99]:4000", "[2001:db8:a:2::10]:80")),
            "drop SOURCE_DEST_CHECK_SOURCE");
}

}  // namespace
}  // namespace taploom::test
