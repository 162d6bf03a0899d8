// RT: route tables (vpc-semantics §2).
#include "tests/conformance/check.h"
#include "tests/conformance/lab.h"
#include "tests/conformance/pages.h"
#include "tests/packet/shop.h"

namespace taploom::test {
namespace {

// Two subnets and a firewall in a third, as a topology file says it.
class Routing : public Lab {
 protected:
  static std::string Inspected(const std::string& tables) {
    return R"(
vpcs:
  main:
    cidr: 10.0.0.0/16
    internet_gateway: igw
    subnets:
      a: {cidr: 10.0.1.0/24, route_table: spoke}
      b: {cidr: 10.0.2.0/24, route_table: spoke}
      fw: {cidr: 10.0.9.0/24}
    security_groups: {any: {ingress: [{protocol: all, from: 0.0.0.0/0}]}}
    route_tables:
)" + tables +
           R"(
instances:
  a-1: {subnet: a, private_ip: 10.0.1.10, security_groups: any}
  a-2: {subnet: a, private_ip: 10.0.1.11, security_groups: any}
  b-1: {subnet: b, private_ip: 10.0.2.10, security_groups: any}
  fw: {subnet: fw, private_ip: 10.0.9.10, security_groups: any, source_dest_check: false}
)";
  }
  std::string WithRoute(const std::string& route) const {
    return Refusal(Inspected("      spoke: {routes: [" + route + "]}"));
  }
};

class RoutingInShop : public Shop {};

PROVED_BY(RT_01, "LowerTest.ASubnetWithoutATableUsesTheMainOneUnderWhateverName", kRouteTables,
          "A subnet has one route table: its explicit association's, or else the main table.");
PROVED_BY(RT_02, "broken/route_two_main_tables.yaml", kRouteTables, "A VPC has one main table.");

FOLLOWS(Routing, RT_03, kRouteTables, "Any table of the VPC can be made the main table.") {
  Apply(
      Inspected("      spoke: {}\n      own: {main: true, routes: [{to: 10.9.0.0/16, via: "
                "blackhole}]}"));
  EXPECT_EQ(Send("fw", Tcp("10.0.9.10:4000", "10.9.0.1:80")), "drop BLACKHOLE_ROUTE");
  EXPECT_EQ(Send("a-1", Tcp("10.0.1.10:4000", "10.9.0.1:80")), "drop NO_ROUTE");
}

PROVED_BY(RT_04, "LowerTest.ImplicitObjectsCoverIpv6WhenTheVpcHasIt", kRouteTables,
          "Every table has a local route for each block, IPv4 and IPv6.");

FOLLOWS(RoutingInShop, RT_05, kRouteTables, "IPv4 and IPv6 are looked up independently.") {
  fabric.Vpc("six", {"10.6.0.0/16", "2001:db8:6::/56"}).InternetGateway();
  fabric.Group("open", {"out all to ::/0", "out all to 0.0.0.0/0"});
  fabric.Subnet("six-a", {"10.6.0.0/24", "2001:db8:6::/64"}).Route("six-a", "0.0.0.0/0 igw");
  fabric.Eni("six", "six-a", {"10.6.0.10 = 203.0.113.66", "2001:db8:6::10"}, {"open"});
  fabric.InternetHost("far", {"2001:db8:ffff::7"});
  Publish();
  EXPECT_EQ(Send("six", Tcp("[2001:db8:6::10]:4000", "[2001:db8:ffff::7]:80")), "drop NO_ROUTE");
  EXPECT_EQ(Fate(Send("six", Tcp("10.6.0.10:4000", "198.51.100.7:80"))), "api");
}

PROVED_BY(RT_06, "Compile.RoutesAreFoundByLongestPrefix", kRoutePriority,
          "The longest matching prefix decides.");

NOT_MODELLED(Routing, RT_07, kRoutePriority,
             "Propagated routes (VPN, Direct Connect) lose to static ones of the same prefix, and "
             "to local routes even when more specific.") {
  EXPECT_EQ(Refusal(Inspected("      spoke: {propagating_vgws: [v]}")),
            "\"propagating_vgws\" is not modelled yet");
  EXPECT_EQ(Refusal("vpn_gateways: {v: {}}\nvpcs: {main: {cidr: 10.0.0.0/16}}\n"),
            "\"vpn_gateways\" is not modelled yet");
}

PROVED_BY(RT_08, "LowerTest.RoutesTakeOverLocalOnesAndPrefixListsComeLast", kRoutePriority,
          "A static route to a CIDR wins over the same prefix from a prefix list.");

FOLLOWS(Routing, RT_09, kRoutePriority,
        "Of two prefix lists with the same prefix one is taken, always the same.") {
  const std::string text = R"(
vpcs:
  main:
    cidr: 10.0.0.0/16
    internet_gateway: igw
    prefix_lists: {first: 10.9.0.0/16, second: [10.9.0.0/16, 10.8.0.0/16]}
    route_tables: {t: {routes: [{to: "pl:first", via: igw}, {to: "pl:second", via: blackhole}]}}
)";
  const std::vector<std::string> expected = {"10.0.0.0/16 local", "10.9.0.0/16 igw",
                                             "10.8.0.0/16 blackhole"};
  for (int i = 0; i < 3; ++i) {
    Apply(text);
    EXPECT_EQ(RoutesOf("t"), expected);
  }
}

PROVED_BY(RT_10, "broken/route_duplicate.yaml", kRoutePriority,
          "A destination has one route: subnet tables know no equal-cost paths.");
PROVED_BY(RT_11, "Routes.ABlackholeWinsAndDoesNotFallBack", kRoutePriority,
          "A blackhole still wins by its prefix, and drops.");
PROVED_BY(RT_12, "broken/route_to_foreign_gateways.yaml", kRouteOptions,
          "A route's gateway is attached to, or stands in, the table's own VPC.");
PROVED_BY(RT_13, "LinkLayer.InterfaceThatIsNotAttachedReceivesNothing", kRouteOptions,
          "What goes to an interface without a running instance is dropped.");
PROVED_BY(RT_14, "broken/route_multi_interface_instance.yaml", kRouteOptions,
          "A route to an instance needs an instance with one interface.");

NOT_MODELLED(Routing, RT_15, kRouteOptions,
             "Routes may lead to transit gateways, VPN and carrier gateways and GWLB endpoints.") {
  EXPECT_EQ(WithRoute("{to: 10.9.0.0/16, via: \"tgw:hub\"}"),
            "via: a route to \"tgw:hub\" is not modelled yet");
  EXPECT_EQ(WithRoute("{to: 10.9.0.0/16, via: \"vpce:inspect\"}"),
            "via: a route to \"vpce:inspect\" is not modelled yet");
  EXPECT_EQ(WithRoute("{to: 10.9.0.0/16, via: \"vgw:office\"}"),
            "via: a route to \"vgw:office\" is not modelled yet");
}

FOLLOWS(Routing, RT_16, kRouteTables,
        "A route more specific than local is for the whole block of a subnet.") {
  EXPECT_EQ(WithRoute("{to: 10.0.2.0/24, via: \"instance:fw\"}"), "");
  EXPECT_EQ(WithRoute("{to: 10.0.2.0/25, via: \"instance:fw\"}"),
            "10.0.2.0/25 is more specific than the local route 10.0.0.0/16; such a route must be "
            "for the whole block of a subnet");
}

FOLLOWS(Routing, RT_17, kRouteTables,
        "Only a NAT gateway, an interface or a GWLB endpoint takes over local traffic.") {
  EXPECT_EQ(WithRoute("{to: 10.0.2.0/24, via: igw}"),
            "10.0.2.0/24 lies in the VPC (10.0.0.0/16); only an instance, an ENI or a NAT gateway "
            "can take over local traffic");
}

FOLLOWS(Routing, RT_18, kRouteTables,
        "Traffic between two subnets can be steered through an appliance.") {
  Apply(Inspected("      spoke: {routes: [{to: 10.0.2.0/24, via: \"instance:fw\"}]}"));
  EXPECT_EQ(Fate(Send("a-1", Tcp("10.0.1.10:4000", "10.0.2.10:80"))), "fw");
  EXPECT_EQ(Fate(Send("fw", Tcp("10.0.1.10:4000", "10.0.2.10:80"))), "b-1");
}

FOLLOWS(Routing, RT_19, kRouteTables, "The local route itself can be given another target.") {
  Apply(Inspected("      spoke: {routes: [{to: 10.0.0.0/16, via: \"instance:fw\"}]}"));
  EXPECT_EQ(Fate(Send("a-1", Tcp("10.0.1.10:4000", "10.0.2.10:80"))), "fw");
}

FOLLOWS(Routing, RT_20, kRouteTables, "And it can be restored.") {
  Apply(Inspected("      spoke: {routes: [{to: 10.0.0.0/16, via: \"instance:fw\"}]}"));
  Apply(Inspected("      spoke: {routes: [{to: 10.0.0.0/16, via: local}]}"));
  EXPECT_EQ(Fate(Send("a-1", Tcp("10.0.1.10:4000", "10.0.2.10:80"))), "b-1");
}

FOLLOWS(Routing, RT_21, kRouteTables,
        "Hosts of one subnet cannot be steered through an appliance.") {
  Apply(Inspected("      spoke: {routes: [{to: 10.0.1.0/24, via: \"instance:fw\"}]}"));
  EXPECT_EQ(Fate(Send("a-1", Tcp("10.0.1.10:4000", "10.0.1.11:80"))), "a-2");
}

// Edge: the route table of an internet gateway.
class EdgeRouting : public Lab {
 protected:
  static std::string With(const std::string& routes,
                          const std::string& more = "elastic_ip: 203.0.113.9") {
    return R"(
vpcs:
  main:
    cidr: 10.0.0.0/16
    internet_gateway: igw
    edge_route_table: edge
    prefix_lists: {x: 10.9.0.0/16}
    subnets:
      web: {cidr: 10.0.1.0/24, route_table: back}
      fw: {cidr: 10.0.9.0/24, route_table: out}
    security_groups: {any: {ingress: [{protocol: all, from: 0.0.0.0/0}]}}
    route_tables:
      out: {routes: [{to: 0.0.0.0/0, via: igw}]}
      back: {routes: [{to: 0.0.0.0/0, via: "instance:fw"}]}
      edge: {routes: [)" +
           routes + R"(]}
instances:
  web-1: {subnet: web, private_ip: 10.0.1.10, security_groups: any, elastic_ip: 203.0.113.10}
  fw: {subnet: fw, private_ip: 10.0.9.10, security_groups: any, source_dest_check: false, )" +
           more + R"(}
internet: {hosts: {far: {address: 198.51.100.7}}}
)";
  }
};

FOLLOWS(EdgeRouting, RT_32, kGatewayRoutes,
        "A gateway's route table leads what enters through an appliance, and back the same way.") {
  Apply(With("{to: 10.0.1.0/24, via: \"instance:fw\"}"));
  EXPECT_EQ(Send("far", Tcp("198.51.100.7:4000", "203.0.113.10:80")),
            "fw: tcp 198.51.100.7:4000 > 10.0.1.10:80 S");
  EXPECT_EQ(Fate(Send("fw", Tcp("198.51.100.7:4000", "10.0.1.10:80"))), "web-1");
  EXPECT_EQ(
      Fate(Send("web-1", Tcp("10.0.1.10:80", "198.51.100.7:4000", "SA").Sequence(5000, 1001))),
      "fw");
  EXPECT_EQ(Fate(Send("fw", Tcp("10.0.1.10:80", "198.51.100.7:4000", "SA").Sequence(5000, 1001))),
            "far");
}

FOLLOWS(EdgeRouting, RT_33, kGatewayRoutes,
        "What is for the appliance itself is delivered to it.") {
  Apply(With("{to: 10.0.0.0/16, via: \"instance:fw\"}"));
  EXPECT_EQ(Send("far", Tcp("198.51.100.7:4000", "203.0.113.9:22")),
            "fw: tcp 198.51.100.7:4000 > 10.0.9.10:22 S");
  std::string checked = With("{to: 10.0.0.0/16, via: \"instance:fw\"}");
  const std::string off = "source_dest_check: false";
  Apply(checked.replace(checked.find(off), off.size(), "source_dest_check: true"));
  EXPECT_EQ(Fate(Send("far", Tcp("198.51.100.7:4001", "203.0.113.9:22"))), "fw");
  EXPECT_EQ(Send("far", Tcp("198.51.100.7:4001", "203.0.113.10:80")),
            "drop SOURCE_DEST_CHECK_DESTINATION");
}

FOLLOWS(EdgeRouting, RT_38, kGatewayRoutes,
        "When its appliance is gone the route is a blackhole: nothing is delivered past it.") {
  Apply(With("{to: 10.0.1.0/24, via: \"instance:fw\"}"));
  fabric.Route("edge", "10.0.1.0/24 blackhole");
  Publish();
  EXPECT_EQ(Send("far", Tcp("198.51.100.7:4000", "203.0.113.10:80")), "drop BLACKHOLE_ROUTE");
  EXPECT_EQ(Fate(Send("far", Tcp("198.51.100.7:4000", "203.0.113.9:22"))), "fw");
}

FOLLOWS(EdgeRouting, RT_34, kGatewayRoutes,
        "Without a route for its subnet it is delivered directly.") {
  Apply(With("{to: 10.0.9.0/24, via: \"instance:fw\"}"));
  EXPECT_EQ(Fate(Send("far", Tcp("198.51.100.7:4000", "203.0.113.10:80"))), "web-1");
}

FOLLOWS(EdgeRouting, RT_35, kGatewayRoutes,
        "Its destinations are the VPC's blocks or whole subnets; its targets local or an interface "
        "with a public address.") {
  EXPECT_NE(Refusal(With("{to: 10.0.1.0/25, via: \"instance:fw\"}")), "");
  EXPECT_NE(Refusal(With("{to: 10.9.0.0/16, via: \"instance:fw\"}"))
                .find("a gateway's route table has routes to whole blocks"),
            std::string::npos);
  EXPECT_EQ(Refusal(With("{to: \"pl:x\", via: \"instance:fw\"}")),
            "a gateway's route table has no routes to prefix lists");
  EXPECT_EQ(Refusal(With("{to: 0.0.0.0/0, via: igw}"))
                    .find("leads to local, an instance or an ENI only") == std::string::npos,
            false);
  EXPECT_EQ(Refusal(With("{to: 10.0.1.0/24, via: \"instance:fw\"}", "public_ip: false")),
            "fw needs a public address to take what enters through the gateway");
}

FOLLOWS(EdgeRouting, RT_36, kReachability,
        "A subnet that is redirected on the way in cannot use a direct route to the gateway.") {
  Apply(With("{to: 10.0.1.0/24, via: \"instance:fw\"}"));
  ASSERT_EQ(Fate(Send("web-1", Tcp("10.0.1.10:4000", "198.51.100.7:80"))), "fw");
  ASSERT_EQ(Fate(Send("fw", Tcp("10.0.1.10:4000", "198.51.100.7:80"))), "far");
  fabric.Route("back", "0.0.0.0/0 igw");
  Publish();
  EXPECT_EQ(Send("web-1", Tcp("10.0.1.10:4000", "198.51.100.7:80")), "drop INGRESS_REDIRECTED");
  EXPECT_EQ(Fate(Send("fw", Tcp("10.0.9.10:4000", "198.51.100.7:80"))), "far");
  // The appliance is not led through itself.
  Apply(With("{to: 10.0.0.0/16, via: \"instance:fw\"}"));
  EXPECT_EQ(Fate(Send("fw", Tcp("10.0.9.10:4001", "198.51.100.7:80"))), "far");
}

PROVED_BY(RT_39, "broken/edge_route_table.yaml", kGatewayRoutes,
          "The main table cannot be a gateway's.");
PROVED_BY(RT_40, "broken/subnet_dangling_names.yaml", kRouteTables,
          "A table that a subnet is associated with cannot be taken away.");

FOLLOWS(Routing, RT_37, kRouteTables,
        "A rule that names a group does not match what comes through an appliance.") {
  const auto with = [](const std::string& from) {
    return R"(
vpcs:
  main:
    cidr: 10.0.0.0/16
    subnets: {a: {cidr: 10.0.1.0/24, route_table: there}, b: {cidr: 10.0.2.0/24}, fw: {cidr: 10.0.9.0/24}}
    route_tables: {there: {routes: [{to: 10.0.2.0/24, via: "instance:fw"}]}}
    security_groups:
      caller: {}
      called: {ingress: [{protocol: tcp, ports: 80, from: )" +
           from + R"(}]}
      any: {ingress: [{protocol: all, from: 0.0.0.0/0}]}
instances:
  a-1: {subnet: a, private_ip: 10.0.1.10, security_groups: caller}
  b-1: {subnet: b, private_ip: 10.0.2.10, security_groups: called}
  fw: {subnet: fw, private_ip: 10.0.9.10, security_groups: [any, caller], source_dest_check: false}
)";
  };
  Apply(with("\"sg:caller\""));
  EXPECT_EQ(Fate(Send("a-1", Tcp("10.0.1.10:4000", "10.0.2.10:80"))), "fw");
  EXPECT_EQ(Send("fw", Tcp("10.0.1.10:4000", "10.0.2.10:80")), "drop SG_INGRESS_DENIED");
  EXPECT_EQ(Fate(Send("fw", Tcp("10.0.9.10:4000", "10.0.2.10:80"))), "b-1");
  Apply(with("10.0.1.0/24"));
  EXPECT_EQ(Fate(Send("fw", Tcp("10.0.1.10:4000", "10.0.2.10:80"))), "b-1");
}

PROVED_BY(RT_22, "broken/route_aws_reserved.yaml", kRouteTables,
          "No route is equal to, or inside, 169.254.168.0/22 or fd00:ec2::/32.");

FOLLOWS(Routing, RT_23, kRouteTables,
        "A larger route is accepted, but does not forward packets to 169.254.168.0/22.") {
  Apply(Inspected("      spoke: {routes: [{to: 169.254.0.0/16, via: \"instance:fw\"}]}"));
  EXPECT_EQ(Send("a-1", Tcp("10.0.1.10:4000", "169.254.169.1:80")),
            "drop LINK_LOCAL_SERVICE_ABSENT");
}

FOLLOWS(RoutingInShop, RT_24, kRouteTables,
        "A larger route is accepted, but does not forward packets to fd00:ec2::/32.") {
  fabric.Vpc("six", {"10.6.0.0/16", "2001:db8:6::/56"});
  fabric.Group("any6", {"in all from ::/0", "out all to ::/0"});
  fabric.Subnet("six-a", {"10.6.0.0/24", "2001:db8:6::/64"});
  fabric.Subnet("six-b", {"10.6.1.0/24", "2001:db8:6:1::/64"});
  fabric.Eni("six", "six-a", {"10.6.0.10", "2001:db8:6::10"}, {"any6"});
  fabric.Eni("router", "six-b", {"10.6.1.10", "2001:db8:6:1::10"}, {"any6"},
             {.source_dest_check = false});
  fabric.Route("six-a", "::/0 eni:router");
  Publish();
  EXPECT_EQ(Fate(Send("six", Tcp("[2001:db8:6::10]:4000", "[2001:db8:ffff::7]:80"))), "router");
  EXPECT_EQ(Send("six", Tcp("[2001:db8:6::10]:4000", "[fd00:ec2::254]:80")),
            "drop LINK_LOCAL_SERVICE_ABSENT");
}

PROVED_BY(RT_25, "DiffTest.ARouteMovesToABlackhole", kRouteTables,
          "A route is active or blackhole.");
PROVED_BY(RT_26, "Routes.AChangedRouteTakesTheNextPacketOfAConnection", kRouteTables,
          "A changed route counts for the next packet.");
PROVED_BY(RT_27, "Appliance.ForwardsThereAndBack", kRouteTables,
          "An appliance forwards both directions when the routes lead there and back.");
PROVED_BY(RT_28, "Appliance.IsFilteredLikeAnyInterface", kRouteTables,
          "An appliance's own group filters what is routed to it.");
PROVED_BY(RT_29, "Routes.AnAddressNobodyHasIsNoDestination", kRouteTables,
          "A local route delivers to interfaces only; nobody's address is no destination.");
PROVED_BY(RT_30, "broken/route_prefix_list.yaml", kPrefixLists,
          "A route may name a prefix list, and means each of its blocks.");
PROVED_BY(RT_31, "Appliance.RouteMovedAwayMovesTheConnection", kRouteTables,
          "A connection follows its route away from an appliance.");

}  // namespace
}  // namespace taploom::test
