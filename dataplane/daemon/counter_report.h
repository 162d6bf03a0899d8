// The counters as control reads them.
#ifndef TAPLOOM_DATAPLANE_DAEMON_COUNTER_REPORT_H_
#define TAPLOOM_DATAPLANE_DAEMON_COUNTER_REPORT_H_

#include "dataplane/config/control_messages.pb.h"
#include "dataplane/observe/counters.h"

namespace taploom::daemon {

// Ports and NAT gateways; drops that never happened are left out. Any thread, at any time.
void ReportCounters(const observe::Counters& counters, config::Counters& report);

}  // namespace taploom::daemon

#endif  // TAPLOOM_DATAPLANE_DAEMON_COUNTER_REPORT_H_
