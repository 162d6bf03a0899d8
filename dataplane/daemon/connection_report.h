// Connections as control reads them.
#ifndef TAPLOOM_DATAPLANE_DAEMON_CONNECTION_REPORT_H_
#define TAPLOOM_DATAPLANE_DAEMON_CONNECTION_REPORT_H_

#include <cstdint>
#include <string>
#include <unordered_map>

#include "dataplane/config/control_messages.pb.h"
#include "dataplane/flow/connection.h"
#include "dataplane/tables/snapshot.h"
#include "dataplane/tick.h"

namespace taploom::daemon {

// For a number of connections: rules are found by a table, made once.
class ConnectionReporter {
 public:
  // `snapshot`, which must outlive it, gives the ids: of a rule that it no longer has, what is left
  // is told, and a NAT gateway that it no longer has is reported as empty.
  explicit ConnectionReporter(const tables::Snapshot& snapshot);

  // `place`: of the connection in its table.
  void Report(const flow::Connection& connection, std::uint32_t place, Tick now,
              config::Connection& report) const;

 private:
  std::string RuleId(std::uint64_t digest) const;

  const tables::Snapshot& snapshot_;
  std::unordered_map<std::uint64_t, const std::string*> rules_;  // ids by digest
};

}  // namespace taploom::daemon

#endif  // TAPLOOM_DATAPLANE_DAEMON_CONNECTION_REPORT_H_
