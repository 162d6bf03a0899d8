#include "dataplane/replay/gateway_hops.h"

#include <fmt/format.h>

#include <algorithm>

#include "dataplane/replay/port_names.h"

namespace taploom::replay {
namespace {

// As many as a walk may visit, and more than any route leads through.
constexpr int kMostSteps = 8;

}  // namespace

GatewayHops::GatewayHops(const tables::Snapshot& snapshot) : snapshot_(snapshot) {
  const PortNames ports(snapshot);
  const auto add_all = [&](const auto& gateways, const char* kind) {
    const std::size_t first = gateways_.size();
    for (const auto& gateway : gateways) {
      const bool is_taken = ports.Find(gateway.name) != tables::kNoPort;
      gateways_.push_back({is_taken ? gateway.id : gateway.name, gateway.id,
                           fmt::format("{} {}", kind, gateway.id)});
    }
    return first;
  };
  add_all(snapshot.internet_gateways, "internet gateway");
  first_egress_only_ = add_all(snapshot.egress_only_internet_gateways, "egress-only gateway");
  first_nat_ = add_all(snapshot.nat_gateways, "NAT gateway");
  first_peering_ = add_all(snapshot.vpc_peerings, "peering connection");
  first_endpoint_ = add_all(snapshot.gateway_endpoints, "gateway endpoint");
}

void GatewayHops::Add(std::size_t gateway, std::uint8_t ttl_decrement) {
  hops_.push_back({.gateway = gateway, .after = tuple_, .ttl_decrement = ttl_decrement});
}

const std::vector<GatewayHop>& GatewayHops::Find(const End& entered, const End& left) {
  hops_.clear();
  const bool is_plain = entered.headers.kind == wire::FrameKind::kIp &&
                        left.headers.kind == wire::FrameKind::kIp && !entered.headers.is_icmp_error;
  if (!is_plain || gateways_.empty()) return hops_;
  tuple_ = flow::TupleOf(entered.headers);
  const flow::FiveTuple after = flow::TupleOf(left.headers);
  const tables::PortOwner sender = snapshot_.OwnerOf(entered.port);
  if (sender.eni.exists()) {
    FollowRoutes(snapshot_[sender.eni].subnet, after);
  } else if (sender.internet_host.exists()) {
    CrossInternet(after);
  }
  int decrement = 0;
  for (const GatewayHop& hop : hops_) decrement += hop.ttl_decrement;
  if (!(tuple_ == after) || entered.headers.ttl != left.headers.ttl + decrement) hops_.clear();
  return hops_;
}

const std::vector<GatewayHop>& GatewayHops::Find(
    const wire::Headers& entered, std::span<const observe::GatewayPassage> passages) {
  hops_.clear();
  if (entered.kind != wire::FrameKind::kIp) return hops_;
  const auto is_alike = [&](const flow::FiveTuple& tuple) {
    return tuple.source.family() == entered.family && tuple.destination.family() == entered.family;
  };
  int ttl = entered.ttl;
  for (const observe::GatewayPassage& passage : passages) {
    const auto gateway =
        std::find_if(gateways_.begin(), gateways_.end(),
                     [&](const GatewayName& name) { return name.id == passage.id(); });
    GatewayHop hop{.gateway = static_cast<std::size_t>(gateway - gateways_.begin()),
                   .after = passage.after,
                   .ttl_decrement = passage.ttl_decrement,
                   .has_left = passage.has_left != 0};
    if (passage.has_quoted != 0 && entered.is_icmp_error) hop.quoted = passage.quoted;
    ttl -= hop.ttl_decrement;
    const bool can_be = gateway != gateways_.end() && is_alike(hop.after) &&
                        hop.after.protocol == entered.protocol && (ttl > 0 || !hop.has_left) &&
                        (!hop.quoted || is_alike(*hop.quoted));
    if (!can_be) break;
    hops_.push_back(hop);
    if (!hop.has_left) break;
  }
  return hops_;
}

void GatewayHops::FollowRoutes(tables::SubnetIndex from, const flow::FiveTuple& after) {
  using Target = tables::RouteTargetKind;
  for (int step = 0; step < kMostSteps; ++step) {
    const tables::Subnet& subnet = snapshot_[from];
    const tables::RouteTable& table = snapshot_[subnet.route_table];
    const std::uint32_t position = table.lpm.Find(tuple_.destination);
    if (position == tables::Lpm::kNotFound) return;
    const tables::Route& route = table.routes[position];
    const tables::Vpc& vpc = snapshot_[subnet.vpc];
    switch (route.target) {
      case Target::kLocal: {
        const auto receiver = vpc.eni_by_address.find(tuple_.destination);
        if (receiver != vpc.eni_by_address.end()) EnterNatGateway(receiver->second, after);
        return;
      }
      case Target::kEni:
      case Target::kBlackhole:
        return;
      case Target::kNatGateway: {
        const tables::Eni& eni = snapshot_[snapshot_.nat_gateways[route.target_index].eni];
        for (const tables::EniAddress& address : eni.addresses) {
          if (address.private_address != after.source && address.public_address != after.source)
            continue;
          tuple_.source = address.private_address;
          tuple_.source_port = after.source_port;
        }
        Add(first_nat_ + route.target_index, 1);
        from = eni.subnet;
        continue;
      }
      case Target::kInternetGateway: {
        const auto owner = vpc.eni_by_address.find(tuple_.source);
        if (owner == vpc.eni_by_address.end()) return;
        const tables::EniAddress* address = snapshot_[owner->second].FindAddress(tuple_.source);
        if (address->public_address) tuple_.source = *address->public_address;
        Add(route.target_index, 1);
        return CrossInternet(after);
      }
      case Target::kEgressOnlyInternetGateway:
        Add(first_egress_only_ + route.target_index, 1);
        return CrossInternet(after);
      case Target::kVpcPeering:
        return Add(first_peering_ + route.target_index);
      case Target::kGatewayEndpoint:
        return Add(first_endpoint_ + route.target_index);
    }
  }
}

void GatewayHops::EnterNatGateway(tables::EniIndex index, const flow::FiveTuple& after) {
  const tables::Eni& eni = snapshot_[index];
  if (eni.type != tables::EniType::kNatGateway) return;
  tuple_.destination = after.destination;
  tuple_.destination_port = after.destination_port;
  Add(first_nat_ + eni.nat_gateway.value, 1);
}

void GatewayHops::CrossInternet(const flow::FiveTuple& after) {
  if (snapshot_.FindInternetHost(tuple_.destination).exists()) return;
  const auto binding = snapshot_.public_bindings.find(tuple_.destination);
  if (binding != snapshot_.public_bindings.end()) {
    const tables::Vpc& vpc = snapshot_[snapshot_[binding->second.eni].vpc];
    if (!vpc.internet_gateway.exists()) return;
    tuple_.destination = binding->second.private_address;
    Add(vpc.internet_gateway.value);
    return EnterNatGateway(binding->second.eni, after);
  }
  for (std::size_t i = 0; i < snapshot_.gateway_endpoints.size(); ++i) {
    const tables::GatewayEndpoint& endpoint = snapshot_.gateway_endpoints[i];
    const bool is_service =
        std::any_of(endpoint.cidrs.begin(), endpoint.cidrs.end(),
                    [&](const wire::IpPrefix& cidr) { return cidr.Contains(tuple_.source); });
    if (is_service && snapshot_[endpoint.vpc].eni_by_address.contains(tuple_.destination))
      return Add(first_endpoint_ + i);
  }
  if (const auto vpc = VpcOfPublicV6(tuple_.destination)) {
    const tables::Vpc& entered = snapshot_[*vpc];
    if (ComesThroughEgressOnlyGateway(entered)) {
      Add(first_egress_only_ + entered.egress_only_gateway.value);
    } else if (entered.internet_gateway.exists()) {
      Add(entered.internet_gateway.value);
    }
  }
}

std::optional<tables::VpcIndex> GatewayHops::VpcOfPublicV6(const wire::IpAddress& address) const {
  if (address.is_v4()) return std::nullopt;
  for (std::uint32_t i = 0; i < snapshot_.vpcs.size(); ++i) {
    if (snapshot_.vpcs[i].Contains(address)) return tables::VpcIndex{i};
  }
  return std::nullopt;
}

// As the walk tells it: by the route back (slowpath/walk_gateway.cc).
bool GatewayHops::ComesThroughEgressOnlyGateway(const tables::Vpc& vpc) const {
  if (!vpc.egress_only_gateway.exists()) return false;
  if (!vpc.internet_gateway.exists()) return true;
  const auto owner = vpc.eni_by_address.find(tuple_.destination);
  if (owner == vpc.eni_by_address.end()) return false;
  const tables::RouteTable& table =
      snapshot_[snapshot_[snapshot_[owner->second].subnet].route_table];
  const std::uint32_t position = table.lpm.Find(tuple_.source);
  return position != tables::Lpm::kNotFound &&
         table.routes[position].target == tables::RouteTargetKind::kEgressOnlyInternetGateway;
}

}  // namespace taploom::replay
