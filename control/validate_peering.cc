// VPC peering connections (vpc-semantics §12).
#include "control/validate_sections.h"

namespace taploom::control {
namespace {

const Vpc* ResolveVpc(const Topology& topology, const std::optional<Name>& name,
                      Findings& findings) {
  if (!name) return nullptr;
  const Vpc* vpc = FindByName(topology.vpcs, name->value);
  if (vpc == nullptr && !topology.unreadable.contains("vpcs")) {
    findings.Add(name->at, "vpc \"{}\" does not exist{}", name->value,
                 DidYouMean(name->value, NamesOf(topology.vpcs)));
  }
  return vpc;
}

// One finding is enough: the pair cannot be peered.
void CheckOverlap(const Peering& peering, const Vpc& requester, const Vpc& accepter,
                  Findings& findings) {
  for (const auto blocks : {&Vpc::cidrs, &Vpc::ipv6_cidrs}) {
    for (const Located<Cidr>& left : requester.*blocks) {
      for (const Located<Cidr>& right : accepter.*blocks) {
        if (!left.value.prefix().Overlaps(right.value.prefix())) continue;
        findings.Add(peering.name.at,
                     "{} of vpc \"{}\" and {} of vpc \"{}\" overlap; such VPCs cannot be peered",
                     left.value.ToString(), requester.name.value, right.value.ToString(),
                     accepter.name.value);
        return;
      }
    }
  }
}

}  // namespace

void CheckPeerings(const Topology& topology, Findings& findings) {
  for (const Peering& peering : topology.peerings) {
    const Vpc* requester = ResolveVpc(topology, peering.requester, findings);
    const Vpc* accepter = ResolveVpc(topology, peering.accepter, findings);
    if (requester == nullptr || accepter == nullptr) continue;
    if (requester == accepter) {
      findings.Add(peering.name.at, "a peering connects two VPCs, and \"{}\" names \"{}\" twice",
                   peering.name.value, requester->name.value);
      continue;
    }
    if (const Peering* first = FindPeering(topology, *requester, *accepter); first != &peering) {
      findings.Add(peering.name.at, "vpc \"{}\" and vpc \"{}\" are peered already, by \"{}\"",
                   requester->name.value, accepter->name.value, first->name.value);
      continue;
    }
    CheckOverlap(peering, *requester, *accepter, findings);
  }
}

}  // namespace taploom::control
