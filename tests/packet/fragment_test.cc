// Fragments follow their first fragment (vpc-semantics §5, §17): its verdict is theirs for 30 s,
// without it they are dropped.
#include "tests/packet/shop.h"

namespace taploom::test {
namespace {

using std::chrono::seconds;

class Fragments : public Shop {
 protected:
  Fragments() {
    fabric.Group("app", {"out udp 53 to 0.0.0.0/0"}).Group("db", {"in udp 53 from 10.0.1.0/24"});
    Publish();
  }
  PacketBuilder Part(std::size_t from, std::uint16_t id = 1, const std::string& port = "53") {
    return Udp("10.0.1.10:4000", "10.0.2.10:" + port).Payload(3000).Slice(from, 1480, id);
  }
};

TEST_F(Fragments, AllPartsOfAnAllowedDatagramArrive) {
  EXPECT_EQ(Send("app", Part(0)), "db: udp 10.0.1.10:4000 > 10.0.2.10:53 part 0+1480");
  EXPECT_EQ(Send("app", Part(1480)), "db: protocol 17 10.0.1.10 > 10.0.2.10 part 1480+1480");
  EXPECT_EQ(Send("app", Part(2960)), "db: protocol 17 10.0.1.10 > 10.0.2.10 part 2960+48 last");
}

TEST_F(Fragments, NothingOfAForbiddenDatagramArrives) {
  EXPECT_EQ(Send("app", Part(0, 1, "54")), "drop SG_EGRESS_DENIED");
  EXPECT_EQ(Send("app", Part(1480, 1, "54")), "drop FRAGMENT_UNKNOWN");
}

TEST_F(Fragments, PartThatComesBeforeItsFirstIsDropped) {
  EXPECT_EQ(Send("app", Part(1480)), "drop FRAGMENT_UNKNOWN");
  EXPECT_EQ(Send("app", Part(0)).substr(0, 3), "db:");
  EXPECT_EQ(Send("app", Part(1480)).substr(0, 3), "db:");
}

TEST_F(Fragments, AnotherDatagramsFirstPartDoesNotHelp) {
  Send("app", Part(0, 1));
  EXPECT_EQ(Send("app", Part(1480, 2)), "drop FRAGMENT_UNKNOWN");
}

TEST_F(Fragments, FirstPartIsForgottenAfterThirtySeconds) {
  Send("app", Part(0));
  Wait(seconds(30));
  EXPECT_EQ(Send("app", Part(1480)), "drop FRAGMENT_UNKNOWN");
}

TEST_F(Fragments, PartsDoNotMakeAStreamOfAnExchange) {
  Send("app", Part(0));
  Send("app", Part(1480));
  EXPECT_EQ(StateOf(4000), "UDP_ONE_WAY");
}

TEST_F(Fragments, ConfigurationChangedBetweenPartsDecidesTheRest) {
  Send("app", Part(0));
  fabric.Acl("data", {"100 in deny udp 53 0.0.0.0/0"});
  Publish();
  EXPECT_EQ(Send("app", Part(1480)), "drop ACL_INBOUND_DENIED");
}

TEST_F(Fragments, OversizeDatagramIsCutOnTheWayOutUnlessItForbidsThat) {
  fabric.Group("web", {"in icmp from 0.0.0.0/0", "out all to 0.0.0.0/0"});
  Publish();
  const PacketBuilder large = Udp("10.0.0.10:4000", "198.51.100.7:53").Payload(3000);
  EXPECT_EQ(Send("web", large),
            "api in fragments of 1500: udp 203.0.113.10:4000 > 198.51.100.7:53 ttl 63");
  EXPECT_EQ(Send("web", PacketBuilder(large).DontFragment()),
            "reply [MTU_EXCEEDED]: icmp 3/4 10.0.0.1 > 10.0.0.10 mtu 1500 quoting [udp "
            "10.0.0.10:4000 > 198.51.100.7:53]");
}

TEST_F(Fragments, PacketOfExactlyTheMtuIsNotCut) {
  EXPECT_EQ(Send("web", Udp("10.0.0.10:4000", "198.51.100.7:53").Payload(1472).DontFragment()),
            "api: udp 203.0.113.10:4000 > 198.51.100.7:53 ttl 63");
  EXPECT_EQ(Send("web", Udp("10.0.0.10:4000", "198.51.100.7:53").Payload(1473)),
            "api in fragments of 1500: udp 203.0.113.10:4000 > 198.51.100.7:53 ttl 63");
}

TEST_F(Fragments, JumboFramesPassInsideTheVpc) {
  EXPECT_EQ(Send("app", Udp("10.0.1.10:4000", "10.0.2.10:53").Payload(9001 - 28).DontFragment()),
            "db: udp 10.0.1.10:4000 > 10.0.2.10:53");
}

}  // namespace
}  // namespace taploom::test
