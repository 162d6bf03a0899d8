// CASE: what surprises people about AWS, case by case (vpc-semantics §15). What cases about network
// load balancers, transit gateways and flow logs need is refused by name.
#include <chrono>
#include <string>

#include "tests/conformance/check.h"
#include "tests/conformance/lab.h"
#include "tests/conformance/pages.h"
#include "tests/packet/shop.h"
#include "tests/support/dns_message.h"

namespace taploom::test {
namespace {

using std::chrono::seconds;

class Surprises : public Shop {};

std::string RefusalOfNetworkLoadBalancer() {
  return RefusalOf(
      "vpcs: {main: {cidr: 10.0.0.0/16, subnets: {a: {cidr: "
      "10.0.1.0/24}}, load_balancers: {nlb: {type: network, scheme: internal, subnets: [a], "
      "dns_name: nlb.example.com, listeners: [{protocol: http, port: 80, forward: t}], "
      "target_groups: "
      "{t: {protocol: http, port: 80}}}}}}\n");
}

FOLLOWS(Surprises, CASE_01, kIgw,
        "0.0.0.0/0 leads to the internet gateway and the instance has no public address: no "
        "packet leaves.") {
  EXPECT_EQ(Send("bare", Tcp("10.0.0.11:4000", "198.51.100.7:80")), "drop NO_PUBLIC_ADDRESS");
}

FOLLOWS(Surprises, CASE_02, kNatTrouble,
        "A NAT gateway whose own subnet has no route to the internet gateway: packets end "
        "behind it.") {
  fabric.RemoveRoute("public", "0.0.0.0/0");
  Publish();
  EXPECT_EQ(Send("app", Tcp("10.0.1.10:4000", "198.51.100.7:443")), "drop NO_ROUTE");
}

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

NOT_MODELLED(Lab, CASE_05, kTracking,
             "Case 4 behind a network load balancer: existing connections survive, for they were "
             "tracked.") {
  EXPECT_EQ(RefusalOfNetworkLoadBalancer(), "a load balancer of type network is not modelled yet");
}

FOLLOWS(Surprises, CASE_06, kTracking,
        "A group without egress rules: the reply to what was allowed in is delivered.") {
  EXPECT_EQ(Fate(Send("app", Tcp("10.0.1.10:4000", "10.0.2.10:3306"))), "db");
  EXPECT_EQ(Fate(Send("db", Tcp("10.0.2.10:3306", "10.0.1.10:4000", "SA").Sequence(5000, 1001))),
            "app");
  EXPECT_EQ(Send("db", Tcp("10.0.2.10:4000", "10.0.1.10:8080")), "drop SG_EGRESS_DENIED");
}

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

FOLLOWS(Surprises, CASE_09, kGroups,
        "Everything is denied, and names still resolve. (IMDS and NTP: see IMDS-01, NTP-01.)") {
  fabric.Group("db", {}).Acl("data", {});
  Publish();
  const auto query = DnsQuery("nobody.example.com", kDnsA);
  EXPECT_EQ(Send("db", Udp("10.0.2.10:4000", "10.0.0.2:53").Payload(query)),
            "reply: udp 10.0.0.2:53 > 10.0.2.10:4000");
  EXPECT_EQ(DnsAnswerText(query, PayloadOf(last().frame)), "3:");
}

FOLLOWS(Surprises, CASE_10, kGroupRules,
        "A member of the group that a rule names comes by the public address: dropped.") {
  fabric.Group("web", {"in tcp 80 from sg:web", "out all to 0.0.0.0/0"});
  fabric.Eni("web-2", "public", {"10.0.0.12 = 203.0.113.12"}, {"web"});
  Publish();
  EXPECT_EQ(Fate(Send("web", Tcp("10.0.0.10:4000", "10.0.0.12:80"))), "web-2");
  EXPECT_EQ(Send("web", Tcp("10.0.0.10:4000", "203.0.113.12:80")), "drop SG_INGRESS_DENIED");
}

FOLLOWS(Surprises, CASE_11, kRouteTables,
        "A group that a rule names, across an appliance: dropped, there is no group to know.") {
  fabric.Group("any", {"in all from 0.0.0.0/0", "out all to 0.0.0.0/0"});
  fabric.Subnet("fw", {"10.0.9.0/24"})
      .Eni("fw", "fw", {"10.0.9.10"}, {"any"}, {.source_dest_check = false});
  fabric.Route("app", "10.0.2.0/24 eni:fw");
  Publish();
  ASSERT_EQ(Fate(Send("app", Tcp("10.0.1.10:4000", "10.0.2.10:3306"))), "fw");
  EXPECT_EQ(Send("fw", Tcp("10.0.1.10:4000", "10.0.2.10:3306")), "drop SG_INGRESS_DENIED");
}

FOLLOWS(Surprises, CASE_14, kNatTrouble,
        "Idle for 351 s through a NAT gateway: RST to the client, IdleTimeoutCount rises.") {
  Connect("app", "10.0.1.10:4000", "api", "198.51.100.7:443");
  Wait(seconds(351));
  EXPECT_EQ(
      Send("app", Tcp("10.0.1.10:4000", "198.51.100.7:443", "A").Sequence(1001, 5001).Payload(10)),
      "reply [NAT_UNSOLICITED_INBOUND]: tcp 198.51.100.7:443 > 10.0.1.10:4000 R");
  EXPECT_EQ(nat("nat").idle_timeouts.value(), 1u);
}

FOLLOWS(Surprises, CASE_15, kNatTrouble,
        "55,000 flows to one destination: the next is dropped, ErrorPortAllocation is 1; "
        "another port succeeds.") {
  UseTable({.capacity = 60'000, .capacity_per_port = 60'000, .seed = 1});
  Publish();
  for (std::uint32_t i = 0; i < 55'000; ++i) {
    const std::string source = "10.0.1.10:" + std::to_string(2000 + i);
    bench().Process(FrameOf("app", Tcp(source, "198.51.100.7:443")), fabric.port("app"));
  }
  EXPECT_EQ(Send("app-2", Tcp("10.0.1.11:4000", "198.51.100.7:443")), "drop NAT_PORT_ALLOCATION");
  EXPECT_EQ(nat("nat").port_allocation_errors.value(), 1u);
  EXPECT_EQ(Fate(Send("app-2", Tcp("10.0.1.11:4000", "198.51.100.7:444"))), "api");
}

FOLLOWS(Surprises, CASE_16, kNatTrouble,
        "Fragments of TCP and of a large ping are dropped by a NAT gateway, those of UDP pass.") {
  EXPECT_EQ(Send("app", Tcp("10.0.1.10:4000", "198.51.100.7:80").Payload(2000).Slice(0, 1000)),
            "drop NAT_FRAGMENT");
  EXPECT_EQ(Send("app", Echo("10.0.1.10", "198.51.100.7").Payload(10'000).Slice(0, 8976)),
            "drop NAT_FRAGMENT");
  const PacketBuilder udp = Udp("10.0.1.10:4000", "198.51.100.7:53").Payload(2000);
  EXPECT_EQ(Fate(Send("app", PacketBuilder(udp).Slice(0, 1000))), "api");
  EXPECT_EQ(Fate(Send("app", PacketBuilder(udp).Slice(1000, 1008))), "api");
}

FOLLOWS(Surprises, CASE_17, kNatTrouble, "Nobody answers at a NAT gateway's elastic IP.") {
  EXPECT_EQ(Send("visitor", Echo("198.51.100.8", "203.0.113.100")), "drop NAT_UNSOLICITED_INBOUND");
  EXPECT_EQ(Send("visitor", Tcp("198.51.100.8:4000", "203.0.113.100:443")),
            "drop NAT_UNSOLICITED_INBOUND");
}

FOLLOWS(Lab, CASE_18, kNat,
        "Zone b leaves by a NAT gateway in zone a, and a fails: b's instances are healthy, and "
        "cannot leave.") {
  Apply(R"(
vpcs:
  main:
    cidr: 10.0.0.0/16
    internet_gateway: igw
    subnets:
      pub: {cidr: 10.0.1.0/24, az: eu-central-1a, route_table: public}
      app: {cidr: 10.0.2.0/24, az: eu-central-1b, route_table: private}
    nat_gateways: {nat: {subnet: pub, elastic_ip: 203.0.113.9}}
    route_tables: {public: {routes: [{to: 0.0.0.0/0, via: igw}]}, private: {routes: [{to: 0.0.0.0/0, via: nat}]}}
instances:
  b-1: {subnet: app, private_ip: 10.0.2.10}
  b-2: {subnet: app, private_ip: 10.0.2.11}
internet: {hosts: {far: {address: 198.51.100.7}}}
)");
  ASSERT_EQ(Fate(Send("b-1", Tcp("10.0.2.10:4000", "198.51.100.7:443"))), "far");
  Fail("az", "eu-central-1a");
  EXPECT_EQ(Send("b-1", Tcp("10.0.2.10:4001", "198.51.100.7:443")), "drop AZ_DOWN");
  EXPECT_EQ(Fate(Send("b-1", Tcp("10.0.2.10:4002", "10.0.2.11:80"))), "b-2");
}

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

FOLLOWS(Surprises, CASE_21, kMtu,
        "1501 bytes with DF to the internet: ICMP 3/4 of MTU 1500 from base+1; without a rule for "
        "ICMP, in group or ACL, a black hole.") {
  const PacketBuilder big = Udp("10.0.0.10:4000", "198.51.100.7:53").Payload(1473).DontFragment();
  const PacketBuilder fits = Udp("10.0.0.10:4000", "198.51.100.7:53").Payload(1472).DontFragment();
  EXPECT_EQ(Send("web", big), "drop MTU_EXCEEDED");
  fabric.Group("web", {"in icmp 3/4 from 0.0.0.0/0", "out all to 0.0.0.0/0"});
  Publish();
  EXPECT_EQ(Send("web", big),
            "reply [MTU_EXCEEDED]: icmp 3/4 10.0.0.1 > 10.0.0.10 mtu 1500 quoting [udp "
            "10.0.0.10:4000 > 198.51.100.7:53]");
  EXPECT_EQ(Fate(Send("web", fits)), "api");
  fabric.Acl("public", {"90 in deny icmp 0.0.0.0/0", "100 in allow all 0.0.0.0/0",
                        "100 out allow all 0.0.0.0/0"});
  Publish();
  EXPECT_EQ(Send("web", big), "drop MTU_EXCEEDED");
}

NOT_MODELLED(Lab, CASE_22, kRoutePriority,
             "A propagated VPN route to a part of the VPC: local wins.") {
  EXPECT_EQ(Refusal("vpcs: {main: {cidr: 10.0.0.0/16, route_tables: {t: {propagating_vgws: "
                    "[v]}}}}\n"),
            "\"propagating_vgws\" is not modelled yet");
}

NOT_MODELLED(Lab, CASE_23, kTransitGateways,
             "A transit gateway is attached in zone a only: what zone b sends to it is dropped.") {
  EXPECT_EQ(Refusal("transit_gateways: {hub: {}}\nvpcs: {main: {cidr: 10.0.0.0/16}}\n"),
            "\"transit_gateways\" is not modelled yet");
}

NOT_MODELLED(Lab, CASE_24, kTransitGateways,
             "Stateful appliances in two zones, without appliance mode: the reply meets the other "
             "appliance.") {
  EXPECT_EQ(
      Refusal("vpcs: {main: {cidr: 10.0.0.0/16, route_tables: {t: {routes: [{to: 10.9.0.0/16, "
              "via: \"tgw:hub\"}]}}}}\n"),
      "via: a route to \"tgw:hub\" is not modelled yet");
}

NOT_MODELLED(
    Lab, CASE_25, kNlb,
    "A network load balancer that preserves client addresses leads a target to itself: the "
    "connection times out.") {
  EXPECT_EQ(RefusalOfNetworkLoadBalancer(), "a load balancer of type network is not modelled yet");
}

NOT_MODELLED(
    Lab, CASE_26, kNlb,
    "A network load balancer without cross-zone balancing, a zone without healthy targets: "
    "its cached address fails.") {
  EXPECT_EQ(RefusalOfNetworkLoadBalancer(), "a load balancer of type network is not modelled yet");
}

OUTSIDE(
    CASE_27, kElb,
    "A backend closes idle connections before its application load balancer does: sporadic 502.",
    "The backend's and the balancer's programs race; the fabric's packets have no part in it.");

FOLLOWS(Lab, CASE_28, kDns,
        "A VPC without DNS hostnames: neither a peer's private name nor a public EC2 name has an "
        "answer.") {
  Apply(R"(
vpcs:
  l: {cidr: 10.1.0.0/16, internet_gateway: igw, subnets: {l-1: {cidr: 10.1.1.0/24}}}
  r: {cidr: 10.2.0.0/16, subnets: {r-1: {cidr: 10.2.1.0/24}}}
peerings: {p: {requester: l, accepter: r}}
instances:
  in-l: {subnet: l-1, private_ip: 10.1.1.10, elastic_ip: 203.0.113.10}
  in-r: {subnet: r-1, private_ip: 10.2.1.10}
)");
  const auto answer = [&](const char* name) {
    const auto query = DnsQuery(name, kDnsA);
    Send("in-l", Udp("10.1.1.10:4000", "10.1.0.2:53").Payload(query));
    return DnsAnswerText(query, PayloadOf(last().frame));
  };
  EXPECT_EQ(answer("ip-10-1-1-10.eu-central-1.compute.internal"), "0: 10.1.1.10");
  EXPECT_EQ(answer("ip-10-2-1-10.eu-central-1.compute.internal"), "3:");
  EXPECT_EQ(answer("ec2-203-0-113-10.eu-central-1.compute.amazonaws.com"), "3:");
}

NOT_MODELLED(Lab, CASE_29, kFlowLogs,
             "Traffic to a secondary address: the default flow log names the primary one.") {
  EXPECT_EQ(Refusal("vpcs: {main: {cidr: 10.0.0.0/16, flow_logs: {all: {}}}}\n"),
            "\"flow_logs\" is not modelled yet");
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

NOT_MODELLED(Lab, CASE_36, kFlowLogs,
             "A denied SYN comes three times: one record of REJECT with three packets.") {
  EXPECT_EQ(Refusal("vpcs: {main: {cidr: 10.0.0.0/16, flow_logs: {all: {}}}}\n"),
            "\"flow_logs\" is not modelled yet");
}

FOLLOWS(Lab, CASE_37, kEips,
        "While a public address is mapped, the internet gateway cannot be detached; without a "
        "gateway nothing comes in.") {
  const auto with = [](const std::string& gateway, const std::string& address) {
    return "vpcs: {main: {cidr: 10.0.0.0/16, " + gateway +
           "subnets: {a: {cidr: 10.0.1.0/24}}}}\ninstances: {i: {subnet: a, private_ip: "
           "10.0.1.10" +
           address + "}}\ninternet: {hosts: {far: {address: 198.51.100.7}}}\n";
  };
  EXPECT_NE(Refusal(with("", ", elastic_ip: 203.0.113.10")).find("internet gateway"),
            std::string::npos);
  Apply(with("internet_gateway: igw, ", ", elastic_ip: 203.0.113.10"));
  EXPECT_EQ(Send("far", Tcp("198.51.100.7:4000", "203.0.113.10:80")), "drop SG_INGRESS_DENIED");
  Apply(with("", ""));
  EXPECT_EQ(Send("far", Tcp("198.51.100.7:4000", "203.0.113.10:80")),
            "drop NO_INTERNET_DESTINATION");
}

}  // namespace
}  // namespace taploom::test
