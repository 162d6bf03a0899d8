// VerdictLine: what became of one captured packet, as one line of JSON.
//
//   {"packet":3,"time":"1764000000.000250000","in":"web-1","protocol":"tcp","source":"10.0.2.50:40000",
//    "destination":"5.6.7.8:80","verdict":"forward","out":"api","after":{"source":"203.0.113.10:9000",
//    "destination":"5.6.7.8:80"},"rules":[{"stage":"security group
//    egress","name":"web","rule":"sgr-…"},…]}
//
// verdict: forward · fragment (in IPv4 fragments of "mtu") · answer (by the fabric: ARP, DNS, an
// ICMP error, a reset) · drop · skip (never entered). The words of stages, rules and reasons are
// those of `explain`.
#ifndef TAPLOOM_DATAPLANE_REPLAY_VERDICT_LINE_H_
#define TAPLOOM_DATAPLANE_REPLAY_VERDICT_LINE_H_

#include <string>

#include "dataplane/replay/replayer.h"

namespace taploom::replay {

// Appends the line for replayer.last(), newline included. REQUIRES: the replayer listens.
void AppendVerdictLine(const Replayer& replayer, std::string& out);

// The same for people, on one line: "DROP SG_INGRESS_DENIED at security group ingress: no ingress
// rule of db allows tcp 22 from 10.0.2.50", or the rules that let the packet pass. For comments.
std::string VerdictComment(const Replayer& replayer);

// "forward", "fragment", "answer", "drop", "skip".
const char* VerdictWord(const ReplayedPacket& packet);

}  // namespace taploom::replay

#endif  // TAPLOOM_DATAPLANE_REPLAY_VERDICT_LINE_H_
