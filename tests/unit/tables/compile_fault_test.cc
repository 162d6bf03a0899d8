// Everything that Compile refuses, each with its exact message.
#include <gtest/gtest.h>

#include <functional>
#include <ostream>
#include <string>

#include "dataplane/tables/compile.h"
#include "dataplane/wire/protocol.h"
#include "tests/unit/tables/two_tiers.h"

namespace taploom::tables {
namespace {

// One way to break TwoTiers(), and what Compile says about it.
struct Fault {
  const char* name;
  std::function<void(config::FabricConfig&)> make;
  std::string error;
};

void PrintTo(const Fault& fault, std::ostream* out) { *out << fault.name; }

class CompileFault : public testing::TestWithParam<Fault> {};

TEST_P(CompileFault, IsReported) {
  config::FabricConfig fabric = TwoTiers();
  GetParam().make(fabric);
  const CompileResult result = Compile(fabric);
  EXPECT_EQ(result.error, GetParam().error);
  EXPECT_EQ(result.snapshot, nullptr);
}

using Config = config::FabricConfig;

std::string TestName(const testing::TestParamInfo<Fault>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(
    Vpcs, CompileFault,
    testing::Values(
        Fault{"WithoutId", [](Config& c) { c.add_vpcs(); }, "VPC: has no id"},
        Fault{"IdTwice", [](Config& c) { *c.add_vpcs() = c.vpcs(0); },
              "VPC main (vpc-main): id is used twice"},
        Fault{"WithoutCidr", [](Config& c) { c.add_vpcs()->set_id("vpc-2"); },
              "VPC vpc-2: has no CIDR"},
        Fault{"CidrOfThreeBytes",
              [](Config& c) { c.mutable_vpcs(0)->mutable_cidrs(0)->set_address("\x0a\x01\x01"); },
              "VPC main (vpc-main): CIDR has 3 bytes, not 4 or 16"},
        Fault{"CidrTooLong", [](Config& c) { c.mutable_vpcs(0)->mutable_cidrs(0)->set_length(33); },
              "VPC main (vpc-main): CIDR 10.0.0.0/33 is longer than 32 bits"},
        Fault{"Ipv6CidrTooLong",
              [](Config& c) { c.mutable_vpcs(0)->mutable_cidrs(1)->set_length(0xffffffff); },
              "VPC main (vpc-main): CIDR 2001:db8:1234:1a00::/4294967295 is longer than 128 bits"},
        Fault{"CidrWithHostBits",
              [](Config& c) { c.mutable_vpcs(0)->mutable_cidrs(0)->set_length(6); },
              "VPC main (vpc-main): CIDR 10.0.0.0/6 has host bits set"},
        Fault{"CidrIpv4Mapped",
              [](Config& c) {
                std::string mapped(16, '\0');
                mapped[10] = mapped[11] = '\xff';
                mapped[12] = 10;
                c.mutable_vpcs(0)->mutable_cidrs(0)->set_address(mapped);
              },
              "VPC main (vpc-main): CIDR ::ffff:10.0.0.0 is an IPv4-mapped IPv6 address"},
        Fault{"CidrsOverlap",
              [](Config& c) { SetPrefix(c.mutable_vpcs(0)->add_cidrs(), "10.0.128.0/17"); },
              "VPC main (vpc-main): CIDR 10.0.128.0/17 overlaps another of its own"}),
    TestName);

INSTANTIATE_TEST_SUITE_P(
    InternetGateways, CompileFault,
    testing::Values(
        Fault{"IdTwice", [](Config& c) { *c.add_internet_gateways() = c.internet_gateways(0); },
              "internet gateway igw (igw-1): id is used twice"},
        Fault{"UnknownVpc", [](Config& c) { c.mutable_internet_gateways(0)->set_vpc_id("vpc-x"); },
              "internet gateway igw (igw-1): unknown VPC \"vpc-x\""},
        Fault{"SecondOfVpc",
              [](Config& c) {
                *c.add_internet_gateways() = c.internet_gateways(0);
                c.mutable_internet_gateways(1)->set_id("igw-2");
              },
              "internet gateway igw (igw-2): VPC vpc-main already has internet gateway igw-1"},
        Fault{"SameIpv6BlockTwice",
              [](Config& c) {
                AddOtherVpc(c);
                SetPrefix(c.mutable_vpcs(1)->add_cidrs(), "2001:db8:1234:1a80::/57");
              },
              "internet gateway igw-other: CIDR 2001:db8:1234:1a80::/57 of VPC vpc-other is "
              "already reachable in VPC vpc-main"}),
    TestName);

INSTANTIATE_TEST_SUITE_P(
    Subnets, CompileFault,
    testing::Values(
        Fault{"IdTwice", [](Config& c) { *c.add_subnets() = c.subnets(0); },
              "subnet public (subnet-public): id is used twice"},
        Fault{"UnknownVpc", [](Config& c) { c.mutable_subnets(0)->set_vpc_id("vpc-x"); },
              "subnet public (subnet-public): unknown VPC \"vpc-x\""},
        Fault{"WithoutCidr", [](Config& c) { c.mutable_subnets(0)->clear_cidrs(); },
              "subnet public (subnet-public): has no CIDR"},
        Fault{"TwoCidrsOfOneFamily",
              [](Config& c) { SetPrefix(c.mutable_subnets(0)->add_cidrs(), "10.0.9.0/24"); },
              "subnet public (subnet-public): has two CIDRs of the same family"},
        Fault{"OutsideVpc", [](Config& c) { AddSubnet(c, "out", {"10.1.0.0/24"}, "rtb-public"); },
              "subnet out (subnet-out): CIDR 10.1.0.0/24 is outside VPC vpc-main"},
        Fault{"WiderThanVpc",
              [](Config& c) { AddSubnet(c, "wide", {"10.0.0.0/15"}, "rtb-public"); },
              "subnet wide (subnet-wide): CIDR 10.0.0.0/15 is outside VPC vpc-main"},
        Fault{"InsideSibling",
              [](Config& c) { AddSubnet(c, "in", {"10.0.2.128/25"}, "rtb-public"); },
              "subnet in (subnet-in): CIDR 10.0.2.128/25 overlaps subnet subnet-app"},
        Fault{"AroundSibling",
              [](Config& c) { AddSubnet(c, "around", {"10.0.2.0/23"}, "rtb-public"); },
              "subnet around (subnet-around): CIDR 10.0.2.0/23 overlaps subnet subnet-app"},
        Fault{"UnknownRouteTable",
              [](Config& c) { c.mutable_subnets(0)->set_route_table_id("rtb-x"); },
              "subnet public (subnet-public): unknown route table \"rtb-x\""},
        Fault{"RouteTableOfOtherVpc",
              [](Config& c) {
                AddOtherVpc(c);
                c.mutable_subnets(0)->set_route_table_id("rtb-other");
              },
              "subnet public (subnet-public): route table rtb-other is in another VPC"},
        Fault{"UnknownAcl", [](Config& c) { c.mutable_subnets(0)->set_network_acl_id("acl-x"); },
              "subnet public (subnet-public): unknown network ACL \"acl-x\""},
        Fault{"AclOfOtherVpc",
              [](Config& c) {
                AddOtherVpc(c);
                c.mutable_subnets(0)->set_network_acl_id("acl-other");
              },
              "subnet public (subnet-public): network ACL acl-other is in another VPC"},
        Fault{"RouterMacMissing", [](Config& c) { c.mutable_subnets(0)->clear_router_mac(); },
              "subnet public (subnet-public): router MAC has 0 bytes, not 6"},
        Fault{"RouterMacOfGroup",
              [](Config& c) { c.mutable_subnets(0)->set_router_mac("\x01\x02\x03\x04\x05\x06"); },
              "subnet public (subnet-public): router MAC 01:02:03:04:05:06 is not the address of "
              "one station"}),
    TestName);

INSTANTIATE_TEST_SUITE_P(
    RouteTables, CompileFault,
    testing::Values(
        Fault{"IdTwice", [](Config& c) { *c.add_route_tables() = c.route_tables(1); },
              "route table private (rtb-private): id is used twice"},
        Fault{"UnknownVpc", [](Config& c) { c.mutable_route_tables(0)->set_vpc_id("vpc-x"); },
              "route table public (rtb-public): unknown VPC \"vpc-x\""},
        Fault{"SecondMain", [](Config& c) { c.mutable_route_tables(1)->set_main(true); },
              "route table private (rtb-private): VPC vpc-main already has a main route table"},
        Fault{"TwoRoutesToOneDestination",
              [](Config& c) {
                AddRoute(c.mutable_route_tables(0), "0.0.0.0/0", config::ROUTE_TARGET_BLACKHOLE);
              },
              "route table public (rtb-public): two routes to 0.0.0.0/0"},
        Fault{"DestinationWithHostBits",
              [](Config& c) {
                c.mutable_route_tables(0)->mutable_routes(0)->mutable_destination()->set_address(
                    Bytes("10.0.0.1"));
              },
              "route table public (rtb-public): route destination 10.0.0.1/16 has host bits set"},
        Fault{"DestinationMissing",
              [](Config& c) { c.mutable_route_tables(0)->mutable_routes(0)->clear_destination(); },
              "route table public (rtb-public): route destination has 0 bytes, not 4 or 16"},
        Fault{"TargetUnspecified",
              [](Config& c) {
                AddRoute(c.mutable_route_tables(0), "10.9.0.0/16",
                         config::ROUTE_TARGET_UNSPECIFIED);
              },
              "route table public (rtb-public): route to 10.9.0.0/16: unknown target kind 0"},
        Fault{"TargetOfUnknownKind",
              [](Config& c) {
                AddRoute(c.mutable_route_tables(0), "10.9.0.0/16",
                         static_cast<config::RouteTargetKind>(99));
              },
              "route table public (rtb-public): route to 10.9.0.0/16: unknown target kind 99"},
        Fault{
            "LocalWithTarget",
            [](Config& c) { c.mutable_route_tables(0)->mutable_routes(0)->set_target_id("igw-1"); },
            "route table public (rtb-public): route to 10.0.0.0/16: local and blackhole have no "
            "target id"},
        Fault{
            "UnknownInternetGateway",
            [](Config& c) { c.mutable_route_tables(0)->mutable_routes(1)->set_target_id("igw-x"); },
            "route table public (rtb-public): unknown internet gateway \"igw-x\""},
        Fault{"InternetGatewayOfOtherVpc",
              [](Config& c) {
                AddOtherVpc(c);
                c.mutable_route_tables(0)->mutable_routes(1)->set_target_id("igw-other");
              },
              "route table public (rtb-public): route to 0.0.0.0/0: internet gateway igw-other is "
              "in another VPC"},
        Fault{
            "UnknownNatGateway",
            [](Config& c) { c.mutable_route_tables(1)->mutable_routes(1)->set_target_id("nat-x"); },
            "route table private (rtb-private): unknown NAT gateway \"nat-x\""},
        Fault{"NatGatewayOfOtherVpc",
              [](Config& c) {
                AddOtherVpc(c);
                c.mutable_route_tables(1)->mutable_routes(1)->set_target_id("nat-other");
              },
              "route table private (rtb-private): route to 0.0.0.0/0: NAT gateway nat-other is in "
              "another VPC"},
        Fault{"UnknownEni",
              [](Config& c) {
                AddRoute(c.mutable_route_tables(1), "10.9.0.0/16", config::ROUTE_TARGET_ENI,
                         "eni-x");
              },
              "route table private (rtb-private): unknown ENI \"eni-x\""},
        Fault{"EniOfOtherVpc",
              [](Config& c) {
                AddOtherVpc(c);
                AddRoute(c.mutable_route_tables(1), "10.9.0.0/16", config::ROUTE_TARGET_ENI,
                         "eni-other");
              },
              "route table private (rtb-private): route to 10.9.0.0/16: ENI eni-other is in "
              "another VPC"}),
    TestName);

config::SecurityGroupRule* FirstWebRule(Config& c) {
  return c.mutable_security_groups(kWebGroup)->mutable_rules(0);
}

INSTANTIATE_TEST_SUITE_P(
    SecurityGroups, CompileFault,
    testing::Values(
        Fault{"IdTwice", [](Config& c) { *c.add_security_groups() = c.security_groups(0); },
              "security group alb (sg-alb): id is used twice"},
        Fault{"UnknownVpc", [](Config& c) { c.mutable_security_groups(0)->set_vpc_id("vpc-x"); },
              "security group alb (sg-alb): unknown VPC \"vpc-x\""},
        Fault{"RuleWithoutId", [](Config& c) { FirstWebRule(c)->clear_id(); },
              "security group web (sg-web): has a rule without id"},
        Fault{"RuleIdTwice", [](Config& c) { FirstWebRule(c)->set_id("sgr-1"); },
              "security group web (sg-web): rule sgr-1: id is used twice"},
        Fault{"DirectionUnspecified", [](Config& c) { FirstWebRule(c)->clear_direction(); },
              "security group web (sg-web): rule sgr-3: direction is neither ingress nor egress"},
        Fault{"MatchMissing", [](Config& c) { FirstWebRule(c)->clear_match(); },
              "security group web (sg-web): rule sgr-3: has no match"},
        Fault{"ProtocolTooLarge",
              [](Config& c) { FirstWebRule(c)->mutable_match()->set_protocol(256); },
              "security group web (sg-web): rule sgr-3: protocol 256 is not one of -1 to 255"},
        Fault{"ProtocolTooSmall",
              [](Config& c) { FirstWebRule(c)->mutable_match()->set_protocol(-2); },
              "security group web (sg-web): rule sgr-3: protocol -2 is not one of -1 to 255"},
        Fault{"PortTooLarge",
              [](Config& c) { FirstWebRule(c)->mutable_match()->set_to_port(65536); },
              "security group web (sg-web): rule sgr-3: ports 80-65536 are above 65535"},
        Fault{"PortsReversed",
              [](Config& c) { FirstWebRule(c)->mutable_match()->set_from_port(81); },
              "security group web (sg-web): rule sgr-3: ports 81-80 are reversed"},
        Fault{"IcmpTypeTooLarge",
              [](Config& c) { FirstWebRule(c)->mutable_match()->set_icmp_type(256); },
              "security group web (sg-web): rule sgr-3: ICMP type 256 is not one of -1 to 255"},
        Fault{"IcmpCodeTooSmall",
              [](Config& c) { FirstWebRule(c)->mutable_match()->set_icmp_code(-2); },
              "security group web (sg-web): rule sgr-3: ICMP code -2 is not one of -1 to 255"},
        Fault{"IcmpCodeWithoutType",
              [](Config& c) {
                SetMatch(FirstWebRule(c)->mutable_match(), wire::kProtocolIcmp);
                FirstWebRule(c)->mutable_match()->set_icmp_code(4);
              },
              "security group web (sg-web): rule sgr-3: ICMP code 4 without a type"},
        Fault{"PeerMissing", [](Config& c) { FirstWebRule(c)->clear_peer(); },
              "security group web (sg-web): rule sgr-3: has no peer"},
        Fault{"PeerCidrWithHostBits",
              [](Config& c) {
                SetPrefix(FirstWebRule(c)->mutable_cidr(), "10.0.0.0/8");
                FirstWebRule(c)->mutable_cidr()->set_length(4);
              },
              "security group web (sg-web): rule sgr-3: peer 10.0.0.0/4 has host bits set"},
        Fault{"UnknownPeerGroup", [](Config& c) { FirstWebRule(c)->set_security_group_id("sg-x"); },
              "security group web (sg-web): rule sgr-3: unknown security group \"sg-x\""},
        Fault{"PeerGroupOfOtherVpc",
              [](Config& c) {
                AddOtherVpc(c);
                FirstWebRule(c)->set_security_group_id("sg-other");
              },
              "security group web (sg-web): rule sgr-3: security group sg-other is in another VPC"},
        Fault{"UnknownPrefixList", [](Config& c) { FirstWebRule(c)->set_prefix_list_id("pl-x"); },
              "security group web (sg-web): rule sgr-3: unknown prefix list \"pl-x\""}),
    TestName);

INSTANTIATE_TEST_SUITE_P(
    PrefixLists, CompileFault,
    testing::Values(
        Fault{"WithoutId", [](Config& c) { c.add_prefix_lists(); }, "prefix list: has no id"},
        Fault{"IdTwice", [](Config& c) { *c.add_prefix_lists() = c.prefix_lists(0); },
              "prefix list partners (pl-1): id is used twice"},
        Fault{"CidrTooLong",
              [](Config& c) { c.mutable_prefix_lists(0)->mutable_cidrs(0)->set_length(40); },
              "prefix list partners (pl-1): CIDR 198.51.100.0/40 is longer than 32 bits"}),
    TestName);

config::NetworkAclEntry* FirstAclEntry(Config& c) {
  return c.mutable_network_acls(0)->mutable_entries(0);
}

INSTANTIATE_TEST_SUITE_P(
    NetworkAcls, CompileFault,
    testing::Values(
        Fault{"IdTwice", [](Config& c) { *c.add_network_acls() = c.network_acls(0); },
              "network ACL default (acl-main): id is used twice"},
        Fault{"UnknownVpc", [](Config& c) { c.mutable_network_acls(0)->set_vpc_id("vpc-x"); },
              "network ACL default (acl-main): unknown VPC \"vpc-x\""},
        Fault{"RuleNumberZero", [](Config& c) { FirstAclEntry(c)->clear_rule_number(); },
              "network ACL default (acl-main): rule number 0 is not one of 1 to 32766"},
        Fault{"RuleNumberOfTheImplicitDeny",
              [](Config& c) { FirstAclEntry(c)->set_rule_number(32767); },
              "network ACL default (acl-main): rule number 32767 is not one of 1 to 32766"},
        Fault{"RuleNumberTwice",
              [](Config& c) {
                AddAclEntry(c.mutable_network_acls(0), 100, config::INGRESS, false, "::/0");
              },
              "network ACL default (acl-main): rule 100: number is used twice in one direction"},
        Fault{"DirectionUnspecified", [](Config& c) { FirstAclEntry(c)->clear_direction(); },
              "network ACL default (acl-main): rule 100: direction is neither ingress nor egress"},
        Fault{"MatchMissing", [](Config& c) { FirstAclEntry(c)->clear_match(); },
              "network ACL default (acl-main): rule 100: has no match"},
        Fault{"PortsReversed",
              [](Config& c) { SetMatch(FirstAclEntry(c)->mutable_match(), 6, 443, 80); },
              "network ACL default (acl-main): rule 100: ports 443-80 are reversed"},
        Fault{"CidrMissing", [](Config& c) { FirstAclEntry(c)->clear_cidr(); },
              "network ACL default (acl-main): rule 100: peer has 0 bytes, not 4 or 16"}),
    TestName);

config::Eni* WebEni(Config& c) { return c.mutable_enis(kWeb1Eni); }

INSTANTIATE_TEST_SUITE_P(
    Enis, CompileFault,
    testing::Values(
        Fault{"IdTwice", [](Config& c) { *c.add_enis() = c.enis(kWeb2Eni); },
              "ENI web-2 (eni-web-2): id is used twice"},
        Fault{"TypeUnknown",
              [](Config& c) { WebEni(c)->set_type(static_cast<config::Eni::Type>(9)); },
              "ENI web-1 (eni-web-1): unknown type 9"},
        Fault{"UnknownSubnet", [](Config& c) { WebEni(c)->set_subnet_id("subnet-x"); },
              "ENI web-1 (eni-web-1): unknown subnet \"subnet-x\""},
        Fault{"MacOfFiveBytes", [](Config& c) { WebEni(c)->set_mac("\x02\x01\x01\x01\x01"); },
              "ENI web-1 (eni-web-1): MAC has 5 bytes, not 6"},
        Fault{"MacOfZeros", [](Config& c) { WebEni(c)->set_mac(std::string(6, '\0')); },
              "ENI web-1 (eni-web-1): MAC 00:00:00:00:00:00 is not the address of one station"},
        Fault{"MacOfNeighbour", [](Config& c) { c.mutable_enis(kWeb2Eni)->set_mac(Mac(2)); },
              "ENI web-2 (eni-web-2): MAC 02:00:00:00:00:02 is used twice in its subnet"},
        Fault{"MacOfRouter", [](Config& c) { WebEni(c)->set_mac(Mac(1)); },
              "ENI web-1 (eni-web-1): MAC 02:00:00:00:00:01 is used twice in its subnet"},
        Fault{"WithoutAddress", [](Config& c) { WebEni(c)->clear_addresses(); },
              "ENI web-1 (eni-web-1): has no address"},
        Fault{"AddressOfFiveBytes",
              [](Config& c) { WebEni(c)->mutable_addresses(0)->set_private_address("12345"); },
              "ENI web-1 (eni-web-1): private address has 5 bytes, not 4 or 16"},
        Fault{"AddressOutsideSubnet",
              [](Config& c) {
                WebEni(c)->mutable_addresses(0)->set_private_address(Bytes("10.0.1.50"));
              },
              "ENI web-1 (eni-web-1): private address 10.0.1.50 is outside subnet subnet-app"},
        Fault{"Ipv6AddressInIpv4Subnet",
              [](Config& c) {
                c.mutable_enis(kAlbEni)->add_addresses()->set_private_address(
                    Bytes("2001:db8:1234:1a02::9"));
              },
              "ENI alb (eni-alb): private address 2001:db8:1234:1a02::9 is outside subnet "
              "subnet-public"},
        Fault{"AddressOfRouter",
              [](Config& c) {
                WebEni(c)->mutable_addresses(0)->set_private_address(Bytes("10.0.2.1"));
              },
              "ENI web-1 (eni-web-1): private address 10.0.2.1 is that of the router of subnet "
              "subnet-app"},
        Fault{"AddressMulticast",
              [](Config& c) {
                WebEni(c)->mutable_addresses(0)->set_private_address(Bytes("224.0.0.1"));
              },
              "ENI web-1 (eni-web-1): private address 224.0.0.1 is not one that a host can have"},
        Fault{"AddressOfNeighbour",
              [](Config& c) {
                c.mutable_enis(kWeb2Eni)->mutable_addresses(0)->set_private_address(
                    Bytes("10.0.2.50"));
              },
              "ENI web-2 (eni-web-2): private address 10.0.2.50 already belongs to eni-web-1"},
        Fault{
            "AddressTwice",
            [](Config& c) { WebEni(c)->add_addresses()->set_private_address(Bytes("10.0.2.50")); },
            "ENI web-1 (eni-web-1): private address 10.0.2.50 already belongs to eni-web-1"},
        Fault{"PublicAddressTwice",
              [](Config& c) {
                WebEni(c)->mutable_addresses(0)->set_public_address(Bytes("203.0.113.20"));
              },
              "ENI web-1 (eni-web-1): public address 203.0.113.20 is already bound to eni-alb"},
        Fault{"PublicAddressOfThreeBytes",
              [](Config& c) { WebEni(c)->mutable_addresses(0)->set_public_address("123"); },
              "ENI web-1 (eni-web-1): public address has 3 bytes, not 4 or 16"},
        Fault{"PublicAddressIpv6",
              [](Config& c) {
                WebEni(c)->mutable_addresses(1)->set_public_address(Bytes("2001:db8::1"));
              },
              "ENI web-1 (eni-web-1): public address 2001:db8::1 for 2001:db8:1234:1a02::50: both "
              "must be IPv4"},
        Fault{"UnknownSecurityGroup", [](Config& c) { WebEni(c)->add_security_group_ids("sg-x"); },
              "ENI web-1 (eni-web-1): unknown security group \"sg-x\""},
        Fault{"SecurityGroupOfOtherVpc",
              [](Config& c) {
                AddOtherVpc(c);
                WebEni(c)->add_security_group_ids("sg-other");
              },
              "ENI web-1 (eni-web-1): security group sg-other is in another VPC"},
        Fault{"SecurityGroupTwice", [](Config& c) { WebEni(c)->add_security_group_ids("sg-web"); },
              "ENI web-1 (eni-web-1): security group sg-web is named twice"},
        Fault{"PortTooLarge", [](Config& c) { WebEni(c)->set_port(65536); },
              "ENI web-1 (eni-web-1): port 65536 is above 65535"},
        Fault{"PortTwice", [](Config& c) { WebEni(c)->set_port(1); },
              "ENI web-1 (eni-web-1): port 1 is used twice"},
        Fault{"NatGatewayWithPort", [](Config& c) { c.mutable_enis(kNatEni)->set_port(9); },
              "ENI nat (eni-nat): a NAT gateway cannot have a port"},
        Fault{"NatGatewayWithSecurityGroup",
              [](Config& c) { c.mutable_enis(kNatEni)->add_security_group_ids("sg-web"); },
              "ENI nat (eni-nat): a NAT gateway cannot have security groups"}),
    TestName);

INSTANTIATE_TEST_SUITE_P(
    NatGateways, CompileFault,
    testing::Values(
        Fault{"IdTwice", [](Config& c) { *c.add_nat_gateways() = c.nat_gateways(0); },
              "NAT gateway nat-a (nat-1): id is used twice"},
        Fault{"UnknownEni", [](Config& c) { c.mutable_nat_gateways(0)->set_eni_id("eni-x"); },
              "NAT gateway nat-a (nat-1): unknown ENI \"eni-x\""},
        Fault{"EniOfOtherType",
              [](Config& c) { c.mutable_nat_gateways(0)->set_eni_id("eni-web-1"); },
              "NAT gateway nat-a (nat-1): ENI eni-web-1 is not of type NAT gateway"},
        Fault{"EniOfOtherNatGateway",
              [](Config& c) {
                *c.add_nat_gateways() = c.nat_gateways(0);
                c.mutable_nat_gateways(1)->set_id("nat-2");
              },
              "NAT gateway nat-a (nat-2): ENI eni-nat already belongs to NAT gateway nat-1"},
        Fault{"EniWithoutNatGateway",
              [](Config& c) {
                AddEni(c, "lost", "subnet-public", {"10.0.1.201"}, 7, {})
                    ->set_type(config::Eni::NAT_GATEWAY);
              },
              "ENI lost (eni-lost): is of type NAT gateway, but no NAT gateway has it"},
        Fault{"PublicWithoutPublicAddress",
              [](Config& c) {
                c.mutable_enis(kNatEni)->mutable_addresses(0)->clear_public_address();
              },
              "NAT gateway nat-a (nat-1): is public, but 10.0.1.200 has no public address"},
        Fault{"PrivateWithPublicAddress",
              [](Config& c) { c.mutable_nat_gateways(0)->set_public_connectivity(false); },
              "NAT gateway nat-a (nat-1): is private, but 10.0.1.200 has a public address"}),
    TestName);

config::InternetHost* Client(Config& c) { return c.mutable_internet_hosts(0); }

INSTANTIATE_TEST_SUITE_P(
    InternetHosts, CompileFault,
    testing::Values(
        Fault{"IdTwice", [](Config& c) { *c.add_internet_hosts() = c.internet_hosts(0); },
              "internet host client (host-client): id is used twice"},
        Fault{"WithoutAddress", [](Config& c) { Client(c)->clear_addresses(); },
              "internet host client (host-client): has no address"},
        Fault{"AddressUnspecified", [](Config& c) { Client(c)->add_addresses(Bytes("0.0.0.0")); },
              "internet host client (host-client): address 0.0.0.0 is not one that a host can "
              "have"},
        Fault{"AddressLinkLocal", [](Config& c) { Client(c)->add_addresses(Bytes("169.254.1.1")); },
              "internet host client (host-client): address 169.254.1.1 is not one that a host can "
              "have"},
        Fault{"AddressTwice", [](Config& c) { Client(c)->add_addresses(Bytes("1.2.3.4")); },
              "internet host client (host-client): address 1.2.3.4 already belongs to an internet "
              "host"},
        Fault{"AddressBoundToEni",
              [](Config& c) { Client(c)->add_addresses(Bytes("203.0.113.10")); },
              "internet host client (host-client): address 203.0.113.10 is a public address of "
              "ENI eni-nat"},
        Fault{"Ipv6AddressOfVpc",
              [](Config& c) { Client(c)->add_addresses(Bytes("2001:db8:1234:1a77::1")); },
              "internet host client (host-client): address 2001:db8:1234:1a77::1 is inside VPC "
              "vpc-main"},
        Fault{"MacMissing", [](Config& c) { Client(c)->clear_mac(); },
              "internet host client (host-client): MAC has 0 bytes, not 6"},
        Fault{"MacOfBroadcast", [](Config& c) { Client(c)->set_mac(std::string(6, '\xff')); },
              "internet host client (host-client): MAC ff:ff:ff:ff:ff:ff is not the address of one "
              "station"},
        Fault{"RouterMacMissing", [](Config& c) { Client(c)->clear_router_mac(); },
              "internet host client (host-client): router MAC has 0 bytes, not 6"},
        Fault{"MacOfRouter", [](Config& c) { Client(c)->set_mac(Mac(1)); },
              "internet host client (host-client): has the MAC of its router"},
        Fault{"PortOfEni", [](Config& c) { Client(c)->set_port(2); },
              "internet host client (host-client): port 2 is used twice"}),
    TestName);

}  // namespace
}  // namespace taploom::tables
