// PCX: VPC peering (vpc-semantics §12).
#include "tests/conformance/check.h"
#include "tests/conformance/lab.h"
#include "tests/conformance/pages.h"

namespace taploom::test {
namespace {

// Three VPCs in a row: a – b – c. b has an internet gateway and a NAT gateway.
class Peering : public Lab {
 protected:
  struct Routes {
    std::string a = "{to: 10.2.0.0/16, via: \"peering:a-b\"}";
    std::string b =
        "{to: 10.1.0.0/16, via: \"peering:a-b\"}, {to: 10.3.0.0/16, via: \"peering:b-c\"}";
    std::string c = "{to: 10.2.0.0/16, via: \"peering:b-c\"}";
  };
  static std::string Fabric(const Routes& routes, const std::string& region_of_b = "eu-central-1",
                            const std::string& group_of_b = "from: 10.1.0.0/16") {
    return R"(
vpcs:
  a:
    cidr: 10.1.0.0/16
    subnets: {a-1: {cidr: 10.1.1.0/24, route_table: ta}}
    route_tables: {ta: {routes: [)" +
           routes.a + R"(]}}
    security_groups: {any: {ingress: [{protocol: all, from: 0.0.0.0/0}]}, callers: {}}
  b:
    cidr: 10.2.0.0/16
    region: )" +
           region_of_b + R"(
    internet_gateway: igw
    subnets: {b-1: {cidr: 10.2.1.0/24, route_table: tb}, b-2: {cidr: 10.2.2.0/24, route_table: out}}
    nat_gateways: {nat: {subnet: b-2, elastic_ip: 203.0.113.9}}
    route_tables: {tb: {routes: [)" +
           routes.b + R"(]}, out: {routes: [{to: 0.0.0.0/0, via: igw}]}}
    security_groups: {any: {ingress: [{protocol: all, )" +
           group_of_b + R"(}]}}
  c:
    cidr: 10.3.0.0/16
    subnets: {c-1: {cidr: 10.3.1.0/24, route_table: tc}}
    route_tables: {tc: {routes: [)" +
           routes.c + R"(]}}
    security_groups: {any: {ingress: [{protocol: all, from: 0.0.0.0/0}]}}
peerings: {a-b: {requester: a, accepter: b}, b-c: {requester: b, accepter: c}}
instances:
  in-a: {subnet: a-1, private_ip: 10.1.1.10, security_groups: [any, callers]}
  other-a: {subnet: a-1, private_ip: 10.1.1.11, security_groups: any}
  in-b: {subnet: b-1, private_ip: 10.2.1.10, security_groups: any, elastic_ip: 203.0.113.20}
  in-c: {subnet: c-1, private_ip: 10.3.1.10, security_groups: any}
internet: {hosts: {far: {address: 198.51.100.7}}}
)";
  }
  static std::string Between(const std::string& left, const std::string& right,
                             const std::string& peerings = "p: {requester: l, accepter: r}") {
    return "vpcs: {l: {cidr: " + left + "}, r: {cidr: " + right + "}}\npeerings: {" + peerings +
           "}\n";
  }
  const PacketBuilder a_to_b = Tcp("10.1.1.10:4000", "10.2.1.10:80");
};

FOLLOWS(Peering, PCX_01, kPeering,
        "Private addresses reach each other when both sides have routes.") {
  Apply(Fabric({}));
  EXPECT_EQ(Send("in-a", a_to_b), "in-b: tcp 10.1.1.10:4000 > 10.2.1.10:80 S");
  EXPECT_EQ(Send("in-b", Tcp("10.2.1.10:80", "10.1.1.10:4000", "SA").Sequence(5000, 1001)),
            "in-a: tcp 10.2.1.10:80 > 10.1.1.10:4000 SA");
}

FOLLOWS(Peering, PCX_02, kPeering, "Without a route of its own the other side does not answer.") {
  Apply(Fabric({.b = ""}));
  EXPECT_EQ(Fate(Send("in-a", a_to_b)), "in-b");
  EXPECT_EQ(Send("in-b", Tcp("10.2.1.10:80", "10.1.1.10:4000", "SA").Sequence(5000, 1001)),
            "drop NO_ROUTE");
}

FOLLOWS(Peering, PCX_03, kPeering, "The TTL is not decremented.") {
  Apply(Fabric({}));
  EXPECT_EQ(Send("in-a", Tcp("10.1.1.10:4000", "10.2.1.10:80").Ttl(1)),
            "in-b: tcp 10.1.1.10:4000 > 10.2.1.10:80 S ttl 1");
}

FOLLOWS(Peering, PCX_04, kPeering, "Only what lies in the peer's blocks crosses.") {
  Apply(Fabric({.a = "{to: 10.0.0.0/8, via: \"peering:a-b\"}"}));
  EXPECT_EQ(Fate(Send("in-a", a_to_b)), "in-b");
  EXPECT_EQ(Send("in-a", Tcp("10.1.1.10:4000", "10.9.0.1:80")), "drop PEERING_OUTSIDE_VPC");
}

FOLLOWS(Peering, PCX_05, kPeering, "Only what comes from the own VPC's blocks crosses.") {
  Apply(Fabric({}));
  fabric.Eni("router", "a-1", {"10.1.1.66"}, {"any"}, {.source_dest_check = false});
  Publish();
  EXPECT_EQ(Send("router", Tcp("10.99.0.1:4000", "10.2.1.10:80")), "drop PEERING_OUTSIDE_VPC");
}

FOLLOWS(Peering, PCX_06, kPeering,
        "The peer's internet gateway cannot be used (no edge to edge).") {
  Apply(Fabric({.a = "{to: 0.0.0.0/0, via: \"peering:a-b\"}"}));
  EXPECT_EQ(Send("in-a", Tcp("10.1.1.10:4000", "198.51.100.7:80")), "drop PEERING_OUTSIDE_VPC");
}

FOLLOWS(Peering, PCX_07, kPeering, "Nor can its NAT gateway, or its resolver.") {
  Apply(Fabric({}));
  EXPECT_EQ(Send("in-a", Tcp("10.1.1.10:4000", "10.2.2.4:80")), "drop NAT_UNSOLICITED_INBOUND");
  EXPECT_EQ(Send("in-a", Udp("10.1.1.10:4000", "10.2.0.2:53").Payload(30)), "drop NO_SUCH_ADDRESS");
}

FOLLOWS(Peering, PCX_08, kPeering, "Blocks that overlap cannot be peered.") {
  EXPECT_EQ(Refusal(Between("10.0.0.0/16", "10.0.0.0/16")),
            "10.0.0.0/16 of vpc \"l\" and 10.0.0.0/16 of vpc \"r\" overlap; such VPCs cannot be "
            "peered");
  EXPECT_EQ(Refusal(Between("[10.4.0.0/16, 10.0.0.0/17]", "10.0.0.0/16")),
            "10.0.0.0/17 of vpc \"l\" and 10.0.0.0/16 of vpc \"r\" overlap; such VPCs cannot be "
            "peered");
  EXPECT_EQ(Refusal(Between("10.0.0.0/16", "10.1.0.0/16")), "");
}

FOLLOWS(Peering, PCX_09, kPeering, "A pair of VPCs has one connection.") {
  EXPECT_EQ(Refusal(Between("10.0.0.0/16", "10.1.0.0/16",
                            "p: {requester: l, accepter: r}, q: {requester: r, accepter: l}")),
            "vpc \"r\" and vpc \"l\" are peered already, by \"p\"");
}

FOLLOWS(Peering, PCX_10, kPeering, "A VPC is not its own peer.") {
  EXPECT_EQ(Refusal(Between("10.0.0.0/16", "10.1.0.0/16", "p: {requester: l, accepter: l}")),
            "a peering connects two VPCs, and \"p\" names \"l\" twice");
}

FOLLOWS(Peering, PCX_11, kPeering, "A route names a connection of its own VPC.") {
  EXPECT_EQ(Refusal(Fabric({.c = "{to: 10.1.0.0/16, via: \"peering:a-b\"}"})),
            "peering \"a-b\" connects vpc \"a\" and vpc \"b\", not vpc \"c\"");
  EXPECT_EQ(Refusal(Fabric({.c = "{to: 10.1.0.0/16, via: \"peering:a-c\"}"})),
            "via: peering \"a-c\" does not exist; did you mean \"a-b\"?");
}

FOLLOWS(Peering, PCX_12, kPeeringGroups, "Within a region a rule may name a group of the peer.") {
  Apply(Fabric({}, "eu-central-1", "from: \"sg:a/callers\""));
  EXPECT_EQ(Fate(Send("in-a", a_to_b)), "in-b");
  EXPECT_EQ(Send("other-a", Tcp("10.1.1.11:4000", "10.2.1.10:80")), "drop SG_INGRESS_DENIED");
}

FOLLOWS(Peering, PCX_13, kPeeringGroups, "Not across regions.") {
  EXPECT_EQ(Refusal(Fabric({}, "eu-west-1", "from: \"sg:a/callers\"")),
            "security group \"a/callers\" is in another region than vpc \"b\"; name its blocks");
}

FOLLOWS(Peering, PCX_14, kPeeringGroups, "Nor of a VPC that is no peer.") {
  const std::string text = Fabric({}, "eu-central-1", "from: \"sg:d/callers\"");
  EXPECT_EQ(Refusal(text + "\n").find("vpc \"d\" does not exist") == std::string::npos, false);
}

FOLLOWS(Peering, PCX_15, kMtu, "Within a region the MTU is 9001.") {
  Apply(Fabric({}));
  EXPECT_EQ(Fate(Send("in-a", Udp("10.1.1.10:4000", "10.2.1.10:80").Payload(8900).DontFragment())),
            "in-b");
}

FOLLOWS(Peering, PCX_16, kMtu, "Across regions it is 8500; with DF the sender is told.") {
  Apply(Fabric({}, "eu-west-1"));
  EXPECT_EQ(Fate(Send("in-a", Udp("10.1.1.10:4000", "10.2.1.10:80").Payload(8472).DontFragment())),
            "in-b");
  EXPECT_EQ(Send("in-a", Udp("10.1.1.10:4000", "10.2.1.10:80").Payload(8473).DontFragment()),
            "reply [MTU_EXCEEDED]: icmp 3/4 10.1.1.1 > 10.1.1.10 mtu 8500 quoting [udp "
            "10.1.1.10:4000 > 10.2.1.10:80]");
}

FOLLOWS(Peering, PCX_17, kPeering, "The receiver's ACL and group filter what crosses.") {
  Apply(Fabric({}, "eu-central-1", "from: 10.1.1.11/32"));
  EXPECT_EQ(Send("in-a", a_to_b), "drop SG_INGRESS_DENIED");
  ASSERT_EQ(Fate(Send("in-b", Tcp("10.2.1.10:4000", "10.1.1.10:80"))), "in-a");
  fabric.Acl("default", {"90 in deny all 10.2.0.0/16", "100 in allow all 0.0.0.0/0",
                         "100 out allow all 0.0.0.0/0"});  // of a, the first of that name
  Publish();
  EXPECT_EQ(Send("in-b", Tcp("10.2.1.10:4000", "10.1.1.10:80")), "drop ACL_INBOUND_DENIED");
}

FOLLOWS(Peering, PCX_18, kPeering, "A private NAT gateway's packets cross with its address.") {
  Apply(Fabric({}));
  fabric.NatGateway("inner", "b-2", {"10.2.2.50"});
  fabric.Route("tb", "10.1.0.0/16 nat:inner").Route("out", "10.1.0.0/16 pcx:a-b");
  Publish();
  EXPECT_EQ(Fate(Send("in-b", Tcp("10.2.1.10:4000", "10.1.1.10:80"))), "in-a");
  const std::string seen = SeenEnds().source;
  EXPECT_EQ(seen.substr(0, 10), "10.2.2.50:");
  EXPECT_EQ(Send("in-a", Tcp("10.1.1.10:80", seen, "SA").Sequence(5000, 1001)),
            "in-b: tcp 10.1.1.10:80 > 10.2.1.10:4000 SA ttl 63");
}

FOLLOWS(Peering, PCX_19, kPeering, "IPv6 crosses as IPv4 does.") {
  Apply(R"(
vpcs:
  l: {cidr: 10.1.0.0/16, ipv6_cidr: "2001:db8:1::/56", subnets: {l-1: {cidr: 10.1.1.0/24, ipv6_cidr: "2001:db8:1::/64", route_table: t}}, route_tables: {t: {routes: [{to: "2001:db8:2::/56", via: "peering:p"}]}}}
  r: {cidr: 10.2.0.0/16, ipv6_cidr: "2001:db8:2::/56", subnets: {r-1: {cidr: 10.2.1.0/24, ipv6_cidr: "2001:db8:2::/64"}}, security_groups: {any: {ingress: [{protocol: all, from: "::/0"}]}}}
peerings: {p: {requester: l, accepter: r}}
instances:
  in-l: {subnet: l-1, ipv6: "2001:db8:1::10"}
  in-r: {subnet: r-1, ipv6: "2001:db8:2::10", security_groups: any}
)");
  EXPECT_EQ(Fate(Send("in-l", Tcp("[2001:db8:1::10]:4000", "[2001:db8:2::10]:80"))), "in-r");
}

NOT_MODELLED(Peering, PCX_20, kPeering,
             "The DNS option resolves public names to private addresses.") {
  EXPECT_EQ(
      Refusal(Between("10.0.0.0/16", "10.1.0.0/16",
                      "p: {requester: l, accepter: r, allow_remote_vpc_dns_resolution: true}")),
      "\"allow_remote_vpc_dns_resolution\" is not modelled yet");
}

FOLLOWS(Peering, PCX_21, kPeering, "An instance's public address is no way to its private one.") {
  Apply(Fabric({}));
  EXPECT_EQ(Send("in-a", Tcp("10.1.1.10:4000", "203.0.113.20:80")), "drop NO_ROUTE");
}

FOLLOWS(Peering, PCX_22, kReachability, "An explanation names the connection that is crossed.") {
  Apply(Fabric({}));
  EXPECT_NE(Explained("in-a", "in-b:80").find("peering connection"), std::string::npos);
}

FOLLOWS(Peering, PCX_25, kPeering,
        "Replies follow the own route table alone: of two peers with the same blocks the other one "
        "may get them.") {
  Apply(R"(
vpcs:
  a: {cidr: 10.1.0.0/16, subnets: {a-1: {cidr: 10.1.1.0/24, route_table: t}}, route_tables: {t: {routes: [{to: 10.2.0.0/16, via: "peering:a-b"}]}}}
  b:
    cidr: 10.2.0.0/16
    subnets: {b-1: {cidr: 10.2.1.0/24, route_table: t}}
    route_tables: {t: {routes: [{to: 10.1.0.0/16, via: "peering:a-b"}, {to: 10.1.1.0/24, via: "peering:b-c"}]}}
    security_groups: {any: {ingress: [{protocol: all, from: 0.0.0.0/0}]}}
  c:
    cidr: 10.1.0.0/16
    subnets: {c-1: {cidr: 10.1.1.0/24}}
    security_groups: {any: {ingress: [{protocol: all, from: 0.0.0.0/0}]}}
peerings: {a-b: {requester: a, accepter: b}, b-c: {requester: b, accepter: c}}
instances:
  in-a: {subnet: a-1, private_ip: 10.1.1.10}
  in-b: {subnet: b-1, private_ip: 10.2.1.10, security_groups: any}
  in-c: {subnet: c-1, private_ip: 10.1.1.10, security_groups: any}
)");
  ASSERT_EQ(Fate(Send("in-a", a_to_b)), "in-b");
  EXPECT_EQ(Fate(Send("in-b", Tcp("10.2.1.10:80", "10.1.1.10:4000", "SA").Sequence(5000, 1001))),
            "in-c");
}

OUTSIDE(PCX_23, kPeering, "A request is pending until accepted, and expires after 7 days.",
        "Both VPCs are in one file, which is the acceptance.");
OUTSIDE(PCX_24, kPeering, "Traffic across regions is encrypted.", "It never leaves the machine.");

// Case 12: non-transitive.
FOLLOWS(Peering, CASE_12, kPeering, "a–b and b–c are peered: a does not reach c through b.") {
  Apply(Fabric({.a = "{to: 10.3.0.0/16, via: \"peering:a-b\"}"}));
  EXPECT_EQ(Send("in-a", Tcp("10.1.1.10:4000", "10.3.1.10:80")), "drop PEERING_OUTSIDE_VPC");
}

FOLLOWS(Peering, CASE_13, kPeering, "0.0.0.0/0 to a peer with gateways: nothing leaves there.") {
  Apply(Fabric({.a = "{to: 0.0.0.0/0, via: \"peering:a-b\"}"}));
  EXPECT_EQ(Send("in-a", Echo("10.1.1.10", "198.51.100.7")), "drop PEERING_OUTSIDE_VPC");
}

}  // namespace
}  // namespace taploom::test
