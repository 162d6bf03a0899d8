// VPCE: gateway endpoints (vpc-semantics §12).
#include "tests/conformance/check.h"
#include "tests/conformance/lab.h"
#include "tests/conformance/pages.h"

namespace taploom::test {
namespace {

class Endpoint : public Lab {
 protected:
  static std::string Fabric(const std::string& service = "s3",
                            const std::string& tables = "private",
                            const std::string& routes = "{to: 0.0.0.0/0, via: nat}") {
    return R"(
vpcs:
  main:
    cidr: 10.0.0.0/16
    internet_gateway: igw
    subnets: {pub: {cidr: 10.0.0.0/24, route_table: public}, priv: {cidr: 10.0.1.0/24, route_table: private}}
    nat_gateways: {nat: {subnet: pub, elastic_ip: 203.0.113.9}}
    prefix_lists: {storage: 52.216.0.0/15}
    gateway_endpoints: {store: {service: )" +
           service + ", prefix_list: storage, route_tables: [" + tables + R"(]}}
    route_tables: {public: {routes: [{to: 0.0.0.0/0, via: igw}]}, private: {routes: [)" +
           routes + R"(]}}
    security_groups: {open: {}, all: {egress: [{protocol: all, to: 0.0.0.0/0}], ingress: [{protocol: all, from: 0.0.0.0/0}]}, none: {egress: []}, listed: {egress: [{protocol: tcp, ports: 443, to: "pl:storage"}]}}
instances:
  i: {subnet: priv, private_ip: 10.0.1.10, security_groups: open}
  none: {subnet: priv, private_ip: 10.0.1.11, security_groups: none}
  listed: {subnet: priv, private_ip: 10.0.1.12, security_groups: listed}
  all: {subnet: priv, private_ip: 10.0.1.13, security_groups: all}
  front: {subnet: pub, private_ip: 10.0.0.10, security_groups: open, elastic_ip: 203.0.113.10}
internet: {hosts: {storage: {address: 52.216.1.7}, far: {address: 198.51.100.7}}}
)";
  }
};

FOLLOWS(Endpoint, VPCE_01, kGatewayEndpoints,
        "The service is reached with the private address, past the NAT gateway.") {
  Apply(Fabric());
  EXPECT_EQ(Send("i", Tcp("10.0.1.10:4000", "52.216.1.7:443")),
            "storage: tcp 10.0.1.10:4000 > 52.216.1.7:443 S");
  EXPECT_EQ(Send("storage", Tcp("52.216.1.7:443", "10.0.1.10:4000", "SA").Sequence(5000, 1001)),
            "i: tcp 52.216.1.7:443 > 10.0.1.10:4000 SA");
}

FOLLOWS(Endpoint, VPCE_02, kGatewayEndpoints, "It needs no internet gateway and no NAT gateway.") {
  Apply(Fabric("s3", "private", ""));
  EXPECT_EQ(Fate(Send("i", Tcp("10.0.1.10:4000", "52.216.1.7:443"))), "storage");
  EXPECT_EQ(Send("i", Tcp("10.0.1.10:4000", "198.51.100.7:443")), "drop NO_ROUTE");
}

FOLLOWS(Endpoint, VPCE_03, kGatewayEndpoints,
        "The endpoint adds its route to the tables it names.") {
  Apply(Fabric());
  EXPECT_EQ(RoutesOf("private"), std::vector<std::string>({"10.0.0.0/16 local", "0.0.0.0/0 nat",
                                                           "52.216.0.0/15 store"}));
  EXPECT_EQ(RoutesOf("public"), std::vector<std::string>({"10.0.0.0/16 local", "0.0.0.0/0 igw"}));
}

FOLLOWS(Endpoint, VPCE_04, kGatewayEndpoints,
        "Other subnets reach the service over the internet.") {
  Apply(Fabric());
  EXPECT_EQ(Send("front", Tcp("10.0.0.10:4000", "52.216.1.7:443")),
            "storage: tcp 203.0.113.10:4000 > 52.216.1.7:443 S ttl 63");
}

FOLLOWS(Endpoint, VPCE_05, kGatewayEndpoints, "A more specific route wins over the endpoint's.") {
  Apply(Fabric("s3", "private", "{to: 0.0.0.0/0, via: nat}, {to: 52.216.1.0/24, via: blackhole}"));
  EXPECT_EQ(Send("i", Tcp("10.0.1.10:4000", "52.216.1.7:443")), "drop BLACKHOLE_ROUTE");
}

FOLLOWS(Endpoint, VPCE_06, kGatewayEndpoints,
        "A group needs a rule for the service's prefix list.") {
  Apply(Fabric());
  EXPECT_EQ(Send("none", Tcp("10.0.1.11:4000", "52.216.1.7:443")), "drop SG_EGRESS_DENIED");
  EXPECT_EQ(Fate(Send("listed", Tcp("10.0.1.12:4000", "52.216.1.7:443"))), "storage");
}

FOLLOWS(Endpoint, VPCE_07, kGatewayEndpoints,
        "A network ACL needs rules for the service's blocks.") {
  Apply(Fabric());
  fabric.Acl("default", {"100 out allow all 0.0.0.0/0", "100 in deny all 52.216.0.0/15",
                         "110 in allow all 0.0.0.0/0"});
  Publish();
  Send("i", Tcp("10.0.1.10:4000", "52.216.1.7:443"));
  EXPECT_EQ(Send("storage", Tcp("52.216.1.7:443", "10.0.1.10:4000", "SA").Sequence(5000, 1001)),
            "drop ACL_INBOUND_DENIED");
}

FOLLOWS(Endpoint, VPCE_08, kReachability, "It carries TCP and ICMP echo only.") {
  Apply(Fabric());
  EXPECT_EQ(Send("i", Udp("10.0.1.10:4000", "52.216.1.7:53")), "drop ENDPOINT_PROTOCOL");
  EXPECT_EQ(Fate(Send("i", Echo("10.0.1.10", "52.216.1.7"))), "storage");
}

FOLLOWS(Endpoint, VPCE_09, kReachability, "It serves sources of its VPC only.") {
  Apply(Fabric());
  fabric.Eni("router", "priv", {"10.0.1.66"}, {"open"}, {.source_dest_check = false});
  Publish();
  EXPECT_EQ(Send("router", Tcp("10.99.0.1:4000", "52.216.1.7:443")),
            "drop ENDPOINT_SOURCE_OUTSIDE_VPC");
}

FOLLOWS(Endpoint, VPCE_10, kGatewayEndpoints, "The service opens no connection of its own.") {
  Apply(Fabric());
  EXPECT_EQ(Send("storage", Tcp("52.216.1.7:443", "10.0.1.10:4000")),
            "drop NO_INTERNET_DESTINATION");
  Send("i", Tcp("10.0.1.10:4000", "52.216.1.7:443"));
  EXPECT_EQ(Send("storage", Tcp("52.216.1.7:444", "10.0.1.10:4000")),
            "drop NO_INTERNET_DESTINATION");
}

FOLLOWS(Endpoint, VPCE_11, kTracking, "Connections to DynamoDB are tracked whatever the rules.") {
  const auto survives = [&](const std::string& service) {
    Apply(Fabric(service));
    Send("all", Tcp("10.0.1.13:4000", "52.216.1.7:443"));
    Send("storage", Tcp("52.216.1.7:443", "10.0.1.13:4000", "SA").Sequence(5000, 1001));
    fabric.Group("all", {"in all from 0.0.0.0/0"});
    Publish();
    return Send("all", Tcp("10.0.1.13:4000", "52.216.1.7:443", "A").Sequence(1001, 5001));
  };
  EXPECT_EQ(Fate(survives("dynamodb")), "storage");
  UseTable({.capacity = 4096, .capacity_per_port = 100'000, .seed = 1});
  EXPECT_EQ(survives("s3"), "drop SG_EGRESS_DENIED");
}

DEVIATES(Endpoint, VPCE_12, kGatewayEndpoints,
         "Two VPCs with the same addresses use the same service.",
         "The host that plays the service sees private addresses alone, and could not tell the "
         "second from the first: it is refused, and the reason counted.") {
  Apply(R"(
vpcs:
  l: {cidr: 10.0.0.0/16, prefix_lists: {s: 52.216.0.0/15}, subnets: {l-1: {cidr: 10.0.1.0/24}}, gateway_endpoints: {e: {service: s3, prefix_list: s, route_tables: main}}}
  r: {cidr: 10.0.0.0/16, prefix_lists: {s: 52.216.0.0/15}, subnets: {r-1: {cidr: 10.0.1.0/24}}, gateway_endpoints: {e: {service: s3, prefix_list: s, route_tables: main}}}
instances: {in-l: {subnet: l-1, private_ip: 10.0.1.10}, in-r: {subnet: r-1, private_ip: 10.0.1.10}}
internet: {hosts: {storage: {address: 52.216.1.7}}}
)");
  EXPECT_EQ(Fate(Send("in-l", Tcp("10.0.1.10:4000", "52.216.1.7:443"))), "storage");
  EXPECT_EQ(Send("in-r", Tcp("10.0.1.10:4000", "52.216.1.7:443")), "drop ENDPOINT_ADDRESS_IN_USE");
  EXPECT_EQ(Fate(Send("in-r", Tcp("10.0.1.10:4001", "52.216.1.7:443"))), "storage");
}

FOLLOWS(Endpoint, VPCE_13, kPeering, "It is not for the VPC's peers.") {
  Apply(R"(
vpcs:
  l: {cidr: 10.1.0.0/16, subnets: {l-1: {cidr: 10.1.1.0/24, route_table: t}}, route_tables: {t: {routes: [{to: 52.216.0.0/15, via: "peering:p"}]}}}
  r: {cidr: 10.2.0.0/16, prefix_lists: {s: 52.216.0.0/15}, subnets: {r-1: {cidr: 10.2.1.0/24}}, gateway_endpoints: {e: {service: s3, prefix_list: s, route_tables: main}}}
peerings: {p: {requester: l, accepter: r}}
instances: {in-l: {subnet: l-1, private_ip: 10.1.1.10}}
internet: {hosts: {storage: {address: 52.216.1.7}}}
)");
  EXPECT_EQ(Send("in-l", Tcp("10.1.1.10:4000", "52.216.1.7:443")), "drop PEERING_OUTSIDE_VPC");
}

FOLLOWS(Endpoint, VPCE_14, kGatewayEndpoints, "Gateway endpoints are for S3 and DynamoDB.") {
  EXPECT_NE(Refusal(Fabric("ec2")), "");
}

NOT_MODELLED(Endpoint, VPCE_15, kGatewayEndpoints,
             "Interface and Gateway Load Balancer endpoints have interfaces in subnets.") {
  EXPECT_EQ(Refusal("vpcs: {main: {cidr: 10.0.0.0/16, interface_endpoints: {}}}\n"),
            "\"interface_endpoints\" is not modelled yet");
}

FOLLOWS(Endpoint, VPCE_16, kReachability, "An explanation names the endpoint.") {
  Apply(Fabric());
  EXPECT_NE(Explained("i", "storage:443").find("gateway endpoint"), std::string::npos);
}

}  // namespace
}  // namespace taploom::test
