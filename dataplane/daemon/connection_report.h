// Connections as control reads them.
#ifndef TAPLOOM_DATAPLANE_DAEMON_CONNECTION_REPORT_H_
#define TAPLOOM_DATAPLANE_DAEMON_CONNECTION_REPORT_H_

#include "dataplane/config/control_messages.pb.h"
#include "dataplane/flow/connection.h"
#include "dataplane/tables/snapshot.h"
#include "dataplane/tick.h"

namespace taploom::daemon {

// `snapshot` gives the ids: a rule or NAT gateway that it no longer has is reported as empty.
void ReportConnection(const flow::Connection& connection, const tables::Snapshot& snapshot,
                      Tick now, config::Connection& report);

}  // namespace taploom::daemon

#endif  // TAPLOOM_DATAPLANE_DAEMON_CONNECTION_REPORT_H_
