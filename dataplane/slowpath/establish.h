// Establish: a Decision becomes a connection, or an action of one.
#ifndef TAPLOOM_DATAPLANE_SLOWPATH_ESTABLISH_H_
#define TAPLOOM_DATAPLANE_SLOWPATH_ESTABLISH_H_

#include <cstdint>

#include "dataplane/flow/connection_table.h"
#include "dataplane/flow/conntrack.h"
#include "dataplane/slowpath/decision.h"
#include "dataplane/tables/snapshot.h"
#include "dataplane/tick.h"

namespace taploom::slowpath {

// What is done to packets that enter as `entering` and leave as the decision says. REQUIRES:
// decision delivers.
flow::FlowAction ActionOf(const Decision& decision, const PacketView& entering,
                          std::uint64_t generation);

// The idle timers that apply to a connection: of the ENIs at both ends and of the NAT gateway
// between them (§4, §5).
flow::Timeouts TimeoutsOf(const tables::Snapshot& snapshot, const flow::Connection& connection);

// The NAT gateway, of the originator's VPC, that has the address by which the connection is known
// outside; does not exist when none has. REQUIRES: it has one (kNat).
tables::NatGatewayIndex NatGatewayOf(const flow::Connection& connection,
                                     const tables::Snapshot& snapshot);

// A connection that only its NAT gateway remembered goes on as `decision` says: what the interfaces
// at its ends track begins anew. False when one of them tracks as many as it may.
bool Readmit(flow::ConnectionTable& connections, const tables::Snapshot& snapshot,
             const wire::Headers& headers, const Decision& decision, flow::ConnectionRef flow);

struct EstablishResult {
  flow::Connection* connection = nullptr;
  DropReason reason = DropReason::kNone;  // when there is no connection
};

// Makes the connection whose first packet was decided, original half decided, reply half not yet. A
// NAT gateway's source port is moved on, in `decision` too, until the reply's key is free (at most
// kMaxPerDestination ports of 64,512 are in use, so a few tries do). `gateway_slot`: of the
// gateway's counters.
EstablishResult Establish(flow::ConnectionTable& connections, const tables::Snapshot& snapshot,
                          const PacketView& packet, const wire::Headers& headers,
                          Decision& decision, std::uint16_t gateway_slot, Tick now);

}  // namespace taploom::slowpath

#endif  // TAPLOOM_DATAPLANE_SLOWPATH_ESTABLISH_H_
