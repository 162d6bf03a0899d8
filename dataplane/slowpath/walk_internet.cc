// Across the internet: one routed network that joins internet hosts and the public addresses of
// every VPC.
#include <fmt/format.h>

#include "dataplane/slowpath/special_addresses.h"
#include "dataplane/slowpath/walk.h"

namespace taploom::slowpath {

template <typename Sink>
void Walk<Sink>::LeaveInternetHost(tables::InternetHostIndex index) {
  const tables::InternetHost& host = snapshot_[index];
  if (packet_.destination_mac.is_group() || tuple_.destination.is_multicast() ||
      tuple_.destination.is_v4_broadcast()) {
    return Drop(Stage::kLinkLayer, DropReason::kNotUnicast);
  }
  if (packet_.destination_mac != host.router_mac)
    return Drop(Stage::kLinkLayer, DropReason::kUnknownDestinationMac);
  if (AsksResolver()) return;
  if (tuple_.destination.is_link_local())
    return Drop(Stage::kLinkLocal, DropReason::kLinkLocalServiceAbsent);
  const bool is_own = snapshot_.FindInternetHost(tuple_.source) == index;
  // A forged private source travels on, so that the gateway that must refuse it can be seen to
  // refuse it.
  if (!is_own && !IsRfc1918(tuple_.source) && !IsRfc6598(tuple_.source)) {
    return Drop(Stage::kSourceCheck, DropReason::kSpoofedInternetSource, host.id, host.name,
                std::string());
  }
  Report(Stage::kInternet, [&] {
    return StageReport{
        .component_id = host.id, .component_name = host.name, .detail = "sent by an internet host"};
  });
  CrossInternet();
}

template <typename Sink>
void Walk<Sink>::CrossInternet() {
  subnet_ = tables::SubnetIndex();
  if (ReturnsThroughGatewayEndpoint()) return;
  if (const auto host = snapshot_.FindInternetHost(tuple_.destination); host.exists())
    return ReachInternetHost(host);
  if (const auto binding = snapshot_.public_bindings.find(tuple_.destination);
      binding != snapshot_.public_bindings.end()) {
    return EnterThroughInternetGateway(snapshot_[binding->second.eni].vpc,
                                       binding->second.private_address);
  }
  if (!tuple_.destination.is_v4()) {
    for (std::uint32_t i = 0; i < snapshot_.vpcs.size(); ++i) {
      for (const wire::IpPrefix& cidr : snapshot_.vpcs[i].cidrs) {
        if (cidr.Contains(tuple_.destination))
          return EnterThroughInternetGateway(tables::VpcIndex{i}, std::nullopt);
      }
    }
  }
  Drop(
      Stage::kInternet, DropReason::kNoInternetDestination, std::string(), "internet",
      Sink::kRecords ? fmt::format("nobody has {}", tuple_.destination.ToString()) : std::string());
}

template <typename Sink>
void Walk<Sink>::ReachInternetHost(tables::InternetHostIndex index) {
  const tables::InternetHost& host = snapshot_[index];
  if (host.port == tables::kNoPort)
    return Drop(Stage::kDeliver, DropReason::kNotAttached, host.id, host.name, std::string());
  decision_.outcome = Decision::Outcome::kDeliver;
  decision_.egress_port = host.port;
  decision_.tuple = tuple_;
  decision_.mtu = std::min<std::uint16_t>(decision_.mtu, 1500);
  decision_.source_mac = host.router_mac;
  decision_.destination_mac = host.mac;
  Report(Stage::kDeliver, [&] {
    return StageReport{.component_id = host.id, .component_name = host.name, .detail = "delivered"};
  });
}

template class Walk<NullSink>;
template class Walk<RecordingSink>;

}  // namespace taploom::slowpath
