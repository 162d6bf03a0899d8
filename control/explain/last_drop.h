// ExplainDrop: why was this very packet dropped? The dataplane remembers the last one of each port.
#ifndef TAPLOOM_CONTROL_EXPLAIN_LAST_DROP_H_
#define TAPLOOM_CONTROL_EXPLAIN_LAST_DROP_H_

#include <string>

#include "control/explain/explain.h"
#include "control/plan.h"
#include "dataplane/config/control_messages.pb.h"

namespace taploom::control {

// The packets dropped last on their way from `name` (an instance, internet host or load-balancer
// node) and on their way to it from others. `json`: {"drops": [{sender, packet, reason, sentence,
// still_dropped, …}]}; `passes` is true when there is none. A packet is decided again as the first
// of its connection, by the configuration of now; what came from the state of its connection, or of
// a configuration that has changed since, is said in words only. Thread-safe.
ExplainAnswer ExplainLastDrops(const FabricPlan& plan, const config::Counters& counters,
                               const std::string& name);

}  // namespace taploom::control

#endif  // TAPLOOM_CONTROL_EXPLAIN_LAST_DROP_H_
