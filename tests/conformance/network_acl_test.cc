// ACL: network ACLs (vpc-semantics §6).
#include <string>

#include "tests/conformance/check.h"
#include "tests/conformance/lab.h"
#include "tests/conformance/pages.h"
#include "tests/packet/shop.h"

namespace taploom::test {
namespace {

class Acls : public Shop {
 protected:
  void SetUp() override {
    fabric.Group("app", {"in all from 0.0.0.0/0", "out all to 0.0.0.0/0"});
    Publish();
  }
  // Publishes an inbound ACL of the app subnet; everything may leave.
  void Inbound(FabricBuilder::Texts entries) {
    entries.push_back("100 out allow all 0.0.0.0/0");
    fabric.Acl("app", entries);
    Publish();
  }
};

class AclsOfAFile : public Lab {
 protected:
  std::string WithRule(const std::string& rule) const {
    return Refusal("vpcs: {main: {cidr: 10.0.0.0/16, network_acls: {n: {ingress: [" + rule +
                   "]}}}}\n");
  }
};

PROVED_BY(ACL_01, "LowerTest.ImplicitObjectsAppear", kAcls,
          "A subnet that names no ACL has the default one.");
PROVED_BY(ACL_02, "broken/acl_rule_number.yaml", kAclBasics, "Rule numbers are 1 to 32766, once.");
PROVED_BY(ACL_03, "NetworkAcl.TheLowestRuleNumberDecides", kAclBasics,
          "Rules are asked in ascending order; the first that matches decides.");
PROVED_BY(ACL_04, "Compile.AclRulesStandInTheOrderOfTheirNumbers", kAclBasics,
          "Their order in the file means nothing.");
PROVED_BY(ACL_05, "NetworkAcl.WithoutEntriesDeniesEverythingAtTheEdge", kAclBasics,
          "At the end everything is denied.");
PROVED_BY(ACL_06, "LowerTest.ImplicitObjectsCoverIpv6WhenTheVpcHasIt", kAclBasics,
          "The default ACL allows everything: rule 100 for IPv4 and 101 for IPv6.");
PROVED_BY(ACL_07, "LowerTest.TheDefaultGroupAndAclKeepTheRulesThatTheFileDoesNotWrite", kAclBasics,
          "A custom ACL begins by denying everything.");

FOLLOWS(Acls, ACL_08, kAclBasics, "Inbound and outbound are separate lists.") {
  fabric.Acl("app", {"100 in allow tcp 8080 10.0.0.0/24", "100 out deny all 0.0.0.0/0"});
  Publish();
  EXPECT_EQ(Fate(Send("web", Tcp("10.0.0.10:4000", "10.0.1.10:8080"))), "app");
  EXPECT_EQ(Send("app", Tcp("10.0.1.10:8080", "10.0.0.10:4000", "SA").Sequence(5000, 1001)),
            "drop ACL_OUTBOUND_DENIED");
}

FOLLOWS(Acls, ACL_09, kAclBasics, "A rule matches a protocol by its number; -1 is all.") {
  Inbound({"100 in allow 47 10.0.0.0/24"});
  EXPECT_EQ(Fate(Send("web", PacketBuilder(47, "10.0.0.10", "10.0.1.10").Payload(20))), "app");
  EXPECT_EQ(Send("web", PacketBuilder(50, "10.0.0.10", "10.0.1.10").Payload(20)),
            "drop ACL_INBOUND_DENIED");
  Inbound({"100 in allow all 10.0.0.0/24"});
  EXPECT_EQ(Fate(Send("web", PacketBuilder(50, "10.0.0.10", "10.0.1.10").Payload(20))), "app");
}

FOLLOWS(Acls, ACL_10, kAclBasics, "A rule matches the source inbound, the destination outbound.") {
  Inbound({"100 in deny tcp 10.0.0.10/32", "110 in allow all 0.0.0.0/0"});
  EXPECT_EQ(Send("web", Tcp("10.0.0.10:4000", "10.0.1.10:8080")), "drop ACL_INBOUND_DENIED");
  EXPECT_EQ(Fate(Send("bare", Tcp("10.0.0.11:4000", "10.0.1.10:8080"))), "app");
  fabric.Acl("app", {"100 in allow all 0.0.0.0/0", "100 out deny all 10.0.2.0/24",
                     "110 out allow all 0.0.0.0/0"});
  Publish();
  EXPECT_EQ(Send("app", Tcp("10.0.1.10:4000", "10.0.2.10:3306")), "drop ACL_OUTBOUND_DENIED");
}

FOLLOWS(AclsOfAFile, ACL_11, kAclBasics, "A rule names blocks only: no group, no prefix list.") {
  EXPECT_NE(WithRule("{rule: 100, action: allow, protocol: tcp, cidr: \"sg:web\"}"), "");
  EXPECT_NE(WithRule("{rule: 100, action: allow, protocol: tcp, cidr: \"pl:x\"}"), "");
}

FOLLOWS(Acls, ACL_12, kAclBasics, "Ports are the packet's destination port, in both directions.") {
  Inbound({"100 in allow tcp 8080 0.0.0.0/0"});
  EXPECT_EQ(Fate(Send("web", Tcp("10.0.0.10:4000", "10.0.1.10:8080"))), "app");
  EXPECT_EQ(Send("web", Tcp("10.0.0.10:8080", "10.0.1.10:4000")), "drop ACL_INBOUND_DENIED");
  fabric.Acl("app", {"100 in allow all 0.0.0.0/0", "100 out allow tcp 8080 0.0.0.0/0"});
  Publish();
  EXPECT_EQ(Send("app", Tcp("10.0.1.10:8080", "10.0.0.10:80")), "drop ACL_OUTBOUND_DENIED");
}

FOLLOWS(Acls, ACL_13, kAclBasics, "ICMP rules match type and code.") {
  Inbound({"100 in allow icmp 8/0 0.0.0.0/0"});
  EXPECT_EQ(Fate(Send("web", Echo("10.0.0.10", "10.0.1.10"))), "app");
  EXPECT_EQ(Send("web", Echo("10.0.0.10", "10.0.1.10", 8).Icmp(8, 1)), "drop ACL_INBOUND_DENIED");
  EXPECT_EQ(Send("web", Echo("10.0.0.10", "10.0.1.10").Icmp(13)), "drop ACL_INBOUND_DENIED");
}

PROVED_BY(ACL_14, "broken/acl_rule_shape.yaml", kAclBasics,
          "Protocols other than TCP and UDP have no ports.");
PROVED_BY(ACL_15, "NetworkAcl.IsStateless", kAcls, "It is stateless: replies need a rule.");
PROVED_BY(ACL_16, "NetworkAcl.WithEphemeralPortsOpenTheAnswerLeaves", kAcls,
          "With the client's ephemeral ports open, replies leave.");
PROVED_BY(ACL_17, "NetworkAcl.IsNotAskedWithinTheSubnet", kAcls,
          "It is asked at the subnet's edge only.");
PROVED_BY(ACL_18, "NetworkAcl.CutsATrackedConnection", kAcls,
          "A changed ACL counts for connections that exist.");
PROVED_BY(ACL_19, "InternetGateway.AnAclCanMakeItABlackHoleToo", kAcls,
          "Path MTU discovery needs a rule for ICMP.");

FOLLOWS(Acls, ACL_20, kAcls, "It applies to a NAT gateway in the subnet.") {
  fabric.Acl("public", {"100 in deny all 10.0.1.0/24", "110 in allow all 0.0.0.0/0",
                        "100 out allow all 0.0.0.0/0"});
  Publish();
  EXPECT_EQ(Send("app", Tcp("10.0.1.10:4000", "198.51.100.7:443")), "drop ACL_INBOUND_DENIED");
}

FOLLOWS(Acls, ACL_21, kAclBasics, "IPv4 rules say nothing about IPv6, and the other way round.") {
  fabric.Vpc("six", {"10.6.0.0/16", "2001:db8:6::/56"});
  fabric.Group("any6", {"in all from ::/0", "out all to ::/0", "in all from 0.0.0.0/0",
                        "out all to 0.0.0.0/0"});
  fabric.Subnet("six-a", {"10.6.0.0/24", "2001:db8:6::/64"});
  fabric.Subnet("six-b", {"10.6.1.0/24", "2001:db8:6:1::/64"});
  fabric.Eni("six-1", "six-a", {"10.6.0.10", "2001:db8:6::10"}, {"any6"});
  fabric.Eni("six-2", "six-b", {"10.6.1.10", "2001:db8:6:1::10"}, {"any6"});
  fabric.Acl("six-b", {"100 in allow all 0.0.0.0/0", "100 out allow all ::/0"});
  Publish();
  EXPECT_EQ(Fate(Send("six-1", Tcp("10.6.0.10:4000", "10.6.1.10:80"))), "six-2");
  EXPECT_EQ(Send("six-1", Tcp("[2001:db8:6::10]:4000", "[2001:db8:6:1::10]:80")),
            "drop ACL_INBOUND_DENIED");
}

DEVIATES(AclsOfAFile, ACL_22, kAclBasics,
         "A rule for ICMPv6 with an IPv6 block must name type and code.",
         "Absent means any, as it does everywhere else in the file.") {
  EXPECT_EQ(WithRule("{rule: 100, action: allow, protocol: icmpv6, cidr: \"::/0\"}"), "");
}

FOLLOWS(Acls, ACL_23, kAclBasics, "A deny before an allow takes out a part of it.") {
  Inbound({"90 in deny tcp 8080 10.0.0.0/24", "100 in allow tcp 8000-9000 0.0.0.0/0"});
  EXPECT_EQ(Send("web", Tcp("10.0.0.10:4000", "10.0.1.10:8080")), "drop ACL_INBOUND_DENIED");
  EXPECT_EQ(Fate(Send("web", Tcp("10.0.0.10:4000", "10.0.1.10:8081"))), "app");
}

PROVED_BY(ACL_24, "Explain.NamesTheAclEntryThatDenies", kReachability,
          "An explanation names the entry that denies.");

}  // namespace
}  // namespace taploom::test
