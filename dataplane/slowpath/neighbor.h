// Neighbor: the fabric answers who has which address. Nothing is ever flooded (vpc-semantics §1, L2
// behaviour).
#ifndef TAPLOOM_DATAPLANE_SLOWPATH_NEIGHBOR_H_
#define TAPLOOM_DATAPLANE_SLOWPATH_NEIGHBOR_H_

#include "dataplane/packet.h"
#include "dataplane/tables/snapshot.h"
#include "dataplane/verdict.h"

namespace taploom::slowpath {

// The next hop that every internet host is configured with; the fabric answers for it.
inline constexpr std::uint32_t kInternetRouterV4 = 0xa9fe0101;  // 169.254.1.1

// Answers an ARP request in place (RFC 826). Silent for addresses nobody owns, for gratuitous ARP
// and probes of own addresses (RFC 5227), and for replies. REQUIRES: packet.headers.kind is kArp.
Verdict AnswerArp(Packet& packet, const tables::Snapshot& snapshot);

// True for a neighbor solicitation that a router or neighbor may answer (RFC 4861 §7.1.1: hop limit
// 255).
bool IsNeighborSolicitation(const Packet& packet);

// Answers a neighbor solicitation in place (RFC 4861 §7.2.4). REQUIRES:
// IsNeighborSolicitation(packet).
Verdict AnswerNeighborSolicitation(Packet& packet, const tables::Snapshot& snapshot);

}  // namespace taploom::slowpath

#endif  // TAPLOOM_DATAPLANE_SLOWPATH_NEIGHBOR_H_
