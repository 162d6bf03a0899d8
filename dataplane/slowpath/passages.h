// Passages: by which gateways a packet went, told by its decision.
//
// What was forwarded shows its way by its two ends (replay/gateway_hops.h). What was dropped has
// one end, and an ICMP error goes where the connection leads that it quotes: of both, the walk
// knows.
#ifndef TAPLOOM_DATAPLANE_SLOWPATH_PASSAGES_H_
#define TAPLOOM_DATAPLANE_SLOWPATH_PASSAGES_H_

#include <vector>

#include "dataplane/flow/connection_table.h"
#include "dataplane/observe/gateway_passage.h"
#include "dataplane/packet.h"
#include "dataplane/slowpath/sink.h"
#include "dataplane/tick.h"

namespace taploom::slowpath {

// Makes `passages` those of the packet that has just been processed, in their order, at most
// kMostPassages; none when the packet's way does not need them (see above) or when no decision was
// taken for it. `reports`: what the decision said. Only who watches calls this.
void FindPassages(const std::vector<StageReport>& reports, Packet& packet,
                  const flow::ConnectionTable& connections, Tick now,
                  std::vector<observe::GatewayPassage>& passages);

}  // namespace taploom::slowpath

#endif  // TAPLOOM_DATAPLANE_SLOWPATH_PASSAGES_H_
