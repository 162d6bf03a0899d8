// ADDR and L2: blocks, subnets, reserved addresses, and what moves on the link (vpc-semantics §1).
#include "tests/conformance/check.h"
#include "tests/conformance/lab.h"
#include "tests/conformance/pages.h"
#include "tests/packet/shop.h"

namespace taploom::test {
namespace {

class Addressing : public Lab {
 protected:
  std::string WithBlocks(const std::string& first, const std::string& second) const {
    return Refusal("vpcs: {main: {cidr: [" + first + ", " + second + "]}}\n");
  }
  std::string WithAddress(const std::string& keys) const {
    return Refusal(
        "vpcs: {main: {cidr: 10.0.0.0/16, ipv6_cidr: \"2001:db8:0:100::/56\", subnets: "
        "{a: {cidr: 10.0.1.0/24, ipv6_cidr: \"2001:db8:0:101::/64\"}}}}\n"
        "instances: {i: {subnet: a, " +
        keys + "}}\n");
  }
};

class Link : public Shop {};

PROVED_BY(ADDR_01, "broken/vpc_cidr_size.yaml", kCidrBlocks, "A VPC's IPv4 block is /16 to /28.");
DEVIATES(Addressing, ADDR_02, kCidrBlocks,
         "A block with host bits is taken as its network: 100.68.0.18/18 becomes 100.68.0.0/18.",
         "A file should say what it means, so the block is refused and the right one named.") {
  EXPECT_EQ(Refusal("vpcs: {main: {cidr: 100.68.0.18/18}}\n"),
            "100.68.0.18/18 has host bits; the block is 100.68.0.0/18");
}
PROVED_BY(ADDR_03, "broken/vpc_too_many_cidrs.yaml", kQuotas, "A VPC has at most 5 IPv4 blocks.");
PROVED_BY(ADDR_04, "broken/subnet_size.yaml", kSubnetSizing,
          "A subnet's IPv4 block is /16 to /28.");
PROVED_BY(ADDR_05, "broken/subnet_outside_vpc.yaml", kSubnetSizing,
          "A subnet lies inside one block of its VPC.");
PROVED_BY(ADDR_06, "broken/subnet_overlap.yaml", kSubnetSizing, "Subnets of a VPC do not overlap.");
PROVED_BY(ADDR_07, "ValidateTest.ASubnetMayFillTheVpcAndANatGatewayMayLeadNowhere", kSubnetSizing,
          "A subnet may be as large as its VPC.");

FOLLOWS(Addressing, ADDR_08, kSubnetSizing,
        "Five addresses of a subnet are reserved: the first four and the last.") {
  EXPECT_EQ(WithAddress("private_ip: 10.0.1.0"),
            "private_ip 10.0.1.0 is reserved in subnet \"a\": the network address");
  EXPECT_EQ(WithAddress("private_ip: 10.0.1.1"),
            "private_ip 10.0.1.1 is reserved in subnet \"a\": the VPC router");
  EXPECT_EQ(WithAddress("private_ip: 10.0.1.2"),
            "private_ip 10.0.1.2 is reserved in subnet \"a\": DNS");
  EXPECT_EQ(WithAddress("private_ip: 10.0.1.3"),
            "private_ip 10.0.1.3 is reserved in subnet \"a\": future use");
  EXPECT_EQ(WithAddress("private_ip: 10.0.1.255"),
            "private_ip 10.0.1.255 is reserved in subnet \"a\": broadcast");
  EXPECT_EQ(WithAddress("private_ip: 10.0.1.4"), "");
  EXPECT_EQ(WithAddress("private_ip: 10.0.1.254"), "");
}

FOLLOWS(Addressing, ADDR_09, kSubnetSizing,
        "The first four and the last address of an IPv6 block are reserved as well.") {
  EXPECT_EQ(WithAddress("ipv6: \"2001:db8:0:101::1\""),
            "ipv6 2001:db8:0:101::1 is reserved in subnet \"a\": the VPC router");
  EXPECT_EQ(WithAddress("ipv6: \"2001:db8:0:101::3\""),
            "ipv6 2001:db8:0:101::3 is reserved in subnet \"a\": future use");
  EXPECT_EQ(WithAddress("ipv6: \"2001:db8:0:101:ffff:ffff:ffff:ffff\""),
            "ipv6 2001:db8:0:101:ffff:ffff:ffff:ffff is reserved in subnet \"a\": broadcast");
  EXPECT_EQ(WithAddress("ipv6: \"2001:db8:0:101::4\""), "");
}

PROVED_BY(ADDR_10, "AllocateTest.FillsTheSubnetToItsLastUsableAddress", kSubnetSizing,
          "A /28 has 11 usable addresses.");
PROVED_BY(ADDR_11, "AllocateTest.SkipsTheFourReservedAddressesAndTakesTheLowestFreeOne",
          kSubnetSizing, "An address that is chosen is never a reserved one.");
PROVED_BY(ADDR_12, "Dns.AnswersAtBasePlusTwoAndAtTheLinkLocalAddress", kDns,
          "The resolver is the VPC's first block plus two.");
PROVED_BY(ADDR_13, "broken/vpc_ipv6_size.yaml", kCidrBlocks,
          "A VPC's IPv6 block is /44 to /60 in steps of 4.");

FOLLOWS(Addressing, ADDR_14, kSubnetSizing, "A subnet's IPv6 block is /44 to /64 in steps of 4.") {
  const auto with = [&](const std::string& block) {
    return Refusal(
        "vpcs: {main: {cidr: 10.0.0.0/16, ipv6_cidr: \"2001:db8:0:100::/56\", subnets: "
        "{a: {cidr: 10.0.1.0/24, ipv6_cidr: \"" +
        block + "\"}}}}\n");
  };
  EXPECT_EQ(with("2001:db8:0:100::/60"), "");
  EXPECT_EQ(with("2001:db8:0:101::/64"), "");
  EXPECT_EQ(with("2001:db8:0:101::/65"),
            "2001:db8:0:101::/65: a subnet's IPv6 block is /44 to /64 in steps of 4");
  EXPECT_EQ(with("2001:db8:0:100::/62"),
            "2001:db8:0:100::/62: a subnet's IPv6 block is /44 to /64 in steps of 4");
}

PROVED_BY(ADDR_15, "broken/vpc_ipv6_shared.yaml", kCidrBlocks, "IPv6 blocks are globally unique.");
PROVED_BY(ADDR_16, "LowerTest.DualStackAndSecondaryAddressesAndSeveralInterfaces", kSubnets,
          "A subnet may be IPv4-only or dual-stack.");

NOT_MODELLED(Addressing, ADDR_17, kSubnets, "A subnet may be IPv6-only.") {
  EXPECT_EQ(Refusal("vpcs: {main: {cidr: 10.0.0.0/16, subnets: {a: {ipv6_native: true, cidr: "
                    "10.0.1.0/24}}}}\n"),
            "\"ipv6_native\" is not modelled yet");
}

PROVED_BY(ADDR_18, "broken/az_of_other_region.yaml", kSubnets,
          "A subnet lies in one availability zone of the VPC's region.");
PROVED_BY(ADDR_19, "LowerTest.ImplicitObjectsAppear", kSubnets,
          "A VPC comes with a main route table, a default network ACL and a default group.");
OUTSIDE(ADDR_20, kSubnets, "An account has a default VPC, 172.31.0.0/16, in every region.",
        "A file describes every VPC it has; none is made unasked.");

PROVED_BY(ADDR_21, "broken/vpc_cidr_secondary_range.yaml", kCidrBlocks,
          "A secondary block may not come from another private range than the primary.");

FOLLOWS(Addressing, ADDR_22, kCidrBlocks,
        "To a primary from 10/8 no block of 172.16/12, 192.168/16 or 198.19/16 is added.") {
  EXPECT_NE(WithBlocks("10.5.0.0/16", "172.16.0.0/16"), "");
  EXPECT_NE(WithBlocks("10.5.0.0/16", "192.168.0.0/16"), "");
  EXPECT_NE(WithBlocks("10.5.0.0/16", "198.19.0.0/16"), "");
  EXPECT_EQ(WithBlocks("10.5.0.0/16", "10.6.0.0/16"), "");
  EXPECT_EQ(WithBlocks("10.5.0.0/16", "100.64.0.0/16"), "");
}

FOLLOWS(Addressing, ADDR_23, kCidrBlocks,
        "When a block lies in 10.0.0.0/15, none from 10.0.0.0/16 is added.") {
  EXPECT_EQ(WithBlocks("10.1.0.0/16", "10.0.0.0/16"),
            "10.0.0.0/16 lies in 10.0.0.0/16, which AWS does not add to a VPC that has a block in "
            "10.0.0.0/15");
  EXPECT_NE(WithBlocks("10.0.0.0/17", "10.0.128.0/17"), "");
  EXPECT_EQ(WithBlocks("10.0.0.0/16", "10.1.0.0/16"), "");
  EXPECT_EQ(WithBlocks("10.2.0.0/16", "10.0.0.0/16"), "");
}

FOLLOWS(Addressing, ADDR_24, kCidrBlocks,
        "To a primary from 172.16/12 no block of 10/8, 192.168/16, 172.31/16 or 198.19/16.") {
  for (const char* second : {"10.0.0.0/16", "192.168.0.0/16", "172.31.0.0/16", "198.19.0.0/16"})
    EXPECT_NE(WithBlocks("172.16.0.0/16", second), "") << second;
  EXPECT_EQ(WithBlocks("172.16.0.0/16", "172.17.0.0/16"), "");
}

FOLLOWS(Addressing, ADDR_25, kCidrBlocks,
        "To a primary from 192.168/16 no block of 10/8, 172.16/12 or 198.19/16 is added.") {
  for (const char* second : {"10.0.0.0/16", "172.16.0.0/16", "198.19.0.0/16"})
    EXPECT_NE(WithBlocks("192.168.0.0/17", second), "") << second;
  EXPECT_EQ(WithBlocks("192.168.0.0/17", "192.168.128.0/17"), "");
}

FOLLOWS(Addressing, ADDR_26, kCidrBlocks,
        "To a public or 100.64/10 primary no private block and none of 198.19/16 is added.") {
  for (const char* second : {"10.0.0.0/16", "172.16.0.0/16", "192.168.0.0/16", "198.19.0.0/16"})
    EXPECT_NE(WithBlocks("100.64.0.0/16", second), "") << second;
  EXPECT_EQ(WithBlocks("100.64.0.0/16", "100.65.0.0/16"), "");
}

PROVED_BY(ADDR_27, "broken/vpc_cidr_link_local.yaml", kCidrBlocks,
          "No VPC has a block of 169.254.0.0/16.");
PROVED_BY(ADDR_28, "broken/vpc_cidr_overlap.yaml", kCidrBlocks,
          "Blocks of one VPC do not overlap.");
PROVED_BY(ADDR_29, "broken/route_more_specific_than_local.yaml", kCidrBlocks,
          "A block and a route inside it exclude each other, unless it is for a whole subnet.");

FOLLOWS(Addressing, ADDR_30, kCidrBlocks, "Every block adds a local route to every route table.") {
  Apply("vpcs: {main: {cidr: 10.0.0.0/16, route_tables: {own: {}}}}\n");
  EXPECT_EQ(RoutesOf("own"), std::vector<std::string>({"10.0.0.0/16 local"}));
  Apply("vpcs: {main: {cidr: [10.0.0.0/16, 10.1.0.0/16], route_tables: {own: {}}}}\n");
  const std::vector<std::string> both = {"10.0.0.0/16 local", "10.1.0.0/16 local"};
  EXPECT_EQ(RoutesOf("own"), both);
  EXPECT_EQ(RoutesOf("main"), both);
}

PROVED_BY(ADDR_31, "Isolation.SameAddressesAreDifferentMachines", kCidrBlocks,
          "Different VPCs may have the same blocks.");
PROVED_BY(ADDR_32, "Isolation.TheyMeetOnlyByPublicAddresses", kCidrBlocks,
          "VPCs are isolated from each other.");

PROVED_BY(L2_01, "Neighbor.SameSubnetAddressHasItsInterfacesRealMac", kInterfaces,
          "ARP for an address of the same subnet is answered with its interface's MAC.");
PROVED_BY(L2_02, "Neighbor.BasePlusOneIsTheRouter", kRouteTables,
          "The subnet's first address is the VPC router.");
PROVED_BY(L2_03, "Neighbor.AddressNobodyOwnsGetsNoReply", kInterfaces,
          "ARP for an address that nobody has is not answered.");
PROVED_BY(L2_04, "Neighbor.AddressOfAnotherSubnetGetsNoReply", kInterfaces,
          "ARP for an address of another subnet is not answered.");
PROVED_BY(L2_05, "Neighbor.GratuitousArpGetsNoReply", kInterfaces,
          "A gratuitous ARP announces nothing.");
PROVED_BY(L2_06, "Neighbor.ArpReplyMovesNothing", kInterfaces,
          "An ARP reply of a guest moves no address.");

FOLLOWS(Link, L2_07, kInterfaces, "An address changes hands only when the configuration says so.") {
  fabric.SetAddresses("app", {"10.0.1.10", "10.0.1.50"});
  Publish();
  EXPECT_EQ(Fate(Send("web", Tcp("10.0.0.10:4000", "10.0.1.50:8080"))), "app");
  fabric.SetAddresses("app", {"10.0.1.10"}).SetAddresses("app-2", {"10.0.1.11", "10.0.1.50"});
  Publish();
  EXPECT_EQ(Fate(Send("web", Tcp("10.0.0.10:4001", "10.0.1.50:8080"))), "app-2");
}

FOLLOWS(Link, L2_08, kInterfaces, "All addresses of an interface share its MAC.") {
  fabric.SetAddresses("app-2", {"10.0.1.11", "10.0.1.12"});
  Publish();
  Send("app", ArpRequest(fabric.mac("app"), "10.0.1.10", "10.0.1.11"));
  const wire::MacAddress primary = SourceMacOf(last().frame);
  Send("app", ArpRequest(fabric.mac("app"), "10.0.1.10", "10.0.1.12"));
  EXPECT_EQ(SourceMacOf(last().frame), primary);
  EXPECT_EQ(primary, fabric.mac("app-2"));
}

PROVED_BY(L2_09, "LinkLayer.UnknownMacIsDroppedNotFlooded", kInterfaces,
          "A frame to a MAC that is not in the subnet is dropped, not flooded.");
PROVED_BY(L2_10, "LinkLayer.MacOfAnotherSubnetIsUnknown", kInterfaces,
          "MACs of other subnets cannot be reached.");
PROVED_BY(L2_11, "LinkLayer.RouterDoesNotDecrementTheTtlInsideTheVpc", kRouteTables,
          "The VPC router does not decrement the TTL within the VPC.");
PROVED_BY(L2_12, "LinkLayer.NoServiceAnswersAtReservedAndLinkLocalAddresses", kSubnetSizing,
          "The VPC router does not answer pings.");
PROVED_BY(L2_13, "AwsIdTest.MacsAreLocallyAdministeredUnicastAndHaveAlternatives", kInterfaces,
          "An interface's MAC is unicast and locally administered.");
PROVED_BY(L2_14, "NeighborV6.SolicitationOfANeighbourIsAnsweredWithItsMac", kSubnets,
          "Neighbour solicitations are answered as ARP is.");
PROVED_BY(L2_15, "NeighborV6.UnknownAndRemoteAddressesGetNoAnswer", kSubnets,
          "Solicitations for what is not in the subnet are not answered.");
PROVED_BY(L2_16, "LinkLayer.OtherEtherTypesAreNotCarried", kSubnets,
          "A VPC carries IPv4, IPv6 and ARP only.");

FOLLOWS(Link, L2_17, kSubnetSizing,
        "The IPv6 router answers at link-local addresses too: EUI-64, and fe80:ec2::1.") {
  fabric.Vpc("six", {"10.6.0.0/16", "2001:db8:6::/56"});
  fabric.Group("any", {"in all from ::/0", "out all to ::/0"});
  fabric.Subnet("six-a", {"10.6.0.0/24", "2001:db8:6::/64"});
  fabric.Eni("six", "six-a", {"10.6.0.10", "2001:db8:6::10"}, {"any"});
  Publish();
  const auto answer = [&](const std::string& target) {
    return Send("six", NeighborSolicitation(fabric.mac("six"), "2001:db8:6::10", target));
  };
  const std::string router = fabric.router_mac("six").ToString();
  EXPECT_EQ(answer("fe80:ec2::1"),
            "reply: nd fe80:ec2::1 is-at " + router + " router solicited override");
  ASSERT_EQ(router.substr(0, 12), "0a:00:00:00:");
  const std::string formed =
      wire::IpAddress::Parse("fe80::800:ff:fe00:" + router.substr(12, 2) + router.substr(15))
          ->ToString();
  EXPECT_EQ(answer(formed),
            "reply: nd " + formed + " is-at " + router + " router solicited override");
  EXPECT_EQ(answer("fe80::1"), "drop NO_SUCH_NEIGHBOR");
}

FOLLOWS(Link, L2_18, kInterfaces, "Frames are sent from the interface's own MAC.") {
  const PacketBuilder syn = Tcp("10.0.0.10:4000", "10.0.1.10:8080");
  EXPECT_EQ(Send("web", PacketBuilder(syn).From(fabric.mac("db"))), "drop FOREIGN_SOURCE_MAC");
  EXPECT_EQ(Fate(Send("web", syn)), "app");
}

FOLLOWS(Link, L2_19, kInterfaces,
        "A connection that is allowed allows no frame under another interface's MAC.") {
  Connect("web", "10.0.0.10:4000", "app", "10.0.1.10:8080");
  const PacketBuilder segment = Tcp("10.0.0.10:4000", "10.0.1.10:8080", "A").Sequence(1001, 5001);
  const std::uint64_t asked = slow_path_packets();
  EXPECT_EQ(Fate(Send("web", segment)), "app");
  EXPECT_EQ(slow_path_packets(), asked) << "its own frames are not decided again";
  EXPECT_EQ(Send("web", PacketBuilder(segment).From(fabric.mac("db"))), "drop FOREIGN_SOURCE_MAC");
  EXPECT_EQ(drops("web", DropReason::kForeignSourceMac), 1u);
  EXPECT_EQ(Fate(Send("web", segment)), "app");
}

FOLLOWS(
    Link, L2_20, kInterfaces,
    "With the source/destination check off, other addresses may be sent for, from its own MAC.") {
  fabric.Eni("router", "app", {"10.0.1.60"}, {"app"}, {.source_dest_check = false});
  Publish();
  const PacketBuilder packet = Tcp("10.9.0.1:4000", "10.0.2.10:3306");
  EXPECT_EQ(Send("router", PacketBuilder(packet).From(fabric.mac("web"))),
            "drop FOREIGN_SOURCE_MAC");
  EXPECT_NE(Send("router", packet), "drop FOREIGN_SOURCE_MAC");
}

FOLLOWS(Link, L2_21, kInterfaces, "Nor is a question answered that comes under another's MAC.") {
  EXPECT_EQ(Send("web", ArpRequest(fabric.mac("db"), "10.0.0.10", "10.0.0.11")),
            "drop FOREIGN_SOURCE_MAC");
}

PROVED_BY(SDC_01, "SourceCheck.OwnAddressPasses", kInterfaces,
          "An interface sends from its own addresses.");
PROVED_BY(SDC_02, "SourceCheck.SecondaryAddressIsOwn", kInterfaces,
          "A secondary address is the interface's own.");
PROVED_BY(SDC_03, "SourceCheck.AddressOfAnotherInstanceIsDropped", kInterfaces,
          "Another instance's address is not.");
PROVED_BY(SDC_04, "SourceCheck.OwnPublicAddressIsNotOneOfTheInterface", kInterfaces,
          "Nor is its public address: that is the internet gateway's affair.");
PROVED_BY(SDC_05, "SourceCheck.SwitchedOffLetsForeignSourcesOut", kInterfaces,
          "With the check off, an interface sends for others.");
PROVED_BY(SDC_06, "SourceCheck.SwitchedOffIsStillFiltered", kInterfaces,
          "With the check off, groups and ACLs still apply.");
PROVED_BY(SDC_07, "SourceCheck.FrameToANeighboursMacForAnotherAddressFailsItsCheck", kInterfaces,
          "The destination check holds on the link too.");
PROVED_BY(SDC_08, "Ipv6.ForeignSourceFailsTheSourceCheck", kInterfaces,
          "The check is the same for IPv6.");

NOT_MODELLED(Addressing, BPA_01, kBlockPublicAccess,
             "VPC Block Public Access refuses internet traffic for a whole region.") {
  EXPECT_EQ(Refusal("block_public_access: block-ingress\nvpcs: {main: {cidr: 10.0.0.0/16}}\n"),
            "\"block_public_access\" is not modelled yet");
}

}  // namespace
}  // namespace taploom::test
