// NAT gateway (vpc-semantics §4; §15 cases 2 and 14–17).
#include <chrono>
#include <string>

#include "tests/packet/shop.h"

namespace taploom::test {
namespace {

using std::chrono::seconds;

class NatGateway : public Shop {};

//   app 10.0.1.10:4000 ─► nat 203.0.113.100:p ─► api 198.51.100.7:443, and back
TEST_F(NatGateway, FourPacketsOfTcpOriginalTranslatedReplyRestored) {
  Send("app", Tcp("10.0.1.10:4000", "198.51.100.7:443"));
  const std::string translated = SeenEnds().source;
  EXPECT_EQ("203.0.113.100:", translated.substr(0, 14));
  EXPECT_GE(std::stoi(translated.substr(14)), 1024);
  EXPECT_EQ(Send("api", Tcp("198.51.100.7:443", translated, "SA").Sequence(5000, 1001)),
            "app: tcp 198.51.100.7:443 > 10.0.1.10:4000 SA ttl 63");
}

TEST_F(NatGateway, FourPacketsOfUdp) {
  Send("app", Udp("10.0.1.10:4000", "198.51.100.7:53").Payload(31));
  EXPECT_EQ(Send("api", Udp("198.51.100.7:53", SeenEnds().source).Payload(33)),
            "app: udp 198.51.100.7:53 > 10.0.1.10:4000 ttl 63");
}

TEST_F(NatGateway, AUdpDatagramWithoutChecksumStaysWithout) {
  EXPECT_EQ(Send("app", Udp("10.0.1.10:4000", "198.51.100.7:53").NoUdpChecksum()).substr(0, 4),
            "api:");
}

TEST_F(NatGateway, FourPacketsOfAnEcho) {
  Send("app", Echo("10.0.1.10", "198.51.100.7", 7));
  const std::uint16_t identifier = SourcePortOf(last().frame);
  EXPECT_EQ(Send("api", EchoReply("198.51.100.7", "203.0.113.100", identifier)),
            "app: echo-reply 198.51.100.7 > 10.0.1.10 id 7 ttl 63");
}

TEST_F(NatGateway, TwoInsidersMayUseTheSamePort) {
  Send("app", Tcp("10.0.1.10:4000", "198.51.100.7:443"));
  const std::string first = SeenEnds().source;
  Send("app-2", Tcp("10.0.1.11:4000", "198.51.100.7:443"));
  const std::string second = SeenEnds().source;
  EXPECT_NE(first, second);
  EXPECT_EQ(Send("api", Tcp("198.51.100.7:443", second, "SA")).substr(0, 6), "app-2:");
  EXPECT_EQ(Send("api", Tcp("198.51.100.7:443", first, "SA")).substr(0, 4), "app:");
}

// The server may still be in TIME_WAIT, and takes a SYN from the same port only when it continues
// the old connection's time stamps, which are the client's for that port (RFC 6191).
TEST_F(NatGateway, AConnectionThatIsOpenedAnewKeepsItsPort) {
  for (int i = 0; i < 20; ++i) {
    const std::string client = "10.0.1.10:" + std::to_string(4000 + i);
    const std::string server = "198.51.100.7:443";
    Send("app", Tcp(client, server, "S").Sequence(1000));
    const std::string first = SeenEnds().source;
    Send("api", Tcp(server, first, "SA").Sequence(5000, 1001));
    Send("app", Tcp(client, server, "FA").Sequence(1001, 5001));
    Send("api", Tcp(server, first, "FA").Sequence(5001, 1002));
    Send("app", Tcp(client, server, "S").Sequence(90'000));
    EXPECT_EQ(first, SeenEnds().source);
  }
}

TEST_F(NatGateway, NobodyComesInUninvited) {
  EXPECT_EQ(Send("api", Tcp("198.51.100.7:4000", "203.0.113.100:2000")),
            "drop NAT_UNSOLICITED_INBOUND");
  EXPECT_EQ(Send("api", Echo("198.51.100.7", "203.0.113.100")),
            "drop NAT_UNSOLICITED_INBOUND");  // case 17
  Send("app", Tcp("10.0.1.10:4000", "198.51.100.7:443"));
  // Filtering is by address and port: another port of the same host is a stranger too.
  EXPECT_EQ(Send("api", Tcp("198.51.100.7:444", SeenEnds().source)),
            "drop NAT_UNSOLICITED_INBOUND");
}

// Case 14.
TEST_F(NatGateway, After350SecondsIdleTheInsideIsReset) {
  Connect("app", "10.0.1.10:4000", "api", "198.51.100.7:443");
  Wait(seconds(351));
  EXPECT_EQ(
      Send("app", Tcp("10.0.1.10:4000", "198.51.100.7:443", "A").Sequence(1001, 5001).Payload(10)),
      "reply [NAT_UNSOLICITED_INBOUND]: tcp 198.51.100.7:443 > 10.0.1.10:4000 R");
  EXPECT_EQ(1u, nat("nat").idle_timeouts.value());
}

TEST_F(NatGateway, WithTrafficItLivesOn) {
  Connect("app", "10.0.1.10:4000", "api", "198.51.100.7:443");
  for (int i = 0; i < 3; ++i) {
    Wait(seconds(349));
    Expire();
    EXPECT_EQ(Send("app", Tcp("10.0.1.10:4000", "198.51.100.7:443", "A").Sequence(1001, 5001))
                  .substr(0, 4),
              "api:");
  }
}

// Case 15.
TEST_F(NatGateway, FiftyFiveThousandPortsPerDestinationThenErrorPortAllocation) {
  UseTable({.capacity = 60'000, .capacity_per_port = 60'000, .seed = 1});
  Publish();
  for (std::uint32_t i = 0; i < 55'000; ++i) {
    const std::string sender = i < 50'000 ? "app" : "app-2";
    const std::string source =
        (i < 50'000 ? "10.0.1.10:" : "10.0.1.11:") + std::to_string(1000 + i % 50'000);
    bench().Process(FrameOf(sender, Tcp(source, "198.51.100.7:443")), fabric.port(sender));
  }
  ASSERT_EQ(55'000u, connections().nat_ports().total());
  EXPECT_EQ(Send("app-2", Tcp("10.0.1.11:60000", "198.51.100.7:443")), "drop NAT_PORT_ALLOCATION");
  EXPECT_EQ(1u, nat("nat").port_allocation_errors.value());
  EXPECT_EQ(Send("app-2", Tcp("10.0.1.11:60000", "198.51.100.7:444")).substr(0, 4), "api:");
}

// Expired connections are freed a few per burst; their ports must not be missed meanwhile.
TEST_F(NatGateway, PortsOfConnectionsThatAreOverAreFreeAtOnce) {
  UseTable({.capacity = 60'000, .capacity_per_port = 60'000, .seed = 1});
  Publish();
  for (std::uint32_t i = 0; i < 55'000; ++i) {
    const std::string source = "10.0.1.10:" + std::to_string(1000 + i);
    bench().Process(FrameOf("app", Tcp(source, "198.51.100.7:443")), fabric.port("app"));
  }
  Wait(seconds(62));
  EXPECT_EQ(Send("app-2", Tcp("10.0.1.11:60000", "198.51.100.7:443")).substr(0, 4), "api:");
  EXPECT_EQ(0u, nat("nat").port_allocation_errors.value());
}

TEST_F(NatGateway, ASecondAddressTakesWhatTheFirstCannot) {
  fabric.NatGateway("wide", "public", {"10.0.0.101 = 203.0.113.101", "10.0.0.102 = 203.0.113.102"});
  fabric.Route("app", "0.0.0.0/0 nat:wide").ConnectionsPerEni(120'000);
  UseTable({.capacity = 120'000, .capacity_per_port = 120'000, .seed = 1});
  Publish();
  for (std::uint32_t i = 0; i < 110'000; ++i) {
    const std::string sender = i < 60'000 ? "app" : "app-2";
    const std::string source =
        (i < 60'000 ? "10.0.1.10:" : "10.0.1.11:") + std::to_string(1000 + i % 60'000);
    bench().Process(FrameOf(sender, Tcp(source, "198.51.100.7:443")), fabric.port(sender));
  }
  EXPECT_EQ(110'000u, connections().nat_ports().total());
  EXPECT_EQ(Send("app-2", Tcp("10.0.1.11:62000", "198.51.100.7:443")), "drop NAT_PORT_ALLOCATION");
}

TEST_F(NatGateway, APortIsFreedWithItsConnection) {
  for (int i = 0; i < 100; ++i) {
    Send("app", Tcp("10.0.1.10:" + std::to_string(4000 + i), "198.51.100.7:443"));
  }
  EXPECT_EQ(100u, connections().nat_ports().total());
  Wait(seconds(62));  // half-open connections are kept for 60 s
  for (int i = 0; i < 4; ++i) Expire();
  EXPECT_EQ(0u, connections().nat_ports().total());
  EXPECT_EQ(0u, connections().size());
}

// Case 16.
TEST_F(NatGateway, FragmentsOfUdpPassThoseOfTcpAndIcmpDoNot) {
  const PacketBuilder udp = Udp("10.0.1.10:4000", "198.51.100.7:53").Payload(2000);
  EXPECT_EQ(Send("app", PacketBuilder(udp).Slice(0, 1000)).substr(0, 4), "api:");
  EXPECT_EQ(Send("app", PacketBuilder(udp).Slice(1000, 1008)).substr(0, 4), "api:");
  EXPECT_EQ(Send("app", Echo("10.0.1.10", "198.51.100.7").Payload(2000).Slice(0, 1000)),
            "drop NAT_FRAGMENT");
  EXPECT_EQ(Send("app", Tcp("10.0.1.10:4000", "198.51.100.7:80").Payload(2000).Slice(0, 1000)),
            "drop NAT_FRAGMENT");
}

TEST_F(NatGateway, AFragmentOfAnEstablishedPingIsNoExceptionToThat) {
  EXPECT_EQ(Send("app", Echo("10.0.1.10", "198.51.100.7", 7)).substr(0, 4), "api:");
  EXPECT_EQ(Send("app", Echo("10.0.1.10", "198.51.100.7", 7).Payload(2000).Slice(0, 1000)),
            "drop NAT_FRAGMENT");
}

TEST_F(NatGateway, TranslatesTcpUdpAndIcmpOnly) {
  EXPECT_EQ(Send("app", PacketBuilder(132, "10.0.1.10", "198.51.100.7").Payload(20)),
            "drop NAT_UNSUPPORTED_PROTOCOL");
}

// Its neighbours resolve its MAC like any other (vpc-semantics §1), so frames come to it on the
// link too.
TEST_F(NatGateway, NeighboursOnItsLinkGetNoAnswerEither) {
  Send("web", ArpRequest(fabric.mac("web"), "10.0.0.10", "10.0.0.100"));
  const wire::MacAddress gateway = SourceMacOf(last().frame);
  EXPECT_EQ(Send("web", Echo("10.0.0.10", "10.0.0.100").To(gateway)),
            "drop NAT_UNSOLICITED_INBOUND");
  EXPECT_EQ(Send("web", Tcp("10.0.0.10:4000", "10.0.0.100:80").To(gateway)),
            "drop NAT_UNSOLICITED_INBOUND");
  EXPECT_EQ(Send("web", Tcp("10.0.0.10:4000", "198.51.100.7:80").To(gateway)),
            "drop NAT_UNSOLICITED_INBOUND");
}

TEST_F(NatGateway, AReplyMayComeToItOnItsLink) {
  fabric.Route("app", "10.0.0.0/24 nat:nat");
  Publish();
  Send("app", Tcp("10.0.1.10:4000", "10.0.0.11:80"));
  const std::string translated = SeenEnds().source;
  EXPECT_EQ(translated.substr(0, 11), "10.0.0.100:");
  Send("bare", ArpRequest(fabric.mac("bare"), "10.0.0.11", "10.0.0.100"));
  const wire::MacAddress gateway = SourceMacOf(last().frame);
  EXPECT_EQ(Send("bare", Tcp("10.0.0.11:80", translated, "SA").Sequence(5000, 1001).To(gateway)),
            "app: tcp 10.0.0.11:80 > 10.0.1.10:4000 SA ttl 63");
}

TEST_F(NatGateway, ARouteToItsInterfaceTranslatesNothing) {
  fabric.Route("data", "0.0.0.0/0 eni:nat").Group("db", {"out all to 0.0.0.0/0"});
  Publish();
  EXPECT_EQ(Send("db", Tcp("10.0.2.10:4000", "198.51.100.7:80")), "drop NAT_UNSOLICITED_INBOUND");
}

// Case 2.
TEST_F(NatGateway, WithoutAWayOutOfItsOwnSubnetPacketsEndBehindIt) {
  fabric.RemoveRoute("public", "0.0.0.0/0");
  Publish();
  EXPECT_EQ(Send("app", Tcp("10.0.1.10:4000", "198.51.100.7:443")), "drop NO_ROUTE");
}

TEST_F(NatGateway, KeepsItsPortWhenTheConfigurationChanges) {
  Connect("app", "10.0.1.10:4000", "api", "198.51.100.7:443");
  Send("app", Tcp("10.0.1.10:4000", "198.51.100.7:443", "A").Sequence(1001, 5001));
  const std::string before = SeenEnds().source;
  fabric.Group("web", {});
  Publish();
  Send("app", Tcp("10.0.1.10:4000", "198.51.100.7:443", "A").Sequence(1001, 5001));
  EXPECT_EQ(before, SeenEnds().source);
  EXPECT_EQ(1u, connections().nat_ports().total());
}

// An error about a translated packet comes back to the one who sent it, and quotes what it sent
// (RFC 5508 §4.2).
TEST_F(NatGateway, AnErrorIsTranslatedOutsideAndInside) {
  fabric.Group("app", {"in icmp from 0.0.0.0/0", "out all to 0.0.0.0/0"});
  Publish();
  for (const std::size_t quoted : {std::size_t{28}, std::size_t{40}, std::size_t{1000}}) {
    Send("app", Udp("10.0.1.10:4000", "198.51.100.7:53").Payload(100));
    const Frame seen = last().frame;
    EXPECT_EQ(
        Send("api", IcmpError("198.51.100.7", "203.0.113.100", 3, 3).Quoting(seen.bytes, quoted)),
        "app: icmp 3/3 198.51.100.7 > 10.0.1.10 quoting [udp 10.0.1.10:4000 > 198.51.100.7:53] ttl "
        "63")
        << quoted << " bytes quoted";
  }
}

TEST_F(NatGateway, AnErrorAboutNoConnectionIsUnrelated) {
  const Frame forged = FrameOf("api", Udp("203.0.113.100:2000", "198.51.100.7:53"));
  EXPECT_EQ(Send("api", IcmpError("198.51.100.7", "203.0.113.100", 3, 3).Quoting(forged.bytes)),
            "drop ICMP_ERROR_UNRELATED");
}

// A superframe is translated once, whole; its transport checksum is still to come, so only the
// addresses are in it.
TEST_F(NatGateway, ASuperframeIsTranslatedOnce) {
  Connect("app", "10.0.1.10:4000", "api", "198.51.100.7:443");
  EXPECT_EQ(Send("app", Tcp("10.0.1.10:4000", "198.51.100.7:443", "A")
                            .Sequence(1001, 5001)
                            .Payload(40'000)
                            .Gso(1400))
                .substr(0, 4),
            "api:");
  EXPECT_EQ(1400, last().frame.vnet.gso_size);
  EXPECT_EQ("", ChecksumFault(last().frame));
  EXPECT_TRUE(last().frame.vnet.needs_checksum());
}

class PrivateNatGateway : public Shop {
 protected:
  PrivateNatGateway() {
    fabric.NatGateway("inner", "public", {"10.0.0.101"}).Route("app", "10.0.2.0/24 nat:inner");
    fabric.Group("db", {"in tcp 3306 from 10.0.0.101/32"});
    Publish();
  }
};

// Whatever port the gateway tries first for a connection, the destination may know it from another.
TEST_F(PrivateNatGateway, NewConnectionsNeedARuleWhateverPortsAreKnown) {
  for (int port = 10'000; port < 12'000; ++port) {
    ASSERT_EQ(Send("app", Tcp("10.0.1.10:" + std::to_string(port), "10.0.2.10:3306")).substr(0, 4),
              "db: ");
  }
  fabric.Group("db", {});
  Publish();
  for (int port = 20'000; port < 22'000; ++port) {
    ASSERT_EQ(Send("app", Tcp("10.0.1.10:" + std::to_string(port), "10.0.2.10:3306")),
              "drop SG_INGRESS_DENIED");
  }
}

}  // namespace
}  // namespace taploom::test
