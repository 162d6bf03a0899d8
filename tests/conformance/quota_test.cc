// QUOTA: how much there may be (vpc-semantics §14).
#include <fmt/format.h>

#include <functional>
#include <string>

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
  EXPECT_EQ(with(201), "vpc \"main\" has 201 subnets; the quota is 200");
}

FOLLOWS(Quotas, QUOTA_02, kQuotas, "200 route tables in a VPC.") {
  const auto with = [&](int count) {
    return InVpc("route_tables: " + Many(count, [](int i) { return fmt::format("t{}: {{}}", i); }));
  };
  EXPECT_EQ(with(200), "");
  EXPECT_EQ(with(201), "vpc \"main\" has 201 route tables; the quota is 200");
}

FOLLOWS(Quotas, QUOTA_03, kQuotas, "200 network ACLs in a VPC.") {
  const auto with = [&](int count) {
    return InVpc("network_acls: " + Many(count, [](int i) { return fmt::format("n{}: {{}}", i); }));
  };
  EXPECT_EQ(with(200), "");
  EXPECT_EQ(with(201), "vpc \"main\" has 201 network ACLs; the quota is 200");
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

FOLLOWS(Quotas, QUOTA_05, kQuotas, "5 IPv4 and 5 IPv6 blocks in a VPC.") {
  const auto v4 = [&](int count) {
    return Refusal("vpcs: {main: {cidr: " +
                   List(count, [](int i) { return fmt::format("100.{}.0.0/16", 64 + i); }) +
                   "}}\n");
  };
  EXPECT_EQ(v4(5), "");
  EXPECT_EQ(v4(6), "vpc \"main\" has 6 IPv4 CIDR blocks; the quota is 5");
  const auto v6 = [&](int count) {
    return Refusal("vpcs: {main: {cidr: 10.0.0.0/16, ipv6_cidr: " +
                   List(count, [](int i) { return fmt::format("\"2001:db8:{}::/56\"", i); }) +
                   "}}\n");
  };
  EXPECT_EQ(v6(5), "");
  EXPECT_EQ(v6(6), "vpc \"main\" has 6 IPv6 CIDR blocks; the quota is 5");
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
  EXPECT_EQ(with(1001), "prefix list \"p\" has 1001 entries; the quota is 1000");
}

FOLLOWS(Quotas, QUOTA_10, kQuotas, "100 prefix lists.") {
  const auto with = [&](int count) {
    return InVpc("prefix_lists: " +
                 Many(count, [](int i) { return fmt::format("p{}: 52.0.0.0/16", i); }));
  };
  EXPECT_EQ(with(100), "");
  EXPECT_EQ(with(101), "vpc \"main\" has 101 prefix lists; the quota is 100");
}

FOLLOWS(Quotas, QUOTA_11, kQuotas, "2500 security groups in a region.") {
  const auto with = [&](int count) {
    return InVpc("security_groups: " +
                 Many(count, [](int i) { return fmt::format("g{}: {{}}", i); }));
  };
  EXPECT_EQ(with(2500), "");
  EXPECT_NE(with(2501).find("has 2501 security groups; the quota is 2500"), std::string::npos);
}

FOLLOWS(Quotas, QUOTA_17, kQuotas, "50 active peering connections of a VPC.") {
  const auto with = [&](int count) {
    return Refusal(
        "vpcs: " +
        Many(count + 1, [](int i) { return fmt::format("v{}: {{cidr: 10.{}.0.0/16}}", i, i); }) +
        "\npeerings: " +
        Many(count,
             [](int i) { return fmt::format("p{}: {{requester: v0, accepter: v{}}}", i, i + 1); }) +
        "\n");
  };
  EXPECT_EQ(with(50), "");
  EXPECT_EQ(with(51), "vpc \"v0\" has 51 peerings; the quota is 50");
}

FOLLOWS(Quotas, QUOTA_18, kQuotas, "20 gateway endpoints.") {
  const auto with = [&](int count) {
    return InVpc("prefix_lists: {s: 52.1.0.0/16}, gateway_endpoints: " + Many(count, [](int i) {
                   return fmt::format("e{}: {{service: s3, prefix_list: s, route_tables: main}}",
                                      i);
                 }));
  };
  EXPECT_EQ(with(20), "");
  EXPECT_EQ(with(21), "vpc \"main\" has 21 gateway endpoints; the quota is 20");
}

PROVED_BY(QUOTA_12, "Dns.AnswersAThousandAndTwentyFourASecondAndNoMore", kQuotas,
          "1024 packets a second of an interface to link-local services.");
PROVED_BY(QUOTA_13, "ValidateTest.LimitsRaiseQuotas", kQuotas,
          "Quotas that AWS raises on request are raised in the file.");
PROVED_BY(QUOTA_14, "broken/limits_out_of_range.yaml", kQuotas, "And not beyond what AWS grants.");
DEVIATES(Quotas, QUOTA_15, kQuotas,
         "5 VPCs, 5 elastic IPs and 5 internet gateways in a region, 5 NAT gateways in a zone.",
         "Any account gets these raised, and a fabric starts from nothing each time.") {
  EXPECT_EQ(Refusal("vpcs: " +
                    Many(9,
                         [](int i) {
                           return fmt::format("v{}: {{cidr: 10.0.0.0/16, internet_gateway: igw}}",
                                              i);
                         }) +
                    "\n"),
            "");
}
OUTSIDE(QUOTA_16, kQuotas, "A VPC uses at most 64,000 network address units.",
        "5000 interfaces, the quota of a region, stay far below that.");

}  // namespace
}  // namespace taploom::test
