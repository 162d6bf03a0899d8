// Internet gateway (vpc-semantics §3; §15 cases 1 and 21).
#include "tests/packet/shop.h"

namespace taploom::test {
namespace {

class InternetGateway : public Shop {};

TEST_F(InternetGateway, TranslatesOneToOneBothWays) {
  EXPECT_EQ(Send("web", Tcp("10.0.0.10:4000", "198.51.100.7:80")),
            "api: tcp 203.0.113.10:4000 > 198.51.100.7:80 S ttl 63");
  EXPECT_EQ(Send("api", Tcp("198.51.100.7:80", "203.0.113.10:4000", "SA").Sequence(5000, 1001)),
            "web: tcp 198.51.100.7:80 > 10.0.0.10:4000 SA");
}

// Case 1.
TEST_F(InternetGateway, WithoutAPublicAddressNothingLeaves) {
  EXPECT_EQ(Send("bare", Tcp("10.0.0.11:4000", "198.51.100.7:80")), "drop NO_PUBLIC_ADDRESS");
}

TEST_F(InternetGateway, DoesNotForwardToPrivateOrSharedAddresses) {
  EXPECT_EQ(Send("web", Tcp("10.0.0.10:4000", "192.168.1.1:80")), "drop IGW_PRIVATE_DESTINATION");
  EXPECT_EQ(Send("web", Tcp("10.0.0.10:4000", "172.31.1.1:80")), "drop IGW_PRIVATE_DESTINATION");
  EXPECT_EQ(Send("web", Tcp("10.0.0.10:4000", "100.64.0.1:80")), "drop IGW_SHARED_DESTINATION");
}

TEST_F(InternetGateway, DoesNotAcceptPrivateSharedOrForgedSources) {
  EXPECT_EQ(Send("visitor", Tcp("10.1.1.1:4000", "203.0.113.10:80")), "drop IGW_PRIVATE_SOURCE");
  EXPECT_EQ(Send("visitor", Tcp("100.64.0.1:4000", "203.0.113.10:80")), "drop IGW_SHARED_SOURCE");
  EXPECT_EQ(Send("visitor", Tcp("198.51.100.7:4000", "203.0.113.10:80")),
            "drop SPOOFED_INTERNET_SOURCE");
}

TEST_F(InternetGateway, PrivateAddressesAreUnknownOutside) {
  EXPECT_EQ(Send("visitor", Tcp("198.51.100.8:4000", "10.0.0.10:80")),
            "drop NO_INTERNET_DESTINATION");
}

TEST_F(InternetGateway, ALastHopIsToldByTheSubnetsRouter) {
  fabric.Group("web", {"in icmp from 0.0.0.0/0", "out all to 0.0.0.0/0"});
  Publish();
  EXPECT_EQ(Send("web", Udp("10.0.0.10:4000", "198.51.100.7:33434").Ttl(1)),
            "reply [TTL_EXCEEDED]: icmp 11/0 10.0.0.1 > 10.0.0.10 quoting [udp 10.0.0.10:4000 > "
            "198.51.100.7:33434]");
}

// Case 21.
TEST_F(InternetGateway, TooBigWithDontFragmentIsToldByBasePlusOne) {
  fabric.Group("web", {"in icmp 3/4 from 0.0.0.0/0", "out all to 0.0.0.0/0"});
  Publish();
  EXPECT_EQ(Send("web", Udp("10.0.0.10:4000", "198.51.100.7:53").Payload(2000).DontFragment()),
            "reply [MTU_EXCEEDED]: icmp 3/4 10.0.0.1 > 10.0.0.10 mtu 1500 quoting [udp "
            "10.0.0.10:4000 > 198.51.100.7:53]");
}

TEST_F(InternetGateway, WithoutAnIcmpRuleTooBigIsABlackHole) {
  EXPECT_EQ(Send("web", Udp("10.0.0.10:4000", "198.51.100.7:53").Payload(2000).DontFragment()),
            "drop MTU_EXCEEDED");
}

TEST_F(InternetGateway, AnAclCanMakeItABlackHoleToo) {
  fabric.Group("web", {"in icmp 3/4 from 0.0.0.0/0", "out all to 0.0.0.0/0"});
  fabric.Acl("public", {"100 in deny icmp 0.0.0.0/0", "200 in allow all 0.0.0.0/0",
                        "100 out allow all 0.0.0.0/0"});
  Publish();
  EXPECT_EQ(Send("web", Udp("10.0.0.10:4000", "198.51.100.7:53").Payload(2000).DontFragment()),
            "drop MTU_EXCEEDED");
}

TEST_F(InternetGateway, TooBigWithoutDontFragmentIsFragmented) {
  EXPECT_EQ(Send("web", Udp("10.0.0.10:4000", "198.51.100.7:53").Payload(2000)).substr(0, 25),
            "api in fragments of 1500:");
}

TEST_F(InternetGateway, ASuperframeIsJudgedByItsSegments) {
  Connect("web", "10.0.0.10:4000", "api", "198.51.100.7:80");
  const PacketBuilder bulk = Tcp("10.0.0.10:4000", "198.51.100.7:80", "A")
                                 .Sequence(1001, 5001)
                                 .Payload(40'000)
                                 .DontFragment();
  EXPECT_EQ(Send("web", PacketBuilder(bulk).Gso(1460)).substr(0, 4), "api:");
  EXPECT_EQ(Send("web", PacketBuilder(bulk).Gso(1461)), "drop MTU_EXCEEDED");
}

TEST_F(InternetGateway, ASuperframeThatMayBeFragmentedIsCutSmaller) {
  Connect("web", "10.0.0.10:4000", "api", "198.51.100.7:80");
  EXPECT_EQ(Send("web", Tcp("10.0.0.10:4000", "198.51.100.7:80", "A")
                            .Sequence(1001, 5001)
                            .Payload(40'000)
                            .Gso(8000))
                .substr(0, 4),
            "api:");
  EXPECT_EQ(1460, last().frame.vnet.gso_size);
}

// A neighbour asked by its public address: out and in again; the receiver sees the sender's public
// address (case 10).
TEST_F(InternetGateway, ReflectsToTheVpcsOwnPublicAddresses) {
  fabric.Eni("web-2", "public", {"10.0.0.12 = 203.0.113.12"}, {"web"});
  Publish();
  EXPECT_EQ(Send("web", Tcp("10.0.0.10:4000", "203.0.113.12:80")),
            "web-2: tcp 203.0.113.10:4000 > 10.0.0.12:80 S ttl 63");
  EXPECT_EQ(Send("web-2", Tcp("10.0.0.12:80", "203.0.113.10:4000", "SA")),
            "web: tcp 203.0.113.12:80 > 10.0.0.10:4000 SA ttl 63");
}

TEST_F(InternetGateway, AnotherPublicAddressMakesAnotherConnection) {
  Connect("web", "10.0.0.10:4000", "api", "198.51.100.7:80");
  fabric.SetAddresses("web", {"10.0.0.10 = 203.0.113.77"});
  Publish();
  EXPECT_EQ(Send("web", Tcp("10.0.0.10:4000", "198.51.100.7:80", "A").Sequence(1001, 5001)),
            "api: tcp 203.0.113.77:4000 > 198.51.100.7:80 A ttl 63");
  EXPECT_EQ(connections().size(), 1u);
  EXPECT_EQ(Send("api", Tcp("198.51.100.7:80", "203.0.113.10:4000", "A").Sequence(5001, 1001)),
            "drop NO_INTERNET_DESTINATION");
}

}  // namespace
}  // namespace taploom::test
