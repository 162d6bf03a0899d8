#include "control/runtime/running_namespace.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "control/netns/foreign_mount.h"
#include "control/netns/interface.h"
#include "control/netns/network_namespace.h"
#include "control/netns/resolver_files.h"
#include "control/netns/tap_device.h"
#include "control/process/host_error.h"
#include "control/process/spawn.h"
#include "control/process/terminate.h"

namespace taploom::runtime {
namespace {

using control::InterfacePlan;
using control::NamespacePlan;

constexpr std::chrono::milliseconds kGrace{2000};

// The name under /run/netns that `path` spells, or nothing when it is another kind of path.
std::string NamedNamespace(const std::string& path) {
  const std::filesystem::path spelled(path);
  const std::string folder = spelled.parent_path().string();
  return folder == netns::kNamespaceFolder || folder == "/var/run/netns"
             ? spelled.filename().string()
             : std::string();
}

JournalEntries ResolverFootprint(const std::string& folder) {
  JournalEntries entries;
  entries.files = {folder + "/resolv.conf", folder + "/hosts"};
  entries.folders = {folder, std::string(netns::kResolverFolder)};
  return entries;
}

}  // namespace

RunningNamespace::RunningNamespace(const FabricPaths& paths, NamespacePlan plan,
                                   std::optional<Attachment> attachment)
    : fabric_(paths.fabric),
      logs_(paths.logs),
      ca_(paths.ca),
      plan_(std::move(plan)),
      attachment_(std::move(attachment)),
      state_folder_(paths.instances + "/" + FlatName(plan_.name)) {
  if (!attached()) {
    name_ = NamespaceName(paths.fabric, plan_.name);
    resolver_folder_ = netns::ResolverFolder(name_);
    footprint_ = ResolverFootprint(resolver_folder_);
    footprint_.namespaces.insert(name_);
    return;
  }
  if (attachment_ && attachment_->pid) {
    if (!netns::HasOwnMounts(*attachment_->pid)) return;
    const auto identity = process::Identify(*attachment_->pid);
    if (!identity) return;
    resolver_folder_ = state_folder_;
    for (const process::CoveredFile& file : netns::CoveredBy(resolver_folder_)) {
      footprint_.mounts.push_back({*identity, file.source, file.target});
    }
    return;
  }
  const std::string named = NamedNamespace(plan_.attached_netns);
  // A folder that is there already is the user's own choice of resolver.
  if (named.empty() || std::filesystem::exists(netns::ResolverFolder(named))) return;
  resolver_folder_ = netns::ResolverFolder(named);
  footprint_ = ResolverFootprint(resolver_folder_);
}

std::string RunningNamespace::netns_path() const {
  return attached() ? plan_.attached_netns : netns::NamespacePath(name_);
}

absl::Status RunningNamespace::Make(const netns::Offloads& offloads, std::size_t workers,
                                    std::vector<std::string>& notes) {
  absl::StatusOr<process::UniqueFd> netns =
      attached() ? netns::OpenNamespace(plan_.attached_netns) : netns::CreateNamespace(name_);
  if (!netns.ok()) return netns.status();
  netns_ = *std::move(netns);

  std::error_code error;
  std::filesystem::create_directories(state_folder_, error);
  if (error) return process::HostError(fmt::format("create {}", state_folder_), error.value());
  if (const absl::Status status = MakeDevices(offloads, workers, notes); !status.ok())
    return status;
  if (const absl::Status status = Rename(plan_); !status.ok()) return status;
  return attached() ? CoverContainerFiles(notes) : absl::OkStatus();
}

absl::Status RunningNamespace::MakeDevices(const netns::Offloads& offloads, std::size_t workers,
                                           std::vector<std::string>& notes) {
  return netns::InNamespace(netns_.get(), [&]() -> absl::Status {
    if (!attached()) netns::AllowUnprivilegedPing();
    for (const InterfacePlan& interface : plan_.interfaces) {
      auto queues = netns::CreateTapQueues(interface.device, offloads, workers);
      if (!queues.ok()) {
        return absl::Status(
            queues.status().code(),
            fmt::format("{}: {}", plan_.name, std::string(queues.status().message())));
      }
      devices_.push_back({interface, *std::move(queues)});
      auto configured = netns::ConfigureInterface(interface);
      if (!configured.ok()) return configured.status();
      notes.insert(notes.end(), configured->begin(), configured->end());
    }
    return absl::OkStatus();
  });
}

std::vector<RunningNamespace::PortDrops> RunningNamespace::KernelDrops() const {
  std::vector<PortDrops> result;
  netns::InNamespace(netns_.get(), [&] {
    for (const Device& device : devices_) {
      const auto drops = netns::ReadDeviceDrops(device.plan.device);
      if (drops.ok()) result.push_back({device.plan.port, *drops});
    }
    return absl::OkStatus();
  }).IgnoreError();
  return result;
}

absl::Status RunningNamespace::CoverContainerFiles(std::vector<std::string>& notes) {
  if (resolver_folder_.empty()) {
    notes.push_back(fmt::format("{}: resolv.conf and hosts are left as they are ({})", plan_.name,
                                attachment_ && attachment_->pid
                                    ? "the process shares the host's files"
                                    : "the namespace has its own, or no name in /run/netns"));
    return absl::OkStatus();
  }
  for (const ForeignMount& mount : footprint_.mounts) {
    const process::UniqueFd process = process::OpenProcess(mount.process);
    if (!process.valid()) return absl::NotFoundError("the process to attach has ended");
    const absl::Status status = netns::CoverIn(process.get(), mount.source, mount.target);
    if (absl::IsNotFound(status)) {
      notes.push_back(fmt::format("{}: {}", plan_.name, std::string(status.message())));
    } else if (!status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

absl::Status RunningNamespace::Readdress(const NamespacePlan& plan) {
  return netns::InNamespace(netns_.get(), [&]() -> absl::Status {
    for (const InterfacePlan& interface : plan.interfaces) {
      const auto configured = netns::ConfigureInterface(interface);
      if (!configured.ok()) return configured.status();
    }
    return absl::OkStatus();
  });
}

absl::Status RunningNamespace::Rename(const NamespacePlan& plan) {
  if (resolver_folder_.empty()) return absl::OkStatus();
  return netns::WriteResolverFiles(resolver_folder_, plan);
}

void RunningNamespace::Adopt(const NamespacePlan& plan) {
  plan_ = plan;
  for (Device& device : devices_) {
    for (const InterfacePlan& interface : plan.interfaces) {
      if (interface.device == device.plan.device) device.plan = interface;
    }
  }
}

absl::Status RunningNamespace::Start(const std::string& command,
                                     const std::vector<std::string>& argv,
                                     const std::string& working_directory,
                                     process::ExitWatcher& watcher) {
  Program program;
  program.command = command;
  program.log = fmt::format("{}/{}.{}.log", logs_, FlatName(plan_.name), programs_.size());
  const process::UniqueFd log(
      open(program.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!log.valid()) return process::HostError(fmt::format("write {}", program.log), errno);

  std::vector<std::string> own = {"TAPLOOM_FABRIC=" + fabric_, "TAPLOOM_INSTANCE=" + plan_.name,
                                  "TAPLOOM_STATE_DIR=" + state_folder_, "TAPLOOM_CA=" + ca_};
  if (!plan_.interfaces.empty() && !plan_.interfaces.front().addresses.empty()) {
    own.push_back("TAPLOOM_PRIVATE_IP=" +
                  plan_.interfaces.front().addresses.front().address.ToString());
  }
  process::SpawnRequest request;
  request.argv = argv;
  request.environment = process::EnvironmentWith(own);
  request.working_directory = working_directory;
  request.output = log.get();
  request.entry = {netns_.get(), netns::CoveredBy(resolver_folder_)};
  const absl::StatusOr<pid_t> pid = process::Spawn(request);
  if (!pid.ok()) {
    return absl::Status(pid.status().code(),
                        fmt::format("{}: {}", plan_.name, std::string(pid.status().message())));
  }
  program.pid = *pid;
  programs_.push_back(std::move(program));
  watcher.Watch(*pid);
  return absl::OkStatus();
}

absl::Status RunningNamespace::StopPrograms() {
  const absl::Status status = process::TerminateProcessesIn({process::IdOf(netns_.get())}, kGrace);
  programs_.clear();
  return status;
}

std::vector<process::UniqueFd> RunningNamespace::ReleaseTaps() {
  std::vector<process::UniqueFd> taps;
  for (Device& device : devices_) {
    for (process::UniqueFd& queue : device.queues) taps.push_back(std::move(queue));
  }
  devices_.clear();
  return taps;
}

bool RunningNamespace::NoteExit(const process::Exit& exit) {
  for (Program& program : programs_) {
    if (program.pid != exit.pid) continue;
    program.wait_status = exit.wait_status;
    return true;
  }
  return false;
}

}  // namespace taploom::runtime
