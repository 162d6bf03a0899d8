// What `replay --live` asks of a fabric: to hand a socket to the dataplane.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "control/process/host_error.h"
#include "control/process/process_identity.h"
#include "control/process/unique_fd.h"
#include "control/runtime/fabric.h"

namespace taploom::runtime {
namespace {

int SocketOption(int socket, int option) {
  int value = -1;
  socklen_t size = sizeof value;
  return getsockopt(socket, SOL_SOCKET, option, &value, &size) == 0 ? value : -1;
}

// A socket cannot be opened by a path, as a capture's ring is; the kernel copies it out of the
// process, if that one is ours to look into.
process::UniqueFd TakeFrom(pid_t pid, int descriptor) {
  const process::UniqueFd process = process::OpenProcess(pid);
  if (!process.valid()) return process::UniqueFd();
  return process::UniqueFd(
      static_cast<int>(syscall(SYS_pidfd_getfd, process.get(), descriptor, 0)));
}

}  // namespace

absl::Status Fabric::StartInjection(pid_t pid, int descriptor) {
  const std::lock_guard lock(mutex_);
  const process::UniqueFd socket = TakeFrom(pid, descriptor);
  if (!socket.valid())
    return process::HostError(fmt::format("take descriptor {} of process {}", descriptor, pid),
                              errno);
  if (SocketOption(socket.get(), SO_DOMAIN) != AF_UNIX ||
      SocketOption(socket.get(), SO_TYPE) != SOCK_SEQPACKET) {
    return absl::InvalidArgumentError(fmt::format(
        "descriptor {} of process {} is no Unix SOCK_SEQPACKET socket", descriptor, pid));
  }
  return dataplane_.link().StartInjection(socket.get());
}

}  // namespace taploom::runtime
