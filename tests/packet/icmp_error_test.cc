// ICMP errors of others: matched to the connection they are about and translated outside and inside
// (vpc-semantics §3; RFC 5508).
#include "tests/packet/shop.h"

namespace taploom::test {
namespace {

class IcmpErrors : public Shop {
 protected:
  IcmpErrors() {
    fabric.Group("web",
                 {"in icmp from 0.0.0.0/0", "in tcp 80 from 0.0.0.0/0", "out all to 0.0.0.0/0"});
    fabric.Group("app", {"in icmp from 0.0.0.0/0", "out all to 0.0.0.0/0"});
    Publish();
  }
};

TEST_F(IcmpErrors, ThroughTheInternetGatewayOuterAndInnerAreTranslated) {
  const PacketBuilder sent[] = {Tcp("10.0.0.10:4000", "198.51.100.7:80").Payload(100),
                                Udp("10.0.0.10:4000", "198.51.100.7:53").Payload(100),
                                Echo("10.0.0.10", "198.51.100.7", 7).Payload(100)};
  const char* quotes[] = {"tcp 10.0.0.10:4000 > 198.51.100.7:80",
                          "udp 10.0.0.10:4000 > 198.51.100.7:53",
                          "echo 10.0.0.10 > 198.51.100.7 id 7"};
  for (int i = 0; i < 3; ++i) {
    Send("web", sent[i]);
    const Frame seen = last().frame;
    for (const std::size_t quoted : {std::size_t{28}, std::size_t{48}, SIZE_MAX}) {
      EXPECT_EQ(
          Send("api", IcmpError("198.51.100.7", "203.0.113.10", 3, 3).Quoting(seen.bytes, quoted)),
          std::string("web: icmp 3/3 198.51.100.7 > 10.0.0.10 quoting [") + quotes[i] + "]")
          << quoted;
    }
  }
}

TEST_F(IcmpErrors, OutwardsTheyShowThePublicAddress) {
  Send("visitor", Udp("198.51.100.8:4000", "203.0.113.10:80"));
  fabric.Group("web", {"in all from 0.0.0.0/0", "out all to 0.0.0.0/0"});
  Publish();
  Send("visitor", Udp("198.51.100.8:4000", "203.0.113.10:9"));
  const Frame seen = last().frame;
  EXPECT_EQ(Send("web", IcmpError("10.0.0.10", "198.51.100.8", 3, 3).Quoting(seen.bytes)),
            "visitor: icmp 3/3 203.0.113.10 > 198.51.100.8 quoting [udp 198.51.100.8:4000 > "
            "203.0.113.10:9] ttl 63");
}

TEST_F(IcmpErrors, RouterOnTheWayMayReport) {
  fabric.InternetHost("backbone", {"198.51.100.99"});
  Publish();
  Send("web", Udp("10.0.0.10:4000", "198.51.100.7:53"));
  const Frame seen = last().frame;
  // It is not on the path of any flow of ours, so nothing it quotes entered by its port.
  EXPECT_EQ(Send("backbone", IcmpError("198.51.100.99", "203.0.113.10", 11, 0).Quoting(seen.bytes)),
            "drop ICMP_ERROR_UNRELATED");
}

TEST_F(IcmpErrors, InsideTheVpcTheyNeedARuleOfTheirOwn) {
  fabric.Group("db", {"in udp 53 from 10.0.1.0/24", "out icmp to 0.0.0.0/0"});
  Publish();
  Send("app", Udp("10.0.1.10:4000", "10.0.2.10:53"));
  const Frame seen = last().frame;
  const PacketBuilder error = IcmpError("10.0.2.10", "10.0.1.10", 3, 3).Quoting(seen.bytes);
  EXPECT_EQ(Send("db", error),
            "app: icmp 3/3 10.0.2.10 > 10.0.1.10 quoting [udp 10.0.1.10:4000 > 10.0.2.10:53]");
  fabric.Group("app", {"out all to 0.0.0.0/0"});
  Publish();
  EXPECT_EQ(Send("db", error), "drop SG_INGRESS_DENIED");
}

TEST_F(IcmpErrors, AboutAPacketThatWasNeverSentIsUnrelated) {
  Send("web", Udp("10.0.0.10:4000", "198.51.100.7:53"));
  const Frame forged = Udp("203.0.113.10:4001", "198.51.100.7:53").Build();
  EXPECT_EQ(Send("api", IcmpError("198.51.100.7", "203.0.113.10", 3, 3).Quoting(forged.bytes)),
            "drop ICMP_ERROR_UNRELATED");
}

TEST_F(IcmpErrors, QuotingTooLittleIsMalformed) {
  Send("web", Udp("10.0.0.10:4000", "198.51.100.7:53"));
  const Frame seen = last().frame;
  EXPECT_EQ(Send("api", IcmpError("198.51.100.7", "203.0.113.10", 3, 3).Quoting(seen.bytes, 23)),
            "drop MALFORMED");
}

TEST_F(IcmpErrors, DoNotKeepAConnectionAliveOrEndIt) {
  Connect("app", "10.0.1.10:4000", "api", "198.51.100.7:443");
  Send("app", Tcp("10.0.1.10:4000", "198.51.100.7:443", "A").Sequence(1001, 5001));
  const Frame seen = last().frame;
  const std::string outside = SeenEnds().source;
  EXPECT_EQ(Send("api", IcmpError("198.51.100.7", "203.0.113.100", 3, 1).Quoting(seen.bytes))
                .substr(0, 4),
            "app:");
  EXPECT_EQ(StateOf(4000), "ESTABLISHED");
}

TEST_F(IcmpErrors, FabricNeverAnswersAnErrorWithAnError) {
  Send("visitor", Tcp("198.51.100.8:4000", "203.0.113.10:80"));
  const Frame seen = last().frame;
  EXPECT_EQ(Send("web", IcmpError("10.0.0.10", "198.51.100.8", 3, 3).Quoting(seen.bytes).Ttl(1)),
            "drop TTL_EXCEEDED");
}

TEST_F(IcmpErrors, ErrorsOfTheFabricAreRateLimited) {
  int answered = 0, limited = 0;
  for (int i = 0; i < 300; ++i) {
    const std::string outcome = Send("web", Udp("10.0.0.10:4000", "198.51.100.7:33434").Ttl(1));
    answered += outcome.starts_with("reply") ? 1 : 0;
    limited += outcome == "drop ERROR_RATE_LIMITED" ? 1 : 0;
  }
  EXPECT_EQ(answered, 100);  // the burst
  EXPECT_EQ(limited, 200);
  Wait(std::chrono::milliseconds(10));
  EXPECT_TRUE(Send("web", Udp("10.0.0.10:4000", "198.51.100.7:33434").Ttl(1)).starts_with("reply"));
}

TEST_F(IcmpErrors, TracerouteThroughTheNatGatewaySeesBothHops) {
  EXPECT_EQ(Send("app", Udp("10.0.1.10:4000", "198.51.100.7:33434").Ttl(1)),
            "reply [TTL_EXCEEDED]: icmp 11/0 10.0.0.100 > 10.0.1.10 quoting [udp 10.0.1.10:4000 > "
            "198.51.100.7:33434]");
  EXPECT_EQ(Send("app", Udp("10.0.1.10:4000", "198.51.100.7:33434").Ttl(2)),
            "reply [TTL_EXCEEDED]: icmp 11/0 10.0.0.1 > 10.0.1.10 quoting [udp 10.0.1.10:4000 > "
            "198.51.100.7:33434]");
  EXPECT_EQ(Send("app", Udp("10.0.1.10:4000", "198.51.100.7:33434").Ttl(3)).substr(0, 4), "api:");
}

}  // namespace
}  // namespace taploom::test
