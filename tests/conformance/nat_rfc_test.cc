// What RFCs ask of NATs, and what an AWS NAT gateway does: where they differ, AWS is followed.
#include <chrono>
#include <set>
#include <string>

#include "tests/conformance/check.h"
#include "tests/conformance/pages.h"
#include "tests/packet/shop.h"

namespace taploom::test {
namespace {

using std::chrono::seconds;

class NatRfc : public Shop {
 protected:
  std::string SourceSeenBy(const std::string& destination) {
    Send("app", Udp("10.0.1.10:4000", destination));
    return SeenEnds().source;
  }
};

// --- RFC 4787: UDP ---

DEVIATES(NatRfc, RFC4787_REQ_1, kRfc4787, "The mapping does not depend on the destination.",
         "AWS's is symmetric: 55,000 connections for each destination.") {
  std::set<std::string> seen;
  for (int port = 1000; port < 1010; ++port)
    seen.insert(SourceSeenBy("198.51.100.7:" + std::to_string(port)));
  EXPECT_GT(seen.size(), 5u);
}

FOLLOWS(NatRfc, RFC4787_REQ_2, kRfc4787,
        "With several addresses, a host is always seen with the same (paired pooling).") {
  fabric.NatGateway(
      "wide", "public",
      {"10.0.0.101 = 203.0.113.101", "10.0.0.102 = 203.0.113.102", "10.0.0.103 = 203.0.113.103"});
  fabric.Route("app", "0.0.0.0/0 nat:wide");
  Publish();
  std::set<std::string> seen;
  for (int port = 1000; port < 1020; ++port) {
    const std::string source = SourceSeenBy("198.51.100.7:" + std::to_string(port));
    seen.insert(source.substr(0, source.find(':')));
  }
  EXPECT_EQ(seen.size(), 1u);
}

PROVED_BY(RFC4787_REQ_3, "NatGateway.TwoInsidersMayUseTheSamePort", kRfc4787,
          "Two inside endpoints do not share an outside port towards one destination.");

DEVIATES(NatRfc, RFC4787_REQ_3A, kRfc4787, "A port below 1024 stays below 1024.",
         "A NAT gateway's ports are 1024 to 65535.") {
  Send("app", Udp("10.0.1.10:500", "198.51.100.7:500"));
  EXPECT_GE(SourcePortOf(last().frame), 1024);
}

DEVIATES(NatRfc, RFC4787_REQ_4, kRfc4787, "Even ports stay even (port parity).",
         "Ports are chosen at random (RFC 6056); AWS promises no parity.") {
  std::set<int> parities;
  for (int i = 0; i < 40; ++i) {
    Send("app", Udp("10.0.1.10:" + std::to_string(4000 + 2 * i), "198.51.100.7:53"));
    parities.insert(SourcePortOf(last().frame) % 2);
  }
  EXPECT_EQ(parities.size(), 2u);
}

FOLLOWS(NatRfc, RFC4787_REQ_5, kRfc4787,
        "A mapping lives for at least two minutes idle, better five.") {
  fabric.Group("app", {"in udp from 198.51.100.7/32", "out all to 0.0.0.0/0"});
  Publish();
  const std::string seen = SourceSeenBy("198.51.100.7:53");
  Wait(seconds(300));
  EXPECT_EQ(Fate(Send("api", Udp("198.51.100.7:53", seen))), "app");
}

FOLLOWS(NatRfc, RFC4787_REQ_6, kRfc4787, "What goes out refreshes the mapping.") {
  const std::string seen = SourceSeenBy("198.51.100.7:53");
  for (int i = 0; i < 5; ++i) {
    Wait(seconds(300));
    EXPECT_EQ(SourceSeenBy("198.51.100.7:53"), seen);
  }
  EXPECT_EQ(Fate(Send("api", Udp("198.51.100.7:53", seen))), "app");
}

OUTSIDE(RFC4787_REQ_7, kRfc4787, "A dynamic outside address must not conflict with inside ones.",
        "Outside addresses are elastic IPs, written in the file.");

DEVIATES(NatRfc, RFC4787_REQ_8, kRfc4787,
         "Filtering is independent of the endpoint, or of its port.",
         "AWS's depends on address and port, the strictest kind.") {
  const std::string seen = SourceSeenBy("198.51.100.7:53");
  EXPECT_EQ(Send("api", Udp("198.51.100.7:54", seen)), "drop NAT_UNSOLICITED_INBOUND");
  EXPECT_EQ(Send("visitor", Udp("198.51.100.8:53", seen)), "drop NAT_UNSOLICITED_INBOUND");
}

DEVIATES(NatRfc, RFC4787_REQ_9, kRfc4787, "Two hosts behind the NAT reach each other's mappings.",
         "Follows from REQ-8: another's mapping is for its destination alone.") {
  const std::string seen = SourceSeenBy("198.51.100.7:53");
  EXPECT_EQ(Send("app-2", Udp("10.0.1.11:5000", seen)), "drop NAT_UNSOLICITED_INBOUND");
}

FOLLOWS(NatRfc, RFC4787_REQ_10, kRfc4787, "No application gateway changes payloads.") {
  const std::string sip =
      "REGISTER sip:198.51.100.7 SIP/2.0\r\nContact: <sip:a@10.0.1.10:5060>\r\n";
  Send("app", Udp("10.0.1.10:5060", "198.51.100.7:5060")
                  .Payload(std::vector<std::uint8_t>(sip.begin(), sip.end())));
  const auto payload = PayloadOf(last().frame);
  EXPECT_EQ(std::string(payload.begin(), payload.end()), sip);
}

FOLLOWS(NatRfc, RFC4787_REQ_11, kRfc4787, "Its behaviour does not change with its load.") {
  for (int i = 0; i < 2000; ++i)
    Send("app", Udp("10.0.1.10:" + std::to_string(1000 + i), "198.51.100.7:53"));
  const std::string seen = SourceSeenBy("198.51.100.7:53");
  EXPECT_EQ(Send("api", Udp("198.51.100.7:54", seen)), "drop NAT_UNSOLICITED_INBOUND");
  EXPECT_EQ(Fate(Send("api", Udp("198.51.100.7:53", seen))), "app");
}

PROVED_BY(RFC4787_REQ_12, "IcmpErrors.DoNotKeepAConnectionAliveOrEndIt", kRfc4787,
          "An ICMP error ends no mapping.");

FOLLOWS(NatRfc, RFC4787_REQ_13, kRfc4787, "A packet too large with DF is answered with ICMP.") {
  fabric.Group("app", {"in icmp from 0.0.0.0/0", "out all to 0.0.0.0/0"});
  Publish();
  EXPECT_EQ(Send("app", Udp("10.0.1.10:4000", "198.51.100.7:53").Payload(1600).DontFragment())
                .substr(0, 31),
            "reply [MTU_EXCEEDED]: icmp 3/4 ");
}

DEVIATES(NatRfc, RFC4787_REQ_14, kRfc4787, "Fragments are forwarded in whatever order they come.",
         "Fragments are followed, not collected: nothing is kept that a stranger could fill.") {
  const PacketBuilder udp = Udp("10.0.1.10:4000", "198.51.100.7:53").Payload(2000);
  EXPECT_EQ(Send("app", PacketBuilder(udp).Slice(1000, 1008)), "drop FRAGMENT_UNKNOWN");
}

// --- RFC 5382: TCP ---

DEVIATES(NatRfc, RFC5382_REQ_1, kRfc5382, "The mapping does not depend on the destination.",
         "AWS's is symmetric; see RFC4787-REQ-1.") {
  std::set<std::string> seen;
  for (int port = 1000; port < 1010; ++port) {
    Send("app", Tcp("10.0.1.10:4000", "198.51.100.7:" + std::to_string(port)));
    seen.insert(SeenEnds().source);
  }
  EXPECT_GT(seen.size(), 5u);
}

FOLLOWS(NatRfc, RFC5382_REQ_2, kRfc5382, "A simultaneous open succeeds.") {
  Send("app", Tcp("10.0.1.10:4000", "198.51.100.7:443").Sequence(1000));
  const std::string seen = SeenEnds().source;
  EXPECT_EQ(Fate(Send("api", Tcp("198.51.100.7:443", seen, "S").Sequence(5000))), "app");
  EXPECT_EQ(Fate(Send("app", Tcp("10.0.1.10:4000", "198.51.100.7:443", "SA").Sequence(1000, 5001))),
            "api");
  EXPECT_EQ(Fate(Send("api", Tcp("198.51.100.7:443", seen, "SA").Sequence(5000, 1001))), "app");
}

DEVIATES(NatRfc, RFC5382_REQ_3, kRfc5382, "Filtering is independent of the endpoint.",
         "AWS's depends on address and port; see RFC4787-REQ-8.") {
  Send("app", Tcp("10.0.1.10:4000", "198.51.100.7:443"));
  EXPECT_EQ(Send("visitor", Tcp("198.51.100.8:443", SeenEnds().source)),
            "drop NAT_UNSOLICITED_INBOUND");
}

PROVED_BY(RFC5382_REQ_4, "NatGateway.NobodyComesInUninvited", kRfc5382,
          "An unsolicited SYN is not answered within 6 s.");

DEVIATES(NatRfc, RFC5382_REQ_5, kRfc5382,
         "An established connection may be idle for 2 h 4 min, a half-open one for 4 min.",
         "AWS's idle timeout is 350 s; half-open connections are kept for 60 s.") {
  Connect("app", "10.0.1.10:4000", "api", "198.51.100.7:443");
  const std::string seen = SeenEnds().source;
  Wait(seconds(351));
  EXPECT_EQ(Send("api", Tcp("198.51.100.7:443", seen, "A").Sequence(5001, 1001)),
            "drop NAT_UNSOLICITED_INBOUND");
  Send("app", Tcp("10.0.1.10:4001", "198.51.100.7:443"));
  const std::string half_open = SeenEnds().source;
  Wait(seconds(61));
  EXPECT_EQ(Send("api", Tcp("198.51.100.7:443", half_open, "SA").Sequence(5000, 1001)),
            "drop NAT_UNSOLICITED_INBOUND");
}

FOLLOWS(NatRfc, RFC5382_REQ_6, kRfc5382, "There is no application gateway to disturb TCP.") {
  Connect("app", "10.0.1.10:4000", "api", "198.51.100.7:21");
  const std::string ftp = "PORT 10,0,1,10,15,160\r\n";
  Send("app", Tcp("10.0.1.10:4000", "198.51.100.7:21", "AP")
                  .Sequence(1001, 5001)
                  .Payload(std::vector<std::uint8_t>(ftp.begin(), ftp.end())));
  const auto payload = PayloadOf(last().frame);
  EXPECT_EQ(std::string(payload.begin(), payload.end()), ftp);
}

PROVED_BY(RFC5382_REQ_7, "NatGateway.TwoInsidersMayUseTheSamePort", kRfc5382,
          "Ports are not overloaded towards one destination.");

DEVIATES(NatRfc, RFC5382_REQ_8, kRfc5382, "Hairpinning works for TCP.",
         "Between mappings it does not, as filtering depends on the endpoint; to an instance's "
         "elastic IP it does (NGW-41).") {
  Send("app", Tcp("10.0.1.10:4000", "198.51.100.7:443"));
  EXPECT_EQ(Send("app-2", Tcp("10.0.1.11:5000", SeenEnds().source)),
            "drop NAT_UNSOLICITED_INBOUND");
}

PROVED_BY(RFC5382_REQ_9, "NatGateway.AnErrorIsTranslatedOutsideAndInside", kRfc5382,
          "ICMP errors about a connection are translated to the inside.");
PROVED_BY(RFC5382_REQ_10, "IcmpErrors.DoNotKeepAConnectionAliveOrEndIt", kRfc5382,
          "An ICMP error ends no connection.");

// --- RFC 5508: ICMP ---

PROVED_BY(RFC5508_REQ_1, "NatGateway.FourPacketsOfAnEcho", kRfc5508,
          "Queries and their answers pass, by their identifier.");

FOLLOWS(NatRfc, RFC5508_REQ_2, kRfc5508, "A query's mapping lives for at least 60 s.") {
  fabric.Group("app", {"in icmp from 198.51.100.7/32", "out all to 0.0.0.0/0"});
  Publish();
  Send("app", Echo("10.0.1.10", "198.51.100.7", 7));
  const std::uint16_t identifier = SourcePortOf(last().frame);
  Wait(seconds(60));
  EXPECT_EQ(Fate(Send("api", EchoReply("198.51.100.7", "203.0.113.100", identifier))), "app");
}

PROVED_BY(RFC5508_REQ_3, "IcmpErrors.QuotingTooLittleIsMalformed", kRfc5508,
          "An error that does not quote enough is dropped.");
PROVED_BY(RFC5508_REQ_4, "NatGateway.AnErrorIsTranslatedOutsideAndInside", kRfc5508,
          "An error from outside is translated, and so is what it quotes.");

FOLLOWS(NatRfc, RFC5508_REQ_5, kRfc5508,
        "An error from inside is translated, and so is what it quotes.") {
  Send("app", Udp("10.0.1.10:4000", "198.51.100.7:53").Payload(40));
  const std::string seen = SeenEnds().source;
  Send("api", Udp("198.51.100.7:53", seen).Payload(40));
  const Frame received = last().frame;
  EXPECT_EQ(Send("app", IcmpError("10.0.1.10", "198.51.100.7", 3, 3).Quoting(received.bytes)),
            "api: icmp 3/3 203.0.113.100 > 198.51.100.7 quoting [udp 198.51.100.7:53 > " + seen +
                "] ttl 62");
}

PROVED_BY(RFC5508_REQ_6, "IcmpErrors.RouterOnTheWayMayReport", kRfc5508,
          "An error may come from a router on the way.");

DEVIATES(NatRfc, RFC5508_REQ_7, kRfc5508, "Queries hairpin between inside hosts.",
         "As for UDP and TCP: another's mapping is for its destination alone.") {
  Send("app", Echo("10.0.1.10", "198.51.100.7", 7));
  EXPECT_EQ(Send("app-2", Echo("10.0.1.11", "203.0.113.100", 8)), "drop NAT_UNSOLICITED_INBOUND");
}

PROVED_BY(RFC5508_REQ_8, "IcmpErrors.DoNotKeepAConnectionAliveOrEndIt", kRfc5508,
          "An error neither refreshes nor ends a mapping.");

FOLLOWS(NatRfc, RFC5508_REQ_9, kRfc5508, "An error quotes the packet as its sender sent it.") {
  fabric.Group("app", {"in icmp from 0.0.0.0/0", "out all to 0.0.0.0/0"});
  Publish();
  Send("app", Tcp("10.0.1.10:4000", "198.51.100.7:443"));
  const Frame seen = last().frame;
  EXPECT_EQ(Send("api", IcmpError("198.51.100.7", "203.0.113.100", 3, 13).Quoting(seen.bytes)),
            "app: icmp 3/13 198.51.100.7 > 10.0.1.10 quoting [tcp 10.0.1.10:4000 > "
            "198.51.100.7:443] ttl 63");
}

FOLLOWS(NatRfc, RFC5508_REQ_10, kRfc5508,
        "Destination Unreachable, Time Exceeded, Parameter Problem and echo are supported.") {
  fabric.Group("app", {"in icmp from 0.0.0.0/0", "out all to 0.0.0.0/0"});
  Publish();
  for (const std::uint8_t type : std::initializer_list<std::uint8_t>{3, 11, 12}) {
    Send("app", Udp("10.0.1.10:4000", "198.51.100.7:53"));
    const Frame seen = last().frame;
    EXPECT_EQ(
        Fate(Send("api", IcmpError("198.51.100.7", "203.0.113.100", type, 0).Quoting(seen.bytes))),
        "app")
        << int{type};
  }
}

FOLLOWS(NatRfc, RFC5508_REQ_11, kRfc5508, "Timestamp queries may be supported.") {
  EXPECT_EQ(Fate(Send("app", Echo("10.0.1.10", "198.51.100.7", 7).Icmp(13))), "api");
}

// --- RFC 7857: updates ---

FOLLOWS(NatRfc, RFC7857_S2, kRfc7857,
        "TCP is tracked: a reset must fit its connection (RFC 5961) to end the mapping.") {
  Connect("app", "10.0.1.10:4000", "api", "198.51.100.7:443");
  const std::string seen = SeenEnds().source;
  EXPECT_EQ(Send("api", Tcp("198.51.100.7:443", seen, "R").Sequence(900'000)), "drop INVALID_TCP");
  EXPECT_EQ(Fate(Send("api", Tcp("198.51.100.7:443", seen, "A").Sequence(5001, 1001))), "app");
}

DEVIATES(NatRfc, RFC7857_S2_2, kRfc7857,
         "The mapping of a connection that is not yet open lives for 4 minutes by default.",
         "60 s, as long as the interface's tracking (vpc-semantics §17): AWS does not say.") {
  Send("app", Tcp("10.0.1.10:4000", "198.51.100.7:443"));
  const std::string seen = SeenEnds().source;
  Wait(seconds(61));
  EXPECT_EQ(Send("api", Tcp("198.51.100.7:443", seen, "SA").Sequence(5000, 1001)),
            "drop NAT_UNSOLICITED_INBOUND");
}

DEVIATES(NatRfc, RFC7857_S2_3, kRfc7857,
         "A reset is translated, and its mapping kept for 4 minutes.",
         "It is translated; the mapping is kept for 5 s (vpc-semantics §17), for AWS frees it.") {
  Connect("app", "10.0.1.10:4000", "api", "198.51.100.7:443");
  const std::string seen = SeenEnds().source;
  EXPECT_EQ(Fate(Send("api", Tcp("198.51.100.7:443", seen, "R").Sequence(5001))), "app");
  EXPECT_EQ(Fate(Send("api", Tcp("198.51.100.7:443", seen, "A").Sequence(5001, 1001))), "app");
  Wait(seconds(6));
  EXPECT_EQ(Send("api", Tcp("198.51.100.7:443", seen, "A").Sequence(5001, 1001)),
            "drop NAT_UNSOLICITED_INBOUND");
}

FOLLOWS(NatRfc, RFC7857_S3, kRfc7857,
        "One outside port may serve several destinations (port overlapping).") {
  UseTable({.capacity = 70'000, .capacity_per_port = 70'000, .seed = 1});
  Publish();
  for (std::uint32_t i = 0; i < 60'000; ++i) {
    bench().Process(FrameOf("app", Tcp("10.0.1.10:" + std::to_string(1000 + i % 60'000),
                                       "198.51.100.7:" + std::to_string(443 + i % 2))),
                    fabric.port("app"));
  }
  EXPECT_EQ(connections().nat_ports().total(), 60'000u);
  EXPECT_EQ(nat("nat").port_allocation_errors.value(), 0u);
}

PROVED_BY(RFC7857_S4, "NatGateway.ASecondAddressTakesWhatTheFirstCannot", kRfc7857,
          "Paired pooling may be left when an address has no port.");

FOLLOWS(NatRfc, RFC7857_S5, kRfc7857, "Mappings depend on the protocol.") {
  Send("app", Udp("10.0.1.10:4000", "198.51.100.7:443"));
  const std::string udp = SeenEnds().source;
  Send("app", Tcp("10.0.1.10:4000", "198.51.100.7:443"));
  EXPECT_NE(SeenEnds().source, udp);
}

FOLLOWS(NatRfc, RFC7857_S6, kRfc7857, "So does filtering: a mapping of UDP lets no TCP in.") {
  const std::string seen = SourceSeenBy("198.51.100.7:53");
  EXPECT_EQ(Send("api", Tcp("198.51.100.7:53", seen)), "drop NAT_UNSOLICITED_INBOUND");
}

FOLLOWS(NatRfc, RFC7857_S7, kRfc7857, "Packets that are refused refresh no mapping.") {
  const std::string seen = SourceSeenBy("198.51.100.7:53");
  Wait(seconds(200));
  EXPECT_EQ(Send("api", Udp("198.51.100.7:53", seen)), "drop SG_INGRESS_DENIED");
  EXPECT_EQ(Send("api", Udp("198.51.100.7:54", seen)), "drop NAT_UNSOLICITED_INBOUND");
  Wait(seconds(151));
  EXPECT_EQ(Send("api", Udp("198.51.100.7:53", seen)), "drop NAT_UNSOLICITED_INBOUND");
}

PROVED_BY(RFC7857_S7_1, "IcmpErrors.DoNotKeepAConnectionAliveOrEndIt", kRfc7857,
          "Nor do errors that answer what came in.");

FOLLOWS(NatRfc, RFC7857_S8, kRfc7857, "Port parity need not be preserved.") {
  std::set<int> parities;
  for (int i = 0; i < 40; ++i) {
    Send("app", Udp("10.0.1.10:" + std::to_string(4001 + 2 * i), "198.51.100.7:53"));
    parities.insert(SourcePortOf(last().frame) % 2);
  }
  EXPECT_EQ(parities.size(), 2u);
}

FOLLOWS(NatRfc, RFC7857_S9, kRfc7857, "Ports are random (RFC 6056).") {
  std::set<int> steps;
  int previous = 0;
  for (int i = 0; i < 50; ++i) {
    Send("app", Udp("10.0.1.10:" + std::to_string(4000 + i), "198.51.100.7:53"));
    const int port = SourcePortOf(last().frame);
    steps.insert(port - previous);
    previous = port;
  }
  EXPECT_GT(steps.size(), 40u);
}

DEVIATES(NatRfc, RFC7857_S10, kRfc7857, "IP identifications are unique per outside address.",
         "They pass as sent: of two clients' fragments with the same identification at the same "
         "time the receiver would put together one datagram, and its checksum would tell.") {
  Send("app", Udp("10.0.1.10:4000", "198.51.100.7:53").Payload(2000).Slice(0, 1000, 77));
  const auto& bytes = last().frame.bytes;
  EXPECT_EQ(bytes[14 + 4] * 256 + bytes[14 + 5], 77);
}

FOLLOWS(NatRfc, RFC7857_S11, kRfc7857, "A query's mapping may go with its last session.") {
  Send("app", Echo("10.0.1.10", "198.51.100.7", 7));
  EXPECT_EQ(connections().nat_ports().total(), 1u);
  Wait(seconds(351));
  Expire();
  EXPECT_EQ(connections().nat_ports().total(), 0u);
}

DEVIATES(NatRfc, RFC7857_S12, kRfc7857, "ICMP hairpins.", "It does not; see RFC5508-REQ-7.") {
  EXPECT_EQ(Send("app", Echo("10.0.1.10", "203.0.113.100", 9)), "drop NAT_UNSOLICITED_INBOUND");
}

}  // namespace
}  // namespace taploom::test
