// NGW: NAT gateways (vpc-semantics §4). The requirements of RFCs on NATs: nat_rfc_test.cc.
#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/conformance/check.h"
#include "tests/conformance/lab.h"
#include "tests/conformance/pages.h"
#include "tests/packet/shop.h"

namespace taploom::test {
namespace {

using std::chrono::seconds;

class Ngw : public Shop {
 protected:
  const PacketBuilder syn = Tcp("10.0.1.10:4000", "198.51.100.7:443");

  // What the api sends back to the packet that it received last.
  std::string Answer(const std::string& flags = "SA") {
    return Send("api", Tcp("198.51.100.7:443", SeenEnds().source, flags).Sequence(5000, 1001));
  }
};

const char kHead[] =
    "vpcs: {main: {cidr: 10.0.0.0/16, internet_gateway: igw, subnets: {a: {cidr: 10.0.1.0/24}}, ";

PROVED_BY(NGW_01, "LowerTest.NatGatewayHasAnEniOfItsOwnWithoutPort", kNat,
          "A NAT gateway stands in one subnet, with one interface of its own.");
PROVED_BY(NGW_02, "broken/nat_without_elastic_ip.yaml", kNat,
          "A public NAT gateway has an elastic IP.");
PROVED_BY(NGW_03, "broken/nat_without_internet_gateway.yaml", kNat,
          "A public NAT gateway needs an internet gateway attached to the VPC.");

FOLLOWS(Lab, NGW_04, kNat, "A private NAT gateway has no elastic IP.") {
  EXPECT_EQ(Refusal(std::string(kHead) +
                    "nat_gateways: {n: {subnet: a, connectivity: private, elastic_ip: "
                    "203.0.113.9}}}}\n"),
            "a private NAT gateway has no elastic_ip");
  EXPECT_EQ(
      Refusal(std::string(kHead) + "nat_gateways: {n: {subnet: a, connectivity: private}}}}\n"),
      "");
}

NOT_MODELLED(Lab, NGW_05, kNatRegional,
             "A regional NAT gateway has no subnet and follows the VPC's zones.") {
  EXPECT_EQ(Refusal(std::string(kHead) +
                    "nat_gateways: {n: {subnet: a, elastic_ip: 203.0.113.9, availability_mode: "
                    "regional}}}}\n"),
            "\"availability_mode\" is not modelled yet");
}

PROVED_BY(NGW_06, "NatGateway.FiftyFiveThousandPortsPerDestinationThenErrorPortAllocation", kNat,
          "55,000 connections per address and unique destination; then ErrorPortAllocation.");

FOLLOWS(Ngw, NGW_07, kNatTrouble, "When ports are used up, connections that exist go on.") {
  UseTable({.capacity = 60'000, .capacity_per_port = 60'000, .seed = 1});
  Publish();
  for (std::uint32_t i = 0; i < 55'000; ++i) {
    const std::string source = "10.0.1.10:" + std::to_string(2000 + i);
    bench().Process(FrameOf("app", Tcp(source, "198.51.100.7:443")), fabric.port("app"));
  }
  EXPECT_EQ(Send("app-2", Tcp("10.0.1.11:4000", "198.51.100.7:443")), "drop NAT_PORT_ALLOCATION");
  EXPECT_EQ(Fate(Send("app", Tcp("10.0.1.10:2000", "198.51.100.7:443"))), "api");
  EXPECT_EQ(Fate(Answer()), "app");
}

FOLLOWS(Ngw, NGW_08, kNat, "Source ports come from 1024 to 65535.") {
  for (int i = 0; i < 300; ++i) {
    Send("app", Tcp("10.0.1.10:" + std::to_string(100 + i), "198.51.100.7:443"));
    EXPECT_GE(SourcePortOf(last().frame), 1024);
  }
}

FOLLOWS(Ngw, NGW_09, kNat, "Only TCP, UDP and ICMP are translated: no GRE, ESP, AH or SCTP.") {
  for (const std::uint8_t protocol : std::initializer_list<std::uint8_t>{47, 50, 51, 132}) {
    EXPECT_EQ(Send("app", PacketBuilder(protocol, "10.0.1.10", "198.51.100.7").Payload(40)),
              "drop NAT_UNSUPPORTED_PROTOCOL")
        << int{protocol};
  }
}

FOLLOWS(Ngw, NGW_10, kNat, "IPsec works with NAT traversal, over UDP.") {
  EXPECT_EQ(Fate(Send("app", Udp("10.0.1.10:4500", "198.51.100.7:4500").Payload(80))), "api");
}

PROVED_BY(NGW_11, "NatGateway.FourPacketsOfTcpOriginalTranslatedReplyRestored", kNat,
          "The source becomes the gateway's address and a port; the reply is restored.");
PROVED_BY(NGW_12, "NatGateway.FourPacketsOfUdp", kNat, "The same for UDP.");
PROVED_BY(NGW_13, "NatGateway.FourPacketsOfAnEcho", kNat,
          "The same for ICMP echo, whose identifier is the port.");

FOLLOWS(Ngw, NGW_14, kReachability, "The destination is never changed.") {
  Send("app", syn);
  EXPECT_EQ(SeenEnds().destination, "198.51.100.7:443");
}

PROVED_BY(NGW_15, "NatGateway.AReplyMayComeToItOnItsLink", kNat,
          "Inside the VPC its packets have its private address; the elastic IP is the internet "
          "gateway's work.");
PROVED_BY(NGW_16, "NatGateway.TwoInsidersMayUseTheSamePort", kNat,
          "Two clients with the same port are told apart.");
PROVED_BY(NGW_17, "NatGateway.After350SecondsIdleTheInsideIsReset", kNatTrouble,
          "After 350 s idle, a segment from inside is answered with RST and counted.");

FOLLOWS(Ngw, NGW_18, kNatTrouble, "After 350 s idle, what comes from outside is dropped.") {
  Connect("app", "10.0.1.10:4000", "api", "198.51.100.7:443");
  const std::string seen = SeenEnds().source;
  Wait(seconds(351));
  EXPECT_EQ(Send("api", Tcp("198.51.100.7:443", seen, "A").Sequence(5001, 1001)),
            "drop NAT_UNSOLICITED_INBOUND");
}

PROVED_BY(NGW_19, "NatGateway.WithTrafficItLivesOn", kNatTrouble,
          "Traffic in either direction keeps a connection.");

FOLLOWS(Ngw, NGW_20, kNatTrouble, "At 350 s a connection still lives.") {
  Connect("app", "10.0.1.10:4000", "api", "198.51.100.7:443");
  Wait(seconds(350));
  EXPECT_EQ(Fate(Send("app", Tcp("10.0.1.10:4000", "198.51.100.7:443", "A").Sequence(1001, 5001))),
            "api");
}

FOLLOWS(Ngw, NGW_21, kNatTrouble, "UDP and ICMP mappings live for 350 s idle.") {
  fabric.Group("app", {"in udp from 198.51.100.7/32", "in icmp from 198.51.100.7/32",
                       "out all to 0.0.0.0/0"});
  Publish();
  Send("app", Udp("10.0.1.10:4000", "198.51.100.7:53"));
  const std::string seen = SeenEnds().source;
  Send("app", Echo("10.0.1.10", "198.51.100.7", 7));
  const std::uint16_t identifier = SourcePortOf(last().frame);
  Wait(seconds(350));
  EXPECT_EQ(Fate(Send("api", Udp("198.51.100.7:53", seen))), "app");
  EXPECT_EQ(Fate(Send("api", EchoReply("198.51.100.7", "203.0.113.100", identifier))), "app");
  Wait(seconds(351));
  EXPECT_EQ(Send("api", Udp("198.51.100.7:53", seen)), "drop NAT_UNSOLICITED_INBOUND");
  EXPECT_EQ(Send("api", EchoReply("198.51.100.7", "203.0.113.100", identifier)),
            "drop NAT_UNSOLICITED_INBOUND");
}

FOLLOWS(Ngw, NGW_61, kTracking,
        "The client's interface forgets before that (30 s): then a reply needs an ingress rule.") {
  Send("app", Udp("10.0.1.10:4000", "198.51.100.7:53"));
  const std::string seen = SeenEnds().source;
  Wait(seconds(30));
  EXPECT_EQ(Fate(Send("api", Udp("198.51.100.7:53", seen))), "app");
  Wait(seconds(31));
  EXPECT_EQ(Send("api", Udp("198.51.100.7:53", seen)), "drop SG_INGRESS_DENIED");
  Expire();
  EXPECT_EQ(Send("api", Udp("198.51.100.7:53", seen)), "drop SG_INGRESS_DENIED");
}

FOLLOWS(Ngw, NGW_62, kNatTrouble,
        "Sending again keeps the port, and lets replies in again as the first packet did.") {
  const PacketBuilder question = Udp("10.0.1.10:4000", "198.51.100.7:53");
  Send("app", question);
  const std::string seen = SeenEnds().source;
  Send("api", Udp("198.51.100.7:53", seen));
  Send("app", question);  // a stream
  Wait(seconds(300));
  Expire();
  EXPECT_EQ(connections().nat_ports().total(), 1u);
  Send("app", question);
  EXPECT_EQ(SeenEnds().source, seen);
  EXPECT_EQ(Fate(Send("api", Udp("198.51.100.7:53", seen))), "app");
  Wait(seconds(31));
  EXPECT_EQ(Send("api", Udp("198.51.100.7:53", seen)), "drop SG_INGRESS_DENIED");
}

FOLLOWS(Ngw, NGW_63, kTracking,
        "A shorter TCP timer of the interface ends its tracking, not the mapping: no RST before "
        "350 s.") {
  fabric.Eni("brief", "app", {"10.0.1.60"}, {"app"}, {.tcp_established_seconds = 60});
  Publish();
  Connect("brief", "10.0.1.60:4000", "api", "198.51.100.7:443");
  const std::string seen = SeenEnds().source;
  const PacketBuilder segment = Tcp("10.0.1.60:4000", "198.51.100.7:443", "A").Sequence(1001, 5001);
  Wait(seconds(61));
  EXPECT_EQ(Send("api", Tcp("198.51.100.7:443", seen, "A").Sequence(5001, 1001)),
            "drop SG_INGRESS_DENIED");
  EXPECT_EQ(Fate(Send("brief", segment)), "api");
  EXPECT_EQ(SeenEnds().source, seen);
  EXPECT_EQ(Fate(Send("api", Tcp("198.51.100.7:443", seen, "A").Sequence(5001, 1001))), "brief");
  Wait(seconds(351));
  EXPECT_EQ(Send("brief", segment),
            "reply [NAT_UNSOLICITED_INBOUND]: tcp 198.51.100.7:443 > 10.0.1.60:4000 R");
}

FOLLOWS(Ngw, NGW_64, kEnaCounters,
        "What only the NAT gateway remembers takes nothing from the interface's allowance.") {
  fabric.ConnectionsPerEni(1);
  Publish();
  Send("app", Udp("10.0.1.10:4000", "198.51.100.7:53"));
  EXPECT_EQ(Send("app", Udp("10.0.1.10:4001", "198.51.100.7:53")), "drop CONNECTION_QUOTA");
  Wait(seconds(31));
  Expire();
  EXPECT_EQ(Fate(Send("app", Udp("10.0.1.10:4001", "198.51.100.7:53"))), "api");
  EXPECT_EQ(Send("app", Udp("10.0.1.10:4000", "198.51.100.7:53")), "drop CONNECTION_QUOTA");
}

FOLLOWS(Ngw, NGW_22, kNat, "A connection closed by both sides leaves its port after 120 s.") {
  Connect("app", "10.0.1.10:4000", "api", "198.51.100.7:443");
  const std::string seen = SeenEnds().source;
  Send("app", Tcp("10.0.1.10:4000", "198.51.100.7:443", "FA").Sequence(1001, 5001));
  Send("api", Tcp("198.51.100.7:443", seen, "FA").Sequence(5001, 1002));
  Wait(seconds(119));
  EXPECT_EQ(Fate(Send("api", Tcp("198.51.100.7:443", seen, "A").Sequence(5002, 1002))), "app");
  Wait(seconds(121));
  EXPECT_EQ(Send("api", Tcp("198.51.100.7:443", seen, "A").Sequence(5002, 1002)),
            "drop NAT_UNSOLICITED_INBOUND");
}

DEVIATES(Ngw, NGW_23, kNat, "A reset frees the port at once.",
         "It is kept for 5 s: a reset may be lost or refused by its receiver, who would then be "
         "cut off (RFC 7857 §2.3 asks for minutes).") {
  Connect("app", "10.0.1.10:4000", "api", "198.51.100.7:443");
  Send("app", Tcp("10.0.1.10:4000", "198.51.100.7:443", "R").Sequence(1001));
  EXPECT_EQ(connections().nat_ports().total(), 1u);
  Wait(seconds(6));
  Expire();
  EXPECT_EQ(connections().nat_ports().total(), 0u);
}

PROVED_BY(NGW_24, "NatGateway.APortIsFreedWithItsConnection", kNat,
          "A port is freed when its connection ends.");
PROVED_BY(NGW_25, "NatGateway.PortsOfConnectionsThatAreOverAreFreeAtOnce", kNat,
          "Ports of ended connections are there for new ones.");
PROVED_BY(NGW_26, "NatGateway.FragmentsOfUdpPassThoseOfTcpAndIcmpDoNot", kNat,
          "UDP fragments are forwarded, those of TCP and ICMP dropped.");

FOLLOWS(Ngw, NGW_27, kNat, "Fragments of TCP and ICMP are dropped on the way in, too.") {
  Connect("app", "10.0.1.10:4000", "api", "198.51.100.7:443");
  const std::string seen = SeenEnds().source;
  EXPECT_EQ(
      Send("api",
           Tcp("198.51.100.7:443", seen, "A").Sequence(5001, 1001).Payload(2000).Slice(0, 1000)),
      "drop NAT_FRAGMENT");
}

FOLLOWS(Ngw, NGW_28, kNat, "Fragments of UDP pass on the way in.") {
  Send("app", Udp("10.0.1.10:4000", "198.51.100.7:53"));
  const PacketBuilder reply = Udp("198.51.100.7:53", SeenEnds().source).Payload(2000);
  EXPECT_EQ(Fate(Send("api", PacketBuilder(reply).Slice(0, 1000))), "app");
  EXPECT_EQ(Fate(Send("api", PacketBuilder(reply).Slice(1000, 1008))), "app");
}

PROVED_BY(NGW_29, "NatGateway.NobodyComesInUninvited", kNat,
          "Nothing unsolicited comes in: no port forwarding.");
PROVED_BY(NGW_30, "NatGateway.NeighboursOnItsLinkGetNoAnswerEither", kNatTrouble,
          "Its addresses answer no ping, on its link either.");

FOLLOWS(Lab, NGW_31, kNatCompared, "A NAT gateway has no security group.") {
  EXPECT_NE(Refusal(std::string(kHead) +
                    "nat_gateways: {n: {subnet: a, elastic_ip: 203.0.113.9, security_groups: "
                    "[default]}}}}\n")
                .find("unknown key \"security_groups\" in NAT gateway \"n\""),
            std::string::npos);
}

FOLLOWS(Ngw, NGW_32, kNatTrouble,
        "The ACL of its subnet sees the client's packet come in, to its real destination.") {
  fabric.Acl("public", {"90 in deny tcp 443 10.0.1.0/24", "100 in allow all 0.0.0.0/0",
                        "100 out allow all 0.0.0.0/0"});
  Publish();
  EXPECT_EQ(Send("app", syn), "drop ACL_INBOUND_DENIED");
}

FOLLOWS(Ngw, NGW_33, kNatTrouble, "And the translated packet leave.") {
  fabric.Acl("public", {"100 in allow all 0.0.0.0/0", "100 out deny tcp 443 0.0.0.0/0",
                        "110 out allow all 0.0.0.0/0"});
  Publish();
  EXPECT_EQ(Send("app", syn), "drop ACL_OUTBOUND_DENIED");
}

FOLLOWS(Ngw, NGW_34, kNatTrouble, "And the reply come in, to a port of 1024-65535.") {
  fabric.Acl("public", {"100 in allow tcp 443 10.0.1.0/24", "100 out allow all 0.0.0.0/0"});
  Publish();
  ASSERT_EQ(Fate(Send("app", syn)), "api");
  EXPECT_EQ(Answer(), "drop ACL_INBOUND_DENIED");
  fabric.Acl("public", {"100 in allow tcp 443 10.0.1.0/24", "110 in allow tcp 1024-65535 0.0.0.0/0",
                        "100 out allow all 0.0.0.0/0"});
  Publish();
  Send("app", syn);
  EXPECT_EQ(Fate(Answer()), "app");
}

FOLLOWS(Ngw, NGW_35, kNatTrouble, "And the restored reply leave, to the client.") {
  fabric.Acl("public", {"100 in allow all 0.0.0.0/0", "100 out deny tcp 1024-65535 10.0.1.0/24",
                        "110 out allow all 0.0.0.0/0"});
  Publish();
  ASSERT_EQ(Fate(Send("app", syn)), "api");
  EXPECT_EQ(Answer(), "drop ACL_OUTBOUND_DENIED");
}

FOLLOWS(Ngw, NGW_36, kReachability, "It serves sources of its own VPC only.") {
  fabric.Eni("router", "app", {"10.0.1.66"}, {"app"}, {.source_dest_check = false});
  Publish();
  EXPECT_EQ(Send("router", Tcp("10.99.0.1:4000", "198.51.100.7:443")),
            "drop NAT_SOURCE_OUTSIDE_VPC");
}

FOLLOWS(Ngw, NGW_37, kNat, "It cannot be used from its own subnet: the table leads back to it.") {
  fabric.Route("public", "0.0.0.0/0 nat:nat");
  Publish();
  EXPECT_EQ(Send("bare", Tcp("10.0.0.11:4000", "198.51.100.7:443")), "drop NAT_LOOP");
}

NOT_MODELLED(Lab, NGW_38, kNat64, "NAT64: 64:ff9b::/96 is translated to IPv4.") {
  EXPECT_EQ(Refusal(std::string(kHead) +
                    "ipv6_cidr: \"2001:db8:0:100::/56\", nat_gateways: {n: {subnet: a, elastic_ip: "
                    "203.0.113.9}}, route_tables: {t: {routes: [{to: \"64:ff9b::/96\", via: "
                    "n}]}}}}\n"),
            "NAT gateway \"n\" forwards IPv4 only (NAT64 is not modelled yet); 64:ff9b::/96 is "
            "IPv6");
}

NOT_MODELLED(Lab, NGW_39, kNat64, "DNS64 is a flag of a subnet.") {
  EXPECT_EQ(Refusal("vpcs: {main: {cidr: 10.0.0.0/16, subnets: {a: {cidr: 10.0.1.0/24, "
                    "enable_dns64: true}}}}\n"),
            "\"enable_dns64\" is not modelled yet");
}

DEVIATES(Lab, NGW_40, kRouteTables, "Routes to a deleted NAT gateway become blackhole.",
         "A file has no past: a route to a gateway that is not there is refused as a mistake. "
         "`via: blackhole` says what AWS would leave behind.") {
  EXPECT_EQ(
      Refusal(std::string(kHead) + "route_tables: {t: {routes: [{to: 0.0.0.0/0, via: n}]}}}}\n"),
      "via: vpc \"main\" has no gateway \"n\"");
  EXPECT_EQ(Refusal(std::string(kHead) +
                    "route_tables: {t: {routes: [{to: 0.0.0.0/0, via: blackhole}]}}}}\n"),
            "");
}

FOLLOWS(
    Ngw, NGW_41, kNat,
    "To a public address of the same VPC: out and in again; the receiver sees the elastic IP.") {
  Send("app", Tcp("10.0.1.10:4000", "203.0.113.10:80"));
  EXPECT_EQ(SeenEnds().source.substr(0, 14), "203.0.113.100:");
  EXPECT_EQ(SeenEnds().destination, "10.0.0.10:80");
  const std::string seen = SeenEnds().source;
  EXPECT_EQ(Send("web", Tcp("10.0.0.10:80", seen, "SA").Sequence(5000, 1001)),
            "app: tcp 203.0.113.10:80 > 10.0.1.10:4000 SA ttl 62");
}

PROVED_BY(NGW_42, "IcmpErrors.TracerouteThroughTheNatGatewaySeesBothHops", kNat,
          "Its private address is the first hop of a traceroute.");
PROVED_BY(NGW_43, "scenario/test_nat.py:test_the_gateway_counts_under_cloudwatchs_names",
          kNatCloudWatch, "Its counters have CloudWatch's names.");
PROVED_BY(NGW_44, "NatGateway.KeepsItsPortWhenTheConfigurationChanges", kNat,
          "A change of the configuration does not touch connections that it still allows.");

FOLLOWS(
    Ngw, NGW_65, kNat,
    "Nor does it give them other ports, those included that could not have their first choice.") {
  constexpr int kConnections = 1500;  // some of them want a port that another has
  const std::string api = "198.51.100.7:443";
  const auto source_of = [](int i) { return "10.0.1.10:" + std::to_string(2000 + i); };
  std::vector<std::string> seen;
  for (int i = 0; i < kConnections; ++i) {
    Connect("app", source_of(i), "api", api);
    seen.push_back(SeenEnds().source);
  }
  Publish();
  for (const std::string& before : seen) {
    const int i = static_cast<int>(&before - seen.data());
    ASSERT_EQ(Fate(Send("app", Tcp(source_of(i), api, "A").Sequence(1001, 5001))), "api");
    ASSERT_EQ(SeenEnds().source, before);
  }
}

FOLLOWS(Ngw, NGW_45, kNatTrouble,
        "A connection whose route moves to another NAT gateway is lost: its state stayed behind.") {
  fabric.NatGateway("other", "public", {"10.0.0.101 = 203.0.113.101"});
  Publish();
  Connect("app", "10.0.1.10:4000", "api", "198.51.100.7:443");
  fabric.Route("app", "0.0.0.0/0 nat:other");
  Publish();
  EXPECT_EQ(Send("app", Tcp("10.0.1.10:4000", "198.51.100.7:443", "A").Sequence(1001, 5001)),
            "reply [NAT_UNSOLICITED_INBOUND]: tcp 198.51.100.7:443 > 10.0.1.10:4000 R");
}

FOLLOWS(Ngw, NGW_46, kNat, "A NAT gateway's subnet needs a route to the internet gateway.") {
  fabric.RemoveRoute("public", "0.0.0.0/0");
  Publish();
  EXPECT_EQ(Send("app", syn), "drop NO_ROUTE");
}

FOLLOWS(Ngw, NGW_47, kNat, "A private NAT gateway translates towards the VPC and beyond it.") {
  fabric.NatGateway("inner", "public", {"10.0.0.101"}).Route("app", "10.0.2.0/24 nat:inner");
  fabric.Group("db", {"in tcp 3306 from 10.0.0.101/32"});
  Publish();
  Send("app", Tcp("10.0.1.10:4000", "10.0.2.10:3306"));
  EXPECT_EQ(SeenEnds().source.substr(0, 11), "10.0.0.101:");
  EXPECT_EQ(SeenEnds().destination, "10.0.2.10:3306");
}

FOLLOWS(Ngw, NGW_53, kNatCloudWatch,
        "IdleTimeoutCount counts connections that were not closed and idle for 350 s, and nothing "
        "else.") {
  Connect("app", "10.0.1.10:4000", "api", "198.51.100.7:443");
  Connect("app", "10.0.1.10:4001", "api", "198.51.100.7:443");
  Send("app", Tcp("10.0.1.10:4001", "198.51.100.7:443", "R").Sequence(1001));
  Send("app", Tcp("10.0.1.10:4002", "198.51.100.7:443"));
  Send("app", Udp("10.0.1.10:4003", "198.51.100.7:443"));
  EXPECT_EQ(Send("app", Tcp("10.0.1.10:4004", "198.51.100.7:443", "A").Sequence(1, 1)),
            "reply [NAT_UNSOLICITED_INBOUND]: tcp 198.51.100.7:443 > 10.0.1.10:4004 R");
  Wait(seconds(349));
  Expire();
  EXPECT_EQ(nat("nat").idle_timeouts.value(), 0u);
  Wait(seconds(2));
  Expire();
  EXPECT_EQ(nat("nat").idle_timeouts.value(), 1u);
  Connect("app", "10.0.1.10:4005", "api", "198.51.100.7:443");
  fabric.NatGateway("other", "public", {"10.0.0.101 = 203.0.113.101"});
  fabric.Route("app", "0.0.0.0/0 nat:other");
  Publish();
  Send("app", Tcp("10.0.1.10:4005", "198.51.100.7:443", "A").Sequence(1001, 5001));
  EXPECT_EQ(nat("nat").active_connections.value(), 0u);
  EXPECT_EQ(nat("nat").idle_timeouts.value(), 1u);
}

FOLLOWS(Ngw, NGW_60, kNatTrouble,
        "A reset of a connection that it does not know is answered by nothing (RFC 9293).") {
  EXPECT_EQ(Send("app", Tcp("10.0.1.10:4000", "198.51.100.7:443", "R").Sequence(1)),
            "drop INVALID_TCP");
}

FOLLOWS(Ngw, NGW_54, kNatCloudWatch,
        "ConnectionAttemptCount counts connections begun, ConnectionEstablishedCount those "
        "answered.") {
  Connect("app", "10.0.1.10:4000", "api", "198.51.100.7:443");
  Send("app", Tcp("10.0.1.10:4001", "198.51.100.7:444"));
  Send("app", Tcp("10.0.1.10:4001", "198.51.100.7:444"));
  Send("app", Udp("10.0.1.10:4002", "198.51.100.7:53"));
  EXPECT_EQ(nat("nat").connection_attempts.value(), 2u);
  EXPECT_EQ(nat("nat").connections_established.value(), 1u);
}

FOLLOWS(Ngw, NGW_55, kNatCloudWatch,
        "ActiveConnectionCount is the number of TCP connections that are open now.") {
  Connect("app", "10.0.1.10:4000", "api", "198.51.100.7:443");
  const std::string first = SeenEnds().source;
  Connect("app", "10.0.1.10:4001", "api", "198.51.100.7:443");
  Connect("app", "10.0.1.10:4002", "api", "198.51.100.7:443");
  Send("app", Udp("10.0.1.10:4003", "198.51.100.7:53"));
  EXPECT_EQ(nat("nat").active_connections.value(), 3u);
  Send("app", Tcp("10.0.1.10:4004", "198.51.100.7:443", "S").Sequence(1000));
  ASSERT_EQ(Fate(Answer()), "app");
  EXPECT_EQ(nat("nat").active_connections.value(), 3u) << "half open";
  Send("app", Tcp("10.0.1.10:4000", "198.51.100.7:443", "FA").Sequence(1001, 5001));
  EXPECT_EQ(nat("nat").active_connections.value(), 3u);
  Send("api", Tcp("198.51.100.7:443", first, "FA").Sequence(5001, 1002));
  EXPECT_EQ(nat("nat").active_connections.value(), 2u);
  Send("app", Tcp("10.0.1.10:4001", "198.51.100.7:443", "R").Sequence(1001));
  EXPECT_EQ(nat("nat").active_connections.value(), 1u);
  Wait(seconds(351));
  for (int i = 0; i < 4; ++i) Expire();
  EXPECT_EQ(nat("nat").active_connections.value(), 0u);
}

FOLLOWS(Ngw, NGW_56, kNatCloudWatch,
        "Packets and bytes out: to the destination and to the source, as IP packets.") {
  Send("app", Udp("10.0.1.10:4000", "198.51.100.7:53").Payload(72));
  const std::string seen = SeenEnds().source;
  Send("api", Udp("198.51.100.7:53", seen).Payload(172));
  Send("api", Udp("198.51.100.7:53", seen).Payload(172));
  EXPECT_EQ(nat("nat").out_to_destination.packets.value(), 1u);
  EXPECT_EQ(nat("nat").out_to_destination.bytes.value(), 100u);
  EXPECT_EQ(nat("nat").out_to_source.packets.value(), 2u);
  EXPECT_EQ(nat("nat").out_to_source.bytes.value(), 400u);
}

FOLLOWS(Ngw, NGW_57, kNatCloudWatch,
        "PacketsDropCount counts what came to the gateway and did not go on.") {
  const auto dropped = [&] {
    return nat("nat").dropped_from_source.packets.value() * 10 +
           nat("nat").dropped_from_destination.packets.value();
  };
  Send("app", PacketBuilder(47, "10.0.1.10", "198.51.100.7").Payload(40));
  EXPECT_EQ(dropped(), 10u);
  Send("visitor", Tcp("198.51.100.8:4000", "203.0.113.100:443"));
  EXPECT_EQ(dropped(), 11u);
  Send("app", Echo("10.0.1.10", "198.51.100.7").Payload(2000).Slice(0, 1000));
  EXPECT_EQ(dropped(), 21u);
  Connect("app", "10.0.1.10:4000", "api", "198.51.100.7:443");
  Send("app", Tcp("10.0.1.10:4000", "198.51.100.7:443", "A").Payload(2000).Slice(0, 1000));
  EXPECT_EQ(dropped(), 31u);
  EXPECT_EQ(nat("nat").dropped_from_source.bytes.value(), 60u + 1020u + 1020u);
  EXPECT_EQ(nat("nat").out_to_destination.packets.value(), 2u);
}

FOLLOWS(Ngw, NGW_58, kNatCloudWatch,
        "What is lost before the gateway was never there; what is lost behind it has left it.") {
  fabric.Acl("public", {"90 in deny tcp 444 0.0.0.0/0", "100 in allow all 0.0.0.0/0",
                        "90 out deny tcp 445 0.0.0.0/0", "100 out allow all 0.0.0.0/0"});
  Publish();
  ASSERT_EQ(Send("app", Tcp("10.0.1.10:4000", "198.51.100.7:444")), "drop ACL_INBOUND_DENIED");
  EXPECT_EQ(nat("nat").out_to_destination.packets.value(), 0u);
  ASSERT_EQ(Send("app", Tcp("10.0.1.10:4000", "198.51.100.7:445")), "drop ACL_OUTBOUND_DENIED");
  EXPECT_EQ(nat("nat").out_to_destination.packets.value(), 1u);
  EXPECT_EQ(nat("nat").dropped_from_source.packets.value(), 0u);
}

FOLLOWS(Ngw, NGW_59, kNatCloudWatch,
        "PeakPacketsPerSecond and PeakBytesPerSecond are the busiest ten seconds of a minute.") {
  const auto peak = [&] {
    return nat("nat").peak_rates.Peak(bench().now(), nat("nat").TotalOut());
  };
  const auto send = [&](int packets) {
    for (int i = 0; i < packets; ++i)
      Send("app", Udp("10.0.1.10:4000", "198.51.100.7:53").Payload(72));
  };
  send(50);
  Wait(seconds(10));
  send(30);
  EXPECT_EQ(peak().packets, 5u);
  EXPECT_EQ(peak().bytes, 500u);
  Wait(seconds(55));
  EXPECT_EQ(peak().packets, 5u);
  Wait(seconds(10));
  EXPECT_EQ(peak().packets, 3u);
  Wait(seconds(60));
  EXPECT_EQ(peak().packets, 0u);
}

FOLLOWS(Lab, NGW_50, kNat, "It has up to 8 addresses: a primary and 7 secondary ones.") {
  const auto with = [&](int count, const std::string& limits) {
    std::string addresses;
    for (int i = 0; i < count; ++i)
      addresses += (i == 0 ? "" : ", ") + ("203.0.113." + std::to_string(10 + i));
    return limits + std::string(kHead) + "nat_gateways: {n: {subnet: a, elastic_ip: [" + addresses +
           "]}}}}\n";
  };
  EXPECT_EQ(Refusal(with(2, "")), "");
  EXPECT_EQ(Refusal(with(3, "")),
            "3 elastic IPs on one NAT gateway; the quota is 2 (limits.elastic_ips_per_nat_gateway, "
            "at most 8)");
  Apply(with(8, "limits: {elastic_ips_per_nat_gateway: 8, elastic_ips_per_region: 8}\n"));
  EXPECT_EQ(plan().config.enis(0).addresses_size(), 8);
  EXPECT_EQ(Refusal(std::string(kHead) +
                    "nat_gateways: {n: {subnet: a, connectivity: private, private_ip: [10.0.1.10, "
                    "10.0.1.11]}}}}\n"),
            "");
}

PROVED_BY(NGW_51, "NatGateway.ASecondAddressTakesWhatTheFirstCannot", kNat,
          "Each address adds 55,000 connections for each destination.");

FOLLOWS(Lab, NGW_52, kNat, "Each elastic IP stands for a private address of its own.") {
  Apply(R"(
vpcs:
  main:
    cidr: 10.0.0.0/16
    internet_gateway: igw
    subnets: {p: {cidr: 10.0.1.0/24, route_table: out}, a: {cidr: 10.0.2.0/24, route_table: nat}}
    nat_gateways: {n: {subnet: p, elastic_ip: [203.0.113.10, 203.0.113.11]}}
    route_tables: {out: {routes: [{to: 0.0.0.0/0, via: igw}]}, nat: {routes: [{to: 0.0.0.0/0, via: n}]}}
instances: {i: {subnet: a, private_ip: 10.0.2.10}, j: {subnet: a, private_ip: 10.0.2.11}, k: {subnet: a, private_ip: 10.0.2.12}}
internet: {hosts: {far: {address: 198.51.100.7}}}
)");
  std::set<std::string> seen;
  for (const auto& [name, address] :
       {std::pair("i", "10.0.2.10:4000"), std::pair("j", "10.0.2.11:4000"),
        std::pair("k", "10.0.2.12:4000")}) {
    ASSERT_EQ(Fate(Send(name, Tcp(address, "198.51.100.7:443"))), "far");
    const std::string source = SeenEnds().source;
    seen.insert(source.substr(0, source.find(':')));
    EXPECT_EQ(Fate(Send("far", Tcp("198.51.100.7:443", source, "SA").Sequence(5000, 1001))), name);
  }
  for (const std::string& address : seen)
    EXPECT_TRUE(address == "203.0.113.10" || address == "203.0.113.11") << address;
}

OUTSIDE(NGW_48, kNat, "A gateway grows from 5 to 100 Gbit/s and from 1 to 10 million packets/s.",
        "The fabric forwards as fast as the machine it runs on.");
OUTSIDE(NGW_49, kNat, "A deleted gateway is visible for an hour, a failed one deletes itself.",
        "A gateway is there when the file says so.");

}  // namespace
}  // namespace taploom::test
