// The counters of a block as a message.
#ifndef TAPLOOM_DATAPLANE_OBSERVE_COUNTER_REPORT_H_
#define TAPLOOM_DATAPLANE_OBSERVE_COUNTER_REPORT_H_

#include "dataplane/config/control_messages.pb.h"
#include "dataplane/observe/counters.h"

namespace taploom::observe {

// Ports, NAT gateways and rules; drops that never happened are left out. Any thread, at any time,
// in any process. Whoever writes the block parses hostile frames and may be anybody by now: no
// value in it is trusted to be one that can be.
void ReportCounters(const CounterBlock& block, config::Counters& report);

}  // namespace taploom::observe

#endif  // TAPLOOM_DATAPLANE_OBSERVE_COUNTER_REPORT_H_
