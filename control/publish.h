// DataplaneLink: control's end of the conversation with taploom-dataplane (control_messages.proto).
#ifndef TAPLOOM_CONTROL_PUBLISH_H_
#define TAPLOOM_CONTROL_PUBLISH_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "control/process/unique_fd.h"
#include "dataplane/config/control_messages.pb.h"
#include "dataplane/observe/counters.h"

namespace taploom::control {

// One question at a time, each waiting for its answer. A refusal by the dataplane is
// kInvalidArgument with its sentence and has changed nothing; kUnavailable means that there is no
// dataplane to talk to, and stays so until Connect(). Not thread-safe.
class DataplaneLink {
 public:
  // Begins to talk to a dataplane at the other end of `socket`, a Unix stream socket. Generations
  // go on counting, so a restarted dataplane never sees an older one than its predecessor.
  void Connect(process::UniqueFd socket);
  void Disconnect() { socket_.reset(); }
  bool connected() const { return socket_.valid(); }

  // `queues` of a TAP, one for each worker, are borrowed; the dataplane gets duplicates.
  // `superframes_to_cut`: what this kernel does not take (netns/offloads.h).
  absl::Status AddPort(std::uint16_t port, const std::string& name, std::span<const int> queues,
                       std::uint32_t superframes_to_cut = 0);
  absl::Status RemovePort(std::uint16_t port);
  // Publishes `config` under the next generation(). Returns, once it decides packets, what the
  // dataplane says of it.
  absl::StatusOr<config::Applied> Publish(config::FabricConfig config);
  // `ring` is borrowed (dataplane/observe/capture_ring.h), its file of `size` bytes for all
  // workers; `clock_offset`: wall clock minus steady clock.
  absl::Status StartCapture(int ring, std::uint64_t size, std::chrono::nanoseconds clock_offset);
  absl::Status StopCapture();
  // `socket` is borrowed (dataplane/worker/injection_format.h).
  absl::Status StartInjection(int socket);
  // Gives a dataplane that has just started, with so many workers, the memory in which it counts.
  absl::Status ShareCounters(std::size_t workers = 1);
  // Gives a dataplane that has just started, with so many workers, the memory in which its
  // connections live. It adopts those that an earlier one has left there, when the first
  // configuration is published.
  absl::Status ShareConnections(std::size_t workers = 1);
  // The next dataplane finds no connections.
  void DropConnections() { connections_.reset(); }
  // Read from the memory for counters: the dataplane is not asked, and does not notice.
  absl::StatusOr<config::Counters> GetCounters();
  // The same from the dataplane itself, with what is not counted: how frames are read and written,
  // and what ports cut in software. Its control thread answers, not a worker.
  absl::StatusOr<config::Counters> AskCounters();
  absl::StatusOr<config::Connections> GetConnections(std::uint32_t limit,
                                                     std::uint32_t first_place = 0);

  // How many of them there still were.
  absl::StatusOr<std::uint32_t> ForgetConnections(config::ForgetConnections connections);

  std::uint64_t generation() const { return generation_; }

 private:
  absl::StatusOr<config::FromDataplane> Ask(config::ToDataplane request,
                                            std::span<const int> descriptors = {});
  absl::Status Send(const std::string& message, std::span<const int> descriptors);
  absl::Status Receive(void* bytes, std::size_t size);

  // Never mapped here: what is in it is the dataplanes' own business.
  struct ConnectionMemory {
    std::vector<process::UniqueFd> by_worker;
    std::uint64_t seed = 0;
    std::chrono::steady_clock::time_point clock_start;
  };
  static absl::StatusOr<ConnectionMemory> MakeConnectionMemory(std::size_t workers);

  process::UniqueFd socket_;
  std::optional<ConnectionMemory> connections_;
  std::unique_ptr<const observe::CounterMemory> counters_;
  std::uint64_t sequence_ = 0;
  std::uint64_t generation_ = 0;
};

}  // namespace taploom::control

#endif  // TAPLOOM_CONTROL_PUBLISH_H_
