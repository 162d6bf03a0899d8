// Through a gateway endpoint: to a service outside the VPC with private addresses, and back
// (vpc-semantics §12).
#include <algorithm>

#include "dataplane/slowpath/walk.h"
#include "dataplane/wire/layout.h"

namespace taploom::slowpath {

template <typename Sink>
void Walk<Sink>::LeaveThroughGatewayEndpoint(tables::GatewayEndpointIndex index,
                                             tables::SubnetIndex from) {
  const tables::GatewayEndpoint& endpoint = snapshot_[index];
  const auto drop = [&](DropReason reason) {
    Drop(Stage::kGatewayEndpoint, reason, endpoint.id, endpoint.name, std::string());
  };
  const bool is_echo = tuple_.protocol == wire::kProtocolIcmp &&
                       (packet_.is_icmp_error || packet_.icmp_type == wire::icmp::kEcho);
  if (tuple_.protocol != wire::kProtocolTcp && !is_echo) return drop(DropReason::kEndpointProtocol);
  if (!snapshot_[vpc_].eni_by_address.contains(tuple_.source))
    return drop(DropReason::kEndpointSource);
  decision_.is_always_tracked |= endpoint.is_always_tracked;
  decision_.is_through_endpoint = true;
  decision_.mtu_router =
      snapshot_[from].RouterAddress(wire::Family::kIpv4).value_or(wire::IpAddress());
  Report(Stage::kGatewayEndpoint, [&] {
    return StageReport{.component_id = endpoint.id,
                       .component_name = endpoint.name,
                       .detail = "to the service, with the private address"};
  });
  subnet_ = tables::SubnetIndex();
  const auto host = snapshot_.FindInternetHost(tuple_.destination);
  if (!host.exists()) return drop(DropReason::kNoInternetDestination);
  ReachInternetHost(host);
}

// The service answers to a private address, which says nothing about the VPC: the connection does.
template <typename Sink>
bool Walk<Sink>::ReturnsThroughGatewayEndpoint() {
  if (!related_ || related_.direction != flow::FlowDirection::kReply || !tuple_.destination.is_v4())
    return false;
  const tables::PortOwner origin = snapshot_.OwnerOf(related_.connection->keys[0].ingress_port());
  if (!origin.eni.exists()) return false;
  const tables::Eni& eni = snapshot_[origin.eni];
  if (eni.FindAddress(tuple_.destination) == nullptr) return false;
  for (const tables::GatewayEndpointIndex index : snapshot_[eni.vpc].gateway_endpoints) {
    const tables::GatewayEndpoint& endpoint = snapshot_[index];
    const bool is_of_service =
        std::any_of(endpoint.cidrs.begin(), endpoint.cidrs.end(),
                    [&](const wire::IpPrefix& cidr) { return cidr.Contains(tuple_.source); });
    if (!is_of_service) continue;
    Report(Stage::kGatewayEndpoint, [&] {
      return StageReport{
          .component_id = endpoint.id, .component_name = endpoint.name, .detail = "answers"};
    });
    EnterVpc(eni.vpc);
    return true;
  }
  return false;
}

template class Walk<NullSink>;
template class Walk<RecordingSink>;

}  // namespace taploom::slowpath
