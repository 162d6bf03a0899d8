// Across a VPC peering connection (vpc-semantics §12).
#include <fmt/format.h>

#include <algorithm>

#include "dataplane/slowpath/walk.h"

namespace taploom::slowpath {
namespace {

constexpr std::uint16_t kInterRegionMtu = 8500;  // §8

}  // namespace

// Whatever is not from one VPC's blocks to the other's is refused. So nothing goes on through the
// peer: not to its own peers, not to its gateways, not to its endpoints.
template <typename Sink>
void Walk<Sink>::CrossPeering(tables::VpcPeeringIndex index, tables::SubnetIndex from) {
  const tables::VpcPeering& peering = snapshot_[index];
  const tables::Vpc& here = snapshot_[snapshot_[from].vpc];
  const tables::VpcIndex peer_index = peering.OtherThan(snapshot_[from].vpc);
  const tables::Vpc& peer = snapshot_[peer_index];
  const auto refuse = [&](const wire::IpAddress& address, const tables::Vpc& vpc) {
    Drop(Stage::kVpcPeering, DropReason::kPeeringOutsideVpc, peering.id, peering.name,
         Sink::kRecords ? fmt::format("{} is in no block of {}", address.ToString(), vpc.name)
                        : std::string());
  };
  if (!here.Contains(tuple_.source)) return refuse(tuple_.source, here);
  if (!peer.Contains(tuple_.destination)) return refuse(tuple_.destination, peer);
  if (peering.is_inter_region) {
    decision_.mtu = std::min(decision_.mtu, kInterRegionMtu);
    decision_.mtu_router =
        snapshot_[from].RouterAddress(tuple_.source.family()).value_or(wire::IpAddress());
  }
  Report(Stage::kVpcPeering, [&] {
    return StageReport{.component_id = peering.id,
                       .component_name = peering.name,
                       .detail = fmt::format("from {} to {}", here.name, peer.name)};
  });
  subnet_ = tables::SubnetIndex();
  EnterVpc(peer_index);
}

template class Walk<NullSink>;
template class Walk<RecordingSink>;

}  // namespace taploom::slowpath
