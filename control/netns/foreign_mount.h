// Files bound over others inside somebody else's mount namespace: how an attached container gets
// its resolv.conf.
#ifndef TAPLOOM_CONTROL_NETNS_FOREIGN_MOUNT_H_
#define TAPLOOM_CONTROL_NETNS_FOREIGN_MOUNT_H_

#include <string>

#include "absl/status/status.h"

namespace taploom::netns {

// Binds the caller's file `source` over `target` in the mount namespace of the process behind
// `pidfd`. kNotFound when that namespace has no such target.
absl::Status CoverIn(int pidfd, const std::string& source, const std::string& target);

// Undoes CoverIn(). Does nothing when `target` is not covered by `source`, or the process is gone:
// a mount that the container made itself stays.
absl::Status UncoverIn(int pidfd, const std::string& source, const std::string& target);

// Whether the process has a mount namespace other than the caller's.
bool HasOwnMounts(pid_t pid);

}  // namespace taploom::netns

#endif  // TAPLOOM_CONTROL_NETNS_FOREIGN_MOUNT_H_
