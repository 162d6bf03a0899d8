// Session: what the dataplane is from start to end, as control sees it. Requests in, answers out.
//
// Runs on the control thread. Everything slow (compiling, freeing, reporting) happens here; the
// worker is asked for the moment it takes to swap a pointer or add a port. A request that fails is
// answered with a sentence and changes nothing.
#ifndef TAPLOOM_DATAPLANE_DAEMON_SESSION_H_
#define TAPLOOM_DATAPLANE_DAEMON_SESSION_H_

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "dataplane/config/control_messages.pb.h"
#include "dataplane/flow/connection_reader.h"
#include "dataplane/io/port.h"
#include "dataplane/io/unique_fd.h"
#include "dataplane/observe/counters.h"
#include "dataplane/pipeline.h"
#include "dataplane/tables/snapshot.h"
#include "dataplane/worker/worker.h"

namespace taploom::daemon {

class Session {
 public:
  explicit Session(const worker::Worker::Options& options) : options_(options) {}

  // `descriptor` is what came with the request. Throws only when forwarding cannot begin at all: no
  // memory, no threads.
  config::FromDataplane Handle(const config::ToDataplane& request, io::UniqueFd descriptor);

 private:
  // The connection table has the size that the first configuration asks for, so forwarding begins
  // with it. Until then frames wait in their TAPs.
  struct Forwarding {
    Forwarding(observe::Counters& counters, const flow::ConnectionTable::Options& table,
               const worker::Worker::Options& options)
        : pipeline(counters, table),
          connections(pipeline.connections().memory_descriptor(), table.capacity),
          worker(pipeline, options) {}

    Pipeline pipeline;
    flow::ConnectionReader connections;
    worker::Worker worker;
  };

  // Each returns an error sentence, or nothing.
  std::string Apply(const config::FabricConfig& config, config::Applied& applied);
  std::string AddPort(const config::AddPort& request, io::UniqueFd descriptor);
  std::string RemovePort(const config::RemovePort& request);
  std::string StartCapture(const config::StartCapture& request, io::UniqueFd descriptor);
  std::string StopCapture();
  std::string ShareCounters(const config::ShareCounters& request, io::UniqueFd descriptor);
  void GetCounters(config::Counters& report);
  std::string ForgetConnections(const config::ForgetConnections& request,
                                config::ConnectionsForgotten& report);
  std::string GetConnections(const config::GetConnections& request, config::Connections& report);

  std::string Dispatch(const config::ToDataplane& request, io::UniqueFd descriptor,
                       config::FromDataplane& reply);
  void StartForwarding(std::shared_ptr<const tables::Snapshot> snapshot);
  void Publish(std::shared_ptr<const tables::Snapshot> snapshot);
  bool HandToWorker(std::uint16_t id, std::unique_ptr<io::Port> port);

  const worker::Worker::Options options_;
  std::unique_ptr<observe::Counters> counters_ = std::make_unique<observe::Counters>();
  std::set<std::uint16_t> attached_;  // every port that was added and not removed
  std::map<std::uint16_t, std::unique_ptr<io::Port>>
      waiting_ports_;  // those that came before the first configuration
  std::shared_ptr<const tables::Snapshot> snapshot_;
  std::unique_ptr<Forwarding> forwarding_;  // last: its thread uses the counters
};

}  // namespace taploom::daemon

#endif  // TAPLOOM_DATAPLANE_DAEMON_SESSION_H_
