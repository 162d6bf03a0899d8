// Fix: the smallest change that lets the packet past the stage that stopped it, in the three
// languages people keep their networks in.
#ifndef TAPLOOM_CONTROL_EXPLAIN_FIX_H_
#define TAPLOOM_CONTROL_EXPLAIN_FIX_H_

#include <optional>
#include <string>

#include "control/explain/question.h"
#include "dataplane/slowpath/sink.h"
#include "dataplane/tables/snapshot.h"

namespace taploom::control {

struct Fix {
  std::string summary;    // "let security group db accept tcp 3306 from sg:alb"
  std::string topology;   // YAML to merge into the topology file: maps merge, lists grow, and a
                          // route takes the place of the one with the same destination
  std::string aws;        // one or more `aws` commands
  std::string terraform;  // resources, or arguments of an existing one
};

// A stage that stopped a packet.
struct Failure {
  const tables::Snapshot& snapshot;
  const slowpath::StageReport& stage;
  const Asked& asked;
  bool is_reply = false;
  std::uint8_t icmp_type = 0, icmp_code = 0;
};

// nullopt when no one change is the obvious one, or the topology has no word for it. A path with
// two faults needs two fixes: explain again after the first.
std::optional<Fix> SmallestFix(const Failure& failure);

// Lets a router's "fragmentation needed" (IPv4) or "packet too big" reach the ENI.
Fix AdmitTooBig(const tables::Snapshot& snapshot, const tables::Eni& eni, wire::Family family);

}  // namespace taploom::control

#endif  // TAPLOOM_CONTROL_EXPLAIN_FIX_H_
