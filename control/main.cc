// taploom-control: runs one fabric, from a topology file until it is told to stop.
//
// Started by `taploom up`, which reads from --report what happens, one JSON object per line:
//   {"step": sentence}
//   {"ready": true, "notes": [sentence, …]}
//   {"failed": sentence, "findings": [line, …], "exit": code}
// SIGTERM and SIGINT take the fabric down. Exit status: 0 it was taken down, 2 bad input, 3 the
// host cannot do it.
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "control/api/server.h"
#include "control/process/exit_watcher.h"
#include "control/process/host_error.h"
#include "control/process/sibling.h"
#include "control/process/spawn.h"
#include "control/process/unique_fd.h"
#include "control/runtime/cleanup.h"
#include "control/runtime/fabric.h"
#include "control/runtime/log.h"
#include "control/runtime/paths.h"
#include "control/runtime/worker_choice.h"

namespace taploom {
namespace {

using nlohmann::json;
using process::UniqueFd;
using runtime::Log;

constexpr int kDone = 0, kBadInput = 2, kHostCannot = 3;

struct Arguments {
  std::string fabric, topology, frame_io = std::string(runtime::kReadWrite);
  std::uint16_t workers = 1;
  int report_fd = -1;
  bool die_with_parent = false;
};

constexpr std::string_view kUsage =
    "usage: taploom-control --fabric NAME --topology FILE [--io read-write|io_uring] [--workers N] "
    "[--report FD] [--die-with-parent]\n"
    "Started by `taploom up`; of little use by hand.\n";

bool ParseArguments(int argc, char** argv, Arguments& arguments) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view option = argv[i];
    if (option == "--die-with-parent") {
      arguments.die_with_parent = true;
      continue;
    }
    if (i + 1 == argc) return false;
    const char* const value = argv[++i];
    if (option == "--fabric") {
      arguments.fabric = value;
    } else if (option == "--topology") {
      arguments.topology = value;
    } else if (option == "--io" && runtime::IsFrameIo(value)) {
      arguments.frame_io = value;
    } else if (option == "--workers" && runtime::ParseWorkerCount(value)) {
      arguments.workers = *runtime::ParseWorkerCount(value);
    } else if (option == "--report") {
      arguments.report_fd = std::atoi(value);
    } else {
      return false;
    }
  }
  return !arguments.fabric.empty() && !arguments.topology.empty();
}

// Tells whoever started this process what happens, until it is ready or has failed.
class Reporter {
 public:
  explicit Reporter(int fd) : fd_(fd) {
    if (fd >= 0) fcntl(fd, F_SETFD, FD_CLOEXEC);
  }

  void Step(const std::string& step) {
    Log("{}", step);
    Write({{"step", step}});
  }
  void Ready(const std::vector<std::string>& notes) {
    Log("ready");
    Write({{"ready", true}, {"notes", notes}});
    fd_.reset();
  }
  int Failed(const absl::Status& status, const std::vector<std::string>& findings = {}) {
    const bool input = status.code() == absl::StatusCode::kInvalidArgument ||
                       status.code() == absl::StatusCode::kAlreadyExists;
    const int exit_code = input ? kBadInput : kHostCannot;
    const std::string text(status.message());
    Log("failed: {}", text);
    Write({{"failed", text}, {"findings", findings}, {"exit", exit_code}});
    fd_.reset();
    return exit_code;
  }

 private:
  void Write(const json& line) {
    if (!fd_.valid()) return;
    const std::string text = line.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
    [[maybe_unused]] const ssize_t written = write(fd_.get(), text.data(), text.size());
  }

  UniqueFd fd_;
};

// Holds the fabric's name for as long as this process lives.
absl::StatusOr<UniqueFd> TakeName(const runtime::FabricPaths& paths) {
  std::error_code error;
  std::filesystem::create_directories(paths.folder, error);
  if (error) return process::HostError(fmt::format("create {}", paths.folder), error.value());
  absl::StatusOr<UniqueFd> file = runtime::LockFabric(paths);
  if (!file.ok()) return file;
  const std::string pid = std::to_string(getpid()) + "\n";
  if (ftruncate(file->get(), 0) != 0 ||
      write(file->get(), pid.data(), pid.size()) != static_cast<ssize_t>(pid.size())) {
    return process::HostError(fmt::format("write {}", paths.pid_file), errno);
  }
  return file;
}

// What an earlier control left when it was killed; its folder's files are overwritten.
absl::Status CleanLeftovers(const runtime::FabricPaths& paths, Reporter& reporter) {
  const auto entries = runtime::Journal::Read(paths.journal);
  if (absl::IsNotFound(entries.status())) return absl::OkStatus();
  if (!entries.ok()) return entries.status();
  reporter.Step("removing what a crashed run left behind");
  if (const absl::Status status = runtime::CleanUp(*entries); !status.ok()) return status;
  std::error_code ignored;
  for (const std::string& path : {paths.journal, paths.logs, paths.instances, paths.api_socket}) {
    std::filesystem::remove_all(path, ignored);
  }
  return absl::OkStatus();
}

// Until a signal or the API says stop.
void Serve(runtime::Fabric& fabric, process::ExitWatcher& watcher, int signals, int stop) {
  pollfd events[] = {{signals, POLLIN, 0}, {stop, POLLIN, 0}, {watcher.fd(), POLLIN, 0}};
  while (true) {
    if (poll(events, std::size(events), -1) < 0 && errno != EINTR) return;
    for (const process::Exit& exit : watcher.Collect()) fabric.NoteExit(exit);
    if (events[0].revents != 0 || events[1].revents != 0) return;
  }
}

int Run(const Arguments& arguments) {
  // Before the first thread, so that every one has them blocked and only the descriptor sees them.
  sigset_t stopping;
  sigemptyset(&stopping);
  sigaddset(&stopping, SIGTERM);
  sigaddset(&stopping, SIGINT);
  sigprocmask(SIG_BLOCK, &stopping, nullptr);
  process::RaiseDescriptorLimit();
  signal(SIGPIPE, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  if (arguments.die_with_parent) prctl(PR_SET_PDEATHSIG, SIGTERM);
  const UniqueFd signals(signalfd(-1, &stopping, SFD_CLOEXEC));
  const UniqueFd stop(eventfd(0, EFD_CLOEXEC));

  Reporter reporter(arguments.report_fd);
  std::ifstream file(arguments.topology);
  if (!file) {
    return reporter.Failed(absl::InvalidArgumentError(
        fmt::format("cannot read {}: {}", arguments.topology, std::strerror(errno))));
  }
  const runtime::TopologySource source{
      .text = {std::istreambuf_iterator<char>(file), {}},
      .file = arguments.topology,
      .folder = std::filesystem::absolute(arguments.topology).parent_path().string()};

  const runtime::FabricPaths paths = runtime::PathsOf(arguments.fabric);
  const absl::StatusOr<UniqueFd> lock = TakeName(paths);
  if (!lock.ok()) return reporter.Failed(lock.status());
  if (const absl::Status status = CleanLeftovers(paths, reporter); !status.ok()) {
    return reporter.Failed(status);
  }

  process::ExitWatcher watcher;
  runtime::Fabric fabric(paths, process::SiblingExecutable("taploom-dataplane"), arguments.frame_io,
                         arguments.workers, watcher);
  const runtime::Outcome up =
      fabric.Up(source, [&](const std::string& step) { reporter.Step(step); });
  absl::Status status = up.status;
  int exit_code = kDone;
  {
    api::ApiServer server(fabric, [&] {
      const std::uint64_t once = 1;
      [[maybe_unused]] const ssize_t written = write(stop.get(), &once, sizeof once);
    });
    if (status.ok()) status = server.Listen(paths.api_socket);
    if (status.ok()) {
      reporter.Ready(up.notes);
      Serve(fabric, watcher, signals.get(), stop.get());
      Log("going down");
    }
  }
  const absl::Status down = fabric.Down();
  if (!down.ok()) Log("going down: {}", std::string(down.message()));
  watcher.Collect();  // every child has ended; none is left to an init that may not reap
  if (!status.ok()) exit_code = reporter.Failed(status, up.findings);
  if (!down.ok()) return kHostCannot;  // the journal stays for the next `down`
  runtime::RemoveFolders(paths);
  return exit_code;
}

}  // namespace
}  // namespace taploom

int main(int argc, char** argv) {
  taploom::Arguments arguments;
  if (!taploom::ParseArguments(argc, argv, arguments)) {
    fmt::print(stderr, "{}", taploom::kUsage);
    return taploom::kBadInput;
  }
  try {
    return taploom::Run(arguments);
  } catch (const std::exception& error) {
    taploom::Log("unexpected: {}", error.what());
    return taploom::kHostCannot;
  }
}
