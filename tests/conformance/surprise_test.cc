// CASE: what surprises people about AWS, case by case (vpc-semantics §15). Cases about load
// balancers, transit gateways and flow logs are not here.
#include <chrono>
#include <string>

#include "tests/conformance/check.h"
#include "tests/conformance/lab.h"
#include "tests/conformance/pages.h"
#include "tests/packet/shop.h"

namespace taploom::test {
namespace {

using std::chrono::seconds;

class Surprises : public Shop {};

PROVED_BY(CASE_01, "InternetGateway.WithoutAPublicAddressNothingLeaves", kIgw,
          "0.0.0.0/0 leads to the internet gateway and the instance has no public address: no "
          "packet leaves.");
PROVED_BY(CASE_02, "NatGateway.WithoutAWayOutOfItsOwnSubnetPacketsEndBehindIt", kNatTrouble,
          "A NAT gateway whose own subnet has no route to the internet gateway: packets end "
          "behind it.");

FOLLOWS(Surprises, CASE_03, kTracking,
        "The rule for SSH goes during a session: the session goes on, new ones are refused in "
        "silence.") {
  fabric.Group("web", {"in tcp 22 from 198.51.100.8/32", "out all to 0.0.0.0/0"});
  Publish();
  Connect("visitor", "198.51.100.8:4000", "web", "203.0.113.10:22");
  fabric.Group("web", {"out all to 0.0.0.0/0"});
  Publish();
  EXPECT_EQ(
      Fate(
          Send("visitor",
               Tcp("198.51.100.8:4000", "203.0.113.10:22", "AP").Sequence(1001, 5001).Payload(20))),
      "web");
  EXPECT_EQ(Send("visitor", Tcp("198.51.100.8:4001", "203.0.113.10:22")), "drop SG_INGRESS_DENIED");
}

FOLLOWS(Surprises, CASE_04, kTracking,
        "The rule for HTTP from anywhere goes: connections stop at once, for they were not "
        "tracked.") {
  Connect("visitor", "198.51.100.8:4000", "web", "203.0.113.10:80");
  fabric.Group("web", {"out all to 0.0.0.0/0"});
  Publish();
  EXPECT_EQ(Send("visitor", Tcp("198.51.100.8:4000", "203.0.113.10:80", "A").Sequence(1001, 5001)),
            "drop SG_INGRESS_DENIED");
}

PROVED_BY(CASE_06, "SecurityGroup.ReplyLeavesWithoutEgressRules", kTracking,
          "A group without egress rules: replies to what was allowed in are delivered.");

FOLLOWS(Surprises, CASE_07, kAcls,
        "An ACL that allows 443 both ways only: the SYN enters, the SYN-ACK does not leave.") {
  fabric.Group("web", {"in tcp 443 from 0.0.0.0/0", "out all to 0.0.0.0/0"});
  fabric.Acl("public", {"100 in allow tcp 443 0.0.0.0/0", "100 out allow tcp 443 0.0.0.0/0"});
  Publish();
  EXPECT_EQ(Fate(Send("visitor", Tcp("198.51.100.8:4000", "203.0.113.10:443"))), "web");
  EXPECT_EQ(Send("web", Tcp("10.0.0.10:443", "198.51.100.8:4000", "SA").Sequence(5000, 1001)),
            "drop ACL_OUTBOUND_DENIED");
}

FOLLOWS(Surprises, CASE_08, kAcls,
        "Two instances in one subnet with a deny-all ACL: traffic passes.") {
  fabric.Acl("public", {});
  Publish();
  EXPECT_EQ(Fate(Send("web", Tcp("10.0.0.10:4000", "10.0.0.11:80"))), "bare");
}

PROVED_BY(CASE_09, "Dns.NoFilterStandsInTheWay", kGroups,
          "Everything is denied, and names still resolve. (IMDS and NTP: see IMDS-01, NTP-01.)");
PROVED_BY(CASE_10, "SecurityGroup.ReferenceNeverMatchesPublicAddresses", kGroupRules,
          "A member of the group that a rule names comes by the public address: dropped.");
PROVED_BY(CASE_11, "Routing.RT_37", kRouteTables,
          "A group that a rule names, across an appliance: dropped, there is no group to know.");
PROVED_BY(CASE_14, "NatGateway.After350SecondsIdleTheInsideIsReset", kNatTrouble,
          "Idle for 351 s through a NAT gateway: RST to the client, IdleTimeoutCount rises.");
PROVED_BY(CASE_15, "NatGateway.FiftyFiveThousandPortsPerDestinationThenErrorPortAllocation",
          kNatTrouble,
          "55,000 flows to one destination: the next is dropped, ErrorPortAllocation is 1; "
          "another port succeeds.");
PROVED_BY(CASE_16, "NatGateway.FragmentsOfUdpPassThoseOfTcpAndIcmpDoNot", kNatTrouble,
          "Fragments of TCP and of a large ping are dropped by a NAT gateway, those of UDP pass.");
PROVED_BY(CASE_17, "NatGateway.NobodyComesInUninvited", kNatTrouble,
          "Nobody answers at a NAT gateway's elastic IP.");

FOLLOWS(Surprises, CASE_19, kRoutePriority,
        "A /16 leads to something that is gone, 0.0.0.0/0 to the internet: no falling back.") {
  fabric.Route("public", "198.51.0.0/16 blackhole");
  Publish();
  EXPECT_EQ(Send("web", Tcp("10.0.0.10:4000", "198.51.100.7:80")), "drop BLACKHOLE_ROUTE");
}

FOLLOWS(Surprises, CASE_20, kInterfaces,
        "An instance forwards with its source/destination check on: dropped.") {
  EXPECT_EQ(Send("app", Tcp("10.0.2.10:4000", "10.0.0.10:80")), "drop SOURCE_DEST_CHECK_SOURCE");
}

PROVED_BY(CASE_21, "InternetGateway.TooBigWithDontFragmentIsToldByBasePlusOne", kMtu,
          "1501 bytes with DF to the internet: ICMP 3/4 of MTU 1500 from base+1. (Without a rule "
          "for ICMP a black hole: MTU-06, ACL-19.)");

NOT_MODELLED(Lab, CASE_22, kRoutePriority,
             "A propagated VPN route to a part of the VPC: local wins.") {
  EXPECT_EQ(Refusal("vpcs: {main: {cidr: 10.0.0.0/16, route_tables: {t: {propagating_vgws: "
                    "[v]}}}}\n"),
            "\"propagating_vgws\" is not modelled yet");
}

FOLLOWS(Surprises, CASE_30, kInterfaces,
        "VRRP by multicast and gratuitous ARP: no failover; only the configuration moves an "
        "address.") {
  fabric.SetAddresses("app", {"10.0.1.10", "10.0.1.100"});
  Publish();
  EXPECT_EQ(Send("app-2", PacketBuilder(112, "10.0.1.11", "224.0.0.18").Payload(20)),
            "drop NOT_UNICAST");
  Send("app-2", ArpReplyFrame(fabric.mac("app-2"), "10.0.1.100", "10.0.1.100"));
  EXPECT_EQ(Fate(Send("web", Tcp("10.0.0.10:4000", "10.0.1.100:8080"))), "app");
}

FOLLOWS(Lab, CASE_31, kSubnetSizing, "The twelfth interface does not fit into a /28.") {
  const auto with = [&](int count) {
    std::string instances;
    for (int i = 0; i < count; ++i) instances += "  i" + std::to_string(i) + ": {subnet: a}\n";
    return Refusal(
        "vpcs: {main: {cidr: 10.0.0.0/16, internet_gateway: igw, subnets: {a: {cidr: "
        "10.0.1.0/28}}, nat_gateways: {n: {subnet: a, elastic_ip: 203.0.113.9}}}}\n"
        "instances:\n" +
        instances);
  };
  EXPECT_EQ(with(10), "");
  EXPECT_EQ(with(11), "subnet \"a\" (10.0.1.0/28) has 11 usable addresses, and 12 are needed");
}

FOLLOWS(Lab, CASE_32, kAclBasics,
        "A custom ACL, just made and associated: every packet at the edge is denied.") {
  Apply(R"(
vpcs:
  main:
    cidr: 10.0.0.0/16
    subnets: {a: {cidr: 10.0.1.0/24, acl: new}, b: {cidr: 10.0.2.0/24}}
    network_acls: {new: {}}
instances: {a-1: {subnet: a, private_ip: 10.0.1.10}, b-1: {subnet: b, private_ip: 10.0.2.10}}
)");
  EXPECT_EQ(Send("a-1", Tcp("10.0.1.10:4000", "10.0.2.10:80")), "drop ACL_OUTBOUND_DENIED");
  EXPECT_EQ(Send("b-1", Tcp("10.0.2.10:4000", "10.0.1.10:80")), "drop ACL_INBOUND_DENIED");
}

FOLLOWS(Lab, CASE_33, kRouteTables,
        "A subnet's association is taken away: the main table counts at once.") {
  const auto with = [](const std::string& association) {
    return R"(
vpcs:
  main:
    cidr: 10.0.0.0/16
    subnets: {a: {cidr: 10.0.1.0/24)" +
           association + R"(}}
    route_tables: {own: {}, rest: {main: true, routes: [{to: 10.9.0.0/16, via: blackhole}]}}
instances: {a-1: {subnet: a, private_ip: 10.0.1.10}}
)";
  };
  Apply(with(", route_table: own"));
  EXPECT_EQ(Send("a-1", Tcp("10.0.1.10:4000", "10.9.0.1:80")), "drop NO_ROUTE");
  Apply(with(""));
  EXPECT_EQ(Send("a-1", Tcp("10.0.1.10:4000", "10.9.0.1:80")), "drop BLACKHOLE_ROUTE");
}

FOLLOWS(Lab, CASE_34, kRoutePriority,
        "A prefix list and a CIDR route have the same block: the CIDR route is taken.") {
  Apply(R"(
vpcs:
  main:
    cidr: 10.0.0.0/16
    subnets: {a: {cidr: 10.0.1.0/24, route_table: t}, b: {cidr: 10.0.2.0/24}}
    prefix_lists: {x: 10.9.0.0/16}
    route_tables: {t: {routes: [{to: "pl:x", via: blackhole}, {to: 10.9.0.0/16, via: "instance:fw"}]}}
instances:
  a-1: {subnet: a, private_ip: 10.0.1.10}
  fw: {subnet: b, private_ip: 10.0.2.10, source_dest_check: false}
)");
  EXPECT_EQ(Fate(Send("a-1", Tcp("10.0.1.10:4000", "10.9.0.1:80"))), "fw");
}

FOLLOWS(Surprises, CASE_35, kTracking,
        "A tracked connection idle beyond its interface's 350 s: dropped without a rule.") {
  fabric.Eni("v6", "app", {"10.0.1.60"}, {"app"}, {.tcp_established_seconds = 350});
  Publish();
  Connect("v6", "10.0.1.60:4000", "web", "10.0.0.10:80");
  Wait(seconds(351));
  EXPECT_EQ(Send("web", Tcp("10.0.0.10:80", "10.0.1.60:4000", "A").Sequence(5001, 1001)),
            "drop SG_INGRESS_DENIED");
}

PROVED_BY(CASE_37, "broken/elastic_ip_without_gateway.yaml", kEips,
          "While a public address is mapped, the internet gateway cannot be detached.");

}  // namespace
}  // namespace taploom::test
