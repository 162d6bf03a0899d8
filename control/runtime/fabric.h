// Fabric: a running fabric, from `up` to `down`.
//
//   kStarting  Up() is at work; done → kRunning, failed → Down()
//   kRunning   what the plan says exists and packets flow; the dataplane dies → kFailed
//   kFailed    no dataplane: everything exists, nothing flows; it is restarted → kRunning
//   kStopping  Down() is at work or done; entered from every state, left for none
//
// Up() is an Apply() that starts from nothing, and every change goes the same road: desired state →
// differences → new things made → configuration published → what changed follows → old things taken
// away. Until the dataplane has accepted the configuration a failure undoes what was made, and the
// fabric stays as it was.
#ifndef TAPLOOM_CONTROL_RUNTIME_FABRIC_H_
#define TAPLOOM_CONTROL_RUNTIME_FABRIC_H_

#include <sys/types.h>

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "control/diff.h"
#include "control/netns/offload_test.h"
#include "control/plan.h"
#include "control/process/exit_watcher.h"
#include "control/runtime/dataplane_process.h"
#include "control/runtime/desired_state.h"
#include "control/runtime/flow_filter.h"
#include "control/runtime/frame_io_choice.h"
#include "control/runtime/journal.h"
#include "control/runtime/paths.h"
#include "control/runtime/rows.h"
#include "control/runtime/running_namespace.h"
#include "control/services/certificate.h"

namespace taploom::runtime {

enum class FabricState { kStarting, kRunning, kFailed, kStopping };
std::string_view ToString(FabricState state);

// What came of a request to change the fabric.
struct Outcome {
  absl::Status status;
  std::vector<std::string>
      findings;  // of the topology, when `status` is kInvalidArgument because of it
  std::vector<std::string> changes;  // one line per difference; empty: nothing to do
  std::vector<std::string> notes;    // what a user should know besides
};

using Progress = std::function<void(const std::string& step)>;

// Thread-safe: one request at a time, the others wait.
class Fabric {
 public:
  // `frame_io`: how the dataplane is to read and write frames, one of IsFrameIo(). `workers`: how
  // many threads of it do, 1–config::kMostWorkers.
  Fabric(FabricPaths paths, std::string dataplane_executable, const std::string& frame_io,
         std::uint16_t workers, process::ExitWatcher& watcher);

  // REQUIRES: the fabric's folder exists and is ours; nothing of an earlier run is left. After a
  // failure call Down().
  Outcome Up(const TopologySource& source, const Progress& progress);
  Outcome Apply(const TopologySource& source, bool dry_run);
  Outcome Attach(const Attachment& attachment);
  Outcome Detach(const std::string& name);
  // A part of the fabric ("az" or "nat", and its name) fails, or works again.
  Outcome SetFault(const std::string& kind, const std::string& name, bool down);
  // Takes everything away that is outside of the fabric's folder.
  absl::Status Down();

  // REQUIRES: `exit` comes from the watcher given at construction.
  void NoteExit(const process::Exit& exit);

  // One row: what `taploom ls` shows.
  Row Summary();
  // kNotFound for a kind or a name that does not exist, with the nearest that does.
  absl::StatusOr<Rows> Get(const std::string& kind, const std::string& name);
  // Connections that the filter lets pass, from a place of the dataplane's table on: a page of
  // those that some thousand places hold. Others ask in between.
  struct FlowPage {
    Rows rows;
    std::uint32_t next_place = 0;  // 0: this was the last page
    std::uint32_t forgotten = 0;   // by ForgetFlows; less than rows when some have just ended
  };
  absl::StatusOr<FlowPage> Flows(const FlowFilter& filter, std::uint32_t first_place);
  // The same page, whose connections are forgotten: their next packets are decided anew, by the
  // rules of then.
  absl::StatusOr<FlowPage> ForgetFlows(const FlowFilter& filter, std::uint32_t first_place);
  absl::StatusOr<config::Counters> Counters();
  // One page after the other of all connections, until `take` has seen the last. Others ask in
  // between.
  absl::Status VisitConnections(const std::function<void(const config::Connections& page)>& take);
  // Whether anything in that namespace accepts what is sent there; nothing when it cannot be told.
  std::optional<bool> Listens(const std::string& namespace_name, std::uint8_t protocol,
                              const wire::IpAddress& address, std::uint16_t port);
  // {"interfaces": [{port, name, id, description}], "names": [{address, name}], "workers": count}.
  Row CaptureInterfaces();
  // Has the dataplane write into the capture ring at `ring_path`, instead of any before.
  absl::Status StartCapture(const std::string& ring_path);
  absl::Status StopCapture();
  // Has the dataplane take frames from a socket that process `pid` knows as `descriptor`.
  absl::Status StartInjection(pid_t pid, int descriptor);
  // A copy of the plan that runs.
  control::FabricPlan plan();

 private:
  Outcome Change(const TopologySource& source, std::vector<Attachment> attachments,
                 const control::Faults& faults, bool dry_run, const Progress& progress);
  // `next` becomes what runs. An error that says "in force" came after the point of no return.
  absl::Status Transition(DesiredState next, const TopologySource& source,
                          std::vector<Attachment> attachments, const Progress& progress,
                          std::vector<std::string>& notes);
  // Makes what runs follow plan_, which is in force: the part of a transition that cannot be
  // refused.
  absl::Status Follow(const control::NamespaceWork& work, const std::vector<std::string>& made_anew,
                      const Progress& progress, std::vector<std::string>& notes);
  absl::Status MakeNamespaces(const control::FabricPlan& next,
                              const std::vector<std::string>& names,
                              const std::vector<Attachment>& attachments,
                              std::vector<std::string>& notes);
  absl::Status AddPorts(const RunningNamespace& space);
  absl::Status RemoveNamespaces(const std::vector<std::string>& names);
  absl::Status StartPrograms(const std::vector<std::string>& names);
  absl::Status UpdateLoadBalancer(const control::LoadBalancerPlan& plan,
                                  const std::vector<std::string>& started);
  absl::StatusOr<FlowPage> FlowPageAt(const FlowFilter& filter, std::uint32_t first_place,
                                      bool forgets);
  absl::Status WriteJournal();
  absl::Status StartDataplane();
  void RestartDataplane();

  const FabricPaths paths_;
  process::ExitWatcher& watcher_;
  const std::chrono::steady_clock::time_point started_at_ = std::chrono::steady_clock::now();
  std::optional<netns::OffloadTest> offload_test_;  // once, at the start; runs beside it

  std::mutex mutex_;  // guards everything below
  FabricState state_ = FabricState::kStarting;
  TopologySource source_;
  control::FabricPlan plan_;
  control::Allocations allocations_;
  std::vector<Attachment> attachments_;
  control::Faults faults_;
  Namespaces namespaces_;
  DataplaneProcess dataplane_;
  std::deque<std::chrono::steady_clock::time_point> dataplane_deaths_;
  int dataplane_restarts_ = 0;
  std::uint32_t adopted_connections_ = 0;  // with the last restart
  const std::uint16_t workers_;
  const bool wants_io_uring_;
  bool uses_io_uring_ = false;
  std::optional<control::CertificateAuthority> authority_;
  Journal journal_;
};

}  // namespace taploom::runtime

#endif  // TAPLOOM_CONTROL_RUNTIME_FABRIC_H_
