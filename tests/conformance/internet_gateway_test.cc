// IGW: internet gateways and public addresses (vpc-semantics §3).
#include "tests/conformance/check.h"
#include "tests/conformance/lab.h"
#include "tests/conformance/pages.h"
#include "tests/packet/shop.h"

namespace taploom::test {
namespace {

class Igw : public Shop {};

PROVED_BY(IGW_01, "Routes.WithoutARouteNothingLeaves", kIgw,
          "A subnet is public when its table has a route to the internet gateway.");

FOLLOWS(Lab, IGW_02, kIgw, "A VPC has at most one internet gateway.") {
  EXPECT_EQ(Refusal("vpcs: {main: {cidr: 10.0.0.0/16, internet_gateway: [a, b]}}\n"),
            "\"internet_gateway\" must be a single value, not a list");
}

PROVED_BY(IGW_03, "InternetGateway.TranslatesOneToOneBothWays", kIgw,
          "The gateway translates one private address to one public, both ways.");

FOLLOWS(Igw, IGW_04, kEips, "Each private address of an interface may have a public one.") {
  fabric.SetAddresses("web", {"10.0.0.10 = 203.0.113.10", "10.0.0.20 = 203.0.113.20"});
  Publish();
  EXPECT_EQ(Send("web", Tcp("10.0.0.20:4000", "198.51.100.7:80")),
            "api: tcp 203.0.113.20:4000 > 198.51.100.7:80 S ttl 63");
  EXPECT_EQ(Send("visitor", Tcp("198.51.100.8:4000", "203.0.113.20:80")),
            "web: tcp 198.51.100.8:4000 > 10.0.0.20:80 S");
}

FOLLOWS(Igw, IGW_05, kIgw, "Ports are left alone.") {
  EXPECT_EQ(Send("web", Udp("10.0.0.10:1", "198.51.100.7:65535")),
            "api: udp 203.0.113.10:1 > 198.51.100.7:65535 ttl 63");
}

FOLLOWS(Igw, IGW_06, kIgw, "An instance never sees its public address in its packets.") {
  EXPECT_EQ(Send("visitor", Echo("198.51.100.8", "203.0.113.10")), "drop SG_INGRESS_DENIED");
  EXPECT_EQ(Send("visitor", Tcp("198.51.100.8:4000", "203.0.113.10:80")),
            "web: tcp 198.51.100.8:4000 > 10.0.0.10:80 S");
}

PROVED_BY(IGW_07, "InternetGateway.WithoutAPublicAddressNothingLeaves", kIgw,
          "A source without a public address does not leave.");
PROVED_BY(IGW_08, "InternetGateway.DoesNotForwardToPrivateOrSharedAddresses", kReachability,
          "Nothing is forwarded to RFC 1918 or RFC 6598 addresses.");

FOLLOWS(Igw, IGW_09, kReachability, "A source that no interface of the VPC has does not leave.") {
  fabric.Eni("forger", "public", {"10.0.0.66 = 203.0.113.66"}, {"web"},
             {.source_dest_check = false});
  Publish();
  EXPECT_EQ(Send("forger", Tcp("10.0.0.99:4000", "198.51.100.7:80")),
            "drop SPOOFED_INTERNET_SOURCE");
  EXPECT_EQ(Send("forger", Tcp("203.0.113.66:4000", "198.51.100.7:80")),
            "drop SPOOFED_INTERNET_SOURCE");
}

FOLLOWS(Igw, IGW_10, kReachability, "What comes in is for a public address of an interface.") {
  EXPECT_EQ(Send("visitor", Tcp("198.51.100.8:4000", "203.0.113.77:80")),
            "drop NO_INTERNET_DESTINATION");
}

FOLLOWS(Igw, IGW_11, kIgw, "What comes in meets the subnet's network ACL, then the group.") {
  fabric.Acl("public", {"100 out allow all 0.0.0.0/0"});
  Publish();
  EXPECT_EQ(Send("visitor", Tcp("198.51.100.8:4000", "203.0.113.10:81")),
            "drop ACL_INBOUND_DENIED");
  fabric.Acl("public", {"100 in allow all 0.0.0.0/0", "100 out allow all 0.0.0.0/0"});
  Publish();
  EXPECT_EQ(Send("visitor", Tcp("198.51.100.8:4000", "203.0.113.10:81")), "drop SG_INGRESS_DENIED");
}

FOLLOWS(Igw, IGW_12, kIgw, "The filters see the private address, on the way out and in.") {
  fabric.Acl("public", {"100 in allow all 0.0.0.0/0", "90 out deny all 203.0.113.0/24",
                        "100 out allow all 0.0.0.0/0"});
  Publish();
  EXPECT_EQ(Fate(Send("web", Tcp("10.0.0.10:4000", "198.51.100.7:80"))), "api");
}

PROVED_BY(IGW_13, "InternetGateway.DoesNotAcceptPrivateSharedOrForgedSources", kReachability,
          "Nothing is accepted from RFC 1918 or RFC 6598 addresses.");
PROVED_BY(IGW_14, "Ipv6.ThroughTheInternetGatewayUntranslatedBothWays", kIgw,
          "IPv6 passes untranslated.");
PROVED_BY(IGW_15, "Ipv6.SubnetWithoutARouteStaysInside", kIgw,
          "IPv6 needs a route of its own to the gateway.");
PROVED_BY(IGW_16, "Ipv6.UnsolicitedFromTheInternetMeetsTheSecurityGroup", kIgw,
          "With IPv6 an instance is reachable from the internet, as its groups allow.");
PROVED_BY(IGW_17, "IcmpErrors.ThroughTheInternetGatewayOuterAndInnerAreTranslated", kIgw,
          "ICMP errors are translated with the packet they quote, inwards.");
PROVED_BY(IGW_18, "IcmpErrors.OutwardsTheyShowThePublicAddress", kIgw, "And outwards.");

FOLLOWS(Igw, IGW_19, kReachability,
        "A private NAT gateway's packets end at the internet gateway.") {
  fabric.NatGateway("inner", "public", {"10.0.0.101"}).Route("app", "0.0.0.0/0 nat:inner");
  Publish();
  EXPECT_EQ(Send("app", Tcp("10.0.1.10:4000", "198.51.100.7:443")), "drop NO_PUBLIC_ADDRESS");
}

FOLLOWS(Igw, IGW_20, kIgw, "A VPC of public address space is no more reachable than another.") {
  fabric.Vpc("odd", {"52.1.0.0/16"}).InternetGateway();
  fabric.Group("odd", {"in all from 0.0.0.0/0", "out all to 0.0.0.0/0"});
  fabric.Subnet("odd-a", {"52.1.0.0/24"}).Route("odd-a", "0.0.0.0/0 igw");
  fabric.Eni("odd-1", "odd-a", {"52.1.0.10"}, {"odd"});
  Publish();
  EXPECT_EQ(Send("visitor", Tcp("198.51.100.8:4000", "52.1.0.10:80")),
            "drop NO_INTERNET_DESTINATION");
  EXPECT_EQ(Send("odd-1", Tcp("52.1.0.10:4000", "198.51.100.7:80")), "drop NO_PUBLIC_ADDRESS");
}

PROVED_BY(IGW_21, "InternetGateway.ReflectsToTheVpcsOwnPublicAddresses", kReachability,
          "From one instance to another's public address: out and in again, as public addresses.");

FOLLOWS(Igw, IGW_22, kIgw,
        "Reflection needs a route to the gateway and a public address at both.") {
  EXPECT_EQ(Send("bare", Tcp("10.0.0.11:4000", "203.0.113.10:80")), "drop NO_PUBLIC_ADDRESS");
  fabric.Group("db", {"out all to 0.0.0.0/0"});
  Publish();
  EXPECT_EQ(Send("db", Tcp("10.0.2.10:4000", "203.0.113.10:80")), "drop NO_ROUTE");
}

FOLLOWS(Igw, IGW_23, kIgw, "The gateway keeps no state: either side may begin.") {
  EXPECT_EQ(Fate(Send("visitor", Tcp("198.51.100.8:4000", "203.0.113.10:80"))), "web");
  EXPECT_EQ(Fate(Send("web", Tcp("10.0.0.10:4000", "198.51.100.8:80"))), "visitor");
}

PROVED_BY(IGW_24, "broken/address_used_twice.yaml", kEips,
          "An elastic IP belongs to one private address.");

DEVIATES(Lab, IGW_25, kEips, "An elastic IP releases the automatically assigned address.",
         "A file that asks for both contradicts itself, so it is refused.") {
  EXPECT_EQ(Refusal("vpcs: {main: {cidr: 10.0.0.0/16, internet_gateway: igw, subnets: {a: {cidr: "
                    "10.0.1.0/24}}}}\n"
                    "instances: {i: {subnet: a, elastic_ip: 203.0.113.7, public_ip: true}}\n"),
            "elastic_ip takes the place of public_ip; keep one of them");
}

PROVED_BY(IGW_26, "AllocateTest.PublicAddressesAvoidThoseOfHostsAndElasticIps", kEips,
          "An address can be assigned automatically.");
PROVED_BY(IGW_27, "broken/elastic_ip_without_gateway.yaml", kEips,
          "An elastic IP needs an internet gateway.");
PROVED_BY(IGW_28, "broken/elastic_ip_private.yaml", kEips, "An elastic IP is a public address.");
PROVED_BY(IGW_29, "InternetGateway.AnotherPublicAddressMakesAnotherConnection", kEips,
          "With another public address, an instance's connections begin anew.");

DEVIATES(Igw, IGW_30, kEips, "Port 25 to the internet is blocked until AWS lifts it.",
         "The block guards AWS's reputation; in a fabric it would only look like a fault.") {
  EXPECT_EQ(Fate(Send("web", Tcp("10.0.0.10:4000", "198.51.100.7:25"))), "api");
}

PROVED_BY(IGW_31, "InternetGateway.ALastHopIsToldByTheSubnetsRouter", kIgw,
          "A TTL that ends at the gateway is reported by the subnet's router.");
PROVED_BY(IGW_32, "InternetGateway.PrivateAddressesAreUnknownOutside", kIgw,
          "The internet knows no private address.");

FOLLOWS(Igw, IGW_33, kIgw, "Without a gateway a public address leads nowhere.") {
  fabric.Vpc("shut", {"10.7.0.0/16"});
  fabric.Group("shut", {"in all from 0.0.0.0/0", "out all to 0.0.0.0/0"});
  fabric.Subnet("shut-a", {"10.7.0.0/24"});
  fabric.Eni("shut-1", "shut-a", {"10.7.0.10 = 203.0.113.70"}, {"shut"});
  Publish();
  EXPECT_EQ(Send("visitor", Tcp("198.51.100.8:4000", "203.0.113.70:80")),
            "drop NO_INTERNET_DESTINATION");
}

}  // namespace
}  // namespace taploom::test
