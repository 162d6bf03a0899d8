// PIPE: the order in which a packet meets the parts of a VPC (vpc-semantics §0).
#include "tests/conformance/check.h"
#include "tests/conformance/lab.h"
#include "tests/conformance/pages.h"
#include "tests/packet/shop.h"

namespace taploom::test {
namespace {

class PacketOrder : public Shop {
 protected:
  const PacketBuilder to_app = Tcp("10.0.0.10:4000", "10.0.1.10:8080");
};

PROVED_BY(PIPE_01, "LinkLayer.BroadcastIsDropped", kSubnets,
          "A VPC carries no broadcast: such frames are dropped.");
PROVED_BY(PIPE_02, "LinkLayer.MulticastIsDropped", kSubnets,
          "A VPC carries no multicast: such frames are dropped.");
PROVED_BY(PIPE_03, "Neighbor.AddressNobodyOwnsGetsNoReply", kSubnets,
          "ARP is answered by the fabric and never flooded.");
PROVED_BY(PIPE_04, "Dns.NoFilterStandsInTheWay", kAcls,
          "Queries to the VPC's resolver pass no security group and no network ACL.");
PROVED_BY(PIPE_05, "Dns.AnswersAThousandAndTwentyFourASecondAndNoMore", kDns,
          "An interface sends at most 1024 packets a second to link-local services.");
PROVED_BY(PIPE_06, "SourceCheck.ForgedAddressIsDropped", kInterfaces,
          "With the source/destination check on, a foreign source address is dropped.");
PROVED_BY(PIPE_07, "SourceCheck.ComesBeforeTheSecurityGroup", kReachability,
          "The source check comes before the security group.");
PROVED_BY(PIPE_08, "SecurityGroup.WithoutAnEgressRuleNothingNewLeaves", kGroups,
          "What no egress rule of the sender allows does not leave.");
PROVED_BY(PIPE_09, "SecurityGroup.ReplyLeavesWithoutEgressRules", kTracking,
          "A packet of a tracked connection passes without a rule.");

FOLLOWS(PacketOrder, PIPE_10, kReachability,
        "The sender's security group is asked before the network ACL of its subnet.") {
  fabric.Group("web", {}).Acl("public", {});
  Publish();
  EXPECT_EQ(Send("web", to_app), "drop SG_EGRESS_DENIED");
}

FOLLOWS(PacketOrder, PIPE_11, kAcls,
        "The network ACL is asked, outbound, when a packet leaves the subnet.") {
  fabric.Acl("public", {"100 in allow all 0.0.0.0/0"});
  Publish();
  EXPECT_EQ(Send("web", to_app), "drop ACL_OUTBOUND_DENIED");
}

FOLLOWS(PacketOrder, PIPE_12, kReachability,
        "The outbound network ACL is asked before the route table.") {
  fabric.Acl("data", {"100 in allow all 0.0.0.0/0"}).Group("db", {"out all to 0.0.0.0/0"});
  Publish();
  EXPECT_EQ(Send("db", Tcp("10.0.2.10:4000", "198.51.100.7:80")), "drop ACL_OUTBOUND_DENIED");
}

FOLLOWS(PacketOrder, PIPE_13, kRouteTables,
        "The route table is that of the sender's subnet, not the receiver's.") {
  fabric.Group("db", {"out all to 0.0.0.0/0"});
  Publish();
  EXPECT_EQ(Send("db", Tcp("10.0.2.10:4000", "198.51.100.7:80")), "drop NO_ROUTE");
  EXPECT_EQ(Fate(Send("web", Tcp("10.0.0.10:4000", "198.51.100.7:80"))), "api");
}

PROVED_BY(PIPE_14, "Routes.WithoutARouteNothingLeaves", kRouteTables,
          "Without a matching route a packet is dropped.");
PROVED_BY(PIPE_15, "LinkLayer.NeighbourReachedThroughTheRouterIsStillOneSubnetAway", kRouteTables,
          "Frames to the router's MAC follow the route table, wherever they go.");

FOLLOWS(PacketOrder, PIPE_16, kRouteTables,
        "Frames to another interface's MAC in the subnet bypass route table and network ACL.") {
  fabric.Route("public", "10.0.0.0/24 blackhole").Acl("public", {});
  fabric.Group("web", {"in tcp 80 from 0.0.0.0/0", "out all to 0.0.0.0/0"});
  Publish();
  EXPECT_EQ(Fate(Send("bare", Tcp("10.0.0.11:4000", "10.0.0.10:80"))), "web");
}

FOLLOWS(PacketOrder, PIPE_17, kReachability,
        "The inbound network ACL is asked before the receiver's security group.") {
  fabric.Acl("app", {"100 out allow all 0.0.0.0/0"}).Group("app", {});
  Publish();
  EXPECT_EQ(Send("web", to_app), "drop ACL_INBOUND_DENIED");
}

PROVED_BY(PIPE_18, "NetworkAcl.IsNotAskedWithinTheSubnet", kAcls,
          "The network ACL is not asked for packets within the subnet.");

FOLLOWS(PacketOrder, PIPE_19, kGroups,
        "Both ends are asked: the sender's egress rules and the receiver's ingress rules.") {
  EXPECT_EQ(Fate(Send("web", to_app)), "app");
  fabric.Group("app", {"out all to 0.0.0.0/0"});
  Publish();
  EXPECT_EQ(Send("web", Tcp("10.0.0.10:4001", "10.0.1.10:8080")), "drop SG_INGRESS_DENIED");
  fabric.Group("app", {"in tcp 8080 from sg:web"}).Group("web", {});
  Publish();
  EXPECT_EQ(Send("web", Tcp("10.0.0.10:4002", "10.0.1.10:8080")), "drop SG_EGRESS_DENIED");
}

FOLLOWS(PacketOrder, PIPE_20, kGroups,
        "Within one subnet the security groups of both ends apply.") {
  EXPECT_EQ(Send("web", Tcp("10.0.0.10:4000", "10.0.0.11:81")), "drop SG_INGRESS_DENIED");
  EXPECT_EQ(Fate(Send("web", Tcp("10.0.0.10:4000", "10.0.0.11:80"))), "bare");
}

FOLLOWS(PacketOrder, PIPE_21, kGroups,
        "What a group, an ACL or a route refuses is dropped in silence: no reset, no ICMP.") {
  fabric.Acl("data", {});
  Publish();
  EXPECT_EQ(Send("web", Tcp("10.0.0.10:4000", "10.0.1.10:22")), "drop SG_INGRESS_DENIED");
  EXPECT_EQ(Send("web", Udp("10.0.0.10:4000", "10.0.1.10:22")), "drop SG_INGRESS_DENIED");
  EXPECT_EQ(Send("app", Tcp("10.0.1.10:4000", "10.0.2.10:3306")), "drop ACL_INBOUND_DENIED");
  fabric.RemoveRoute("app", "0.0.0.0/0");
  Publish();
  EXPECT_EQ(Send("app", Tcp("10.0.1.10:4000", "198.51.100.7:80")), "drop NO_ROUTE");
}

PROVED_BY(PIPE_22, "Appliance.WithTheCheckOnReceivesNothingThatIsNotItsOwn", kInterfaces,
          "With the check on, an interface receives only what is addressed to it.");

FOLLOWS(PacketOrder, PIPE_23, kReachability,
        "The receiver's security group is asked before its destination check.") {
  fabric.Route("app", "0.0.0.0/0 eni:db");
  Publish();
  EXPECT_EQ(Send("app", Tcp("10.0.1.10:4000", "198.51.100.7:443")), "drop SG_INGRESS_DENIED");
  EXPECT_EQ(Send("app", Tcp("10.0.1.10:4000", "198.51.100.7:3306")),
            "drop SOURCE_DEST_CHECK_DESTINATION");
}

PROVED_BY(PIPE_24, "Explain.AgreesWithThePipelineThereAndBack", kReachability,
          "An explanation names every component on the path, in order, there and back.");
PROVED_BY(PIPE_25, "Explain.SaysWhenOnlyTheWayBackFails", kReachability,
          "The way back is analysed on its own: it may fail where the way there does not.");

NOT_MODELLED(
    Lab, PIPE_26, kFlowLogs,
    "Flow logs record ACCEPT and REJECT per interface; link-local services are not logged.") {
  EXPECT_EQ(Refusal("vpcs: {main: {cidr: 10.0.0.0/16, flow_logs: {}}}\n"),
            "\"flow_logs\" is not modelled yet");
}

}  // namespace
}  // namespace taploom::test
