#include "cli/bench/program.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "cli/bench/interrupt.h"
#include "control/netns/listeners.h"
#include "control/process/exit_watcher.h"
#include "control/process/find_program.h"
#include "control/process/process_identity.h"
#include "control/process/spawn.h"
#include "dataplane/wire/protocol.h"

namespace taploom::bench {
namespace {

using process::UniqueFd;

constexpr std::chrono::seconds kServerPatience{10};

struct Needed {
  const char* program;
  const char* package;
};
constexpr Needed kPrograms[] = {
    {"ip", "iproute2"},       {"nft", "nftables"},      {"iperf3", "iperf3"}, {"wrk", "wrk"},
    {"nginx", "nginx-light"}, {"sockperf", "sockperf"}, {"curl", "curl"},
};

std::string Written(const UniqueFd& output) {
  std::string text;
  char chunk[1 << 16];
  off_t at = 0;
  for (ssize_t count; (count = pread(output.get(), chunk, sizeof chunk, at)) > 0; at += count) {
    text.append(chunk, static_cast<std::size_t>(count));
  }
  return text;
}

absl::StatusOr<pid_t> Spawn(int netns, const Argv& argv, const UniqueFd& output) {
  process::SpawnRequest request;
  request.argv = argv;
  request.environment = process::EnvironmentWith({"LC_ALL=C"});
  request.output = output.get();
  if (netns >= 0) request.entry = process::NamespaceEntry{netns, {}};
  return process::Spawn(request);
}

UniqueFd OutputFile() { return UniqueFd(memfd_create("output", MFD_CLOEXEC)); }

int Reap(pid_t pid) {
  int wait_status = 0;
  while (waitpid(pid, &wait_status, 0) < 0 && errno == EINTR) continue;
  return wait_status;
}

// Waits for the program's end, the user's interrupt or the end of patience.
absl::Status WaitFor(const UniqueFd& pidfd, std::chrono::seconds patience,
                     OnInterrupt on_interrupt) {
  const int interrupt = on_interrupt == OnInterrupt::kEnd ? InterruptWatch::fd() : -1;
  pollfd events[] = {{pidfd.get(), POLLIN, 0}, {interrupt, POLLIN, 0}};
  const int ready = poll(events, 2, static_cast<int>(std::chrono::milliseconds(patience).count()));
  if (events[1].revents != 0) return absl::CancelledError("interrupted");
  if (ready == 0) {
    return absl::DeadlineExceededError(fmt::format("did not end within {} s", patience.count()));
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<std::string> MissingPrograms() {
  std::vector<std::string> missing;
  for (const Needed& needed : kPrograms) {
    if (!process::FindProgram(needed.program).empty()) continue;
    missing.push_back(fmt::format("{} (package {})", needed.program, needed.package));
  }
  return missing;
}

absl::StatusOr<std::string> Run(int netns, const Argv& argv, std::chrono::seconds patience,
                                OnInterrupt on_interrupt) {
  const UniqueFd output = OutputFile();
  const auto pid = Spawn(netns, argv, output);
  if (!pid.ok()) return pid.status();
  const absl::Status waited = WaitFor(process::OpenProcess(*pid), patience, on_interrupt);
  if (!waited.ok()) kill(*pid, SIGKILL);
  const int wait_status = Reap(*pid);
  if (!waited.ok()) {
    return absl::Status(waited.code(),
                        fmt::format("{}: {}", argv.front(), std::string(waited.message())));
  }
  std::string text = Written(output);
  if (wait_status != 0) {
    return absl::InternalError(
        fmt::format("{}: {}: {}", fmt::join(argv, " "), process::DescribeExit(wait_status), text));
  }
  return text;
}

absl::StatusOr<Server> Server::Start(int netns, const Argv& argv, const wire::IpAddress& address,
                                     std::uint16_t port) {
  UniqueFd output = OutputFile();
  const auto pid = Spawn(netns, argv, output);
  if (!pid.ok()) return pid.status();
  Server server(*pid, std::move(output));
  const UniqueFd pidfd = process::OpenProcess(*pid);
  const auto deadline = std::chrono::steady_clock::now() + kServerPatience;
  // That a port listens is no event outside the process that made it listen.
  while (true) {
    const auto listens = netns::Listens(netns, wire::kProtocolTcp, address, port);
    if (!listens.ok()) return listens.status();
    if (*listens) return server;
    pollfd ended{pidfd.get(), POLLIN, 0};
    if (poll(&ended, 1, 5) > 0 || std::chrono::steady_clock::now() > deadline) {
      return absl::InternalError(fmt::format("{} does not listen on port {}: {}",
                                             fmt::join(argv, " "), port, Written(server.output_)));
    }
  }
}

Server::Server(Server&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), output_(std::move(other.output_)) {}

Server::~Server() {
  if (pid_ < 0) return;
  kill(pid_, SIGTERM);
  if (!WaitFor(process::OpenProcess(pid_), kServerPatience, OnInterrupt::kFinish).ok())
    kill(pid_, SIGKILL);
  Reap(pid_);
}

}  // namespace taploom::bench
