// Explain: what would happen to a packet, there and back, stage by stage. The same walk that
// forwards packets, with somebody listening; nothing is sent and no state outlives the call. It
// allocates: meant for control and tools. Thread-safe: reads the snapshot only.
#ifndef TAPLOOM_DATAPLANE_SLOWPATH_EXPLAIN_H_
#define TAPLOOM_DATAPLANE_SLOWPATH_EXPLAIN_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "dataplane/slowpath/decision.h"
#include "dataplane/slowpath/sink.h"
#include "dataplane/tables/snapshot.h"

namespace taploom::slowpath {

// "Does a packet sent at `ingress_port` from `source` reach `destination`?" The first packet of a
// new connection is meant: for TCP a SYN, for ICMP an echo request.
struct Question {
  tables::PortId ingress_port = tables::kNoPort;
  wire::IpAddress source, destination;
  std::uint8_t protocol = wire::kProtocolTcp;
  std::uint16_t source_port = 49'152, destination_port = 0;
};

struct PathExplanation {
  std::vector<StageReport> stages;
  Decision decision;
  // Of the packet as it is sent: an echo request or its reply, and 0 for other protocols.
  std::uint8_t icmp_type = 0, icmp_code = 0;
  // When it passes: the largest packet its sender would send, and whether the sender would hear of
  // one that is larger than decision.mtu.
  std::uint16_t sender_mtu = 0;
  bool hears_too_big = true;
  bool passes() const { return decision.outcome == Decision::Outcome::kDeliver; }
  // The fabric itself answers, so there is no path back to explain.
  bool answered() const { return decision.outcome == Decision::Outcome::kAnswerDns; }
};

struct Explanation {
  PathExplanation forward;
  std::optional<PathExplanation> reply;  // when the forward path passes
  bool passes() const {
    return forward.answered() || (forward.passes() && reply && reply->passes());
  }
};

// What happens to this very packet when it is the first of a connection: one that was really sent,
// as the dataplane remembers it.
Explanation ExplainPacket(const tables::Snapshot& snapshot, const PacketView& packet);

Explanation Explain(const tables::Snapshot& snapshot, const Question& question);

}  // namespace taploom::slowpath

#endif  // TAPLOOM_DATAPLANE_SLOWPATH_EXPLAIN_H_
