// EIGW: egress-only internet gateways (vpc-semantics §3).
#include "tests/conformance/check.h"
#include "tests/conformance/lab.h"
#include "tests/conformance/pages.h"

namespace taploom::test {
namespace {

const char kPrivate[] = "[2001:db8:0:101::10]:4000";
const char kFar[] = "[2001:db8:ffff::7]:443";

class EgressOnly : public Lab {
 protected:
  static std::string With(const std::string& keys, const std::string& route,
                          const std::string& open = "{to: \"::/0\", via: igw}") {
    return R"(
vpcs:
  main:
    cidr: 10.0.0.0/16
    ipv6_cidr: "2001:db8:0:100::/56"
    )" + keys +
           R"(
    subnets:
      private: {cidr: 10.0.1.0/24, ipv6_cidr: "2001:db8:0:101::/64", route_table: out}
      public: {cidr: 10.0.2.0/24, ipv6_cidr: "2001:db8:0:102::/64", route_table: open}
    route_tables:
      out: {routes: [)" +
           route + R"(]}
      open: {routes: [)" +
           open + R"(]}
    security_groups:
      any: {ingress: [{protocol: all, from: "::/0"}]}
instances:
  inside: {subnet: private, private_ip: 10.0.1.10, ipv6: "2001:db8:0:101::10", security_groups: any}
  front: {subnet: public, private_ip: 10.0.2.10, ipv6: "2001:db8:0:102::10", security_groups: any}
internet: {hosts: {far: {address: "2001:db8:ffff::7"}}}
)";
  }
  void Start() {
    Apply(With("internet_gateway: igw\n    egress_only_internet_gateway: eigw",
               "{to: \"::/0\", via: eigw}"));
  }
};

FOLLOWS(EgressOnly, EIGW_01, kEigw, "IPv6 leaves through it, untranslated.") {
  Start();
  EXPECT_EQ(Send("inside", Tcp(kPrivate, kFar)),
            "far: tcp [2001:db8:0:101::10]:4000 > [2001:db8:ffff::7]:443 S ttl 63");
}

FOLLOWS(EgressOnly, EIGW_02, kEigw, "It is stateful: replies come back.") {
  Start();
  Send("inside", Tcp(kPrivate, kFar));
  EXPECT_EQ(Fate(Send("far", Tcp(kFar, kPrivate, "SA").Sequence(5000, 1001))), "inside");
}

FOLLOWS(EgressOnly, EIGW_03, kEigw, "Nobody begins a connection from outside.") {
  Start();
  EXPECT_EQ(Send("far", Tcp("[2001:db8:ffff::7]:4000", "[2001:db8:0:101::10]:80")),
            "drop EIGW_UNSOLICITED_INBOUND");
  EXPECT_EQ(Send("far", Echo("2001:db8:ffff::7", "2001:db8:0:101::10")),
            "drop EIGW_UNSOLICITED_INBOUND");
}

FOLLOWS(EgressOnly, EIGW_04, kEigw, "Another port of the same host is no reply.") {
  Start();
  Send("inside", Tcp(kPrivate, kFar));
  EXPECT_EQ(Send("far", Tcp("[2001:db8:ffff::7]:444", kPrivate, "SA")),
            "drop EIGW_UNSOLICITED_INBOUND");
}

FOLLOWS(EgressOnly, EIGW_05, kEigw, "Subnets that use the internet gateway stay reachable.") {
  Start();
  EXPECT_EQ(Fate(Send("far", Tcp("[2001:db8:ffff::7]:4000", "[2001:db8:0:102::10]:80"))), "front");
}

FOLLOWS(EgressOnly, EIGW_06, kEigw, "It needs no internet gateway beside it.") {
  Apply(With("egress_only_internet_gateway: eigw", "{to: \"::/0\", via: eigw}", ""));
  Send("inside", Tcp(kPrivate, kFar));
  EXPECT_EQ(Fate(Send("far", Tcp(kFar, kPrivate, "SA").Sequence(5000, 1001))), "inside");
  EXPECT_EQ(Send("far", Tcp("[2001:db8:ffff::7]:4000", "[2001:db8:0:102::10]:80")),
            "drop EIGW_UNSOLICITED_INBOUND");
}

FOLLOWS(EgressOnly, EIGW_07, kTracking, "What passes it is tracked, whatever the rules.") {
  Start();
  Send("inside", Tcp(kPrivate, kFar));
  Send("far", Tcp(kFar, kPrivate, "SA").Sequence(5000, 1001));
  fabric.Group("any", {});
  Publish();
  EXPECT_EQ(Fate(Send("inside", Tcp(kPrivate, kFar, "A").Sequence(1001, 5001))), "far");
}

FOLLOWS(EgressOnly, EIGW_08, kEigw, "It carries IPv6 only.") {
  EXPECT_EQ(Refusal(With("internet_gateway: igw\n    egress_only_internet_gateway: eigw",
                         "{to: 0.0.0.0/0, via: eigw}")),
            "egress-only internet gateway \"eigw\" forwards IPv6 only; 0.0.0.0/0 is IPv4");
}

FOLLOWS(EgressOnly, EIGW_09, kEigw, "It forwards to the internet, not within the VPC.") {
  EXPECT_NE(Refusal(With("internet_gateway: igw\n    egress_only_internet_gateway: eigw",
                         "{to: \"2001:db8:0:102::/64\", via: eigw}")),
            "");
}

FOLLOWS(EgressOnly, EIGW_10, kMtu,
        "Its MTU is 1500; Packet Too Big comes from the subnet's router.") {
  Start();
  EXPECT_EQ(
      Send("inside", Udp(kPrivate, kFar).Payload(1500)),
      "reply [MTU_EXCEEDED]: icmpv6 2/0 2001:db8:0:101::1 > 2001:db8:0:101::10 mtu 1500 quoting "
      "[udp [2001:db8:0:101::10]:4000 > [2001:db8:ffff::7]:443]");
}

FOLLOWS(EgressOnly, EIGW_11, kEigw, "A source that no interface of the VPC has does not leave.") {
  Start();
  fabric.Eni("router", "private", {"10.0.1.66", "2001:db8:0:101::66"}, {"any"},
             {.source_dest_check = false});
  Publish();
  EXPECT_EQ(Send("router", Tcp("[2001:db8:9::1]:4000", kFar)), "drop SPOOFED_INTERNET_SOURCE");
}

FOLLOWS(EgressOnly, EIGW_12, kAcls, "The network ACL of the subnet applies both ways.") {
  Start();
  Send("inside", Tcp(kPrivate, kFar));
  fabric.Acl("default", {"100 out allow all ::/0", "100 in deny tcp 4000 ::/0"});
  Publish();
  EXPECT_EQ(Send("far", Tcp(kFar, kPrivate, "SA").Sequence(5000, 1001)), "drop ACL_INBOUND_DENIED");
}

FOLLOWS(EgressOnly, EIGW_14, kEigw, "A VPC without IPv6 has none.") {
  EXPECT_EQ(Refusal("vpcs: {main: {cidr: 10.0.0.0/16, egress_only_internet_gateway: out}}\n"),
            "an egress-only internet gateway forwards IPv6, and vpc \"main\" has no ipv6_cidr");
}

FOLLOWS(EgressOnly, EIGW_15, kEigw,
        "What left through the internet gateway is unknown to it when the route moves, until the "
        "instance sends again.") {
  const std::string gateways = "internet_gateway: igw\n    egress_only_internet_gateway: eigw";
  Apply(With(gateways, "{to: \"::/0\", via: igw}"));
  Send("inside", Tcp(kPrivate, kFar));
  Apply(With(gateways, "{to: \"::/0\", via: eigw}"));
  const PacketBuilder answer = Tcp(kFar, kPrivate, "SA").Sequence(5000, 1001);
  EXPECT_EQ(Send("far", answer), "drop EIGW_UNSOLICITED_INBOUND");
  EXPECT_EQ(Fate(Send("inside", Tcp(kPrivate, kFar))), "far");
  EXPECT_EQ(Fate(Send("far", answer)), "inside");
}

FOLLOWS(EgressOnly, EIGW_16, kEigw,
        "A connection from outside ends when the route moves to it: it lets in replies only.") {
  const std::string gateways = "internet_gateway: igw\n    egress_only_internet_gateway: eigw";
  const PacketBuilder syn = Tcp("[2001:db8:ffff::7]:4000", "[2001:db8:0:101::10]:80");
  Apply(With(gateways, "{to: \"::/0\", via: igw}"));
  ASSERT_EQ(Fate(Send("far", syn)), "inside");
  Apply(With(gateways, "{to: \"::/0\", via: eigw}"));
  EXPECT_EQ(Send("far", syn), "drop EIGW_UNSOLICITED_INBOUND");
}

PROVED_BY(EIGW_13, "broken/egress_only_gateway.yaml", kEigw,
          "One for each VPC; a VPC without IPv6 has no use for one.");

}  // namespace
}  // namespace taploom::test
