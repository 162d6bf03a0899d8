// The counters of all workers' blocks as one message.
#ifndef TAPLOOM_DATAPLANE_OBSERVE_COUNTER_REPORT_H_
#define TAPLOOM_DATAPLANE_OBSERVE_COUNTER_REPORT_H_

#include <span>

#include "dataplane/config/control_messages.pb.h"
#include "dataplane/observe/counters.h"

namespace taploom::observe {

// Ports, NAT gateways and rules, added up over the workers, and what each worker has to itself;
// drops that never happened are left out. Any thread, at any time, in any process. Whoever writes
// the block parses hostile frames and may be anybody by now: no value in it is trusted to be one
// that can be.
void ReportCounters(std::span<const CounterBlock> blocks, config::Counters& report);

}  // namespace taploom::observe

#endif  // TAPLOOM_DATAPLANE_OBSERVE_COUNTER_REPORT_H_
