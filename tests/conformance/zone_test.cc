// AZ: regions and availability zones (vpc-semantics §13).
#include <string>

#include "tests/conformance/check.h"
#include "tests/conformance/lab.h"
#include "tests/conformance/pages.h"
#include "tests/support/dns_message.h"

namespace taploom::test {
namespace {

class Zones : public Lab {};

PROVED_BY(AZ_01, "broken/az_of_other_region.yaml", kZones,
          "A region has its own availability zones, named after it.");

FOLLOWS(Zones, AZ_02, kRegions, "Each VPC is in one region; a fabric may have several.") {
  Apply(
      "vpcs:\n  far: {cidr: 10.1.0.0/16, region: ap-northeast-2, subnets: {s: {cidr: "
      "10.1.0.0/24, az: ap-northeast-2c}}}\n  near: {cidr: 10.0.0.0/16, subnets: {t: {cidr: "
      "10.0.0.0/24, az: eu-central-1a}}}\n");
  EXPECT_EQ(plan().config.vpcs(0).region(), "ap-northeast-2");
  EXPECT_EQ(plan().config.vpcs(1).region(), "eu-central-1");
}

FOLLOWS(Zones, AZ_03, kZones, "Subnets of different zones reach each other by the local route.") {
  Apply(R"(
vpcs:
  main:
    cidr: 10.0.0.0/16
    subnets: {a: {cidr: 10.0.1.0/24, az: eu-central-1a}, b: {cidr: 10.0.2.0/24, az: eu-central-1b}}
instances: {a-1: {subnet: a, private_ip: 10.0.1.10}, b-1: {subnet: b, private_ip: 10.0.2.10}}
)");
  EXPECT_EQ(Fate(Send("a-1", Tcp("10.0.1.10:4000", "10.0.2.10:80"))), "b-1");
}

// Two zones. Both have a NAT gateway and a node of the load balancer; app-c is in zone b and leaves
// by the gateway in a.
class FailedZone : public Lab {
 protected:
  void SetUp() override {
    Apply(R"(
limits: {elastic_ips_per_region: 6}
vpcs:
  main:
    cidr: 10.0.0.0/16
    internet_gateway: igw
    subnets:
      pub-a: {cidr: 10.0.1.0/24, az: eu-central-1a, route_table: public}
      app-a: {cidr: 10.0.2.0/24, az: eu-central-1a, route_table: out-a}
      pub-b: {cidr: 10.0.3.0/24, az: eu-central-1b, route_table: public}
      app-b: {cidr: 10.0.4.0/24, az: eu-central-1b, route_table: out-b}
      app-c: {cidr: 10.0.5.0/24, az: eu-central-1b, route_table: out-a}
    nat_gateways:
      nat-a: {subnet: pub-a, elastic_ip: 203.0.113.1}
      nat-b: {subnet: pub-b, elastic_ip: 203.0.113.2}
    route_tables:
      public: {routes: [{to: 0.0.0.0/0, via: igw}, {to: 10.9.0.0/16, via: "peering:p"}]}
      out-a: {routes: [{to: 0.0.0.0/0, via: nat-a}]}
      out-b: {routes: [{to: 0.0.0.0/0, via: nat-b}, {to: 10.9.0.0/16, via: "peering:p"}]}
    security_groups:
      any: {ingress: [{protocol: all, from: 10.0.0.0/8}, {protocol: tcp, ports: 80, from: 0.0.0.0/0}]}
      caller: {}
    load_balancers:
      front:
        type: application
        subnets: {pub-a: 10.0.1.100, pub-b: 10.0.3.100}
        elastic_ips: {pub-a: 203.0.113.11, pub-b: 203.0.113.12}
        security_groups: any
        dns_name: shop.example.com
        listeners: [{protocol: http, port: 80, forward: web}]
        target_groups: {web: {protocol: http, port: 80, targets: [b-1]}}
  peer:
    cidr: 10.9.0.0/16
    subnets: {far-a: {cidr: 10.9.1.0/24, az: eu-central-1a, route_table: back}}
    route_tables: {back: {routes: [{to: 10.0.0.0/16, via: "peering:p"}]}}
    security_groups: {any: {ingress: [{protocol: all, from: 0.0.0.0/0}]}}
peerings: {p: {requester: main, accepter: peer}}
instances:
  a-1: {subnet: app-a, private_ip: 10.0.2.10, security_groups: any}
  a-2: {subnet: app-a, private_ip: 10.0.2.11, security_groups: any}
  web-a: {subnet: pub-a, private_ip: 10.0.1.10, security_groups: any, elastic_ip: 203.0.113.21}
  b-1: {subnet: app-b, private_ip: 10.0.4.10, security_groups: any}
  b-2: {subnet: app-b, private_ip: 10.0.4.11, security_groups: caller}
  web-b: {subnet: pub-b, private_ip: 10.0.3.10, security_groups: any, elastic_ip: 203.0.113.22}
  c-1: {subnet: app-c, private_ip: 10.0.5.10, security_groups: any}
  p-1: {subnet: far-a, private_ip: 10.9.1.10, security_groups: any}
internet: {hosts: {far: {address: 198.51.100.7}}}
)");
  }
  std::string Resolved(const std::string& name) {
    const auto query = DnsQuery(name, kDnsA);
    const std::string sent = Send("far", Udp("198.51.100.7:4000", "169.254.1.1:53").Payload(query));
    return sent.starts_with("reply") ? DnsAnswerText(query, PayloadOf(last().frame)) : sent;
  }
  const PacketBuilder from_b_out = Tcp("10.0.4.10:4000", "198.51.100.7:443");
};

FOLLOWS(FailedZone, AZ_08, kZones, "Instances of a failed zone are unreachable.") {
  Fail("az", "eu-central-1a");
  EXPECT_EQ(Send("b-1", Tcp("10.0.4.10:4000", "10.0.2.10:80")), "drop AZ_DOWN");
  EXPECT_EQ(Send("far", Tcp("198.51.100.7:4000", "203.0.113.21:80")), "drop AZ_DOWN");
}

FOLLOWS(FailedZone, AZ_09, kZones,
        "They reach nothing either: not each other, not the router, not the resolver.") {
  Fail("az", "eu-central-1a");
  EXPECT_EQ(Send("a-1", Tcp("10.0.2.10:4000", "10.0.2.11:80")), "drop AZ_DOWN");
  EXPECT_EQ(Send("a-1", Tcp("10.0.2.10:4000", "10.0.4.10:80")), "drop AZ_DOWN");
  EXPECT_EQ(Send("a-1", Udp("10.0.2.10:4000", "10.0.0.2:53").Payload(DnsQuery("b-1", kDnsA))),
            "drop AZ_DOWN");
  EXPECT_EQ(Send("a-1", ArpRequest(fabric.mac("a-1"), "10.0.2.10", "10.0.2.1")), "drop AZ_DOWN");
}

FOLLOWS(FailedZone, AZ_10, kZones,
        "Zones do not affect each other: the other one's connections go on.") {
  Connect("b-1", "10.0.4.10:4000", "far", "198.51.100.7:443");
  const std::string seen = SeenEnds().source;
  Connect("b-2", "10.0.4.11:4000", "b-1", "10.0.4.10:80");
  Fail("az", "eu-central-1a");
  EXPECT_EQ(Fate(Send("b-1", PacketBuilder(from_b_out).Flags("A").Sequence(1001, 5001))), "far");
  EXPECT_EQ(SeenEnds().source, seen);
  EXPECT_EQ(Fate(Send("far", Tcp("198.51.100.7:443", seen, "A").Sequence(5001, 1001))), "b-1");
  EXPECT_EQ(Fate(Send("b-1", Tcp("10.0.4.10:80", "10.0.4.11:4000", "A").Sequence(5001, 1001))),
            "b-2");
  EXPECT_EQ(Fate(Send("far", Tcp("198.51.100.7:4000", "203.0.113.22:80"))), "web-b");
}

FOLLOWS(FailedZone, AZ_11, kNat,
        "A NAT gateway is lost with its zone; the routes that lead to it stay active.") {
  const auto before = RoutesOf("out-a");
  Fail("az", "eu-central-1a");
  EXPECT_EQ(Send("c-1", Tcp("10.0.5.10:4000", "198.51.100.7:443")), "drop AZ_DOWN");
  EXPECT_EQ(Fate(Send("b-1", from_b_out)), "far");
  EXPECT_EQ(RoutesOf("out-a"), before);
}

FOLLOWS(
    FailedZone, AZ_12, kElb,
    "The load balancer's name loses the address in the failed zone; who still knows it fails.") {
  EXPECT_EQ(Resolved("shop.example.com"), "0: 203.0.113.11 203.0.113.12");
  Fail("az", "eu-central-1a");
  EXPECT_EQ(Resolved("shop.example.com"), "0: 203.0.113.12");
  EXPECT_EQ(Send("far", Tcp("198.51.100.7:4000", "203.0.113.11:80")), "drop AZ_DOWN");
  EXPECT_EQ(Fate(Send("far", Tcp("198.51.100.7:4000", "203.0.113.12:80"))), "front/pub-b");
  Restore("az", "eu-central-1a");
  EXPECT_EQ(Resolved("shop.example.com"), "0: 203.0.113.11 203.0.113.12");
}

FOLLOWS(FailedZone, AZ_13, kElb, "When no zone is left, the name means all addresses.") {
  Fail("az", "eu-central-1a");
  Fail("az", "eu-central-1b");
  EXPECT_EQ(Resolved("shop.example.com"), "0: 203.0.113.11 203.0.113.12");
  EXPECT_EQ(Send("far", Tcp("198.51.100.7:4000", "203.0.113.12:80")), "drop AZ_DOWN");
}

FOLLOWS(FailedZone, AZ_14, kZones,
        "Regional objects survive: tables, groups, ACLs, the internet gateway.") {
  Fail("az", "eu-central-1b");
  EXPECT_EQ(Fate(Send("a-1", Tcp("10.0.2.10:4000", "10.0.2.11:80"))), "a-2");
  EXPECT_EQ(Fate(Send("a-1", Tcp("10.0.2.10:4000", "198.51.100.7:443"))), "far");
  EXPECT_EQ(Fate(Send("far", Tcp("198.51.100.7:4000", "203.0.113.21:80"))), "web-a");
  EXPECT_EQ(Send("far", Tcp("198.51.100.7:4000", "203.0.113.21:81")), "drop SG_INGRESS_DENIED");
}

FOLLOWS(FailedZone, AZ_15, kZones,
        "A peering connection stays active, even when no traffic gets through it.") {
  EXPECT_EQ(Fate(Send("b-1", Tcp("10.0.4.10:4000", "10.9.1.10:80"))), "p-1");
  Fail("az", "eu-central-1a");
  EXPECT_EQ(Send("b-1", Tcp("10.0.4.10:4001", "10.9.1.10:80")), "drop AZ_DOWN");
  EXPECT_EQ(plan().config.vpc_peering_connections_size(), 1);
}

FOLLOWS(FailedZone, AZ_16, kZones, "When the zone is back, everything is reachable again.") {
  Fail("az", "eu-central-1a");
  Restore("az", "eu-central-1a");
  EXPECT_EQ(Fate(Send("b-1", Tcp("10.0.4.10:4000", "10.0.2.10:80"))), "a-1");
  EXPECT_EQ(Fate(Send("c-1", Tcp("10.0.5.10:4000", "198.51.100.7:443"))), "far");
  EXPECT_EQ(Fate(Send("far", Tcp("198.51.100.7:4000", "203.0.113.21:80"))), "web-a");
}

FOLLOWS(
    FailedZone, AZ_17, kNatTrouble,
    "But its NAT gateway has forgotten its connections: RST, though no packet met the failure.") {
  Connect("c-1", "10.0.5.10:4000", "far", "198.51.100.7:443");
  const std::string seen = SeenEnds().source;
  Fail("az", "eu-central-1a");
  Restore("az", "eu-central-1a");
  EXPECT_EQ(Send("far", Tcp("198.51.100.7:443", seen, "A").Sequence(5001, 1001)),
            "drop NAT_UNSOLICITED_INBOUND");
  EXPECT_EQ(Send("c-1", Tcp("10.0.5.10:4000", "198.51.100.7:443", "A").Sequence(1001, 5001)),
            "reply [NAT_UNSOLICITED_INBOUND]: tcp 198.51.100.7:443 > 10.0.5.10:4000 R");
}

FOLLOWS(FailedZone, AZ_18, kTracking,
        "And its interfaces track nothing any more: what comes is judged by the rules.") {
  Connect("a-1", "10.0.2.10:4000", "b-1", "10.0.4.10:80");
  Connect("b-2", "10.0.4.11:4000", "a-1", "10.0.2.10:80");
  Fail("az", "eu-central-1a");
  Restore("az", "eu-central-1a");
  EXPECT_EQ(Send("a-1", Tcp("10.0.2.10:80", "10.0.4.11:4000", "A").Sequence(5001, 1001)),
            "drop SG_INGRESS_DENIED");
  EXPECT_EQ(Fate(Send("a-1", Tcp("10.0.2.10:4000", "10.0.4.10:80", "A").Sequence(1001, 5001))),
            "b-1");
}

FOLLOWS(FailedZone, AZ_19, kTracking, "An ICMP error about a lost connection is about none.") {
  Connect("c-1", "10.0.5.10:4000", "far", "198.51.100.7:443");
  const Frame seen = last().frame;
  Fail("az", "eu-central-1a");
  Restore("az", "eu-central-1a");
  EXPECT_EQ(Send("far", IcmpError("198.51.100.7", "203.0.113.1", 3, 3).Quoting(seen.bytes)),
            "drop ICMP_ERROR_UNRELATED");
}

FOLLOWS(FailedZone, AZ_20, kReachability, "An explanation names the zone, and what ends it.") {
  Fail("az", "eu-central-1a");
  const std::string text = Explained("c-1", "far:443");
  EXPECT_NE(text.find("DROP availability zone"), std::string::npos) << text;
  EXPECT_NE(text.find("nat-a is in eu-central-1a, which is down"), std::string::npos) << text;
  EXPECT_NE(text.find("AZ_DOWN (BAD_STATE)"), std::string::npos) << text;
}

FOLLOWS(FailedZone, AZ_21, kNat,
        "A failed NAT gateway loses what follows its routes, both ways; nothing falls back.") {
  Connect("b-1", "10.0.4.10:4000", "far", "198.51.100.7:443");
  const std::string seen = SeenEnds().source;
  Fail("nat", "nat-b");
  EXPECT_EQ(Send("b-1", PacketBuilder(from_b_out).Flags("A").Sequence(1001, 5001)),
            "drop NAT_GATEWAY_DOWN");
  EXPECT_EQ(Send("far", Tcp("198.51.100.7:443", seen, "A").Sequence(5001, 1001)),
            "drop NAT_GATEWAY_DOWN");
  EXPECT_EQ(Send("b-1", Udp("10.0.4.10:4000", "198.51.100.7:53")), "drop NAT_GATEWAY_DOWN");
}

FOLLOWS(FailedZone, AZ_22, kNat, "Other gateways, and what needs none, are not concerned.") {
  Fail("nat", "main/nat-b");
  EXPECT_EQ(Fate(Send("c-1", Tcp("10.0.5.10:4000", "198.51.100.7:443"))), "far");
  EXPECT_EQ(Fate(Send("web-b", Tcp("10.0.3.10:4000", "198.51.100.7:443"))), "far");
  EXPECT_EQ(Fate(Send("b-1", Tcp("10.0.4.10:4000", "10.0.2.10:80"))), "a-1");
}

FOLLOWS(FailedZone, AZ_23, kNatTrouble,
        "A NAT gateway that is back translates anew, and resets what it has forgotten.") {
  Connect("b-1", "10.0.4.10:4000", "far", "198.51.100.7:443");
  Fail("nat", "nat-b");
  Restore("nat", "nat-b");
  EXPECT_EQ(Send("b-1", PacketBuilder(from_b_out).Flags("A").Sequence(1001, 5001)),
            "reply [NAT_UNSOLICITED_INBOUND]: tcp 198.51.100.7:443 > 10.0.4.10:4000 R");
  Connect("b-1", "10.0.4.10:4001", "far", "198.51.100.7:443");
  EXPECT_EQ(Fate(Send("b-1", Tcp("10.0.4.10:4001", "198.51.100.7:443", "A").Sequence(1001, 5001))),
            "far");
}

FOLLOWS(FailedZone, AZ_24, kReachability, "An explanation names the NAT gateway that is down.") {
  Fail("nat", "nat-b");
  const std::string text = Explained("b-1", "far:443");
  EXPECT_NE(text.find("nat-b is down"), std::string::npos) << text;
  EXPECT_NE(text.find("NAT_GATEWAY_DOWN (BAD_STATE)"), std::string::npos) << text;
}

FOLLOWS(FailedZone, AZ_25, kZones, "A zone that nothing is in cannot fail; nor can a gateway.") {
  EXPECT_EQ(control::FindFaultyPart(plan().config, "az", "eu-central-1c").error,
            "no subnet is in availability zone \"eu-central-1c\"; did you mean \"eu-central-1a\"?");
  EXPECT_EQ(control::FindFaultyPart(plan().config, "nat", "nat-x").error,
            "no NAT gateway \"nat-x\"; did you mean \"nat-a\"?");
  EXPECT_EQ(control::FindFaultyPart(plan().config, "igw", "igw").error,
            "\"igw\" cannot be made to fail; az and nat can");
}

DEVIATES(FailedZone, AZ_26, kZones, "Instances of a failed zone lose their power.",
         "Their programs keep running, cut off from everything: a namespace has no power to lose. "
         "To the others that looks the same.") {
  Connect("b-1", "10.0.4.10:4000", "a-1", "10.0.2.10:80");
  Fail("az", "eu-central-1a");
  EXPECT_EQ(Send("b-1", Tcp("10.0.4.10:4000", "10.0.2.10:80", "A").Sequence(1001, 5001)),
            "drop AZ_DOWN");
  Restore("az", "eu-central-1a");
  EXPECT_EQ(Fate(Send("b-1", Tcp("10.0.4.10:4000", "10.0.2.10:80", "A").Sequence(1001, 5001))),
            "a-1");
}

OUTSIDE(AZ_04, kZones, "Zones of one region are up to 100 km apart, 1 to 2 ms.",
        "A fabric's packets take no longer than the machine needs.");
OUTSIDE(AZ_05, kZones, "Traffic between zones, through gateways and out costs money.",
        "Nothing here is billed; bytes are counted.");
OUTSIDE(AZ_06, kBandwidth, "A single flow has at most 5 Gbit/s; the internet half the bandwidth.",
        "The fabric does not slow packets down.");
OUTSIDE(AZ_07, kZones, "A zone's name is an account's own; its id is physical.",
        "A fabric is one account: its names are enough.");

}  // namespace
}  // namespace taploom::test
