#include "dataplane/slowpath/walk.h"

namespace taploom::slowpath {

template <typename Sink>
Decision Walk<Sink>::Run(const PacketView& packet) {
  packet_ = packet;
  tuple_ = packet.tuple;
  const tables::PortOwner owner = snapshot_.OwnerOf(packet.ingress_port);
  if (owner.eni.exists()) {
    LeaveEni(owner.eni);
  } else if (owner.internet_host.exists()) {
    LeaveInternetHost(owner.internet_host);
  } else {
    Drop(Stage::kLinkLayer, DropReason::kPortNotInUse);
  }
  return decision_;
}

template <typename Sink>
void Walk<Sink>::Drop(Stage stage, DropReason reason, std::string component_id,
                      std::string component_name, std::string detail) {
  decision_.outcome = Decision::Outcome::kDrop;
  decision_.reason = reason;
  Report(stage, [&] {
    return StageReport{.passed = false,
                       .reason = reason,
                       .component_id = std::move(component_id),
                       .component_name = std::move(component_name),
                       .detail = std::move(detail)};
  });
}

template <typename Sink>
tables::RuleQuery Walk<Sink>::QueryFor(const wire::IpAddress& peer) const {
  return {peer, tuple_.protocol, tuple_.destination_port, packet_.icmp_type, packet_.icmp_code};
}

template class Walk<NullSink>;
template class Walk<RecordingSink>;

}  // namespace taploom::slowpath
