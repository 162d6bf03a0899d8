// Takes away what a journal names. `down`, a failed `up` and the clearing of a crashed fabric all
// end here.
#ifndef TAPLOOM_CONTROL_RUNTIME_CLEANUP_H_
#define TAPLOOM_CONTROL_RUNTIME_CLEANUP_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "control/process/unique_fd.h"
#include "control/runtime/journal.h"
#include "control/runtime/paths.h"

namespace taploom::runtime {

// Ends every process in the named namespaces and every named process (SIGTERM, then SIGKILL),
// undoes the mounts, removes namespaces, files and empty folders. Goes on past what fails and
// returns the first failure. Doing it twice is harmless.
absl::Status CleanUp(const JournalEntries& entries);

// The fabric's folder, the run directory when this was the last fabric, and /run/netns when taploom
// made it and it is empty.
void RemoveFolders(const FabricPaths& paths);

// Whether a taploom-control runs this fabric. A folder without one was left behind by a crash.
bool IsRunning(const FabricPaths& paths);

// Takes the fabric's pid file, whose lock is what "running" means, waiting for a killed control to
// let go of it: the kernel closes its devices first. kAlreadyExists when the fabric is running.
absl::StatusOr<process::UniqueFd> LockFabric(const FabricPaths& paths);

// CleanUp() and RemoveFolders() for a fabric whose control is gone. kAlreadyExists when it is
// running, kNotFound when there is no such fabric.
absl::Status CleanUpCrashed(const FabricPaths& paths);

// Remembers in the run directory that taploom made the mount at /run/netns, for RemoveFolders().
void RememberNamespaceFolder();

// Undoes the mount over `mount.target` inside the mount namespace of its process; nothing when that
// process is gone.
absl::Status UndoForeignMount(const ForeignMount& mount);

}  // namespace taploom::runtime

#endif  // TAPLOOM_CONTROL_RUNTIME_CLEANUP_H_
