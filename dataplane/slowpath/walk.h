// Walk: one packet's way through the VPC, stage by stage, in the order of vpc-semantics §0. It
// reads the snapshot and the connections and changes nothing; its result is a Decision.
//
// Each function's name says where the packet stands. They call each other in the direction of
// travel, so the possible ways are the call graph:
//
//   LeaveEni ─ zone ─ link layer ─ link-local ─ source check ─ SG egress ─┬─ (neighbour's MAC)
//   ──────────────────────────► EnterEni
//                                                                  └─ LeaveSubnet ─ ACL outbound ─
//                                                                  FollowRoute ─┬─► EnterEni
//   FollowRoute ─┬─ peering connection ─► CrossPeering ─► EnterVpc (of the peer)
//                ├─ gateway endpoint ─► LeaveThroughGatewayEndpoint ─► ReachInternetHost
//                ├─ egress-only gateway ─► LeaveThroughEgressOnlyGateway ─► CrossInternet
//                ├─ local ─► EnterEni, or EnterNatGatewayFromOutside ─► LeaveSubnet │
//                ├─ NAT gateway ─► EnterNatGatewayFromInside ─► LeaveSubnet (of the gateway) │ ├─
//                internet gateway ─► LeaveThroughInternetGateway ─► CrossInternet ─┬─►
//                ReachInternetHost      │ └─ ENI (appliance)
//                ───────────────────────────────────────────────── │ ────────────────────────┘
//   LeaveInternetHost ─► CrossInternet ─► EnterThroughInternetGateway ─► EnterVpc ◄──┘
//   EnterEni ─ zone ─ ACL inbound ─ SG ingress ─ destination check ─ deliver
#ifndef TAPLOOM_DATAPLANE_SLOWPATH_WALK_H_
#define TAPLOOM_DATAPLANE_SLOWPATH_WALK_H_

#include <optional>
#include <string>
#include <utility>

#include "dataplane/flow/connection_table.h"
#include "dataplane/slowpath/decision.h"
#include "dataplane/slowpath/sink.h"
#include "dataplane/tables/snapshot.h"
#include "dataplane/tick.h"

namespace taploom::slowpath {

template <typename Sink>
class Walk {
 public:
  // `related`: the connection the packet belongs to (its own flow's, or the one whose packet an
  // ICMP error quotes) and the direction of travel; empty for a first packet. `port_choice`: where
  // a NAT gateway begins to look for a free port.
  Walk(const tables::Snapshot& snapshot, const flow::ConnectionTable& connections,
       flow::ConnectionRef related, Tick now, std::uint64_t port_choice, Sink& sink)
      : snapshot_(snapshot),
        connections_(connections),
        related_(related),
        now_(now),
        port_choice_(port_choice),
        sink_(sink) {}

  Decision Run(const PacketView& packet);

 private:
  // walk_eni.cc: at an instance's edge
  void LeaveEni(tables::EniIndex eni);
  bool PassesZone(const tables::Eni& eni);
  bool PassesLinkLayer(const tables::Eni& eni, std::optional<tables::EniIndex>& neighbor);
  bool PassesLinkLocal(const tables::Eni& eni);
  bool AsksResolver();  // ends the walk when it does
  bool PassesSourceCheck(const tables::Eni& eni);
  bool PassesSecurityGroupEgress(const tables::Eni& eni);
  bool PassesSecurityGroupIngress(const tables::Eni& eni);
  bool PassesDestinationCheck(const tables::Eni& eni, bool is_appliance);
  void EnterEni(tables::EniIndex eni, bool is_appliance);
  void Deliver(tables::EniIndex eni);
  // Whether the packet's connection is tracked under this key at the interface.
  bool IsTrackedAt(const tables::Eni& eni, const flow::FiveTuple& as_sent) const;
  // Whether another connection is: the answer comes by another way than the question went.
  bool IsAnswerToOther(const tables::Eni& eni, const flow::FiveTuple& as_sent) const;
  const char* TrackingText(const Admission& admission) const;
  Admission Admit(const tables::RuleSet& rules, std::uint32_t rule,
                  const tables::RuleSet& opposite) const;

  // walk_subnet.cc: at a subnet's edge
  void LeaveSubnet(tables::SubnetIndex subnet);
  bool PassesNetworkAclOutbound(const tables::Subnet& subnet);
  bool PassesNetworkAclInbound(tables::SubnetIndex subnet);
  void FollowRoute(tables::SubnetIndex subnet);
  void EnterVpc(tables::VpcIndex vpc);
  void DropAtRoute(const tables::RouteTable& table, const tables::Route& blackhole);

  // walk_gateway.cc
  bool PassesNatGatewayHealth(const tables::NatGateway& gateway);
  void EnterNatGatewayFromInside(tables::NatGatewayIndex gateway);
  void EnterNatGatewayFromOutside(tables::NatGatewayIndex gateway);
  std::optional<NatBinding> BindNatPort(tables::NatGatewayIndex gateway, const tables::Eni& eni);
  void LeaveThroughInternetGateway(tables::InternetGatewayIndex gateway, tables::SubnetIndex from);
  void EnterThroughInternetGateway(tables::VpcIndex vpc,
                                   std::optional<wire::IpAddress> private_address);
  void FollowEdgeRoute(const tables::InternetGateway& gateway);
  bool IsRedirected(const tables::InternetGateway& gateway, tables::EniIndex sender) const;
  void LeaveThroughEgressOnlyGateway(tables::EgressOnlyInternetGatewayIndex gateway,
                                     tables::SubnetIndex from);
  bool ComesThroughEgressOnlyGateway(const tables::Vpc& vpc) const;
  void EnterThroughEgressOnlyGateway(tables::VpcIndex vpc);
  // What both gateways to the internet do to the path: its MTU, and a router that speaks for it.
  void NoteInternetHop(tables::SubnetIndex from);

  // walk_peering.cc
  void CrossPeering(tables::VpcPeeringIndex peering, tables::SubnetIndex from);

  // walk_endpoint.cc
  void LeaveThroughGatewayEndpoint(tables::GatewayEndpointIndex endpoint, tables::SubnetIndex from);
  bool ReturnsThroughGatewayEndpoint();  // and then follows that way

  // walk_internet.cc
  void LeaveInternetHost(tables::InternetHostIndex host);
  void CrossInternet();
  void ReachInternetHost(tables::InternetHostIndex host);

  // The ends of the walk.
  void Drop(Stage stage, DropReason reason) {
    Drop(stage, reason, std::string(), std::string(), std::string());
  }
  void Drop(Stage stage, DropReason reason, std::string component_id, std::string component_name,
            std::string detail);

  // Tells the sink that a stage was passed. `describe` returns a StageReport; it is not even called
  // when nobody listens.
  template <typename Describe>
  void Report(Stage stage, Describe describe) {
    if constexpr (Sink::kRecords) {
      StageReport report = describe();
      report.stage = stage;
      if (report.before == flow::FiveTuple()) report.before = report.after = tuple_;
      report.hop_count = decision_.hop_count;
      report.mtu = decision_.mtu;
      sink_.reports.push_back(std::move(report));
    }
  }

  bool IsTranslatable() const;  // by a NAT gateway
  bool HasVisited(std::uint32_t gateway);
  tables::RuleQuery QueryFor(const wire::IpAddress& peer) const;

  const tables::Snapshot& snapshot_;
  const flow::ConnectionTable& connections_;
  const flow::ConnectionRef related_;
  const Tick now_;
  const std::uint64_t port_choice_;
  Sink& sink_;

  PacketView packet_;
  flow::FiveTuple tuple_;  // as it stands here; gateways change it
  tables::SubnetIndex
      subnet_;  // where the packet comes from, for the same-subnet exemptions; none = outside any
  tables::VpcIndex vpc_;
  wire::MacAddress sender_mac_;  // of the last hop on the receiver's link
  bool is_forwarded_ = false;    // an appliance sends what somebody else has sent
  std::array<std::uint32_t, kMaxHops> visited_{};
  std::size_t visited_count_ = 0;
  Decision decision_;
};

extern template class Walk<NullSink>;
extern template class Walk<RecordingSink>;

}  // namespace taploom::slowpath

#endif  // TAPLOOM_DATAPLANE_SLOWPATH_WALK_H_
