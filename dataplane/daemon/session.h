// Session: what the dataplane is from start to end, as control sees it. Requests in, answers out.
//
// Runs on the control thread. Everything slow (compiling, freeing, reporting) happens here; the
// workers are asked, one after the other, for the moment it takes to swap a pointer or add a port.
// A request that fails is answered with a sentence and changes nothing.
#ifndef TAPLOOM_DATAPLANE_DAEMON_SESSION_H_
#define TAPLOOM_DATAPLANE_DAEMON_SESSION_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/config/control_messages.pb.h"
#include "dataplane/flow/connection_reader.h"
#include "dataplane/flow/connection_use.h"
#include "dataplane/io/port.h"
#include "dataplane/io/ring.h"
#include "dataplane/io/tap_port.h"
#include "dataplane/io/unique_fd.h"
#include "dataplane/observe/counters.h"
#include "dataplane/pipeline.h"
#include "dataplane/tables/snapshot.h"
#include "dataplane/worker/handover.h"
#include "dataplane/worker/worker.h"

namespace taploom::daemon {

// What came with a request.
using Descriptors = std::vector<io::UniqueFd>;

class Session {
 public:
  struct Options {
    worker::Worker::Options worker;
    std::uint16_t workers = 1;  // 1–config::kMostWorkers
  };

  // `rings`: what reads and writes each worker's frames, instead of a system call for each; none,
  // or one for each worker.
  explicit Session(const Options& options, std::vector<std::unique_ptr<io::Ring>> rings = {});

  // Throws only when forwarding cannot begin at all: no memory, no threads.
  config::FromDataplane Handle(const config::ToDataplane& request, Descriptors descriptors);

 private:
  // A worker, and what it shares with no other.
  struct Engine {
    Engine(observe::Counters& counters, const flow::ConnectionTable::Options& table,
           const WorkerPlace& place, const worker::Worker::Options& options,
           std::unique_ptr<io::FrameIo> frame_io, worker::Handover* handover)
        : pipeline(counters, table, place),
          connections(pipeline.connections().memory_descriptor(), table.capacity),
          worker(pipeline, options, std::move(frame_io), {handover, place.self}) {}

    Pipeline pipeline;
    flow::ConnectionReader connections;
    worker::Worker worker;
  };
  // The connection tables have the size that the first configuration asks for, so forwarding begins
  // with it. Until then frames wait in their TAPs.
  struct Forwarding {
    explicit Forwarding(std::uint16_t workers);
    ~Forwarding();

    std::unique_ptr<worker::Handover> handover;  // null for one worker
    flow::ConnectionUse use;
    std::vector<std::unique_ptr<Engine>> engines;  // by worker
  };
  using Queues = std::vector<std::unique_ptr<io::TapPort>>;  // of one TAP, by worker

  // Each returns an error sentence, or nothing.
  std::string Apply(const config::FabricConfig& config, config::Applied& applied);
  std::string AddPort(const config::AddPort& request, Descriptors queues);
  std::string RemovePort(const config::RemovePort& request);
  std::string StartCapture(const config::StartCapture& request, io::UniqueFd descriptor);
  std::string StopCapture();
  std::string StartInjection(io::UniqueFd descriptor);
  std::string ShareCounters(const config::ShareCounters& request, io::UniqueFd descriptor);
  std::string ShareConnections(const config::ShareConnections& request, Descriptors memory);
  void GetCounters(config::Counters& report);
  std::string ForgetConnections(const config::ForgetConnections& request,
                                config::ConnectionsForgotten& report);
  std::string GetConnections(const config::GetConnections& request, config::Connections& report);

  std::string Dispatch(const config::ToDataplane& request, Descriptors descriptors,
                       config::FromDataplane& reply);
  std::string CheckDescriptors(const config::ToDataplane& request,
                               const Descriptors& descriptors) const;
  void CountIn(std::shared_ptr<observe::CounterMemory> memory);
  // Returns how many connections of an earlier dataplane go on.
  std::uint32_t StartForwarding(std::shared_ptr<const tables::Snapshot> snapshot);
  void Publish(std::shared_ptr<const tables::Snapshot> snapshot);
  bool HandToWorkers(std::uint16_t id, Queues queues);
  void TakeFromWorkers(std::uint16_t id);

  // Memory for connections that outlives this process, by worker, and what belongs to it.
  struct SharedConnections {
    Descriptors memory;
    std::uint64_t seed = 0;
  };

  Options options_;
  const bool has_rings_;
  std::vector<std::unique_ptr<io::Ring>> rings_;  // until the workers have them
  std::shared_ptr<observe::CounterMemory> counter_memory_;
  std::vector<std::unique_ptr<observe::Counters>> counters_;  // by worker
  // Every port that was added and not removed; its queues are owned by waiting_ports_ or the
  // workers, and asked only what any thread may.
  std::map<std::uint16_t, std::vector<const io::TapPort*>> attached_;
  std::map<std::uint16_t, Queues> waiting_ports_;  // those that came before the first configuration
  std::shared_ptr<const tables::Snapshot> snapshot_;
  std::optional<SharedConnections> shared_connections_;
  std::unique_ptr<Forwarding> forwarding_;  // last: its threads use the counters and
                                            // the shared memory
};

}  // namespace taploom::daemon

#endif  // TAPLOOM_DATAPLANE_DAEMON_SESSION_H_
