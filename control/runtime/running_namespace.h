// RunningNamespace: one namespace of a running fabric, with its devices and programs.
#ifndef TAPLOOM_CONTROL_RUNTIME_RUNNING_NAMESPACE_H_
#define TAPLOOM_CONTROL_RUNTIME_RUNNING_NAMESPACE_H_

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "control/netns/device_drops.h"
#include "control/netns/offloads.h"
#include "control/plan.h"
#include "control/process/exit_watcher.h"
#include "control/process/unique_fd.h"
#include "control/runtime/desired_state.h"
#include "control/runtime/journal.h"
#include "control/runtime/paths.h"

namespace taploom::runtime {

struct Program {
  std::string command;  // as written in the topology, or what it is: "haproxy"
  std::string log;      // path
  pid_t pid = 0;
  std::optional<int> wait_status;  // present when it has ended
};

// Not thread-safe. Destroying it closes the descriptors only; CleanUp(Footprint()) takes the rest
// away.
class RunningNamespace {
 public:
  struct Device {
    control::InterfacePlan plan;
    std::vector<process::UniqueFd> queues;  // of its TAP, one for each worker
  };

  // `attachment` says how it was attached, for a plan of kind kAttached.
  RunningNamespace(const FabricPaths& paths, control::NamespacePlan plan,
                   std::optional<Attachment> attachment);

  // What Make() will leave outside of the fabric's folder: to be journaled first.
  const JournalEntries& footprint() const { return footprint_; }

  // Creates the namespace (or opens the attached one), its devices with `offloads` and as many
  // queues as there are `workers`, addresses and files. Things a user should know, such as a file
  // that could not be covered, are added to `notes`.
  absl::Status Make(const netns::Offloads& offloads, std::size_t workers,
                    std::vector<std::string>& notes);

  // Makes addresses, routes and MTU follow `plan`, which names the same devices.
  absl::Status Readdress(const control::NamespacePlan& plan);
  // Makes resolv.conf and hosts follow `plan`.
  absl::Status Rename(const control::NamespacePlan& plan);
  // Takes over `plan` without touching anything: for changes that are only the dataplane's.
  void Adopt(const control::NamespacePlan& plan);

  // Starts `argv` in the namespace with the instance's environment, logging to logs/INSTANCE.N.log.
  absl::Status Start(const std::string& command, const std::vector<std::string>& argv,
                     const std::string& working_directory, process::ExitWatcher& watcher);
  // Ends every process in the namespace. REQUIRES: not attached; those belong to the user.
  absl::Status StopPrograms();
  // Notes the end of one of its programs; false when `exit` is not one of them.
  bool NoteExit(const process::Exit& exit);

  // What the kernel dropped at each of its devices; a device that cannot be asked is left out.
  struct PortDrops {
    std::uint16_t port = 0;
    netns::DeviceDrops drops;
  };
  std::vector<PortDrops> KernelDrops() const;

  // Gives its TAP descriptors away, for CloseTaps().
  std::vector<process::UniqueFd> ReleaseTaps();

  const control::NamespacePlan& plan() const { return plan_; }
  const std::vector<Device>& devices() const { return devices_; }
  const std::vector<Program>& programs() const { return programs_; }
  bool attached() const { return plan_.kind == control::NamespaceKind::kAttached; }
  std::string netns_path() const;
  // The folder of its resolv.conf and hosts; empty when it has none.
  const std::string& resolver_folder() const { return resolver_folder_; }
  // instances/INSTANCE, an absolute path.
  const std::string& state_folder() const { return state_folder_; }

 private:
  absl::Status MakeDevices(const netns::Offloads& offloads, std::size_t workers,
                           std::vector<std::string>& notes);
  absl::Status CoverContainerFiles(std::vector<std::string>& notes);

  std::string fabric_, logs_, ca_;
  control::NamespacePlan plan_;
  std::optional<Attachment> attachment_;
  std::string name_;  // in /run/netns; empty when attached
  std::string state_folder_;
  std::string resolver_folder_;
  JournalEntries footprint_;
  process::UniqueFd netns_;
  std::vector<Device> devices_;
  std::vector<Program> programs_;
};

}  // namespace taploom::runtime

#endif  // TAPLOOM_CONTROL_RUNTIME_RUNNING_NAMESPACE_H_
