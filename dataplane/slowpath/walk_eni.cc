// At an instance's edge: stages E1–E4 on the way out, security groups and the destination check on
// the way in.
#include <fmt/format.h>

#include "dataplane/slowpath/describe.h"
#include "dataplane/slowpath/dns.h"
#include "dataplane/slowpath/special_addresses.h"
#include "dataplane/slowpath/walk.h"
#include "dataplane/wire/layout.h"

namespace taploom::slowpath {
namespace {

// Reserved addresses of every subnet that the fabric itself answers or would answer (vpc-semantics
// §1): the router (base+1), DNS (base+2) and the one kept for the future (base+3).
bool IsReservedIn(const tables::Subnet& subnet, const wire::IpAddress& address) {
  for (const wire::IpPrefix& cidr : subnet.cidrs) {
    if (!cidr.Contains(address)) continue;
    for (std::uint32_t offset = 1; offset <= 3; ++offset) {
      if (cidr.address.Plus(offset) == address) return true;
    }
  }
  return false;
}

}  // namespace

template <typename Sink>
void Walk<Sink>::LeaveEni(tables::EniIndex index) {
  const tables::Eni& eni = snapshot_[index];
  decision_.where = index;
  subnet_ = eni.subnet;
  vpc_ = eni.vpc;
  is_forwarded_ = eni.FindAddress(tuple_.source) == nullptr;
  std::optional<tables::EniIndex> neighbor;
  if (!PassesZone(eni) || !PassesLinkLayer(eni, neighbor) || !PassesLinkLocal(eni) ||
      !PassesSourceCheck(eni) || !PassesSecurityGroupEgress(eni)) {
    return;
  }
  if (neighbor) {
    // Frames to another ENI's MAC bypass route table and network ACL (vpc-semantics §1).
    sender_mac_ = eni.mac;
    const bool is_appliance = snapshot_[*neighbor].FindAddress(tuple_.destination) == nullptr;
    return EnterEni(*neighbor, is_appliance);
  }
  LeaveSubnet(eni.subnet);
}

// A zone that has failed takes everything zonal with it: interfaces, NAT gateways, nodes of load
// balancers (§13). That a zone works is not worth a line of an explanation.
template <typename Sink>
bool Walk<Sink>::PassesZone(const tables::Eni& eni) {
  const tables::Subnet& subnet = snapshot_[eni.subnet];
  if (!subnet.zone.is_down) return true;
  Drop(Stage::kZone, DropReason::kZoneDown, subnet.az, subnet.az,
       Sink::kRecords ? fmt::format("{} is in {}, which is down (taploom fault az {} --up)",
                                    eni.name, subnet.az, subnet.az)
                      : std::string());
  return false;
}

template <typename Sink>
bool Walk<Sink>::PassesLinkLayer(const tables::Eni& eni,
                                 std::optional<tables::EniIndex>& neighbor) {
  const wire::MacAddress& mac = packet_.destination_mac;
  // An interface's MAC is its own for life; that it may send for other addresses changes nothing.
  if (packet_.source_mac != eni.mac) {
    Drop(Stage::kLinkLayer, DropReason::kForeignSourceMac, eni.id, eni.name,
         Sink::kRecords
             ? fmt::format("{} is not the MAC of {}", packet_.source_mac.ToString(), eni.name)
             : std::string());
    return false;
  }
  if (mac.is_group() || tuple_.destination.is_multicast() || tuple_.destination.is_v4_broadcast()) {
    Drop(Stage::kLinkLayer, DropReason::kNotUnicast);
    return false;
  }
  if (mac == snapshot_[eni.subnet].router_mac) {
    Report(Stage::kLinkLayer, [&] {
      return StageReport{
          .component_id = eni.id, .component_name = eni.name, .detail = "to the VPC router"};
    });
    return true;
  }
  const auto is_neighbor = [&](const tables::Eni& other) {
    return other.subnet == eni.subnet && other.mac == mac;
  };
  const auto& by_address = snapshot_[eni.vpc].eni_by_address;
  if (const auto owner = by_address.find(tuple_.destination);
      owner != by_address.end() && is_neighbor(snapshot_[owner->second])) {
    neighbor = owner->second;
  } else {
    for (std::uint32_t i = 0; i < snapshot_.enis.size() && !neighbor; ++i) {
      if (is_neighbor(snapshot_.enis[i])) neighbor = tables::EniIndex{i};
    }
  }
  if (!neighbor) {
    Drop(Stage::kLinkLayer, DropReason::kUnknownDestinationMac, eni.id, eni.name, mac.ToString());
    return false;
  }
  Report(Stage::kLinkLayer, [&] {
    return StageReport{
        .component_id = eni.id,
        .component_name = eni.name,
        .detail = fmt::format("to {} in the same subnet", snapshot_[*neighbor].name)};
  });
  return true;
}

template <typename Sink>
bool Walk<Sink>::PassesLinkLocal(const tables::Eni& eni) {
  if (AsksResolver()) return false;
  const tables::Subnet& subnet = snapshot_[eni.subnet];
  if (!tuple_.destination.is_link_local() && !IsAmazonService(tuple_.destination) &&
      !IsReservedIn(subnet, tuple_.destination)) {
    return true;
  }
  Drop(Stage::kLinkLocal, DropReason::kLinkLocalServiceAbsent, subnet.id, subnet.name,
       tuple_.destination.ToString());
  return false;
}

template <typename Sink>
bool Walk<Sink>::AsksResolver() {
  const bool is_query = tuple_.protocol == wire::kProtocolUdp &&
                        tuple_.destination_port == kDnsPort && !packet_.is_fragment;
  if (!is_query || !IsResolver(snapshot_, packet_.ingress_port, tuple_.destination)) return false;
  decision_.outcome = Decision::Outcome::kAnswerDns;
  Report(Stage::kLinkLocal, [&] {
    return StageReport{.component_name = "resolver",
                       .detail = "answered by the fabric, before any filter"};
  });
  return true;
}

template <typename Sink>
bool Walk<Sink>::PassesSourceCheck(const tables::Eni& eni) {
  if (eni.source_dest_check && eni.FindAddress(tuple_.source) == nullptr) {
    Drop(Stage::kSourceCheck, DropReason::kSourceCheck, eni.id, eni.name,
         Sink::kRecords
             ? fmt::format("{} is not an address of {}", tuple_.source.ToString(), eni.name)
             : std::string());
    return false;
  }
  Report(Stage::kSourceCheck, [&] {
    return StageReport{.component_id = eni.id,
                       .component_name = eni.name,
                       .detail = eni.source_dest_check ? "source is the interface's own"
                                                       : "source/dest check is off"};
  });
  return true;
}

template <typename Sink>
bool Walk<Sink>::IsTrackedAt(const tables::Eni& eni, const flow::FiveTuple& as_sent) const {
  // An ICMP error needs a rule of its own (vpc-semantics §5, since 2022).
  if (!related_ || packet_.is_icmp_error) return false;
  const flow::Connection& own = *related_.connection;
  const flow::FlowKey key{as_sent, eni.port};
  return (own.has(flow::Connection::kTrackedAtSource) &&
          own.key(flow::FlowDirection::kOriginal) == key) ||
         (own.has(flow::Connection::kTrackedAtDestination) &&
          own.key(flow::FlowDirection::kReply) == key);
}

template <typename Sink>
bool Walk<Sink>::IsAnswerToOther(const tables::Eni& eni, const flow::FiveTuple& as_sent) const {
  // A NAT gateway gives a connection a port that no other has, and it is not settled yet.
  if (packet_.is_icmp_error || decision_.nat) return false;
  const flow::Connection* connection = nullptr;
  const flow::Half* half = connections_.Peek({as_sent, eni.port}, now_, &connection);
  if (half == nullptr || connection == related_.connection) return false;
  const bool at_source = half == &connection->halves[0];
  return connection->has(at_source ? flow::Connection::kTrackedAtSource
                                   : flow::Connection::kTrackedAtDestination);
}

template <typename Sink>
Admission Walk<Sink>::Admit(const tables::RuleSet& rules, std::uint32_t rule,
                            const tables::RuleSet& opposite) const {
  Admission admission{.filtered = true, .tracked = true, .rule = rules.rule(rule).digest};
  if (wire::HasPorts(tuple_.protocol)) {
    const wire::Family family = tuple_.source.family();
    admission.tracked =
        !(rules.IsFromAnywhere(rule, family) && opposite.AllowsEverything(tuple_.protocol, family));
  }
  return admission;
}

template <typename Sink>
const char* Walk<Sink>::TrackingText(const Admission& admission) const {
  if (related_)
    return "";  // a later packet: whether the connection is tracked was settled by its first
  return admission.tracked ? "tracked" : "not tracked";
}

template <typename Sink>
bool Walk<Sink>::PassesSecurityGroupEgress(const tables::Eni& eni) {
  if (IsTrackedAt(eni, tuple_)) {
    decision_.source = {.filtered = true, .tracked = true, .rule = 0};
    Report(Stage::kSecurityGroupEgress, [&] {
      return StageReport{.component_id = eni.id,
                         .component_name = eni.name,
                         .detail = "belongs to a tracked connection"};
    });
    return true;
  }
  const std::uint32_t rule = eni.egress_rules->Match(QueryFor(tuple_.destination));
  if (rule == tables::RuleSet::kNoMatch) {
    Drop(
        Stage::kSecurityGroupEgress, DropReason::kSecurityGroupEgress, eni.id, eni.name,
        Sink::kRecords ? DescribeNoRule(snapshot_, eni, "egress", tuple_, packet_) : std::string());
    return false;
  }
  decision_.source = Admit(*eni.egress_rules, rule, *eni.ingress_rules);
  Report(Stage::kSecurityGroupEgress, [&] {
    return DescribeRule(eni.egress_rules->rule(rule), "egress", TrackingText(decision_.source));
  });
  return true;
}

template <typename Sink>
bool Walk<Sink>::PassesSecurityGroupIngress(const tables::Eni& eni) {
  const auto belongs_to_a_tracked_connection = [&] {
    decision_.destination = {.filtered = true, .tracked = true, .rule = 0};
    Report(Stage::kSecurityGroupIngress, [&] {
      return StageReport{.component_id = eni.id,
                         .component_name = eni.name,
                         .detail = "belongs to a tracked connection"};
    });
    return true;
  };
  if (IsTrackedAt(eni, tuple_.Reversed())) return belongs_to_a_tracked_connection();
  const tables::RuleSet& rules =
      is_forwarded_ ? *eni.ingress_rules_without_groups : *eni.ingress_rules;
  const std::uint32_t rule = rules.Match(QueryFor(tuple_.source));
  if (rule == tables::RuleSet::kNoMatch && IsAnswerToOther(eni, tuple_.Reversed())) {
    decision_.is_admitted_by_other = true;
    return belongs_to_a_tracked_connection();
  }
  if (rule == tables::RuleSet::kNoMatch) {
    Drop(Stage::kSecurityGroupIngress, DropReason::kSecurityGroupIngress, eni.id, eni.name,
         Sink::kRecords ? DescribeNoRule(snapshot_, eni, "ingress", tuple_, packet_)
                        : std::string());
    return false;
  }
  decision_.destination = Admit(rules, rule, *eni.egress_rules);
  Report(Stage::kSecurityGroupIngress, [&] {
    return DescribeRule(rules.rule(rule), "ingress", TrackingText(decision_.destination));
  });
  return true;
}

template <typename Sink>
void Walk<Sink>::EnterEni(tables::EniIndex index, bool is_appliance) {
  const tables::Eni& eni = snapshot_[index];
  if (!PassesZone(eni)) return;
  // However it was reached: by its address, by a neighbour that knows its MAC, or by a route.
  if (eni.type == tables::EniType::kNatGateway) return EnterNatGatewayFromOutside(eni.nat_gateway);
  decision_.where = index;
  if (!PassesNetworkAclInbound(eni.subnet) || !PassesSecurityGroupIngress(eni) ||
      !PassesDestinationCheck(eni, is_appliance)) {
    return;
  }
  Deliver(index);
}

template <typename Sink>
bool Walk<Sink>::PassesDestinationCheck(const tables::Eni& eni, bool is_appliance) {
  if (is_appliance && eni.source_dest_check) {
    Drop(Stage::kDestinationCheck, DropReason::kDestinationCheck, eni.id, eni.name,
         Sink::kRecords
             ? fmt::format("{} is not an address of {}", tuple_.destination.ToString(), eni.name)
             : std::string());
    return false;
  }
  Report(Stage::kDestinationCheck, [&] {
    return StageReport{
        .component_id = eni.id,
        .component_name = eni.name,
        .detail = is_appliance ? "source/dest check is off" : "destination is the interface's own"};
  });
  return true;
}

template <typename Sink>
void Walk<Sink>::Deliver(tables::EniIndex index) {
  const tables::Eni& eni = snapshot_[index];
  if (eni.port == tables::kNoPort) {
    return Drop(Stage::kDeliver, DropReason::kNotAttached, eni.id, eni.name, std::string());
  }
  decision_.outcome = Decision::Outcome::kDeliver;
  decision_.egress_port = eni.port;
  decision_.tuple = tuple_;
  decision_.destination_mac = eni.mac;
  decision_.source_mac =
      sender_mac_ == wire::MacAddress() ? snapshot_[eni.subnet].router_mac : sender_mac_;
  Report(Stage::kDeliver, [&] {
    return StageReport{.component_id = eni.id, .component_name = eni.name, .detail = "delivered"};
  });
}

template class Walk<NullSink>;
template class Walk<RecordingSink>;

}  // namespace taploom::slowpath
