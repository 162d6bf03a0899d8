#include "control/process/terminate.h"

#include <dirent.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <cstring>
#include <functional>
#include <memory>

namespace taploom::process {
namespace {

using Clock = std::chrono::steady_clock;

// A killed process is gone as soon as the scheduler has run it; only one stuck in the kernel needs
// longer.
constexpr std::chrono::milliseconds kKillWait{2000};
constexpr int kRounds = 5;

std::vector<UniqueFd> Open(const std::vector<pid_t>& pids) {
  std::vector<UniqueFd> pidfds;
  for (const pid_t pid : pids) {
    UniqueFd pidfd = OpenProcess(pid);
    if (pidfd.valid()) pidfds.push_back(std::move(pidfd));
  }
  return pidfds;
}

void SignalAll(const std::vector<UniqueFd>& pidfds, int signal_number) {
  for (const UniqueFd& pidfd : pidfds) SendSignal(pidfd, signal_number);
}

}  // namespace

NamespaceId IdOf(int fd) {
  struct stat status {};
  fstat(fd, &status);
  return {status.st_dev, status.st_ino};
}

std::vector<pid_t> ProcessesIn(const std::set<NamespaceId>& namespaces) {
  std::vector<pid_t> pids;
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(opendir("/proc"), closedir);
  if (proc == nullptr) return pids;
  const pid_t self = getpid();
  while (const dirent* entry = readdir(proc.get())) {
    pid_t pid = 0;
    const char* end = entry->d_name + std::strlen(entry->d_name);
    const auto [rest, error] = std::from_chars(entry->d_name, end, pid);
    if (error != std::errc() || rest != end || pid == self) continue;
    struct stat status {};
    // A zombie has left its namespaces already, so its link cannot be followed.
    if (stat(fmt::format("/proc/{}/ns/net", pid).c_str(), &status) != 0) continue;
    if (namespaces.contains({status.st_dev, status.st_ino})) pids.push_back(pid);
  }
  return pids;
}

bool WaitForExit(const std::vector<UniqueFd>& pidfds, std::chrono::milliseconds timeout) {
  std::vector<pollfd> waiting;
  for (const UniqueFd& pidfd : pidfds) waiting.push_back({pidfd.get(), POLLIN, 0});
  const auto deadline = Clock::now() + timeout;
  while (!waiting.empty()) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left < 0) return false;
    if (poll(waiting.data(), waiting.size(), static_cast<int>(left)) < 0 && errno != EINTR) {
      return false;
    }
    std::erase_if(waiting, [](const pollfd& process) { return process.revents != 0; });
  }
  return true;
}

absl::Status TerminateProcessesIn(const std::set<NamespaceId>& namespaces,
                                  std::chrono::milliseconds grace) {
  if (namespaces.empty()) return absl::OkStatus();
  std::vector<pid_t> pids = ProcessesIn(namespaces);
  if (pids.empty()) return absl::OkStatus();
  const std::vector<UniqueFd> asked = Open(pids);
  SignalAll(asked, SIGTERM);
  WaitForExit(asked, grace);

  for (int round = 0; round < kRounds; ++round) {
    pids = ProcessesIn(namespaces);
    if (pids.empty()) return absl::OkStatus();
    const std::vector<UniqueFd> killed = Open(pids);
    SignalAll(killed, SIGKILL);
    WaitForExit(killed, kKillWait);
  }
  pids = ProcessesIn(namespaces);
  if (pids.empty()) return absl::OkStatus();
  return absl::InternalError(
      fmt::format("processes that cannot be killed: {}", fmt::join(pids, ", ")));
}

absl::Status TerminateProcesses(const std::vector<ProcessIdentity>& processes,
                                std::chrono::milliseconds grace) {
  std::vector<UniqueFd> pidfds;
  for (const ProcessIdentity& identity : processes) {
    UniqueFd pidfd = OpenProcess(identity);
    if (pidfd.valid()) pidfds.push_back(std::move(pidfd));
  }
  SignalAll(pidfds, SIGTERM);
  if (WaitForExit(pidfds, grace)) return absl::OkStatus();
  SignalAll(pidfds, SIGKILL);
  if (WaitForExit(pidfds, kKillWait)) return absl::OkStatus();
  return absl::InternalError("a process of the fabric cannot be killed");
}

}  // namespace taploom::process
