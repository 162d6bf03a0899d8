#include "control/runtime/fabric.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "control/netns/listeners.h"
#include "control/netns/network_namespace.h"
#include "control/netns/tap_device.h"
#include "control/process/host_error.h"
#include "control/process/terminate.h"
#include "control/runtime/cleanup.h"
#include "control/runtime/log.h"
#include "control/services/load_balancer.h"

namespace taploom::runtime {
namespace {

using control::FabricPlan;
using control::LoadBalancerNodePlan;
using control::LoadBalancerPlan;
using control::NamespaceKind;
using control::NamespacePlan;

// A dataplane that dies this often within the window is not started again: it would only die of the
// same cause.
constexpr std::size_t kDeathsTolerated = 5;
constexpr std::chrono::seconds kDeathWindow{30};
// One that dies more often than this leaves its connections to nobody: the cause may be among them.
constexpr std::size_t kDeathsOfOtherCause = 2;

std::string Message(const absl::Status& status) { return std::string(status.message()); }

const NamespacePlan* FindNamespace(const FabricPlan& plan, const std::string& name) {
  const auto found = std::find_if(plan.namespaces.begin(), plan.namespaces.end(),
                                  [&](const NamespacePlan& space) { return space.name == name; });
  return found == plan.namespaces.end() ? nullptr : &*found;
}

// ": " and the last line of a log; nothing when it has none.
std::string LastWords(const std::string& log) {
  std::ifstream file(log);
  std::string last;
  for (std::string line; std::getline(file, line);) {
    if (!line.empty()) last = line;
  }
  return last.empty() ? "" : ": " + last;
}

bool Contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

std::string_view ToString(FabricState state) {
  switch (state) {
    case FabricState::kStarting:
      return "starting";
    case FabricState::kRunning:
      return "running";
    case FabricState::kFailed:
      return "failed";
    case FabricState::kStopping:
      return "stopping";
  }
  return "";
}

Fabric::Fabric(FabricPaths paths, std::string dataplane_executable, const std::string& frame_io,
               std::uint16_t workers, process::ExitWatcher& watcher)
    : paths_(std::move(paths)),
      watcher_(watcher),
      dataplane_(std::move(dataplane_executable),
                 {"--io", frame_io, "--workers", fmt::to_string(workers)}, paths_.dataplane_log),
      workers_(workers),
      wants_io_uring_(frame_io == kIoUring),
      journal_(paths_.journal) {}

Outcome Fabric::Up(const TopologySource& source, const Progress& progress) {
  const std::lock_guard lock(mutex_);
  std::error_code error;
  for (const std::string& folder : {paths_.logs, paths_.instances}) {
    std::filesystem::create_directories(folder, error);
    if (error)
      return {process::HostError(fmt::format("create {}", folder), error.value()), {}, {}, {}};
  }
  auto made = netns::PrepareNamespaceFolder();
  if (!made.ok()) return {made.status(), {}, {}, {}};
  if (*made) RememberNamespaceFolder();

  offload_test_.emplace();
  auto authority =
      control::CertificateAuthority::Create(paths_.fabric, std::chrono::system_clock::now());
  if (!authority.ok()) return {authority.status(), {}, {}, {}};
  std::ofstream(paths_.ca) << authority->certificate_pem();
  authority_.emplace(*std::move(authority));

  progress("starting the dataplane");
  if (absl::Status status = StartDataplane(); !status.ok()) return {status, {}, {}, {}};
  Outcome outcome = Change(source, {}, {}, false, progress);
  if (outcome.status.ok()) state_ = FabricState::kRunning;
  if (wants_io_uring_ && !uses_io_uring_) {
    outcome.notes.push_back(
        fmt::format("io_uring cannot be used here; {} says why", paths_.dataplane_log));
  }
  return outcome;
}

Outcome Fabric::Apply(const TopologySource& source, bool dry_run) {
  const std::lock_guard lock(mutex_);
  return Change(source, attachments_, faults_, dry_run, [](const std::string&) {});
}

Outcome Fabric::Attach(const Attachment& attachment) {
  const std::lock_guard lock(mutex_);
  const std::string& name = attachment.request.name;
  if (namespaces_.contains(name)) {
    return {
        absl::AlreadyExistsError(fmt::format("\"{}\" exists already; choose another name", name)),
        {},
        {},
        {}};
  }
  const auto netns = netns::OpenNamespace(attachment.request.netns_path);
  if (!netns.ok()) return {netns.status(), {}, {}, {}};
  const auto own = netns::OpenNamespace("/proc/self/ns/net");
  if (own.ok() && process::IdOf(own->get()) == process::IdOf(netns->get())) {
    return {absl::InvalidArgumentError("that is the host's own network namespace"), {}, {}, {}};
  }
  std::vector<Attachment> attachments = attachments_;
  attachments.push_back(attachment);
  return Change(source_, std::move(attachments), faults_, false, [](const std::string&) {});
}

Outcome Fabric::Detach(const std::string& name) {
  const std::lock_guard lock(mutex_);
  std::vector<Attachment> attachments = attachments_;
  const auto removed =
      std::erase_if(attachments, [&](const Attachment& each) { return each.request.name == name; });
  if (removed == 0) {
    std::vector<std::string> names;
    for (const Attachment& each : attachments_) names.push_back(each.request.name);
    return {
        absl::NotFoundError(names.empty() ? fmt::format("\"{}\" is not attached; nothing is", name)
                                          : fmt::format("\"{}\" is not attached; attached: {}",
                                                        name, fmt::join(names, ", "))),
        {},
        {},
        {}};
  }
  return Change(source_, std::move(attachments), faults_, false, [](const std::string&) {});
}

Outcome Fabric::SetFault(const std::string& kind, const std::string& name, bool down) {
  const std::lock_guard lock(mutex_);
  const control::FaultOfPart part = control::FindFaultyPart(plan_.config, kind, name);
  if (!part.fault) return {absl::NotFoundError(part.error), {}, {}, {}};
  control::Faults faults = faults_;
  const bool changed = down
                           ? control::Begin(faults, *part.fault, dataplane_.link().generation() + 1)
                           : control::End(faults, *part.fault);
  if (!changed) return {};
  return Change(source_, attachments_, faults, false, [](const std::string&) {});
}

Outcome Fabric::Change(const TopologySource& source, std::vector<Attachment> attachments,
                       const control::Faults& faults, bool dry_run, const Progress& progress) {
  Outcome outcome;
  DesiredResult desired =
      MakeDesiredState(source, paths_.fabric, attachments, allocations_, faults);
  if (!desired.state) {
    outcome.status = absl::InvalidArgumentError("the topology is not valid");
    for (const control::Finding& finding : desired.findings) {
      outcome.findings.push_back(finding.ToString(source.file));
    }
    return outcome;
  }
  for (const control::Change& change : control::Diff(plan_, desired.state->plan)) {
    outcome.changes.push_back(change.ToString());
  }
  if (dry_run) return outcome;
  outcome.status = Transition(*std::move(desired.state), source, std::move(attachments), progress,
                              outcome.notes);
  if (!outcome.status.ok()) return outcome;
  faults_ = faults;
  for (const std::string& change : outcome.changes) Log("{}", change);
  return outcome;
}

absl::Status Fabric::Transition(DesiredState next, const TopologySource& source,
                                std::vector<Attachment> attachments, const Progress& progress,
                                std::vector<std::string>& notes) {
  const control::NamespaceWork work = control::WorkBetween(plan_, next.plan);
  const bool same_config = plan_.config.SerializeAsString() == next.plan.config.SerializeAsString();
  if (work.empty() && same_config) return absl::OkStatus();
  // A namespace that is made anew keeps its port numbers, so the old one has to go first: after the
  // point of no return.
  std::vector<std::string> fresh, anew;
  for (const std::string& name : work.created) {
    (Contains(work.removed, name) ? anew : fresh).push_back(name);
  }

  if (!fresh.empty()) progress(fmt::format("making {} namespaces", fresh.size()));
  absl::Status status = MakeNamespaces(next.plan, fresh, attachments, notes);
  if (status.ok()) status = dataplane_.link().Publish(next.plan.config).status();
  if (!status.ok()) {
    const absl::Status undone = RemoveNamespaces(fresh);
    if (!undone.ok()) Log("undoing the change: {}", Message(undone));
    return status;
  }
  plan_ = std::move(next.plan);
  allocations_ = std::move(next.allocations);
  source_ = source;
  attachments_ = std::move(attachments);

  status = Follow(work, anew, progress, notes);
  if (status.ok()) return status;
  return absl::Status(status.code(),
                      fmt::format("the configuration is in force, but {}", Message(status)));
}

absl::Status Fabric::Follow(const control::NamespaceWork& work,
                            const std::vector<std::string>& made_anew, const Progress& progress,
                            std::vector<std::string>& notes) {
  // What goes wrong is reported, and the rest is done all the same.
  absl::Status first = RemoveNamespaces(work.removed);
  const auto keep = [&first](const absl::Status& each) {
    if (first.ok()) first = each;
  };
  keep(MakeNamespaces(plan_, made_anew, attachments_, notes));
  for (const std::string& name : work.readdressed) {
    const auto space = namespaces_.find(name);
    if (space != namespaces_.end()) keep(space->second->Readdress(*FindNamespace(plan_, name)));
  }
  for (const std::string& name : work.renamed) {
    const auto space = namespaces_.find(name);
    if (space != namespaces_.end()) keep(space->second->Rename(*FindNamespace(plan_, name)));
  }
  for (auto& [name, space] : namespaces_) {
    if (const NamespacePlan* plan = FindNamespace(plan_, name)) space->Adopt(*plan);
  }
  for (const std::string& name : work.restarted) {
    const auto space = namespaces_.find(name);
    if (space != namespaces_.end() && !Contains(work.created, name)) {
      keep(space->second->StopPrograms());
    }
  }
  std::vector<std::string> started = work.created;
  for (const std::string& name : work.restarted) {
    if (!Contains(started, name)) started.push_back(name);
  }
  progress("starting load balancers and programs");
  for (const LoadBalancerPlan& plan : plan_.load_balancers) {
    const bool begins = std::any_of(plan.nodes.begin(), plan.nodes.end(), [&](const auto& node) {
      return Contains(started, node.namespace_name);
    });
    if (begins || Contains(work.load_balancers_changed, plan.name)) {
      keep(UpdateLoadBalancer(plan, started));
    }
  }
  keep(StartPrograms(started));
  return first;
}

absl::Status Fabric::MakeNamespaces(const FabricPlan& next, const std::vector<std::string>& names,
                                    const std::vector<Attachment>& attachments,
                                    std::vector<std::string>& notes) {
  for (const std::string& name : names) {
    const NamespacePlan* const plan = FindNamespace(next, name);
    std::optional<Attachment> attachment;
    for (const Attachment& each : attachments) {
      if (each.request.name == name) attachment = each;
    }
    auto space = std::make_unique<RunningNamespace>(paths_, *plan, attachment);
    // Before it is journaled: what the journal names is ours to take away.
    if (!space->attached() && std::filesystem::exists(space->netns_path())) {
      return absl::AlreadyExistsError(fmt::format(
          "a namespace {} exists already and is not of this fabric", space->netns_path()));
    }
    namespaces_[name] = std::move(space);
  }
  if (!names.empty()) {
    if (const absl::Status status = WriteJournal(); !status.ok()) return status;
  }
  for (const std::string& name : names) {
    RunningNamespace& space = *namespaces_.at(name);
    absl::Status status = space.Make(offload_test_->result(), workers_, notes);
    if (status.ok()) status = AddPorts(space);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Fabric::AddPorts(const RunningNamespace& space) {
  for (const RunningNamespace::Device& device : space.devices()) {
    std::vector<int> queues;
    for (const process::UniqueFd& queue : device.queues) queues.push_back(queue.get());
    const absl::Status status = dataplane_.link().AddPort(
        device.plan.port, fmt::format("{}/{}", space.plan().name, device.plan.device), queues,
        offload_test_->result().superframes_to_cut());
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Fabric::RemoveNamespaces(const std::vector<std::string>& names) {
  if (names.empty()) return absl::OkStatus();
  absl::Status first;
  JournalEntries footprint;
  for (const std::string& name : names) {
    const auto space = namespaces_.find(name);
    if (space == namespaces_.end()) continue;
    for (const RunningNamespace::Device& device : space->second->devices()) {
      // Fails for a port that an interrupted change never added, or when there is no dataplane:
      // nothing to remove either way.
      const absl::Status status = dataplane_.link().RemovePort(device.plan.port);
      if (!status.ok()) Log("port {}: {}", device.plan.port, Message(status));
    }
    Merge(footprint, space->second->footprint());
  }
  first = CleanUp(footprint);
  std::vector<process::UniqueFd> taps;
  for (const std::string& name : names) {
    const auto space = namespaces_.find(name);
    if (space == namespaces_.end()) continue;
    for (process::UniqueFd& tap : space->second->ReleaseTaps()) taps.push_back(std::move(tap));
    std::error_code ignored;
    std::filesystem::remove_all(space->second->state_folder(), ignored);
    namespaces_.erase(space);
  }
  netns::CloseTaps(std::move(taps));
  if (const absl::Status status = WriteJournal(); first.ok()) first = status;
  return first;
}

absl::Status Fabric::StartPrograms(const std::vector<std::string>& names) {
  absl::Status first;
  for (const std::string& name : names) {
    const auto found = namespaces_.find(name);
    if (found == namespaces_.end()) continue;
    RunningNamespace& space = *found->second;
    for (const std::string& command : space.plan().run) {
      const absl::Status status =
          space.Start(command, {"/bin/sh", "-c", command}, plan_.folder, watcher_);
      if (first.ok()) first = status;
    }
  }
  return first;
}

absl::Status Fabric::UpdateLoadBalancer(const LoadBalancerPlan& plan,
                                        const std::vector<std::string>& started) {
  absl::Status first;
  const auto keep = [&first](const absl::Status& each) {
    if (first.ok()) first = each;
  };
  for (const LoadBalancerNodePlan& node : plan.nodes) {
    const auto found = namespaces_.find(node.namespace_name);
    if (found == namespaces_.end()) continue;
    RunningNamespace& space = *found->second;
    const auto haproxy = std::find_if(space.programs().begin(), space.programs().end(),
                                      [](const Program& each) { return !each.wait_status; });
    if (haproxy != space.programs().end() && !Contains(started, node.namespace_name)) {
      const auto changed = control::UpdateNode(space.state_folder(), plan, node, *authority_);
      keep(changed.status());
      if (changed.ok() && *changed) kill(haproxy->pid, control::kReloadSignal);
      continue;
    }
    const auto argv = control::PrepareNode(space.state_folder(), plan, node, *authority_);
    keep(argv.status());
    if (argv.ok()) keep(space.Start("haproxy", *argv, "/", watcher_));
  }
  return first;
}

absl::Status Fabric::WriteJournal() {
  JournalEntries entries;
  for (const auto& [name, space] : namespaces_) Merge(entries, space->footprint());
  if (dataplane_.running()) entries.processes.push_back(dataplane_.identity());
  return journal_.Write(std::move(entries));
}

absl::Status Fabric::StartDataplane() {
  absl::Status status = dataplane_.Start(watcher_);
  if (status.ok()) status = WriteJournal();
  // The first answer shows that it came up; a dataplane that refuses to start has said why in its
  // log.
  if (status.ok()) status = dataplane_.link().ShareCounters(workers_);
  if (status.ok()) status = dataplane_.link().ShareConnections(workers_);
  if (status.ok()) {
    const auto counters = dataplane_.link().AskCounters();
    status = counters.status();
    uses_io_uring_ = counters.ok() && counters->uses_io_uring();
  }
  if (!status.ok()) {
    // Its own words, because a fabric that does not start takes its logs with it.
    return absl::Status(status.code(),
                        fmt::format("{}{}", Message(status), LastWords(paths_.dataplane_log)));
  }
  return status;
}

void Fabric::RestartDataplane() {
  const auto now = std::chrono::steady_clock::now();
  dataplane_deaths_.push_back(now);
  while (now - dataplane_deaths_.front() > kDeathWindow) dataplane_deaths_.pop_front();
  if (dataplane_deaths_.size() > kDeathsTolerated) {
    Log("the dataplane keeps dying and is not started again");
    return;
  }
  if (dataplane_deaths_.size() > kDeathsOfOtherCause) {
    Log("the dataplane has died {} times in a row: connections begin anew",
        dataplane_deaths_.size());
    dataplane_.link().DropConnections();
  }
  absl::Status status = StartDataplane();
  for (const auto& [name, space] : namespaces_) {
    if (status.ok()) status = AddPorts(*space);
  }
  if (status.ok()) {
    const auto applied = dataplane_.link().Publish(plan_.config);
    status = applied.status();
    if (applied.ok()) adopted_connections_ = applied->adopted_connections();
  }
  if (!status.ok()) {
    Log("the dataplane cannot be restarted: {}", Message(status));
    return;
  }
  ++dataplane_restarts_;
  state_ = FabricState::kRunning;
  Log("the dataplane runs again with {} connection{}", adopted_connections_,
      adopted_connections_ == 1 ? "" : "s");
}

void Fabric::NoteExit(const process::Exit& exit) {
  const std::lock_guard lock(mutex_);
  if (dataplane_.running() && exit.pid == dataplane_.identity().pid) {
    Log("the dataplane has died: {}", process::DescribeExit(exit.wait_status));
    dataplane_.NoteExit();
    if (state_ != FabricState::kRunning) return;
    state_ = FabricState::kFailed;
    RestartDataplane();
    return;
  }
  for (auto& [name, space] : namespaces_) {
    if (!space->NoteExit(exit)) continue;
    Log("{}: a program has ended: {}", name, process::DescribeExit(exit.wait_status));
    return;
  }
}

absl::Status Fabric::Down() {
  const std::lock_guard lock(mutex_);
  state_ = FabricState::kStopping;
  const absl::Status status = CleanUp(journal_.entries());
  dataplane_.NoteExit();
  std::vector<process::UniqueFd> taps;
  for (auto& [name, space] : namespaces_) {
    for (process::UniqueFd& tap : space->ReleaseTaps()) taps.push_back(std::move(tap));
  }
  netns::CloseTaps(std::move(taps));
  namespaces_.clear();
  return status;
}

control::FabricPlan Fabric::plan() {
  const std::lock_guard lock(mutex_);
  return plan_;
}

absl::StatusOr<Fabric::FlowPage> Fabric::Flows(const FlowFilter& filter,
                                               std::uint32_t first_place) {
  const std::lock_guard lock(mutex_);
  return FlowPageAt(filter, first_place, false);
}

absl::StatusOr<Fabric::FlowPage> Fabric::ForgetFlows(const FlowFilter& filter,
                                                     std::uint32_t first_place) {
  const std::lock_guard lock(mutex_);
  return FlowPageAt(filter, first_place, true);
}

absl::StatusOr<Fabric::FlowPage> Fabric::FlowPageAt(const FlowFilter& filter,
                                                    std::uint32_t first_place, bool forgets) {
  constexpr std::uint32_t kPageSize = 4096;
  auto connections = dataplane_.link().GetConnections(kPageSize, first_place);
  if (!connections.ok()) return connections.status();
  FlowPage page{{}, connections->next_place()};
  RowSources sources{plan_, namespaces_, {}, *std::move(connections), {}, {}};
  auto rows = RowsOf("flows", "", sources);
  if (!rows.ok()) return rows.status();
  config::ForgetConnections forgotten;
  for (std::size_t i = 0; i < rows->size(); ++i) {
    if (!Matches(filter, (*rows)[i])) continue;
    *forgotten.add_connections() = sources.connections.connections(static_cast<int>(i)).id();
    page.rows.push_back(std::move((*rows)[i]));
  }
  if (!forgets || page.rows.empty()) return page;
  const auto count = dataplane_.link().ForgetConnections(std::move(forgotten));
  if (!count.ok()) return count.status();
  page.forgotten = *count;
  return page;
}

absl::Status Fabric::VisitConnections(
    const std::function<void(const config::Connections& page)>& take) {
  constexpr std::uint32_t kPageSize = 16'384;
  std::uint32_t place = 0;
  do {
    absl::StatusOr<config::Connections> page;
    {
      const std::lock_guard lock(mutex_);
      page = dataplane_.link().GetConnections(kPageSize, place);
    }
    if (!page.ok()) return page.status();
    take(*page);
    place = page->next_place();
  } while (place != 0);
  return absl::OkStatus();
}

absl::StatusOr<config::Counters> Fabric::Counters() {
  const std::lock_guard lock(mutex_);
  return dataplane_.link().GetCounters();
}

std::optional<bool> Fabric::Listens(const std::string& namespace_name, std::uint8_t protocol,
                                    const wire::IpAddress& address, std::uint16_t port) {
  std::string path;
  {
    const std::lock_guard lock(mutex_);
    const auto space = namespaces_.find(namespace_name);
    if (space == namespaces_.end()) return std::nullopt;
    path = space->second->netns_path();
  }
  const auto netns = netns::OpenNamespace(path);
  if (!netns.ok()) return std::nullopt;
  const auto listens = netns::Listens(netns->get(), protocol, address, port);
  if (!listens.ok()) return std::nullopt;
  return *listens;
}

Row Fabric::Summary() {
  const std::lock_guard lock(mutex_);
  const auto up = std::chrono::duration_cast<std::chrono::seconds>(
      std::chrono::steady_clock::now() - started_at_);
  const auto instances = std::count_if(
      plan_.namespaces.begin(), plan_.namespaces.end(), [](const NamespacePlan& space) {
        return space.kind == NamespaceKind::kInstance || space.kind == NamespaceKind::kAttached;
      });
  return {{"name", paths_.fabric},
          {"state", ToString(state_)},
          {"vpcs", plan_.config.vpcs_size()},
          {"instances", instances},
          {"generation", dataplane_.link().generation()},
          {"dataplane_restarts", dataplane_restarts_},
          {"adopted_connections", adopted_connections_},
          {"io", uses_io_uring_ ? kIoUring : kReadWrite},
          {"workers", workers_},
          {"uptime_seconds", up.count()},
          {"control_pid", getpid()},
          {"dataplane_pid", dataplane_.identity().pid},
          {"file", source_.file}};
}

absl::StatusOr<Rows> Fabric::Get(const std::string& kind, const std::string& name) {
  const std::lock_guard lock(mutex_);
  RowSources sources{plan_, namespaces_, {}, {}, {}, {}};
  if (offload_test_) sources.offloads = offload_test_->result();
  if (NeedsCounters(kind)) {
    auto counters =
        NeedsPortState(kind) ? dataplane_.link().AskCounters() : dataplane_.link().GetCounters();
    // Rules are there without a dataplane too, only their hits are not.
    if (!counters.ok() && kind != "rules") return counters.status();
    if (counters.ok()) sources.counters = *std::move(counters);
  }
  if (NeedsConnections(kind)) {
    constexpr std::uint32_t kLimit = 10'000;
    auto connections = dataplane_.link().GetConnections(kLimit);
    if (!connections.ok()) return connections.status();
    sources.connections = *std::move(connections);
  }
  if (NeedsTargetHealth(kind)) {
    for (const LoadBalancerPlan& balancer : plan_.load_balancers) {
      for (const LoadBalancerNodePlan& node : balancer.nodes) {
        const auto space = namespaces_.find(node.namespace_name);
        if (space == namespaces_.end()) continue;
        const auto files = control::FilesIn(space->second->state_folder());
        // A node that does not answer has its targets shown as unknown.
        if (auto health = control::ReadTargetHealth(files.stats_socket.string()); health.ok()) {
          sources.health[node.namespace_name] = *std::move(health);
        }
      }
    }
  }
  return RowsOf(kind, name, sources);
}

}  // namespace taploom::runtime
