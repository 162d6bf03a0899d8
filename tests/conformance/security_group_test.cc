// SG: security groups and connection tracking (vpc-semantics §5).
#include <chrono>
#include <string>

#include "tests/conformance/check.h"
#include "tests/conformance/lab.h"
#include "tests/conformance/pages.h"
#include "tests/packet/shop.h"

namespace taploom::test {
namespace {

using std::chrono::seconds;

class Groups : public Shop {};

class GroupsOfAFile : public Lab {
 protected:
  static std::string With(const std::string& groups, const std::string& instances) {
    return "vpcs: {main: {cidr: 10.0.0.0/16, subnets: {a: {cidr: 10.0.1.0/24}}, security_groups: "
           "{" +
           groups + "}}}\ninstances: {" + instances + "}\n";
  }
  std::string WithGroup(const std::string& group) const { return Refusal(With(group, "")); }
};

FOLLOWS(GroupsOfAFile, SG_01, kGroupRules, "Rules only allow; there is nothing to deny with.") {
  EXPECT_NE(WithGroup("g: {ingress: [{protocol: tcp, ports: 80, from: 0.0.0.0/0, action: deny}]}")
                .find("unknown key \"action\""),
            std::string::npos);
}

PROVED_BY(SG_02, "SecurityGroup.OtherProtocolsMatchByNumber", kGroupRules,
          "A rule names a protocol, by name or number.");
PROVED_BY(SG_03, "SecurityGroup.ProtocolsAreDistinct", kGroupRules,
          "A rule for one protocol allows no other.");
PROVED_BY(SG_04, "SecurityGroup.PortRangeIsInclusive", kGroupRules,
          "A port range includes both ends.");
PROVED_BY(SG_05, "SecurityGroup.IcmpMatchesTypeAndCode", kGroupRules,
          "ICMP rules name type and code.");
PROVED_BY(SG_06, "broken/sg_ports_without_ports.yaml", kGroupRules,
          "Protocols other than TCP and UDP have no ports.");

FOLLOWS(Groups, SG_07, kGroupRules, "A rule for all protocols ignores ports.") {
  fabric.Group("app", {"in all from 10.0.0.0/24"});
  Publish();
  EXPECT_EQ(Fate(Send("web", Tcp("10.0.0.10:4000", "10.0.1.10:1"))), "app");
  EXPECT_EQ(Fate(Send("web", Udp("10.0.0.10:4000", "10.0.1.10:65535"))), "app");
  EXPECT_EQ(Fate(Send("web", PacketBuilder(47, "10.0.0.10", "10.0.1.10").Payload(20))), "app");
}

PROVED_BY(SG_08, "SecurityGroup.IngressMatchesTheSource", kGroupRules,
          "An ingress rule is about the source.");
PROVED_BY(SG_09, "SecurityGroup.EgressMatchesTheDestination", kGroupRules,
          "An egress rule is about the destination.");
PROVED_BY(SG_10, "SecurityGroup.PrefixListMatchesAnyOfItsBlocks", kGroupRules,
          "A rule's peer may be a prefix list.");
PROVED_BY(SG_11, "Ipv6.FamiliesAreFilteredOnTheirOwn", kGroupRules,
          "0.0.0.0/0 is about IPv4 only, ::/0 about IPv6.");
PROVED_BY(SG_12, "SecurityGroup.RulesOfAllGroupsAreOred", kGroups,
          "The rules of all groups of an interface add up.");
PROVED_BY(SG_13, "broken/sg_duplicate_rule.yaml", kGroupRules, "A rule is written once.");

FOLLOWS(GroupsOfAFile, SG_14, kGroups, "A new group lets nothing in and everything out.") {
  Apply(With("new: {}, open: {ingress: [{protocol: all, from: 0.0.0.0/0}]}",
             "n: {subnet: a, private_ip: 10.0.1.10, security_groups: new}, "
             "o: {subnet: a, private_ip: 10.0.1.11, security_groups: open}"));
  EXPECT_EQ(Send("o", Tcp("10.0.1.11:4000", "10.0.1.10:80")), "drop SG_INGRESS_DENIED");
  EXPECT_EQ(Fate(Send("n", Tcp("10.0.1.10:4000", "10.0.1.11:80"))), "o");
}

FOLLOWS(GroupsOfAFile, SG_15, kDefaultGroup,
        "The default group lets its own members in and everything out.") {
  Apply(With("other: {}",
             "one: {subnet: a, private_ip: 10.0.1.10}, two: {subnet: a, private_ip: 10.0.1.11}, "
             "out: {subnet: a, private_ip: 10.0.1.12, security_groups: other}"));
  EXPECT_EQ(Fate(Send("one", Tcp("10.0.1.10:4000", "10.0.1.11:80"))), "two");
  EXPECT_EQ(Send("out", Tcp("10.0.1.12:4000", "10.0.1.11:80")), "drop SG_INGRESS_DENIED");
}

PROVED_BY(SG_16, "LowerTest.TheDefaultGroupAndAclKeepTheRulesThatTheFileDoesNotWrite",
          kDefaultGroup, "The default group's rules can be changed.");
PROVED_BY(SG_17, "SecurityGroup.WithoutAnEgressRuleNothingNewLeaves", kGroups,
          "Without egress rules nothing new leaves.");
PROVED_BY(SG_18, "SecurityGroup.WithoutAnIngressRuleNothingEnters", kGroups,
          "Without ingress rules nothing enters.");
PROVED_BY(SG_19, "SecurityGroup.ReferenceMatchesMembersOnly", kGroupRules,
          "A group as a peer means the interfaces that carry it.");

FOLLOWS(Groups, SG_20, kGroupRules, "It means their secondary private addresses, too.") {
  fabric.SetAddresses("app", {"10.0.1.10", "10.0.1.50"});
  Publish();
  EXPECT_EQ(Fate(Send("app", Tcp("10.0.1.50:4000", "10.0.2.10:3306"))), "db");
}

FOLLOWS(Groups, SG_21, kGroupRules, "It means their IPv6 addresses, too.") {
  fabric.Vpc("six", {"10.6.0.0/16", "2001:db8:6::/56"});
  fabric.Group("caller", {"out all to ::/0"}).Group("called", {"in tcp 80 from sg:caller"});
  fabric.Subnet("six-a", {"10.6.0.0/24", "2001:db8:6::/64"});
  fabric.Eni("caller", "six-a", {"10.6.0.10", "2001:db8:6::10"}, {"caller"});
  fabric.Eni("called", "six-a", {"10.6.0.11", "2001:db8:6::11"}, {"called"});
  Publish();
  EXPECT_EQ(Fate(Send("caller", Tcp("[2001:db8:6::10]:4000", "[2001:db8:6::11]:80"))), "called");
}

PROVED_BY(SG_22, "SecurityGroup.ReferenceNeverMatchesPublicAddresses", kGroupRules,
          "It never means public addresses.");
PROVED_BY(SG_23, "SecurityGroup.EgressReferenceMatchesTheDestinationsMembership", kGroupRules,
          "An egress rule may name a group as well.");

FOLLOWS(Groups, SG_24, kGroupRules, "A group as a peer does not bring its own rules along.") {
  // db admits app, app admits web; web is not admitted to db.
  EXPECT_EQ(Send("web", Tcp("10.0.0.10:4000", "10.0.2.10:3306")), "drop SG_INGRESS_DENIED");
}

FOLLOWS(GroupsOfAFile, SG_25, kGroupRules, "Joining or leaving a group counts at once.") {
  const std::string groups =
      "web: {}, db: {ingress: [{protocol: tcp, ports: 3306, from: \"sg:web\"}]}";
  const std::string db = ", d: {subnet: a, private_ip: 10.0.1.20, security_groups: db}";
  Apply(With(groups, "w: {subnet: a, private_ip: 10.0.1.10}" + db));
  EXPECT_EQ(Send("w", Tcp("10.0.1.10:4000", "10.0.1.20:3306")), "drop SG_INGRESS_DENIED");
  Apply(With(groups, "w: {subnet: a, private_ip: 10.0.1.10, security_groups: web}" + db));
  EXPECT_EQ(Fate(Send("w", Tcp("10.0.1.10:4000", "10.0.1.20:3306"))), "d");
  Apply(With(groups, "w: {subnet: a, private_ip: 10.0.1.10}" + db));
  EXPECT_EQ(Send("w", Tcp("10.0.1.10:4001", "10.0.1.20:3306")), "drop SG_INGRESS_DENIED");
}

DEVIATES(GroupsOfAFile, SG_26, kGroupRules,
         "A rule that names a deleted group is stale and matches nothing.",
         "A file that names a group it does not have is refused as a mistake.") {
  EXPECT_EQ(WithGroup("g: {ingress: [{protocol: tcp, ports: 80, from: \"sg:gone\"}]}"),
            "security group \"gone\" does not exist in vpc \"main\"");
}

PROVED_BY(SG_27, "broken/sg_of_other_vpc.yaml", kGroupRules,
          "A group of another VPC cannot be named unless the VPCs are peered.");

// Tracking.
PROVED_BY(SG_28, "Tracking.IcmpIsAlwaysTracked", kTracking, "ICMP is always tracked.");
PROVED_BY(SG_29, "Tracking.UntrackedConnectionEndsWithItsRule", kTracking,
          "A flow allowed from anywhere, with everything allowed back, is not tracked and ends "
          "with its rule.");
PROVED_BY(SG_30, "Tracking.UntrackedReplyNeedsTheOppositeRule", kTracking,
          "Its replies pass by the opposite rule alone.");
PROVED_BY(SG_31, "Tracking.WithoutTheOppositeRuleFromAnywhereIsTracked", kTracking,
          "Any other TCP or UDP flow is tracked.");
PROVED_BY(SG_32, "Tracking.TrackedConnectionSurvivesTheRemovalOfItsRule", kTracking,
          "A tracked flow goes on when its rule goes.");
PROVED_BY(SG_33, "Tracking.AclCutsTrackedConnectionsToo", kTracking,
          "A network ACL cuts tracked flows at once.");
PROVED_BY(SG_34, "Tracking.ThroughANatGatewayIsAlwaysTracked", kTracking,
          "Flows through a NAT gateway are tracked whatever the rules.");
PROVED_BY(SG_35, "Tracking.BothEndsAreTrackedOnTheirOwn", kTracking,
          "Each interface tracks on its own.");
PROVED_BY(SG_36, "Tracking.AnotherRuleMayTakeOver", kTracking,
          "An untracked flow lives on by another rule that allows it.");
PROVED_BY(SG_37, "ConnectionState.OtherProtocolsAreTrackedByAddressForTenMinutes", kTracking,
          "Other protocols are tracked by address and protocol, for 600 s.");
PROVED_BY(SG_38, "SecurityGroup.ReplyLeavesWithoutEgressRules", kTracking,
          "The reply to what was let in leaves without egress rules.");
PROVED_BY(SG_39, "SecurityGroup.ReplyEntersWithoutIngressRules", kTracking,
          "The reply to what was let out enters without ingress rules.");
PROVED_BY(SG_40, "SecurityGroup.TheOtherSideMayNotOpenTheSameConnection", kTracking,
          "That is about replies: the other side cannot begin.");
PROVED_BY(SG_41, "SecurityGroup.ReplyWithOtherPortsIsNoReply", kTracking,
          "A reply has the ports of its request.");
PROVED_BY(SG_42, "SecurityGroup.EchoReplyWithAnotherIdentifierIsNoReply", kTracking,
          "And an echo reply its identifier.");
PROVED_BY(SG_43, "SecurityGroup.AnAllowedEchoDoesNotOpenOtherIcmpTypes", kTracking,
          "An allowed echo opens the way for its reply alone.");
PROVED_BY(SG_44, "SecurityGroup.DroppedPacketLeavesNoState", kTracking,
          "What is denied leaves no state.");

// Timers.
PROVED_BY(SG_45, "ConnectionState.EstablishedLivesForFiveDaysIdle", kTracking,
          "An established TCP connection may be idle for 432,000 s.");
DEVIATES(Groups, SG_46, kTracking, "On Nitro v6 instance types the default is 350 s.",
         "Instances have no type here; `connection_tracking: {tcp_established: 350}` says it.") {
  fabric.Eni("v6", "app", {"10.0.1.60"}, {"app"}, {.tcp_established_seconds = 350});
  Publish();
  Connect("web", "10.0.0.10:4000", "app", "10.0.1.10:8080");
  Connect("web", "10.0.0.10:4001", "v6", "10.0.1.60:8080");
  Wait(seconds(351));
  fabric.Group("app", {});
  Publish();
  EXPECT_EQ(Fate(Send("web", Tcp("10.0.0.10:4000", "10.0.1.10:8080", "A").Sequence(1001, 5001))),
            "app");
  EXPECT_EQ(Send("web", Tcp("10.0.0.10:4001", "10.0.1.60:8080", "A").Sequence(1001, 5001)),
            "drop SG_INGRESS_DENIED");
}
PROVED_BY(SG_47, "ConnectionState.UdpExchangeLivesForThirtySecondsAStreamForThreeMinutes",
          kTracking, "A UDP stream may be idle for 180 s, a single exchange for 30 s.");
PROVED_BY(SG_48, "ConnectionState.UdpWithoutAnAnswerLivesForThirtySeconds", kTracking,
          "UDP in one direction for 30 s.");
PROVED_BY(SG_49, "ConnectionState.InterfacesTimerEndsAnIdleConnection", kTracking,
          "Each interface may set its own timers.");

FOLLOWS(GroupsOfAFile, SG_50, kTracking, "Timers are within 60-432,000 s, 60-180 s and 30-60 s.") {
  const auto with = [&](const std::string& timer) {
    return Refusal(With("", "i: {subnet: a, connection_tracking: {" + timer + "}}"));
  };
  for (const char* good : {"tcp_established: 60", "tcp_established: 432000", "udp_stream: 60",
                           "udp_stream: 180", "udp: 30", "udp: 60"})
    EXPECT_EQ(with(good), "") << good;
  for (const char* bad : {"tcp_established: 59", "tcp_established: 432001", "udp_stream: 59",
                          "udp_stream: 181", "udp: 29", "udp: 61"})
    EXPECT_NE(with(bad), "") << bad;
}

PROVED_BY(SG_51, "ConnectionState.HalfOpenLivesForAMinute", kTracking,
          "A half-open connection is kept for 60 s (AWS does not say; vpc-semantics §17).");
PROVED_BY(SG_52, "ConnectionState.EchoLivesForThirtySeconds", kTracking,
          "ICMP is kept for 30 s (AWS does not say; vpc-semantics §17).");
PROVED_BY(SG_53, "ConnectionState.TcpLivesFromSynToTimeWait", kTracking,
          "A connection closed by both sides is kept for 60 s (vpc-semantics §17).");
PROVED_BY(SG_54, "ConnectionState.RefusedConnectionIsToldAndGoneAfterFiveSeconds", kTracking,
          "A reset connection is kept for 5 s (vpc-semantics §17).");

FOLLOWS(
    Groups, SG_55, kTracking,
    "A half-closed connection is idle for as long as an open one (AWS names no shorter timer).") {
  Connect("web", "10.0.0.10:4000", "app", "10.0.1.10:8080");
  Send("web", Tcp("10.0.0.10:4000", "10.0.1.10:8080", "FA").Sequence(1001, 5001));
  Wait(seconds(3600));
  EXPECT_EQ(Fate(Send("app", Tcp("10.0.1.10:8080", "10.0.0.10:4000", "A").Sequence(5001, 1002))),
            "web");
}

// ICMP errors, mid-stream, tables.
PROVED_BY(SG_56, "IcmpErrors.InsideTheVpcTheyNeedARuleOfTheirOwn", kTracking,
          "An ICMP error needs an ingress rule for it.");

FOLLOWS(Groups, SG_57, kTracking,
        "After its state has expired, a segment in mid-stream is judged as a new flow.") {
  Connect("web", "10.0.0.10:4000", "app", "10.0.1.10:8080");
  Wait(seconds(432'001));
  EXPECT_EQ(Fate(Send("web", Tcp("10.0.0.10:4000", "10.0.1.10:8080", "A").Sequence(1001, 5001))),
            "app");
  Wait(seconds(432'001));
  fabric.Group("app", {"out all to 0.0.0.0/0"});
  Publish();
  EXPECT_EQ(Send("web", Tcp("10.0.0.10:4000", "10.0.1.10:8080", "A").Sequence(1001, 5001)),
            "drop SG_INGRESS_DENIED");
}

PROVED_BY(SG_58, "Tracking.QuotaLimitsTheConnectionsOfAnInterface", kEnaCounters,
          "An interface tracks so many connections; then new ones are dropped and counted.");
PROVED_BY(SG_59, "Tracking.TableFullOfEstablishedConnectionsRefusesNewOnes", kEnaCounters,
          "When the table is full, packets that need an entry are dropped.");

FOLLOWS(Groups, SG_73, kEnaCounters,
        "No established connection is ended for a new one, however soon it would end by itself.") {
  UseTable({.capacity = 4, .capacity_per_port = 100, .seed = 1});
  Publish();
  for (int port = 4000; port < 4004; ++port)
    Connect("app", "10.0.1.10:" + std::to_string(port), "api", "198.51.100.7:80");
  EXPECT_EQ(Send("app", Tcp("10.0.1.10:4009", "198.51.100.7:80")), "drop CONNECTION_TABLE_FULL");
  EXPECT_EQ(Fate(Send("app", Tcp("10.0.1.10:4000", "198.51.100.7:80", "A").Sequence(1001, 5001))),
            "api");
}

FOLLOWS(Groups, SG_60, kEnaCounters,
        "The limit is the interface's: it does not count connections of a host on the internet.") {
  fabric.ConnectionsPerEni(3);
  Publish();
  for (int port = 4000; port < 4003; ++port) {
    ASSERT_EQ(Fate(Send("web", Tcp("10.0.0.10:" + std::to_string(port), "198.51.100.7:80"))),
              "api");
  }
  EXPECT_EQ(Send("web", Tcp("10.0.0.10:4009", "198.51.100.7:80")), "drop CONNECTION_QUOTA");
  EXPECT_EQ(Fate(Send("app", Tcp("10.0.1.10:4000", "198.51.100.7:80"))), "api");
}

FOLLOWS(Groups, SG_61, kTracking,
        "With asymmetric routing the second interface has no state: it needs a rule of its own.") {
  fabric.Group("shut", {})
      .Eni("app-eth1", "app", {"10.0.1.70"}, {"shut"}, {.source_dest_check = false});
  Publish();
  Send("web", Tcp("10.0.0.10:4000", "10.0.1.10:8080"));
  EXPECT_EQ(Send("app-eth1", Tcp("10.0.1.10:8080", "10.0.0.10:4000", "SA").Sequence(5000, 1001)),
            "drop SG_EGRESS_DENIED");
}

PROVED_BY(SG_62, "Fragments.AllPartsOfAnAllowedDatagramArrive", kTracking,
          "Later fragments follow their first (AWS does not say; vpc-semantics §17).");
PROVED_BY(SG_63, "Fragments.NothingOfAForbiddenDatagramArrives", kTracking,
          "Nothing of a forbidden datagram arrives.");
PROVED_BY(SG_64, "Fragments.PartThatComesBeforeItsFirstIsDropped", kTracking,
          "A fragment whose first is unknown is dropped.");
PROVED_BY(SG_65, "Fragments.FirstPartIsForgottenAfterThirtySeconds", kTracking,
          "A first fragment is remembered for 30 s.");

FOLLOWS(Groups, SG_72, kTracking,
        "A later fragment begins no connection, even when its first was allowed.") {
  const PacketBuilder segment = Tcp("10.0.0.10:4000", "10.0.1.10:8080").Payload(2000);
  ASSERT_EQ(Fate(Send("web", PacketBuilder(segment).Slice(0, 1000))), "app");
  Send("web", Tcp("10.0.0.10:4000", "10.0.1.10:8080", "R").Sequence(1000));
  Wait(seconds(6));
  Expire();
  EXPECT_EQ(Send("web", PacketBuilder(segment).Slice(1000, 1000)), "drop FRAGMENT_UNKNOWN");
  EXPECT_EQ(connections().size(), 0u);
}

FOLLOWS(GroupsOfAFile, SG_66, kQuotas, "A prefix list weighs as many rules as it has entries.") {
  std::string entries;
  for (int i = 0; i < 61; ++i) {
    entries += (i == 0 ? "" : ", ") + ("10.9." + std::to_string(i) + ".0/24");
  }
  const auto with = [&](const std::string& limits) {
    return Refusal(limits + "vpcs: {main: {cidr: 10.0.0.0/16, prefix_lists: {p: [" + entries +
                   "]}, security_groups: {g: {ingress: [{protocol: tcp, ports: 80, from: "
                   "\"pl:p\"}]}}}}\n");
  };
  EXPECT_NE(with("").find("has 61 ingress rules for IPv4; the quota is 60"), std::string::npos);
  EXPECT_EQ(with("limits: {rules_per_security_group: 61}\n"), "");
}

PROVED_BY(SG_67, "Dns.NoFilterStandsInTheWay", kGroups, "Groups never filter the VPC's resolver.");
PROVED_BY(SG_68, "SecurityGroup.SecondPacketDoesNotTakeTheSlowPath", kTracking,
          "A decided connection is not decided again packet by packet.");
PROVED_BY(SG_69, "IcmpErrors.AboutAPacketThatWasNeverSentIsUnrelated", kTracking,
          "An ICMP error about a packet that never was is dropped.");
PROVED_BY(SG_70, "ConnectionState.ResetOutsideTheWindowIsDroppedAndEndsNothing", kTracking,
          "A forged reset ends no connection (RFC 5961).");
PROVED_BY(SG_71, "ConnectionState.SynAfterCloseIsJudgedByTheRulesOfToday", kTracking,
          "A connection opened anew is judged by today's rules.");
PROVED_BY(
    SG_74, "OneWayAppliance.AnswerByAnotherWayEstablishesTheConnectionItIsAdmittedFor", kTracking,
    "An answer that returns by another way belongs to the connection that its receiver opened.");
PROVED_BY(SG_75, "OneWayAppliance.AnswersKeepTheConnectionTheyAreAdmittedForAlive", kTracking,
          "Such answers keep that connection from being forgotten.");
PROVED_BY(SG_76, "OneWayAppliance.AnswersAreRefusedOnceTheConnectionTheyWereAdmittedForIsGone",
          kTracking, "When that connection is over, such answers need a rule.");
PROVED_BY(SG_77, "PrivateNatGateway.NewConnectionsNeedARuleWhateverPortsAreKnown", kTracking,
          "Behind a NAT gateway a new connection is no part of another.");

}  // namespace
}  // namespace taploom::test
