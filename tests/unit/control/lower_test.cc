#include "control/lower.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "tests/unit/control/topology_test_support.h"

namespace taploom::control {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

// One dual-stack VPC with whatever else a test needs in it.
std::string DualStack(const std::string& more) {
  return R"(
name: lab
region: us-east-1
vpcs:
  main:
    cidr: [10.0.0.0/16, 10.1.0.0/16]
    ipv6_cidr: "2001:db8:0:100::/56"
    internet_gateway: igw
    subnets: {app-a: {cidr: 10.0.2.0/24, ipv6_cidr: "2001:db8:0:102::/64"}}
)" + more;
}

TEST(LowerTest, ImplicitObjectsAppear) {
  const FabricPlan plan = PlanOf(ThreeTier());
  EXPECT_THAT(RoutesOf(plan, "main"), ElementsAre("10.0.0.0/16 local"));
  EXPECT_THAT(RoutesOf(plan, "public"), ElementsAre("10.0.0.0/16 local", "0.0.0.0/0 igw"));
  EXPECT_THAT(RulesOf(plan, "default"),
              ElementsAre("ingress all from sg:default", "egress all to 0.0.0.0/0"));
  EXPECT_THAT(RulesOf(plan, "web"),
              ElementsAre("ingress tcp 80 from sg:alb", "egress all to 0.0.0.0/0"));
  EXPECT_THAT(RulesOf(plan, "db"), ElementsAre("ingress tcp 3306 from sg:web"))
      << "egress: [] stays empty";
  ASSERT_THAT(plan.config.network_acls(), SizeIs(2));
  const config::NetworkAcl& acl = plan.config.network_acls(0);
  EXPECT_EQ(acl.name(), "default");
  ASSERT_THAT(acl.entries(), SizeIs(2));
  EXPECT_EQ(acl.entries(0).rule_number(), 100u);
  EXPECT_TRUE(acl.entries(0).allow());
  EXPECT_EQ(acl.entries(0).match().protocol(), -1);
}

TEST(LowerTest, ImplicitObjectsCoverIpv6WhenTheVpcHasIt) {
  const FabricPlan plan = PlanOf(DualStack("    security_groups: {web: {}}\n"));
  EXPECT_THAT(RoutesOf(plan, "main"),
              ElementsAre("10.0.0.0/16 local", "10.1.0.0/16 local", "2001:db8:0:100::/56 local"));
  EXPECT_THAT(RulesOf(plan, "web"), ElementsAre("egress all to 0.0.0.0/0", "egress all to ::/0"));
  EXPECT_THAT(plan.config.network_acls(0).entries(), SizeIs(4)) << "100 and 101, both directions";
}

TEST(LowerTest, TheDefaultGroupAndAclKeepTheRulesThatTheFileDoesNotWrite) {
  const FabricPlan plan = PlanOf(DualStack(R"(
    security_groups: {default: {egress: []}}
    network_acls: {default: {ingress: []}, strict: {}}
)"));
  EXPECT_THAT(RulesOf(plan, "default"), ElementsAre("ingress all from sg:default"));
  ASSERT_THAT(plan.config.network_acls(), SizeIs(2));
  for (const config::NetworkAclEntry& entry : plan.config.network_acls(0).entries()) {
    EXPECT_EQ(entry.direction(), config::EGRESS);
  }
  EXPECT_THAT(plan.config.network_acls(1).entries(), IsEmpty())
      << "an ACL of one's own starts deny-all";
}

TEST(LowerTest, ASubnetWithoutATableUsesTheMainOneUnderWhateverName) {
  const FabricPlan plan = PlanOf(DualStack(R"(
    route_tables: {public: {main: true, routes: [{to: 0.0.0.0/0, via: igw}]}}
)"));
  ASSERT_THAT(plan.config.route_tables(), SizeIs(1));
  EXPECT_TRUE(plan.config.route_tables(0).main());
  EXPECT_EQ(plan.config.subnets(0).route_table_id(), plan.config.route_tables(0).id());
}

TEST(LowerTest, RoutesTakeOverLocalOnesAndPrefixListsComeLast) {
  const FabricPlan plan = PlanOf(DualStack(R"(
    prefix_lists: {offices: [203.0.113.0/24, 192.0.2.0/24]}
    route_tables:
      odd:
        routes:
          - {to: "pl:offices", via: blackhole}
          - {to: 192.0.2.0/24, via: igw}
          - {to: 10.0.0.0/16, via: "instance:fw"}
instances:
  fw: {subnet: app-a}
)"));
  EXPECT_THAT(RoutesOf(plan, "odd"),
              ElementsAre("10.0.0.0/16 eni:fw", "10.1.0.0/16 local", "2001:db8:0:100::/56 local",
                          "192.0.2.0/24 igw", "203.0.113.0/24 blackhole"));
}

TEST(LowerTest, RulesExpandToOnePeerAndOnePortRangeEach) {
  const FabricPlan plan = PlanOf(DualStack(R"(
    prefix_lists: {offices: 203.0.113.0/24}
    security_groups:
      web:
        ingress:
          - {protocol: tcp, ports: [80, 8000-8010], from: [10.0.0.0/8, pl:offices]}
          - {protocol: icmp, type: 8, from: 0.0.0.0/0}
          - {protocol: 47, from: sg:web}
          - {protocol: udp, from: "::/0"}
        egress: []
)"));
  EXPECT_THAT(RulesOf(plan, "web"),
              ElementsAre("ingress tcp 80 from 10.0.0.0/8", "ingress tcp 8000-8010 from 10.0.0.0/8",
                          "ingress tcp 80 from pl:offices", "ingress tcp 8000-8010 from pl:offices",
                          "ingress icmp type 8 from 0.0.0.0/0", "ingress protocol 47 from sg:web",
                          "ingress udp from ::/0"));
}

TEST(LowerTest, EveryIdIsUniqueAndShapedLikeAws) {
  const config::FabricConfig config = PlanOf(ThreeTier()).config;
  std::set<std::string> ids;
  std::size_t count = 0;
  const auto check = [&](const std::string& id, const std::string& prefix) {
    EXPECT_THAT(id, testing::MatchesRegex(prefix + "-0[0-9a-f]{16}"));
    ids.insert(id);
    ++count;
  };
  for (const auto& vpc : config.vpcs()) check(vpc.id(), "vpc");
  for (const auto& subnet : config.subnets()) check(subnet.id(), "subnet");
  for (const auto& table : config.route_tables()) check(table.id(), "rtb");
  for (const auto& acl : config.network_acls()) check(acl.id(), "acl");
  for (const auto& eni : config.enis()) check(eni.id(), "eni");
  for (const auto& gateway : config.internet_gateways()) check(gateway.id(), "igw");
  for (const auto& gateway : config.nat_gateways()) check(gateway.id(), "nat");
  for (const auto& group : config.security_groups()) {
    check(group.id(), "sg");
    for (const auto& rule : group.rules()) check(rule.id(), "sgr");
  }
  EXPECT_EQ(ids.size(), count);
}

TEST(LowerTest, IdsDoNotDependOnWhatElseIsInTheFile) {
  const FabricPlan before = PlanOf(ThreeTier());
  const FabricPlan after =
      PlanOf(Replace(Replace(ThreeTier(), "  web-1: {", "  extra: {subnet: app-a}\n  web-1: {"),
                     "{protocol: tcp, ports: 80, from: sg:alb}",
                     "{protocol: tcp, ports: 22, from: 0.0.0.0/0}, "
                     "{protocol: tcp, ports: 80, from: sg:alb}"));
  EXPECT_EQ(EniNamed(before, "web-1").id(), EniNamed(after, "web-1").id());
  EXPECT_EQ(EniNamed(before, "web-1").mac(), EniNamed(after, "web-1").mac());
  const auto rule_id = [](const FabricPlan& plan, int index) {
    return plan.config.security_groups(2).rules(index).id();
  };
  EXPECT_EQ(rule_id(before, 0), rule_id(after, 1)) << "a rule's id comes from what it says";
}

TEST(LowerTest, AnotherFabricHasOtherIds) {
  const FabricPlan one = PlanOf(ThreeTier());
  const FabricPlan other = PlanOf(Replace(ThreeTier(), "name: three-tier", "name: other"));
  EXPECT_NE(EniNamed(one, "web-1").id(), EniNamed(other, "web-1").id());
  EXPECT_NE(EniNamed(one, "web-1").mac(), EniNamed(other, "web-1").mac());
}

TEST(LowerTest, AnInstanceGetsItsInterfaceAsAwsWouldConfigureIt) {
  const FabricPlan plan = PlanOf(ThreeTier());
  const NamespacePlan& web = NamespaceNamed(plan, "web-1");
  EXPECT_EQ(web.kind, NamespaceKind::kInstance);
  EXPECT_THAT(web.instance_id, testing::StartsWith("i-0"));
  EXPECT_THAT(web.run, ElementsAre("./serve-web.sh"));
  ASSERT_THAT(web.interfaces, SizeIs(1));
  const InterfacePlan& eth0 = web.interfaces[0];
  EXPECT_EQ(eth0.device, "eth0");
  EXPECT_EQ(eth0.mtu, 9001u);
  ASSERT_THAT(eth0.addresses, SizeIs(1));
  EXPECT_EQ(eth0.addresses[0].address.ToString(), "10.0.2.50");
  EXPECT_EQ(eth0.addresses[0].prefix_length, 24);
  EXPECT_EQ(eth0.gateway_v4->ToString(), "10.0.2.1");
  EXPECT_FALSE(eth0.gateway_v6.has_value());
  EXPECT_FALSE(eth0.gateway_on_link);
  ASSERT_THAT(web.nameservers, SizeIs(1));
  EXPECT_EQ(web.nameservers[0].ToString(), "10.0.0.2") << "base+2 of the VPC, not of the subnet";
  EXPECT_EQ(web.search_domain, "ap-northeast-2.compute.internal");

  const config::Eni& eni = EniNamed(plan, "web-1");
  EXPECT_EQ(eni.id(), eth0.object_id);
  EXPECT_EQ(eni.port(), eth0.port);
  EXPECT_NE(eni.port(), 0u);
  EXPECT_TRUE(eni.source_dest_check());
}

TEST(LowerTest, DualStackAndSecondaryAddressesAndSeveralInterfaces) {
  const FabricPlan plan = PlanOf(DualStack(R"(
instances:
  fw:
    interfaces:
      - {subnet: app-a, private_ip: 10.0.2.9, private_ips: [10.0.2.10], ipv6: true, source_dest_check: false}
      - {subnet: app-a, connection_tracking: {tcp_established: 350}}
)"));
  const NamespacePlan& fw = NamespaceNamed(plan, "fw");
  ASSERT_THAT(fw.interfaces, SizeIs(2));
  ASSERT_THAT(fw.interfaces[0].addresses, SizeIs(3));
  EXPECT_EQ(fw.interfaces[0].addresses[1].address.ToString(), "10.0.2.10");
  EXPECT_EQ(fw.interfaces[0].addresses[2].address.ToString(), "2001:db8:0:102::4");
  EXPECT_EQ(fw.interfaces[0].addresses[2].prefix_length, 64);
  EXPECT_EQ(fw.interfaces[0].gateway_v6->ToString(), "2001:db8:0:102::1");
  EXPECT_EQ(fw.interfaces[1].device, "eth1");
  EXPECT_FALSE(fw.interfaces[1].gateway_v4.has_value()) << "default routes are eth0's";
  EXPECT_FALSE(EniNamed(plan, "fw").source_dest_check());
  EXPECT_EQ(EniNamed(plan, "fw/eth1").connection_tracking().tcp_established_seconds(), 350u);
  EXPECT_EQ(fw.search_domain, "ec2.internal") << "us-east-1 is the odd one";
  EXPECT_THAT(HostsOf(plan, "fw"), ElementsAre("10.0.2.9 fw", "2001:db8:0:102::4 fw"));
}

TEST(LowerTest, NatGatewayHasAnEniOfItsOwnWithoutPort) {
  const FabricPlan plan = PlanOf(ThreeTier());
  const config::Eni& eni = EniNamed(plan, "nat-a");
  EXPECT_EQ(eni.type(), config::Eni::NAT_GATEWAY);
  EXPECT_EQ(eni.port(), 0u);
  EXPECT_EQ(AddressText(eni.addresses(0).private_address()), "10.0.1.4");
  EXPECT_EQ(AddressText(eni.addresses(0).public_address()), "203.0.113.10");
  EXPECT_THAT(eni.security_group_ids(), IsEmpty());
  EXPECT_EQ(plan.config.nat_gateways(0).eni_id(), eni.id());
  EXPECT_TRUE(plan.config.nat_gateways(0).public_connectivity());
}

TEST(LowerTest, LoadBalancerNodesHaveNamespacesAndHaproxyKnowsItsTargets) {
  const FabricPlan plan = PlanOf(ThreeTier());
  const NamespacePlan& node = NamespaceNamed(plan, "front/public-a");
  EXPECT_EQ(node.kind, NamespaceKind::kLoadBalancerNode);
  EXPECT_EQ(node.interfaces[0].addresses[0].address.ToString(), "10.0.1.100");
  const config::Eni& eni = EniNamed(plan, "front/public-a");
  EXPECT_EQ(eni.type(), config::Eni::LOAD_BALANCER);
  EXPECT_EQ(AddressText(eni.addresses(0).public_address()), "203.0.113.20");

  ASSERT_THAT(plan.load_balancers, SizeIs(1));
  const LoadBalancerPlan& front = plan.load_balancers[0];
  EXPECT_EQ(front.dns_name, "mydomain.com");
  ASSERT_THAT(front.nodes, SizeIs(1));
  EXPECT_EQ(front.nodes[0].namespace_name, "front/public-a");
  EXPECT_EQ(front.nodes[0].az, "ap-northeast-2a");
  ASSERT_THAT(front.target_groups, SizeIs(1));
  ASSERT_THAT(front.target_groups[0].targets, SizeIs(1));
  EXPECT_EQ(front.target_groups[0].targets[0].address.ToString(), "10.0.2.50");
  EXPECT_EQ(front.target_groups[0].targets[0].port, 80);
  EXPECT_EQ(front.target_groups[0].health_check.interval_seconds, 30u) << "AWS's default";
}

TEST(LowerTest, LoadBalancerWithoutNamesAndAddressesGetsThem) {
  const FabricPlan plan = PlanOf(DualStack(R"(
    load_balancers:
      front:
        subnets: [app-a]
        listeners: [{protocol: http, port: 80, redirect: https}]
      inside:
        scheme: internal
        subnets: [app-a]
        listeners: [{protocol: http, port: 80, forward: web}]
        target_groups: {web: {port: 8080, targets: [web-1, {instance: web-1, port: 8081}]}}
instances: {web-1: {subnet: app-a}}
internet: {hosts: {client: {address: 1.2.3.4, dns_names: [client.example.com]}}}
)"));
  EXPECT_EQ(AddressText(EniNamed(plan, "front/app-a").addresses(0).public_address()),
            "198.51.100.1");
  EXPECT_EQ(AddressText(EniNamed(plan, "inside/app-a").addresses(0).public_address()), "none");
  const std::string front = plan.load_balancers[0].dns_name,
                    inside = plan.load_balancers[1].dns_name;
  EXPECT_THAT(front,
              testing::MatchesRegex("front-[0-9a-f]{10}\\.us-east-1\\.elb\\.amazonaws\\.com"));
  EXPECT_TRUE(plan.load_balancers[0].listeners[0].redirect_to_https);
  EXPECT_EQ(plan.load_balancers[0].listeners[0].redirect_port, 443);
  EXPECT_EQ(plan.load_balancers[1].target_groups[0].targets[1].port, 8081);

  EXPECT_THAT(HostsOf(plan, "web-1"),
              ElementsAre("10.0.2.6 web-1", "10.0.2.5 " + inside, "198.51.100.1 " + front,
                          "1.2.3.4 client client.example.com"));
  EXPECT_THAT(HostsOf(plan, "client"),
              ElementsAre("198.51.100.1 " + front, "1.2.3.4 client client.example.com"))
      << "the internet knows neither instances nor internal load balancers";
}

TEST(LowerTest, InternetHostsAreAloneOnTheirLink) {
  const FabricPlan plan = PlanOf(R"(
name: lab
vpcs: {main: {cidr: 10.0.0.0/16}}
internet: {hosts: {client: {address: [1.2.3.4, "2001:db8::9"]}}}
)");
  const NamespacePlan& client = NamespaceNamed(plan, "client");
  const InterfacePlan& eth0 = client.interfaces[0];
  EXPECT_EQ(client.kind, NamespaceKind::kInternetHost);
  EXPECT_EQ(eth0.mtu, 1500u);
  EXPECT_EQ(eth0.addresses[0].prefix_length, 32);
  EXPECT_EQ(eth0.addresses[1].prefix_length, 128);
  EXPECT_EQ(eth0.gateway_v4->ToString(), "169.254.1.1");
  EXPECT_EQ(eth0.gateway_v6->ToString(), "fe80::1");
  EXPECT_TRUE(eth0.gateway_on_link);
  ASSERT_THAT(client.nameservers, SizeIs(1));
  EXPECT_EQ(client.nameservers[0].ToString(), "169.254.1.1")
      << "the fabric answers at the gateway's address";
  const config::InternetHost& host = plan.config.internet_hosts(0);
  EXPECT_EQ(host.id(), eth0.object_id);
  EXPECT_EQ(host.mac().size(), 6u);
  EXPECT_NE(host.mac(), host.router_mac());
}

// What a resolver's table says about a name; empty when it does not know it.
std::vector<std::string> Lookup(
    const google::protobuf::RepeatedPtrField<config::NameRecord>& records, std::string_view name) {
  std::vector<std::string> addresses;
  for (const config::NameRecord& record : records) {
    if (record.name() != name) continue;
    for (const std::string& bytes : record.addresses()) addresses.push_back(AddressText(bytes));
  }
  return addresses;
}

TEST(LowerTest, TheResolverKnowsWhatTheHostsFilesSayAndTheNamesOfAddresses) {
  const config::FabricConfig config =
      PlanOf(Replace(ThreeTier(), "dns_name: mydomain.com", "dns_name: myDomain.com")).config;
  const auto& vpc = config.vpcs(0).names();
  EXPECT_THAT(Lookup(vpc, "web-1"), ElementsAre("10.0.2.50"));
  EXPECT_THAT(Lookup(vpc, "mydomain.com"), ElementsAre("203.0.113.20")) << "in lower case";
  EXPECT_THAT(Lookup(vpc, "client"), ElementsAre("1.2.3.4"));
  EXPECT_THAT(Lookup(vpc, "ip-10-0-2-50"), ElementsAre("10.0.2.50"));
  EXPECT_THAT(Lookup(vpc, "ip-10-0-2-50.ap-northeast-2.compute.internal"),
              ElementsAre("10.0.2.50"));
  EXPECT_THAT(Lookup(config.internet_names(), "mydomain.com"), ElementsAre("203.0.113.20"));
  EXPECT_THAT(Lookup(config.internet_names(), "web-1"), IsEmpty());
}

TEST(LowerTest, VpcsWithTheSameBlockStayApart) {
  const FabricPlan plan = PlanOf(R"(
name: twins
vpcs:
  left: &vpc {cidr: 10.0.0.0/16, subnets: {app-a: {cidr: 10.0.2.0/24}}}
  right: *vpc
instances:
  left-1: {subnet: left/app-a, private_ip: 10.0.2.50}
  right-1: {subnet: right/app-a, private_ip: 10.0.2.50}
)");
  EXPECT_NE(EniNamed(plan, "left-1").subnet_id(), EniNamed(plan, "right-1").subnet_id());
  EXPECT_NE(EniNamed(plan, "left-1").security_group_ids(0),
            EniNamed(plan, "right-1").security_group_ids(0));
  EXPECT_THAT(HostsOf(plan, "left-1"), ElementsAre("10.0.2.50 left-1"));
}

TEST(LowerTest, AnAttachedNamespaceIsAnInstance) {
  Topology topology = Parse(ThreeTier()).topology;
  AddAttachedInstance(topology, {.name = "svc", .netns_path = "/run/netns/svc", .subnet = "app-a"});
  Allocations allocations;
  const FabricPlan plan = PlanOf(topology, allocations);
  const NamespacePlan& svc = NamespaceNamed(plan, "svc");
  EXPECT_EQ(svc.kind, NamespaceKind::kAttached);
  EXPECT_EQ(svc.attached_netns, "/run/netns/svc");
  EXPECT_THAT(svc.run, IsEmpty());
  EXPECT_EQ(svc.interfaces[0].addresses[0].address.ToString(), "10.0.2.4");
  EXPECT_THAT(HostsOf(plan, "web-1"), Contains("10.0.2.4 svc"));
}

// What the dataplane relies on: ids inside one config resolve inside it.
TEST(LowerTest, EveryReferenceResolvesInsideTheConfig) {
  const config::FabricConfig config = PlanOf(ThreeTier()).config;
  std::set<std::string> ids = {""};
  for (const auto& vpc : config.vpcs()) ids.insert(vpc.id());
  for (const auto& subnet : config.subnets()) ids.insert(subnet.id());
  for (const auto& table : config.route_tables()) ids.insert(table.id());
  for (const auto& group : config.security_groups()) ids.insert(group.id());
  for (const auto& acl : config.network_acls()) ids.insert(acl.id());
  for (const auto& list : config.prefix_lists()) ids.insert(list.id());
  for (const auto& eni : config.enis()) ids.insert(eni.id());
  for (const auto& gateway : config.internet_gateways()) ids.insert(gateway.id());
  for (const auto& gateway : config.nat_gateways()) ids.insert(gateway.id());

  for (const auto& subnet : config.subnets()) {
    EXPECT_THAT(ids, Contains(subnet.vpc_id()));
    EXPECT_THAT(ids, Contains(subnet.route_table_id()));
    EXPECT_THAT(ids, Contains(subnet.network_acl_id()));
    EXPECT_EQ(subnet.router_mac().size(), 6u);
  }
  for (const auto& table : config.route_tables()) {
    for (const auto& route : table.routes()) EXPECT_THAT(ids, Contains(route.target_id()));
  }
  for (const auto& group : config.security_groups()) {
    for (const auto& rule : group.rules()) EXPECT_THAT(ids, Contains(rule.security_group_id()));
  }
  for (const auto& eni : config.enis()) {
    EXPECT_THAT(ids, Contains(eni.subnet_id()));
    for (const auto& group : eni.security_group_ids()) EXPECT_THAT(ids, Contains(group));
  }
}

TEST(LowerTest, NoTwoInterfacesShareAMacOrAPort) {
  std::string text =
      "name: big\nvpcs: {main: {cidr: 10.0.0.0/16, subnets: {all: {cidr: "
      "10.0.0.0/16}}}}\ninstances:\n";
  for (int i = 0; i < 1000; ++i) text += "  i" + std::to_string(i) + ": {subnet: all}\n";
  const FabricPlan plan = PlanOf(text);
  std::set<std::string> macs;
  std::set<std::uint32_t> ports;
  for (const config::Eni& eni : plan.config.enis()) {
    macs.insert(eni.mac());
    ports.insert(eni.port());
  }
  EXPECT_THAT(macs, SizeIs(1000));
  EXPECT_THAT(ports, SizeIs(1000));
  EXPECT_THAT(ports, Not(Contains(0u)));
}

}  // namespace
}  // namespace taploom::control
