// ENI and DNS: network interfaces and what answers at special addresses (vpc-semantics §7).
#include <string>

#include "tests/conformance/check.h"
#include "tests/conformance/lab.h"
#include "tests/conformance/pages.h"
#include "tests/packet/shop.h"
#include "tests/support/dns_message.h"

namespace taploom::test {
namespace {

class InterfacesOfAFile : public Lab {
 protected:
  static std::string With(const std::string& instances) {
    return R"(
vpcs:
  main:
    cidr: 10.0.0.0/16
    internet_gateway: igw
    subnets:
      a: {cidr: 10.0.1.0/24, az: eu-central-1a, route_table: out}
      b: {cidr: 10.0.2.0/24, az: eu-central-1b}
      c: {cidr: 10.0.3.0/24, az: eu-central-1a}
    route_tables: {out: {routes: [{to: 0.0.0.0/0, via: igw}]}}
    security_groups: {any: {ingress: [{protocol: all, from: 0.0.0.0/0}]}}
instances: {)" +
           instances + "}\n";
  }
};

class SpecialAddresses : public Shop {};

FOLLOWS(InterfacesOfAFile, ENI_01, kInterfaces,
        "An interface stays in its subnet's zone, so all of an instance's are in one.") {
  EXPECT_EQ(Refusal(With("i: {interfaces: [{subnet: a}, {subnet: c}]}")), "");
  EXPECT_EQ(
      Refusal(With("i: {interfaces: [{subnet: a}, {subnet: b}]}")),
      "subnet \"b\" is in eu-central-1b, and the instance's first interface in eu-central-1a");
}

FOLLOWS(InterfacesOfAFile, ENI_02, kInterfaces,
        "An instance may have several interfaces, each with its own addresses and groups.") {
  Apply(
      With("i: {interfaces: [{subnet: a, private_ip: 10.0.1.10}, {subnet: c, private_ip: "
           "10.0.3.10, security_groups: any}]}, j: {subnet: c, private_ip: 10.0.3.20, "
           "security_groups: any}"));
  EXPECT_EQ(Send("j", Tcp("10.0.3.20:4000", "10.0.1.10:80")), "drop SG_INGRESS_DENIED");
  EXPECT_EQ(Fate(Send("j", Tcp("10.0.3.20:4000", "10.0.3.10:80"))), "i/eth1");
  EXPECT_EQ(Fate(Send("i/eth1", Tcp("10.0.3.10:4000", "10.0.3.20:80"))), "j");
  EXPECT_EQ(Send("i/eth1", Tcp("10.0.1.10:4000", "10.0.3.20:80")), "drop SOURCE_DEST_CHECK_SOURCE");
}

FOLLOWS(InterfacesOfAFile, ENI_03, kInterfaces, "An interface may have secondary addresses.") {
  Apply(
      With("i: {subnet: a, private_ip: 10.0.1.10, private_ips: [10.0.1.11, 10.0.1.12], "
           "security_groups: any}, j: {subnet: b, private_ip: 10.0.2.10}"));
  for (const char* address : {"10.0.1.10:80", "10.0.1.11:80", "10.0.1.12:80"})
    EXPECT_EQ(Fate(Send("j", Tcp("10.0.2.10:4000", address))), "i");
}

PROVED_BY(ENI_04, "broken/instance_too_many_groups.yaml", kQuotas,
          "An interface has at most 5 groups (up to 16 on request).");
PROVED_BY(ENI_05, "AllocateTest.KeepsAnEarlierChoiceWhenAnotherObjectAppearsBeforeIt", kInterfaces,
          "A private address stays with its interface.");
PROVED_BY(ENI_06, "broken/address_outside_subnet.yaml", kInterfaces,
          "An interface's addresses lie in its subnet.");
PROVED_BY(ENI_07, "broken/address_used_twice.yaml", kInterfaces,
          "A private address belongs to one interface.");
PROVED_BY(ENI_08, "LowerTest.NoTwoInterfacesShareAMacOrAPort", kInterfaces,
          "Each interface has a MAC of its own.");
PROVED_BY(ENI_09, "AwsIdTest.IsTheSameInEveryRunAndVersion", kInterfaces,
          "An interface keeps its id and MAC for life.");

NOT_MODELLED(InterfacesOfAFile, ENI_10, kInterfaces,
             "Interfaces may be trunks, branches or EFAs, or hold delegated prefixes.") {
  EXPECT_EQ(Refusal(With("i: {subnet: a, interface_type: efa}")),
            "\"interface_type\" is not modelled yet");
  EXPECT_EQ(Refusal(With("i: {subnet: a, ipv4_prefixes: [10.0.1.16/28]}")),
            "\"ipv4_prefixes\" is not modelled yet");
}

PROVED_BY(DNS_01, "Dns.AnswersAtBasePlusTwoAndAtTheLinkLocalAddress", kDns,
          "The resolver answers at the first block plus two and at 169.254.169.253.");
FOLLOWS(SpecialAddresses, DNS_02, kDns, "The resolver answers at fd00:ec2::253 as well.") {
  fabric.Vpc("six", {"10.6.0.0/16", "2001:db8:6::/56"});
  fabric.Group("any6", {"out all to ::/0"});
  fabric.Subnet("six-a", {"10.6.0.0/24", "2001:db8:6::/64"});
  fabric.Eni("six", "six-a", {"10.6.0.10", "2001:db8:6::10"}, {"any6"});
  Publish();
  const auto query = DnsQuery("nobody.example.com", kDnsAaaa);
  EXPECT_EQ(Send("six", Udp("[2001:db8:6::10]:4000", "[fd00:ec2::253]:53").Payload(query)),
            "reply: udp [fd00:ec2::253]:53 > [2001:db8:6::10]:4000");
  EXPECT_EQ(DnsAnswerText(query, PayloadOf(last().frame)), "3:");
}
PROVED_BY(DNS_03, "Dns.AnswersAThousandAndTwentyFourASecondAndNoMore", kDns,
          "1024 packets a second per interface; the rest is dropped.");
DEVIATES(SpecialAddresses, DNS_04, kDns, "The resolver answers over TCP as well.",
         "Its answers fit into a datagram; a resolver without TCP needs no TCP in the dataplane.") {
  EXPECT_EQ(Send("web", Tcp("10.0.0.10:4000", "10.0.0.2:53")), "drop LINK_LOCAL_SERVICE_ABSENT");
}
PROVED_BY(DNS_05, "LowerTest.TheResolverKnowsWhatTheHostsFilesSayAndTheNamesOfAddresses", kDns,
          "ip-10-0-1-5 names the private address.");
PROVED_BY(DNS_06, "LowerTest.AnInstanceGetsItsInterfaceAsAwsWouldConfigureIt", kDhcp,
          "An instance gets its address, router, resolver, domain and an MTU of 9001.");
PROVED_BY(DNS_07, "Dns.UnknownNameIsNxdomain", kDns, "A name that nobody has is NXDOMAIN.");
PROVED_BY(DNS_08, "Dns.KnownNameWithoutThatTypeIsAnEmptyAnswer", kDns,
          "A name without an address of that family has an empty answer.");
NOT_MODELLED(Lab, DNS_09, kDns, "enableDnsSupport and enableDnsHostnames switch the resolver.") {
  for (const char* key : {"enable_dns_support", "enable_dns_hostnames"}) {
    EXPECT_EQ(Refusal(std::string("vpcs: {main: {cidr: 10.0.0.0/16, ") + key + ": false}}\n"),
              "\"" + std::string(key) + "\" is not modelled yet");
  }
}
NOT_MODELLED(Lab, DNS_10, kDhcp, "A DHCP options set replaces resolver, domain and NTP servers.") {
  EXPECT_EQ(Refusal("vpcs: {main: {cidr: 10.0.0.0/16, dhcp_options: {}}}\n"),
            "\"dhcp_options\" is not modelled yet");
}
DEVIATES(SpecialAddresses, DNS_11, kDhcp, "Instances ask for their address by DHCP.",
         "Namespaces are configured when they are made; a request is broadcast and is dropped.") {
  EXPECT_EQ(Send("web", Udp("0.0.0.0:68", "255.255.255.255:67").Payload(240)), "drop NOT_UNICAST");
}

NOT_MODELLED(SpecialAddresses, IMDS_01, kImds,
             "The metadata service answers at 169.254.169.254, past every filter.") {
  EXPECT_EQ(Send("web", Tcp("10.0.0.10:4000", "169.254.169.254:80")),
            "drop LINK_LOCAL_SERVICE_ABSENT");
  EXPECT_EQ(RefusalOf("vpcs: {main: {cidr: 10.0.0.0/16, subnets: {a: {cidr: 10.0.1.0/24}}}}\n"
                      "instances: {i: {subnet: a, metadata_options: {http_tokens: required}}}\n"),
            "\"metadata_options\" is not modelled yet");
}
DEVIATES(SpecialAddresses, NTP_01, kTimeSync,
         "The time service answers at 169.254.169.123, past every filter.",
         "Namespaces have their host's clock; what is sent there is a counted drop.") {
  EXPECT_EQ(Send("web", Udp("10.0.0.10:123", "169.254.169.123:123").Payload(48)),
            "drop LINK_LOCAL_SERVICE_ABSENT");
}

DEVIATES(SpecialAddresses, KMS_01, kGroups,
         "Windows is activated at 169.254.169.250 and .251, past every filter.",
         "No Windows runs in a namespace; what is sent there is a counted drop.") {
  EXPECT_EQ(Send("web", Tcp("10.0.0.10:4000", "169.254.169.250:1688")),
            "drop LINK_LOCAL_SERVICE_ABSENT");
}

}  // namespace
}  // namespace taploom::test
