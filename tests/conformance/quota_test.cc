// QUOTA: how much there may be (vpc-semantics §14).
#include <fmt/format.h>

#include <functional>
#include <string>

#include "control/topology.h"
#include "tests/conformance/check.h"
#include "tests/conformance/lab.h"
#include "tests/conformance/pages.h"

namespace taploom::test {
namespace {

class Quotas : public Lab {
 protected:
  // "{x0: …, x1: …}"
  static std::string Many(int count, const std::function<std::string(int)>& item) {
    std::string text = "{";
    for (int i = 0; i < count; ++i) text += (i == 0 ? "" : ", ") + item(i);
    return text + "}";
  }
  static std::string List(int count, const std::function<std::string(int)>& item) {
    std::string text = Many(count, item);
    text.front() = '[';
    text.back() = ']';
    return text;
  }
  std::string InVpc(const std::string& keys, const std::string& limits = "") const {
    return Refusal((limits.empty() ? "" : "limits: {" + limits + "}\n") +
                   "vpcs: {main: {cidr: 10.0.0.0/16, internet_gateway: igw, " + keys + "}}\n");
  }
};

FOLLOWS(Quotas, QUOTA_01, kQuotas, "200 subnets in a VPC.") {
  const auto with = [&](int count) {
    return InVpc("subnets: " + Many(count, [](int i) {
                   return fmt::format("s{}: {{cidr: 10.0.{}.0/24}}", i, i);
                 }));
  };
  EXPECT_EQ(with(200), "");
  EXPECT_EQ(with(201),
            "vpc \"main\" has 201 subnets; the quota is 200 (limits.subnets_per_vpc, at most 500)");
}

FOLLOWS(Quotas, QUOTA_02, kQuotas, "200 route tables in a VPC.") {
  const auto with = [&](int count) {
    return InVpc("route_tables: " + Many(count, [](int i) { return fmt::format("t{}: {{}}", i); }));
  };
  EXPECT_EQ(with(200), "");
  EXPECT_EQ(with(201),
            "vpc \"main\" has 201 route tables; the quota is 200 (limits.route_tables_per_vpc, at "
            "most 1000)");
}

FOLLOWS(Quotas, QUOTA_03, kQuotas, "200 network ACLs in a VPC.") {
  const auto with = [&](int count) {
    return InVpc("network_acls: " + Many(count, [](int i) { return fmt::format("n{}: {{}}", i); }));
  };
  EXPECT_EQ(with(200), "");
  EXPECT_EQ(with(201),
            "vpc \"main\" has 201 network ACLs; the quota is 200 (limits.network_acls_per_vpc, at "
            "most 1000)");
}

FOLLOWS(Quotas, QUOTA_04, kQuotas, "500 routes of a family in a table; up to 1000 on request.") {
  const auto with = [&](int count, const std::string& limits) {
    return InVpc("route_tables: {t: {routes: " +
                     List(count,
                          [](int i) {
                            return fmt::format("{{to: 52.{}.{}.0/24, via: igw}}", i / 250, i % 250);
                          }) +
                     "}}",
                 limits);
  };
  EXPECT_EQ(with(500, ""), "");
  EXPECT_NE(with(501, "").find("has 501 routes of one family; the quota is 500"),
            std::string::npos);
  EXPECT_EQ(with(1000, "routes_per_route_table: 1000"), "");
}

FOLLOWS(Quotas, QUOTA_05, kQuotas, "5 IPv4 and 5 IPv6 blocks in a VPC; up to 50 of each.") {
  const auto v4 = [&](int count, const std::string& limits = "") {
    return Refusal(limits + "vpcs: {main: {cidr: " +
                   List(count, [](int i) { return fmt::format("100.{}.0.0/16", 64 + i); }) +
                   "}}\n");
  };
  EXPECT_EQ(v4(5), "");
  EXPECT_EQ(
      v4(6),
      "vpc \"main\" has 6 IPv4 CIDR blocks; the quota is 5 (limits.ipv4_cidrs_per_vpc, at most "
      "50)");
  EXPECT_EQ(v4(50, "limits: {ipv4_cidrs_per_vpc: 50}\n"), "");
  const auto v6 = [&](int count) {
    return Refusal("vpcs: {main: {cidr: 10.0.0.0/16, ipv6_cidr: " +
                   List(count, [](int i) { return fmt::format("\"2001:db8:{}::/56\"", i); }) +
                   "}}\n");
  };
  EXPECT_EQ(v6(5), "");
  EXPECT_EQ(
      v6(6),
      "vpc \"main\" has 6 IPv6 CIDR blocks; the quota is 5 (limits.ipv6_cidrs_per_vpc, at most "
      "50)");
}

FOLLOWS(Quotas, QUOTA_06, kQuotas,
        "60 rules of a family in a group and direction; more on request.") {
  const auto with = [&](int count, const std::string& limits) {
    return InVpc("security_groups: {g: {ingress: " +
                     List(count,
                          [](int i) {
                            return fmt::format("{{protocol: tcp, ports: {}, from: 10.0.0.0/8}}",
                                               1000 + i);
                          }) +
                     "}}",
                 limits);
  };
  EXPECT_EQ(with(60, ""), "");
  EXPECT_NE(with(61, "").find("has 61 ingress rules for IPv4; the quota is 60"), std::string::npos);
  EXPECT_EQ(with(61, "rules_per_security_group: 100"), "");
}

FOLLOWS(Quotas, QUOTA_07, kQuotas, "20 rules of a family in an ACL, the last included; up to 40.") {
  const auto with = [&](int count, const std::string& limits) {
    return InVpc(
        "network_acls: {n: {ingress: " +
            List(count,
                 [](int i) {
                   return fmt::format(
                       "{{rule: {}, action: allow, protocol: tcp, ports: 80, cidr: 10.0.0.0/8}}",
                       i + 1);
                 }) +
            "}}",
        limits);
  };
  EXPECT_EQ(with(19, ""), "");
  EXPECT_NE(with(20, "").find("has 20 ingress rules for IPv4 and the final deny; the quota is 20"),
            std::string::npos);
  EXPECT_EQ(with(39, "rules_per_network_acl: 40"), "");
}

FOLLOWS(Quotas, QUOTA_08, kQuotas, "5 groups on an interface; up to 16 on request.") {
  const auto with = [&](int count, const std::string& limits) {
    const auto name = [](int i) { return fmt::format("g{}", i); };
    return Refusal((limits.empty() ? "" : "limits: {" + limits + "}\n") +
                   "vpcs: {main: {cidr: 10.0.0.0/16, subnets: {a: {cidr: 10.0.1.0/24}}, "
                   "security_groups: " +
                   Many(16, [&](int i) { return name(i) + ": {}"; }) +
                   "}}\ninstances: {i: {subnet: a, security_groups: " + List(count, name) + "}}\n");
  };
  EXPECT_EQ(with(5, ""), "");
  EXPECT_NE(with(6, "").find("6 security groups on one interface; the quota is 5"),
            std::string::npos);
  EXPECT_EQ(with(16, "security_groups_per_eni: 16"), "");
}

FOLLOWS(Quotas, QUOTA_09, kQuotas, "1000 entries in a prefix list.") {
  const auto with = [&](int count) {
    return InVpc("prefix_lists: {p: " +
                 List(count, [](int i) { return fmt::format("52.{}.{}.0/24", i / 250, i % 250); }) +
                 "}");
  };
  EXPECT_EQ(with(1000), "");
  EXPECT_EQ(
      with(1001),
      "prefix list \"p\" has 1001 entries; the quota is 1000 (limits.entries_per_prefix_list, "
      "at most 10000)");
}

FOLLOWS(Quotas, QUOTA_10, kQuotas, "100 prefix lists in a region.") {
  const auto with = [&](int count) {
    return InVpc("prefix_lists: " +
                 Many(count, [](int i) { return fmt::format("p{}: 52.0.0.0/16", i); }));
  };
  EXPECT_EQ(with(100), "");
  EXPECT_EQ(with(101),
            "region eu-central-1 has 101 prefix lists; the quota is 100 "
            "(limits.prefix_lists_per_region, at most 1000)");
}

FOLLOWS(Quotas, QUOTA_11, kQuotas, "2500 security groups in a region.") {
  const auto with = [&](int count) {
    return InVpc("security_groups: " +
                 Many(count, [](int i) { return fmt::format("g{}: {{}}", i); }));
  };
  EXPECT_EQ(with(2500), "");
  EXPECT_EQ(with(2501),
            "region eu-central-1 has 2501 security groups; the quota is 2500 "
            "(limits.security_groups_per_region, at most 5000)");
}

FOLLOWS(Quotas, QUOTA_17, kQuotas, "50 active peering connections of a VPC; up to 125.") {
  const auto with = [&](int count, const std::string& limits = "") {
    return Refusal(
        "limits: {vpcs_per_region: 200" + limits + "}\nvpcs: " +
        Many(count + 1, [](int i) { return fmt::format("v{}: {{cidr: 10.{}.0.0/16}}", i, i); }) +
        "\npeerings: " +
        Many(count,
             [](int i) { return fmt::format("p{}: {{requester: v0, accepter: v{}}}", i, i + 1); }) +
        "\n");
  };
  EXPECT_EQ(with(50), "");
  EXPECT_EQ(with(51),
            "vpc \"v0\" has 51 peerings; the quota is 50 (limits.peerings_per_vpc, at most 125)");
  EXPECT_EQ(with(125, ", peerings_per_vpc: 125"), "");
}

FOLLOWS(Quotas, QUOTA_18, kQuotas, "20 gateway endpoints in a region.") {
  const auto with = [&](int count) {
    return InVpc("prefix_lists: {s: 52.1.0.0/16}, gateway_endpoints: " + Many(count, [](int i) {
                   return fmt::format("e{}: {{service: s3, prefix_list: s, route_tables: main}}",
                                      i);
                 }));
  };
  EXPECT_EQ(with(20), "");
  EXPECT_EQ(with(21),
            "region eu-central-1 has 21 gateway endpoints; the quota is 20 "
            "(limits.gateway_endpoints_per_region, at most 255)");
}

PROVED_BY(QUOTA_12, "Dns.AnswersAThousandAndTwentyFourASecondAndNoMore", kQuotas,
          "1024 packets a second of an interface to link-local services.");
PROVED_BY(QUOTA_13, "ValidateTest.LimitsRaiseQuotas", kQuotas,
          "Quotas that AWS raises on request are raised in the file.");
PROVED_BY(QUOTA_14, "broken/limits_out_of_range.yaml", kQuotas, "And not beyond what AWS grants.");

FOLLOWS(Quotas, QUOTA_15, kQuotas, "5 VPCs in a region, and each region counts on its own.") {
  const auto with = [&](int count, const std::string& limits = "", const std::string& keys = "") {
    return Refusal(limits + "vpcs: " +
                   Many(count,
                        [&](int i) {
                          return fmt::format("v{}: {{cidr: 10.0.0.0/16{}}}", i, i < 4 ? keys : "");
                        }) +
                   "\n");
  };
  EXPECT_EQ(with(5), "");
  EXPECT_EQ(with(6),
            "region eu-central-1 has 6 VPCs; the quota is 5 (limits.vpcs_per_region, at most 500)");
  EXPECT_EQ(with(6, "limits: {vpcs_per_region: 6}\n"), "");
  EXPECT_EQ(with(9, "", ", region: eu-west-1"), "");
}

FOLLOWS(Quotas, QUOTA_19, kQuotas,
        "As many internet and egress-only gateways as VPCs: one for each, so they need no quota "
        "of their own.") {
  EXPECT_EQ(Refusal("vpcs: " +
                    Many(5,
                         [](int i) {
                           return fmt::format(
                               "v{}: {{cidr: 10.0.0.0/16, internet_gateway: igw, "
                               "ipv6_cidr: \"2001:db8:{}::/56\", "
                               "egress_only_internet_gateway: eigw}}",
                               i, i);
                         }) +
                    "\n"),
            "");
}

FOLLOWS(Quotas, QUOTA_20, kQuotas,
        "5 elastic IPs in a region, whatever they are for: instances, NAT gateways, load "
        "balancers.") {
  const auto with = [&](int of_instances, const std::string& limits = "") {
    return Refusal(
        limits +
        "vpcs: {main: {cidr: 10.0.0.0/16, internet_gateway: igw, subnets: {a: {cidr: "
        "10.0.1.0/24}}, nat_gateways: {n: {subnet: a, elastic_ip: 203.0.113.1}}, load_balancers: "
        "{alb: {subnets: [a], elastic_ips: {a: 203.0.113.2}, dns_name: lb.example.com, listeners: "
        "[{protocol: http, port: 80, forward: t}], target_groups: {t: {protocol: http, port: 80, "
        "targets: [i0]}}}}}}\n"
        "instances: " +
        Many(of_instances,
             [](int i) {
               return fmt::format("i{}: {{subnet: a, elastic_ip: 203.0.113.{}}}", i, 10 + i);
             }) +
        "\n");
  };
  EXPECT_EQ(with(3), "");
  EXPECT_EQ(with(4),
            "region eu-central-1 has 6 elastic IPs; the quota is 5 (limits.elastic_ips_per_region, "
            "at most 5000)");
  EXPECT_EQ(with(4, "limits: {elastic_ips_per_region: 6}\n"), "");
}

FOLLOWS(Quotas, QUOTA_21, kQuotas, "5 NAT gateways in an availability zone.") {
  const auto with = [&](int in_a, const std::string& limits = "") {
    return Refusal("limits: {elastic_ips_per_region: 50" + limits +
                   "}\nvpcs: {main: {cidr: 10.0.0.0/16, internet_gateway: igw, subnets: {a: {cidr: "
                   "10.0.1.0/24, az: eu-central-1a}, b: {cidr: 10.0.2.0/24, az: eu-central-1b}}, "
                   "nat_gateways: " +
                   Many(in_a + 1,
                        [&](int i) {
                          return fmt::format("n{}: {{subnet: {}, elastic_ip: 203.0.113.{}}}", i,
                                             i < in_a ? "a" : "b", i + 1);
                        }) +
                   "}}\n");
  };
  EXPECT_EQ(with(5), "");
  EXPECT_EQ(with(6),
            "eu-central-1a has 6 NAT gateways; the quota is 5 (limits.nat_gateways_per_az, at most "
            "200)");
  EXPECT_EQ(with(6, ", nat_gateways_per_az: 6"), "");
}

FOLLOWS(Quotas, QUOTA_22, kQuotas, "5000 network interfaces in a region.") {
  const auto with = [&](const std::string& limit) {
    return Refusal(
        "limits: {enis_per_region: " + limit +
        "}\nvpcs: {main: {cidr: 10.0.0.0/16, internet_gateway: igw, subnets: {a: {cidr: "
        "10.0.1.0/24}}, nat_gateways: {n: {subnet: a, elastic_ip: 203.0.113.1}}}}\n"
        "instances: {one: {subnet: a}, two: {interfaces: [{subnet: a}, {subnet: a}]}}\n");
  };
  EXPECT_EQ(control::Limits().enis_per_region, 5000);
  EXPECT_EQ(with("4"), "");
  EXPECT_EQ(with("3"),
            "region eu-central-1 has 4 network interfaces; the quota is 3 (limits.enis_per_region, "
            "at most 20000)");
}

FOLLOWS(Quotas, QUOTA_23, kQuotas, "50 load balancers in a region.") {
  const auto with = [&](int count) {
    return InVpc("subnets: {a: {cidr: 10.0.0.0/20}}, load_balancers: " + Many(count, [](int i) {
                   return fmt::format(
                       "lb{0}: {{scheme: internal, subnets: [a], dns_name: lb{0}.example.com, "
                       "listeners: [{{protocol: http, port: 80, forward: t}}], target_groups: {{t: "
                       "{{protocol: http, port: 80}}}}}}",
                       i);
                 }));
  };
  EXPECT_EQ(with(50), "");
  EXPECT_EQ(with(51),
            "region eu-central-1 has 51 load balancers; the quota is 50 "
            "(limits.load_balancers_per_region, at most 500)");
}

FOLLOWS(Quotas, QUOTA_24, kQuotas,
        "Rules of a group times groups of an interface: at most 1000 for an interface.") {
  EXPECT_EQ(InVpc("", "rules_per_security_group: 200"), "");
  EXPECT_EQ(InVpc("", "rules_per_security_group: 201"),
            "rules_per_security_group times security_groups_per_eni is 1005; the quota is 1000");
}

FOLLOWS(Quotas, QUOTA_16, kQuotas,
        "64,000 network address units in a VPC: 1 for an address and for an instance's further "
        "interface, 6 for a NAT gateway.") {
  const auto with = [&](const std::string& limit) {
    return Refusal("limits: {network_address_units_per_vpc: " + limit +
                   "}\nvpcs: {main: {cidr: 10.0.0.0/16, internet_gateway: igw, subnets: {a: {cidr: "
                   "10.0.1.0/24}}, nat_gateways: {n: {subnet: a, elastic_ip: 203.0.113.1}}}}\n"
                   "instances: {one: {subnet: a, private_ips: [10.0.1.50]}, two: {interfaces: "
                   "[{subnet: a}, {subnet: a}]}}\n");
  };
  EXPECT_EQ(control::Limits().network_address_units_per_vpc, 64'000);
  EXPECT_EQ(with("11"), "");
  EXPECT_EQ(with("10"),
            "vpc \"main\" has 11 network address units; the quota is 10 "
            "(limits.network_address_units_per_vpc, at most 256000)");
}

FOLLOWS(Quotas, QUOTA_25, kQuotas,
        "128,000 network address units in a VPC and its peers of the region together.") {
  const auto with = [&](const std::string& limit, const std::string& region) {
    return Refusal(
        "limits: {network_address_units_peered: " + limit +
        "}\nvpcs: {l: {cidr: 10.1.0.0/16, subnets: {l-1: {cidr: 10.1.1.0/24}}}, r: {cidr: "
        "10.2.0.0/16, region: " +
        region +
        ", subnets: {r-1: {cidr: 10.2.1.0/24}}}}\npeerings: {p: {requester: l, accepter: "
        "r}}\ninstances: {in-l: {subnet: l-1}, in-r: {subnet: r-1}}\n");
  };
  EXPECT_EQ(control::Limits().network_address_units_peered, 128'000);
  EXPECT_EQ(with("2", "eu-central-1"), "");
  EXPECT_EQ(with("1", "eu-central-1"),
            "vpc \"l\" has 2 network address units with its peers; the quota is 1 "
            "(limits.network_address_units_peered, at most 512000)\n"
            "vpc \"r\" has 2 network address units with its peers; the quota is 1 "
            "(limits.network_address_units_peered, at most 512000)");
  EXPECT_EQ(with("1", "eu-west-1"), "");
}

NOT_MODELLED(Quotas, QUOTA_26, kQuotas,
             "Transit gateways, interface endpoints, flow logs and mirror sessions have quotas.") {
  for (const std::string key : {"transit_gateways", "vpc_endpoints", "flow_logs"})
    EXPECT_NE(InVpc(key + ": {}"), "") << key;
}

}  // namespace
}  // namespace taploom::test
