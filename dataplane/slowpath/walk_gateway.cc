// Through a NAT gateway (vpc-semantics §4) and an internet gateway (§3).
#include <fmt/format.h>

#include "dataplane/slowpath/describe.h"
#include "dataplane/slowpath/special_addresses.h"
#include "dataplane/slowpath/walk.h"
#include "dataplane/wire/layout.h"

namespace taploom::slowpath {
namespace {

constexpr std::uint16_t kInternetMtu = 1500;

}  // namespace

template <typename Sink>
bool Walk<Sink>::IsTranslatable() const {
  if (tuple_.protocol == wire::kProtocolTcp || tuple_.protocol == wire::kProtocolUdp) return true;
  // Of ICMP, the queries that have an identifier to translate, and errors (RFC 5508 §3, §4).
  return tuple_.protocol == wire::kProtocolIcmp &&
         (packet_.is_icmp_error || packet_.icmp_type == wire::icmp::kEcho ||
          packet_.icmp_type == wire::icmp::kTimestamp);
}

template <typename Sink>
bool Walk<Sink>::HasVisited(std::uint32_t gateway) {
  for (std::size_t i = 0; i < visited_count_; ++i) {
    if (visited_[i] == gateway) return true;
  }
  if (visited_count_ == visited_.size()) return true;
  visited_[visited_count_++] = gateway;
  return false;
}

template <typename Sink>
bool Walk<Sink>::PassesNatGatewayHealth(const tables::NatGateway& gateway) {
  if (!gateway.health.is_down) return true;
  Drop(Stage::kNatGateway, DropReason::kNatGatewayDown, gateway.id, gateway.name,
       Sink::kRecords
           ? fmt::format("{} is down (taploom fault nat {} --up)", gateway.name, gateway.name)
           : std::string());
  return false;
}

template <typename Sink>
std::optional<NatBinding> Walk<Sink>::BindNatPort(tables::NatGatewayIndex gateway,
                                                  const tables::Eni& eni) {
  if (related_ && related_.connection->has(flow::Connection::kNat) &&
      related_.direction == flow::FlowDirection::kOriginal) {
    const flow::Connection& connection = *related_.connection;
    for (const tables::EniAddress& address : eni.addresses) {
      if (address.private_address.is_v4() &&
          address.private_address.v4().raw() == connection.nat_address) {
        return NatBinding{gateway, connection.nat_address, connection.nat_port};
      }
    }
  }
  // §17: the address by hash of the source, with spill to the next one when its ports towards this
  // destination are used up; the port by a keyed hash of the flow (RFC 6056 §3.3.3), the next when
  // it is taken. Whether this very port is free is settled where the reply's key is known.
  const std::size_t count = eni.addresses.size();
  const std::size_t start = std::hash<wire::IpAddress>()(tuple_.source) % count;
  for (std::size_t i = 0; i < count; ++i) {
    const wire::IpAddress& address = eni.addresses[(start + i) % count].private_address;
    if (!address.is_v4()) continue;
    const flow::NatPorts::Destination destination{address.v4().raw(), tuple_.destination.v4().raw(),
                                                  tuple_.destination_port, tuple_.protocol, 0};
    if (connections_.nat_ports().InUse(destination) >= flow::NatPorts::kMaxPerDestination) continue;
    return NatBinding{gateway, destination.nat_address,
                      static_cast<std::uint16_t>(flow::NatPorts::kFirstPort +
                                                 port_choice_ % flow::NatPorts::kPortCount)};
  }
  return std::nullopt;
}

template <typename Sink>
void Walk<Sink>::EnterNatGatewayFromInside(tables::NatGatewayIndex index) {
  const tables::NatGateway& gateway = snapshot_[index];
  const tables::Eni& eni = snapshot_[gateway.eni];
  const auto drop = [&](DropReason reason) {
    Drop(Stage::kNatGateway, reason, gateway.id, gateway.name, std::string());
  };
  if (HasVisited(gateway.eni.value)) return drop(DropReason::kNatSameSubnet);
  if (!PassesZone(eni) || !PassesNatGatewayHealth(gateway)) return;
  if (!PassesNetworkAclInbound(eni.subnet)) return;
  decision_.passage = {index, /*is_from_source=*/true, /*has_left=*/false};
  if (!IsTranslatable() || !tuple_.destination.is_v4())
    return drop(DropReason::kNatUnsupportedProtocol);
  if (packet_.is_fragment && tuple_.protocol != wire::kProtocolUdp)
    return drop(DropReason::kNatFragment);
  if (!snapshot_[eni.vpc].eni_by_address.contains(tuple_.source))
    return drop(DropReason::kNatSourceOutsideVpc);

  const bool has_binding = related_ && related_.connection->has(flow::Connection::kNat);
  const bool opens =
      (packet_.tcp_flags & (wire::kTcpSyn | wire::kTcpAck | wire::kTcpRst)) == wire::kTcpSyn;
  if (tuple_.protocol == wire::kProtocolTcp && !opens && !has_binding) {
    if ((packet_.tcp_flags & wire::kTcpRst) != 0) return drop(DropReason::kInvalidTcp);
    decision_.outcome = Decision::Outcome::kResetSender;
    decision_.nat = NatBinding{index, 0, 0};
    Report(Stage::kNatGateway, [&] {
      return StageReport{.passed = false,
                         .component_id = gateway.id,
                         .component_name = gateway.name,
                         .detail = "the connection is not (or no longer) known: RST to the sender"};
    });
    return;
  }
  const std::optional<NatBinding> binding = BindNatPort(index, eni);
  if (!binding) {
    decision_.nat = NatBinding{index, 0, 0};
    return drop(DropReason::kNatPortAllocation);
  }
  const flow::FiveTuple before = tuple_;
  tuple_.source =
      wire::IpAddress::V4FromBytes(reinterpret_cast<const std::uint8_t*>(&binding->address));
  if (!packet_.is_icmp_error) tuple_.source_port = binding->port;
  decision_.nat = binding;
  decision_.is_always_tracked = true;
  decision_.passage->has_left = true;
  if (decision_.hop_count < kMaxHops) decision_.hops[decision_.hop_count++] = tuple_.source;
  Report(Stage::kNatGateway, [&] {
    return StageReport{
        .component_id = gateway.id,
        .component_name = gateway.name,
        .detail = fmt::format("source {} becomes {}",
                              EndpointText(before.source, before.source_port, before.protocol),
                              EndpointText(tuple_.source, tuple_.source_port, tuple_.protocol)),
        .before = before,
        .after = tuple_};
  });
  vpc_ = eni.vpc;
  LeaveSubnet(eni.subnet);
}

template <typename Sink>
void Walk<Sink>::EnterNatGatewayFromOutside(tables::NatGatewayIndex index) {
  const tables::NatGateway& gateway = snapshot_[index];
  const tables::Eni& eni = snapshot_[gateway.eni];
  const auto drop = [&](DropReason reason) {
    Drop(Stage::kNatGateway, reason, gateway.id, gateway.name, std::string());
  };
  if (!PassesNatGatewayHealth(gateway) || !PassesNetworkAclInbound(eni.subnet)) return;
  decision_.passage = {index, /*is_from_source=*/false, /*has_left=*/false};
  const bool belongs = related_ && related_.direction == flow::FlowDirection::kReply &&
                       related_.connection->has(flow::Connection::kNat) &&
                       tuple_.destination.is_v4() &&
                       related_.connection->nat_address == tuple_.destination.v4().raw();
  if (!belongs) return drop(DropReason::kNatUnsolicited);
  if (packet_.is_fragment && tuple_.protocol != wire::kProtocolUdp)
    return drop(DropReason::kNatFragment);

  const flow::FiveTuple before = tuple_;
  const flow::FiveTuple inside = related_.connection->key(flow::FlowDirection::kOriginal).tuple;
  tuple_.destination = inside.source;
  if (!packet_.is_icmp_error) tuple_.destination_port = inside.source_port;
  decision_.is_always_tracked = true;
  decision_.passage->has_left = true;
  if (decision_.hop_count < kMaxHops) decision_.hops[decision_.hop_count++] = before.destination;
  Report(Stage::kNatGateway, [&] {
    return StageReport{
        .component_id = gateway.id,
        .component_name = gateway.name,
        .detail =
            fmt::format("destination {} becomes {}",
                        EndpointText(before.destination, before.destination_port, before.protocol),
                        EndpointText(tuple_.destination, tuple_.destination_port, tuple_.protocol)),
        .before = before,
        .after = tuple_};
  });
  vpc_ = eni.vpc;
  LeaveSubnet(eni.subnet);
}

template <typename Sink>
void Walk<Sink>::LeaveThroughInternetGateway(tables::InternetGatewayIndex index,
                                             tables::SubnetIndex from) {
  const tables::InternetGateway& gateway = snapshot_[index];
  const auto drop = [&](DropReason reason, std::string detail = {}) {
    Drop(Stage::kInternetGateway, reason, gateway.id, gateway.name, std::move(detail));
  };
  const flow::FiveTuple before = tuple_;
  if (IsRfc1918(tuple_.destination)) return drop(DropReason::kIgwPrivateDestination);
  if (IsRfc6598(tuple_.destination)) return drop(DropReason::kIgwSharedDestination);
  const tables::Vpc& vpc = snapshot_[vpc_];
  const auto owner = vpc.eni_by_address.find(tuple_.source);
  if (owner == vpc.eni_by_address.end()) return drop(DropReason::kSpoofedInternetSource);
  if (!is_forwarded_ && IsRedirected(gateway, owner->second))
    return drop(DropReason::kIngressRedirected);
  if (tuple_.source.is_v4()) {
    const tables::EniAddress* address = snapshot_[owner->second].FindAddress(tuple_.source);
    if (!address->public_address) {
      return drop(DropReason::kNoPublicAddress,
                  Sink::kRecords ? fmt::format("{} has no public address", tuple_.source.ToString())
                                 : std::string());
    }
    tuple_.source = *address->public_address;
  }
  NoteInternetHop(from);
  Report(Stage::kInternetGateway, [&] {
    return StageReport{.component_id = gateway.id,
                       .component_name = gateway.name,
                       .detail = before == tuple_
                                     ? "leaves the VPC"
                                     : fmt::format("source {} becomes {}", before.source.ToString(),
                                                   tuple_.source.ToString()),
                       .before = before,
                       .after = tuple_};
  });
  CrossInternet();
}

template <typename Sink>
void Walk<Sink>::NoteInternetHop(tables::SubnetIndex from) {
  decision_.mtu = std::min(decision_.mtu, kInternetMtu);
  // The subnet's router speaks for the gateway: base+1 is hop 1 in tracepath (§3, MTU).
  decision_.mtu_router =
      snapshot_[from].RouterAddress(tuple_.source.family()).value_or(wire::IpAddress());
  if (decision_.hop_count < kMaxHops) decision_.hops[decision_.hop_count++] = decision_.mtu_router;
}

template <typename Sink>
void Walk<Sink>::EnterThroughInternetGateway(tables::VpcIndex index,
                                             std::optional<wire::IpAddress> private_address) {
  const tables::Vpc& vpc = snapshot_[index];
  if (ComesThroughEgressOnlyGateway(vpc)) return EnterThroughEgressOnlyGateway(index);
  if (!vpc.internet_gateway.exists()) {
    return Drop(Stage::kInternetGateway, DropReason::kNoInternetDestination, vpc.id, vpc.name,
                "no internet gateway is attached");
  }
  const tables::InternetGateway& gateway = snapshot_[vpc.internet_gateway];
  const auto drop = [&](DropReason reason) {
    Drop(Stage::kInternetGateway, reason, gateway.id, gateway.name, std::string());
  };
  if (IsRfc1918(tuple_.source)) return drop(DropReason::kIgwPrivateSource);
  if (IsRfc6598(tuple_.source)) return drop(DropReason::kIgwSharedSource);
  const flow::FiveTuple before = tuple_;
  if (private_address) tuple_.destination = *private_address;
  decision_.mtu = std::min(decision_.mtu, kInternetMtu);
  Report(Stage::kInternetGateway, [&] {
    return StageReport{.component_id = gateway.id,
                       .component_name = gateway.name,
                       .detail = before == tuple_ ? "enters the VPC"
                                                  : fmt::format("destination {} becomes {}",
                                                                before.destination.ToString(),
                                                                tuple_.destination.ToString()),
                       .before = before,
                       .after = tuple_};
  });
  subnet_ = tables::SubnetIndex();
  if (gateway.route_table.exists()) return FollowEdgeRoute(gateway);
  EnterVpc(index);
}

// The gateway's own route table may lead what enters through an appliance first (§2).
template <typename Sink>
void Walk<Sink>::FollowEdgeRoute(const tables::InternetGateway& gateway) {
  const tables::RouteTable& table = snapshot_[gateway.route_table];
  const std::uint32_t position = table.lpm.Find(tuple_.destination);
  if (position == tables::Lpm::kNotFound) return EnterVpc(gateway.vpc);
  const tables::Route& route = table.routes[position];
  if (route.target == tables::RouteTargetKind::kBlackhole) return DropAtRoute(table, route);
  Report(Stage::kRoute, [&] { return DescribeRoute(snapshot_, table, route); });
  if (route.target != tables::RouteTargetKind::kEni) return EnterVpc(gateway.vpc);
  vpc_ = gateway.vpc;
  const tables::EniIndex appliance{route.target_index};
  EnterEni(appliance, snapshot_[appliance].FindAddress(tuple_.destination) == nullptr);
}

// Whether what comes in for `sender` is led through somebody else.
template <typename Sink>
bool Walk<Sink>::IsRedirected(const tables::InternetGateway& gateway,
                              tables::EniIndex sender) const {
  if (!gateway.route_table.exists()) return false;
  const tables::RouteTable& table = snapshot_[gateway.route_table];
  const std::uint32_t position = table.lpm.Find(tuple_.source);
  return position != tables::Lpm::kNotFound &&
         table.routes[position].target == tables::RouteTargetKind::kEni &&
         table.routes[position].target_index != sender.value;
}

template <typename Sink>
void Walk<Sink>::LeaveThroughEgressOnlyGateway(tables::EgressOnlyInternetGatewayIndex index,
                                               tables::SubnetIndex from) {
  const tables::EgressOnlyInternetGateway& gateway = snapshot_[index];
  if (!snapshot_[vpc_].eni_by_address.contains(tuple_.source)) {
    return Drop(Stage::kEgressOnlyGateway, DropReason::kSpoofedInternetSource, gateway.id,
                gateway.name, std::string());
  }
  decision_.is_always_tracked = true;
  decision_.is_through_egress_only = true;
  NoteInternetHop(from);
  Report(Stage::kEgressOnlyGateway, [&] {
    return StageReport{
        .component_id = gateway.id, .component_name = gateway.name, .detail = "leaves the VPC"};
  });
  CrossInternet();
}

// IPv6 is not translated, so both gateways are known to the internet by the VPC's block. Which of
// them a packet comes through is said by the route back.
template <typename Sink>
bool Walk<Sink>::ComesThroughEgressOnlyGateway(const tables::Vpc& vpc) const {
  if (!vpc.egress_only_gateway.exists() || tuple_.destination.is_v4()) return false;
  if (!vpc.internet_gateway.exists()) return true;
  const auto owner = vpc.eni_by_address.find(tuple_.destination);
  if (owner == vpc.eni_by_address.end()) return false;
  const tables::Subnet& subnet = snapshot_[snapshot_[owner->second].subnet];
  const tables::RouteTable& table = snapshot_[subnet.route_table];
  const std::uint32_t position = table.lpm.Find(tuple_.source);
  return position != tables::Lpm::kNotFound &&
         table.routes[position].target == tables::RouteTargetKind::kEgressOnlyInternetGateway;
}

template <typename Sink>
void Walk<Sink>::EnterThroughEgressOnlyGateway(tables::VpcIndex index) {
  const tables::EgressOnlyInternetGateway& gateway =
      snapshot_[snapshot_[index].egress_only_gateway];
  // What was begun through the internet gateway, and routed here since, left no state here.
  if (!related_ || related_.direction != flow::FlowDirection::kReply ||
      !related_.connection->is_marked(flow::Connection::kThroughEgressOnly)) {
    return Drop(Stage::kEgressOnlyGateway, DropReason::kEgressOnlyUnsolicited, gateway.id,
                gateway.name, std::string());
  }
  decision_.mtu = std::min(decision_.mtu, kInternetMtu);
  Report(Stage::kEgressOnlyGateway, [&] {
    return StageReport{.component_id = gateway.id,
                       .component_name = gateway.name,
                       .detail = "replies to what left here"};
  });
  subnet_ = tables::SubnetIndex();
  EnterVpc(index);
}

template class Walk<NullSink>;
template class Walk<RecordingSink>;

}  // namespace taploom::slowpath
