// NextHopMac: where a sender's kernel would send a packet on its own link. For those who stand in
// for a sender: explanations and replays.
#ifndef TAPLOOM_DATAPLANE_SLOWPATH_NEXT_HOP_H_
#define TAPLOOM_DATAPLANE_SLOWPATH_NEXT_HOP_H_

#include "dataplane/tables/snapshot.h"
#include "dataplane/wire/ip_address.h"
#include "dataplane/wire/mac_address.h"

namespace taploom::slowpath {

// The MAC of the owner of `destination` when it is in the subnet of the interface at `port`, or
// else of the interface's router. All zero when nothing hangs on the port.
wire::MacAddress NextHopMac(const tables::Snapshot& snapshot, tables::PortId port,
                            const wire::IpAddress& destination);

}  // namespace taploom::slowpath

#endif  // TAPLOOM_DATAPLANE_SLOWPATH_NEXT_HOP_H_
