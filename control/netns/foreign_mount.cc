#include "control/netns/foreign_mount.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <cerrno>
#include <functional>
#include <thread>

#include "control/process/host_error.h"
#include "control/process/unique_fd.h"

namespace taploom::netns {
namespace {

using process::HostError;

// In a thread of its own, which can leave the caller's mount namespace because it first gives up
// sharing the caller's root and working directory.
absl::Status InMountNamespace(int pidfd, const std::function<absl::Status()>& work) {
  absl::Status status;
  std::thread([&] {
    if (unshare(CLONE_FS) != 0) {
      status = HostError("separate a thread's file-system view", errno);
    } else if (setns(pidfd, CLONE_NEWNS) != 0) {
      status = errno == ESRCH ? absl::NotFoundError("the process has ended")
                              : HostError("enter the mount namespace", errno);
    } else {
      status = work();
    }
  }).join();
  return status;
}

}  // namespace

absl::Status CoverIn(int pidfd, const std::string& source, const std::string& target) {
  // A detached copy of the mount can be carried across; a path could not be resolved over there.
  const process::UniqueFd tree(
      open_tree(AT_FDCWD, source.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  if (!tree.valid()) return HostError(fmt::format("take hold of {}", source), errno);
  return InMountNamespace(pidfd, [&]() -> absl::Status {
    if (move_mount(tree.get(), "", AT_FDCWD, target.c_str(), MOVE_MOUNT_F_EMPTY_PATH) == 0) {
      return absl::OkStatus();
    }
    if (errno == ENOENT) return absl::NotFoundError(fmt::format("there is no {} to cover", target));
    return HostError(fmt::format("cover {}", target), errno);
  });
}

absl::Status UncoverIn(int pidfd, const std::string& source, const std::string& target) {
  struct stat ours {};
  if (stat(source.c_str(), &ours) != 0) return absl::OkStatus();
  const absl::Status status = InMountNamespace(pidfd, [&]() -> absl::Status {
    struct stat theirs {};
    const bool covered = stat(target.c_str(), &theirs) == 0 && theirs.st_dev == ours.st_dev &&
                         theirs.st_ino == ours.st_ino;
    if (!covered || umount2(target.c_str(), MNT_DETACH) == 0) return absl::OkStatus();
    return HostError(fmt::format("uncover {}", target), errno);
  });
  return absl::IsNotFound(status) ? absl::OkStatus() : status;
}

bool HasOwnMounts(pid_t pid) {
  struct stat theirs {
  }, ours{};
  return stat(fmt::format("/proc/{}/ns/mnt", pid).c_str(), &theirs) == 0 &&
         stat("/proc/self/ns/mnt", &ours) == 0 && theirs.st_ino != ours.st_ino;
}

}  // namespace taploom::netns
