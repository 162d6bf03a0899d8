// Ends every process of a set of network namespaces, daemonised grandchildren included.
#ifndef TAPLOOM_CONTROL_PROCESS_TERMINATE_H_
#define TAPLOOM_CONTROL_PROCESS_TERMINATE_H_

#include <sys/types.h>

#include <chrono>
#include <compare>
#include <set>
#include <vector>

#include "absl/status/status.h"
#include "control/process/process_identity.h"
#include "control/process/unique_fd.h"

namespace taploom::process {

// The kernel's identity of a namespace: what stat() says of /proc/PID/ns/net.
struct NamespaceId {
  dev_t device = 0;
  ino_t inode = 0;

  friend auto operator<=>(const NamespaceId&, const NamespaceId&) = default;
};

// REQUIRES: `fd` refers to a namespace.
NamespaceId IdOf(int fd);

// Live processes (no zombies, not the caller) whose network namespace is one of `namespaces`.
std::vector<pid_t> ProcessesIn(const std::set<NamespaceId>& namespaces);

// SIGTERM to every process in `namespaces`, SIGKILL to those still there after `grace`. Looks again
// until none is left, so a process that forks while it is being ended is found as well. An error
// names the pids that survived SIGKILL.
absl::Status TerminateProcessesIn(const std::set<NamespaceId>& namespaces,
                                  std::chrono::milliseconds grace);

// The same for single processes.
absl::Status TerminateProcesses(const std::vector<ProcessIdentity>& processes,
                                std::chrono::milliseconds grace);

// Waits until every process behind `pidfds` has ended or `timeout` has passed; true when all have
// ended.
bool WaitForExit(const std::vector<UniqueFd>& pidfds, std::chrono::milliseconds timeout);

}  // namespace taploom::process

#endif  // TAPLOOM_CONTROL_PROCESS_TERMINATE_H_
