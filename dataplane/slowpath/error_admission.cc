#include "dataplane/slowpath/error_admission.h"

#include "dataplane/wire/layout.h"

namespace taploom::slowpath {

bool SenderAdmitsError(const tables::Snapshot& snapshot, tables::PortId sender,
                       const wire::IpAddress& router, IcmpTypeAndCode type) {
  const tables::PortOwner owner = snapshot.OwnerOf(sender);
  if (!owner.eni.exists()) return true;
  const tables::Eni& eni = snapshot[owner.eni];
  const tables::RuleQuery query{router,
                                router.is_v4() ? wire::kProtocolIcmp : wire::kProtocolIcmpv6, 0,
                                type.type, type.code};
  const tables::RuleSet& acl = snapshot[snapshot[eni.subnet].network_acl].ingress;
  const std::uint32_t entry = acl.Match(query);
  return entry != tables::RuleSet::kNoMatch && acl.rule(entry).allow &&
         eni.ingress_rules->Match(query) != tables::RuleSet::kNoMatch;
}

}  // namespace taploom::slowpath
