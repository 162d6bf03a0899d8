// Spawn: starts a program in a session of its own, optionally inside an instance's namespaces.
#ifndef TAPLOOM_CONTROL_PROCESS_SPAWN_H_
#define TAPLOOM_CONTROL_PROCESS_SPAWN_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "control/process/namespace_entry.h"

namespace taploom::process {

// Lets this process have as many descriptors as the host allows it: a fabric takes one for each
// queue of each device. Programs that are spawned afterwards get the limit that this process had,
// since some count on it. Call before the first thread.
void RaiseDescriptorLimit();

struct InheritedFd {
  int from = -1;  // a descriptor of the caller
  int to = -1;    // its number in the program
};

struct SpawnRequest {
  std::vector<std::string> argv;         // argv[0] is looked up in PATH unless it has a slash
  std::vector<std::string> environment;  // "NAME=value", complete
  std::string working_directory;         // empty = the caller's
  int output = -1;                       // stdout and stderr; -1 = the caller's
  std::vector<InheritedFd>
      inherited;  // besides 0 (/dev/null), 1 and 2; every other descriptor is closed
  std::optional<NamespaceEntry> entry;
};

// The program's pid once exec has succeeded; otherwise the step that failed. The caller reaps the
// child.
absl::StatusOr<pid_t> Spawn(const SpawnRequest& request);

// The caller's environment as "NAME=value" with `extra` winning over it.
std::vector<std::string> EnvironmentWith(const std::vector<std::string>& extra);

}  // namespace taploom::process

#endif  // TAPLOOM_CONTROL_PROCESS_SPAWN_H_
