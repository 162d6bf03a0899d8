#include "control/netns/network_namespace.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>

#include "control/process/host_error.h"

namespace taploom::netns {
namespace {

using process::HostError;
using process::UniqueFd;

absl::Status BringLoopbackUp() {
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return HostError("open a socket in the new namespace", errno);
  ifreq request{};
  std::strncpy(request.ifr_name, "lo", IFNAMSIZ - 1);
  request.ifr_flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING;
  if (ioctl(socket.get(), SIOCSIFFLAGS, &request) != 0) {
    return HostError("bring the loopback device up", errno);
  }
  return absl::OkStatus();
}

absl::Status InThread(const std::function<absl::Status()>& work) {
  absl::Status status;
  std::thread([&] { status = work(); }).join();
  return status;
}

}  // namespace

std::string NamespacePath(std::string_view name) {
  return fmt::format("{}/{}", kNamespaceFolder, name);
}

absl::StatusOr<bool> PrepareNamespaceFolder() {
  const std::string folder(kNamespaceFolder);
  if (mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST) {
    return HostError("create /run/netns", errno);
  }
  if (mount("", folder.c_str(), "none", MS_SHARED | MS_REC, nullptr) == 0) return false;
  // EINVAL: not a mount point yet.
  if (errno != EINVAL) return HostError("make /run/netns a shared mount", errno);
  if (mount(folder.c_str(), folder.c_str(), "none", MS_BIND | MS_REC, nullptr) != 0 ||
      mount("", folder.c_str(), "none", MS_SHARED | MS_REC, nullptr) != 0) {
    return HostError("make /run/netns a shared mount", errno);
  }
  return true;
}

void RemoveNamespaceFolderIfEmpty() {
  const std::string folder(kNamespaceFolder);
  // Removing the directory fails while it is a mount point, and unmounting does not look whether it
  // is empty.
  if (rmdir(folder.c_str()) == 0 || errno != EBUSY) return;
  const UniqueFd inside(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  struct stat status {};
  constexpr nlink_t kLinksOfEmptyFolder = 2;
  if (fstat(inside.get(), &status) != 0 || status.st_nlink != kLinksOfEmptyFolder) return;
  if (umount2(folder.c_str(), MNT_DETACH) == 0) rmdir(folder.c_str());
}

absl::StatusOr<UniqueFd> CreateNamespace(const std::string& name) {
  const std::string path = NamespacePath(name);
  const UniqueFd placeholder(open(path.c_str(), O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0));
  if (!placeholder.valid()) {
    if (errno == EEXIST) {
      return absl::AlreadyExistsError(fmt::format("namespace {} exists already", path));
    }
    return HostError(fmt::format("create {}", path), errno);
  }
  UniqueFd result;
  const absl::Status status = InThread([&]() -> absl::Status {
    if (unshare(CLONE_NEWNET) != 0) return HostError("create a network namespace", errno);
    result.reset(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    if (!result.valid()) return HostError("open the new network namespace", errno);
    if (mount("/proc/thread-self/ns/net", path.c_str(), "none", MS_BIND, nullptr) != 0) {
      return HostError(fmt::format("mount the namespace on {}", path), errno);
    }
    return BringLoopbackUp();
  });
  if (!status.ok()) {
    RemoveNamespace(name).IgnoreError();
    return status;
  }
  return result;
}

absl::Status RemoveNamespace(const std::string& name) {
  const std::string path = NamespacePath(name);
  if (umount2(path.c_str(), MNT_DETACH) != 0 && errno != ENOENT && errno != EINVAL) {
    return HostError(fmt::format("unmount {}", path), errno);
  }
  if (unlink(path.c_str()) != 0 && errno != ENOENT) {
    return HostError(fmt::format("remove {}", path), errno);
  }
  return absl::OkStatus();
}

absl::StatusOr<UniqueFd> OpenNamespace(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) {
    if (errno == ENOENT) return absl::NotFoundError(fmt::format("no namespace at {}", path));
    return HostError(fmt::format("open {}", path), errno);
  }
  struct statfs file_system {};
  if (fstatfs(fd.get(), &file_system) != 0 || file_system.f_type != NSFS_MAGIC ||
      ioctl(fd.get(), NS_GET_NSTYPE) != CLONE_NEWNET) {
    return absl::InvalidArgumentError(fmt::format("{} is not a network namespace", path));
  }
  return fd;
}

absl::Status InNamespace(int namespace_fd, const std::function<absl::Status()>& work) {
  return InThread([&]() -> absl::Status {
    if (setns(namespace_fd, CLONE_NEWNET) != 0) {
      return HostError("enter the network namespace", errno);
    }
    return work();
  });
}

}  // namespace taploom::netns
