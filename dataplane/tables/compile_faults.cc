// What has failed, and what is lost with it (vpc-semantics §13).
#include <algorithm>
#include <string>

#include "dataplane/tables/compiler.h"

namespace taploom::tables {
namespace {

void Mark(const config::Fault& fault, Health& health) {
  health.is_down |= !fault.is_over();
  health.lost_before = std::max(health.lost_before, fault.began_at_generation());
}

}  // namespace

void Compiler::AddFault(const config::Fault& source) {
  const std::string nobody, kind = "fault";
  snapshot_->has_faults = true;
  switch (source.part_case()) {
    case config::Fault::kAvailabilityZone: {
      bool is_known = false;
      for (Subnet& subnet : snapshot_->subnets) {
        if (subnet.az != source.availability_zone()) continue;
        is_known = true;
        Mark(source, subnet.zone);
      }
      if (!is_known)
        Reject({kind, nobody, nobody}, "no subnet is in availability zone \"{}\"",
               source.availability_zone());
      return;
    }
    case config::Fault::kNatGatewayId: {
      const NatGatewayIndex gateway =
          nat_gateways_.Get({kind, nobody, nobody}, source.nat_gateway_id());
      Mark(source, snapshot_->nat_gateways[gateway.value].health);
      return;
    }
    case config::Fault::PART_NOT_SET:
      Reject({kind, nobody, nobody}, "names no part of the fabric");
  }
}

}  // namespace taploom::tables
