// `up` starts taploom-control and listens to its report until it is ready or has failed.
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "cli/commands.h"
#include "cli/talk.h"
#include "cli/topology_file.h"
#include "control/object_name.h"
#include "control/process/host_error.h"
#include "control/process/process_identity.h"
#include "control/process/sibling.h"
#include "control/process/spawn.h"
#include "control/process/unique_fd.h"
#include "control/runtime/cleanup.h"
#include "control/runtime/frame_io_choice.h"
#include "control/runtime/paths.h"
#include "control/runtime/worker_choice.h"
#include "dataplane/config/worker_limit.h"

namespace taploom::cli {
namespace {

using nlohmann::json;
using process::UniqueFd;

constexpr int kReportFd = 3;

// Reads whole lines until the other end closes.
void ForEachLine(int fd, const std::function<void(const std::string&)>& use) {
  std::string pending;
  char chunk[4096];
  while (true) {
    const ssize_t count = read(fd, chunk, sizeof chunk);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;
    pending.append(chunk, static_cast<std::size_t>(count));
    for (std::size_t end; (end = pending.find('\n')) != std::string::npos;) {
      use(pending.substr(0, end));
      pending.erase(0, end + 1);
    }
  }
}

struct Report {
  bool ready = false;
  std::string failure = "taploom-control ended without a word";
  int exit_code = kHostCannot;
};

// `show_steps`: unless control writes to the same terminal itself.
Report Listen(int fd, bool show_steps) {
  Report report;
  ForEachLine(fd, [&](const std::string& text) {
    const json line = json::parse(text, nullptr, false);
    if (!line.is_object()) return;
    if (show_steps && line.contains("step")) Say(line["step"].get<std::string>());
    if (line.contains("ready")) {
      report.ready = true;
      for (const json& note : line["notes"]) Say(note.get<std::string>());
    }
    if (line.contains("failed")) {
      for (const json& finding : line["findings"]) Say(finding.get<std::string>());
      report.failure = line["failed"].get<std::string>();
      report.exit_code = line["exit"].get<int>();
    }
  });
  return report;
}

absl::StatusOr<pid_t> StartControl(const std::string& fabric, const TopologyFile& file,
                                   const std::string& frame_io, std::uint16_t workers,
                                   bool foreground, int report_fd) {
  const runtime::FabricPaths paths = runtime::PathsOf(fabric);
  std::error_code error;
  std::filesystem::create_directories(paths.folder, error);
  if (error) return process::HostError(fmt::format("create {}", paths.folder), error.value());
  const UniqueFd log(
      open(paths.control_log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!log.valid()) return process::HostError(fmt::format("write {}", paths.control_log), errno);

  process::SpawnRequest request;
  request.argv = {process::SiblingExecutable("taploom-control"),
                  "--fabric",
                  fabric,
                  "--topology",
                  std::filesystem::absolute(file.path).string(),
                  "--io",
                  frame_io,
                  "--workers",
                  fmt::to_string(workers),
                  "--report",
                  fmt::to_string(kReportFd)};
  if (foreground) request.argv.emplace_back("--die-with-parent");
  request.environment = process::EnvironmentWith({});
  if (!foreground) request.working_directory = std::string("/");
  request.output = foreground ? STDERR_FILENO : log.get();
  request.inherited = {{report_fd, kReportFd}};
  return process::Spawn(request);
}

// Passes Ctrl-C on as a request to go down, and waits until that is done.
int StayAttached(pid_t control) {
  sigset_t stopping;
  sigemptyset(&stopping);
  sigaddset(&stopping, SIGINT);
  sigaddset(&stopping, SIGTERM);
  sigaddset(&stopping, SIGHUP);
  const UniqueFd signals(signalfd(-1, &stopping, SFD_CLOEXEC));
  const UniqueFd ended = process::OpenProcess(control);
  pollfd events[] = {{signals.get(), POLLIN, 0}, {ended.get(), POLLIN, 0}};
  while (events[1].revents == 0) {
    if (poll(events, 2, -1) < 0 && errno != EINTR) break;
    if (events[0].revents == 0) continue;
    signalfd_siginfo received{};
    if (read(signals.get(), &received, sizeof received) > 0) kill(control, SIGTERM);
  }
  int wait_status = 0;
  waitpid(control, &wait_status, 0);
  return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : int{kHostCannot};
}

}  // namespace

int Up(const Arguments& arguments) {
  const auto file = ReadTopologyFile(arguments.Word(0));
  if (!file.ok()) return Fail(file.status());
  const auto topology = Validated(*file);
  if (!topology.ok()) return Fail(topology.status());
  const std::string& written = topology->topology().name.value;
  const std::string fabric = arguments.Has("name") ? arguments.Value("name") : written;
  if (!control::IsObjectName(fabric)) {
    return Fail(kBadInput, fmt::format("\"{}\" is no name for a fabric: {}", fabric,
                                       control::kObjectNameRule));
  }
  const std::string frame_io(arguments.Has("io") ? arguments.Value("io") : runtime::kReadWrite);
  if (!runtime::IsFrameIo(frame_io)) {
    return Fail(kBadInput, fmt::format("--io takes {} or {}, not \"{}\"", runtime::kReadWrite,
                                       runtime::kIoUring, frame_io));
  }
  const std::optional<std::uint16_t> workers =
      arguments.Has("workers") ? runtime::ParseWorkerCount(arguments.Value("workers"))
                               : runtime::DefaultWorkerCount(runtime::UsableCores());
  if (!workers) {
    return Fail(kBadInput, fmt::format("--workers is \"{}\", expected 1-{}",
                                       arguments.Value("workers"), config::kMostWorkers));
  }
  if (geteuid() != 0) {
    return Fail(kHostCannot,
                "up makes network namespaces and TAP devices, which needs root; try it with sudo");
  }
  const runtime::FabricPaths paths = runtime::PathsOf(fabric);
  if (runtime::IsRunning(paths)) {
    return Fail(kBadInput, fmt::format("fabric \"{}\" is running already; `taploom apply` changes "
                                       "it, `taploom down {}` stops it",
                                       fabric, fabric));
  }

  const bool foreground = arguments.Has("foreground");
  if (foreground) {
    sigset_t stopping;
    sigemptyset(&stopping);
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&stopping, number);
    sigprocmask(SIG_BLOCK, &stopping, nullptr);
  }
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return Fail(process::HostError("make a pipe", errno));
  const UniqueFd report_in(ends[0]);
  UniqueFd report_out(ends[1]);
  const auto control =
      StartControl(fabric, *file, frame_io, *workers, foreground, report_out.get());
  report_out.reset();
  if (!control.ok()) {
    runtime::RemoveFolders(paths);
    return Fail(control.status());
  }

  const Report report = Listen(report_in.get(), !foreground);
  if (!report.ready) {
    waitpid(*control, nullptr, 0);
    return Fail(static_cast<ExitCode>(report.exit_code), report.failure);
  }
  Say(fmt::format("fabric \"{}\" is up", fabric));
  return foreground ? StayAttached(*control) : int{kDone};
}

}  // namespace taploom::cli
