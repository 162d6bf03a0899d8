// Whether a sender hears of the errors that routers on its path have to tell it.
#ifndef TAPLOOM_DATAPLANE_SLOWPATH_ERROR_ADMISSION_H_
#define TAPLOOM_DATAPLANE_SLOWPATH_ERROR_ADMISSION_H_

#include "dataplane/slowpath/icmp_error.h"
#include "dataplane/tables/snapshot.h"

namespace taploom::slowpath {

// True when the sender's own filters let a router's error in: case 21 of vpc-semantics §15 (without
// an ICMP rule, or with an ACL against it, path MTU discovery is a black hole). Internet hosts have
// no filters of ours.
bool SenderAdmitsError(const tables::Snapshot& snapshot, tables::PortId sender,
                       const wire::IpAddress& router, IcmpTypeAndCode type);

}  // namespace taploom::slowpath

#endif  // TAPLOOM_DATAPLANE_SLOWPATH_ERROR_ADMISSION_H_
