#include "dataplane/daemon/sandbox.h"

#include <cap-ng.h>
#include <fmt/format.h>
#include <grp.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "dataplane/daemon/syscall_filter.h"

namespace taploom::daemon {
namespace {

constexpr uid_t kNobody = 65'534;
constexpr gid_t kNogroup = 65'534;

[[noreturn]] void Fail(const char* what) {
  throw std::runtime_error(
      fmt::format("Cannot {}: {}.", what, std::generic_category().message(errno)));
}

void Check(bool done, const char* what) {
  if (!done) Fail(what);
}

// `kept`: besides 0–2.
void CloseOtherDescriptors(std::vector<int> kept) {
  std::sort(kept.begin(), kept.end());
  unsigned first = 3;
  for (const int descriptor : kept) {
    const auto next = static_cast<unsigned>(descriptor);
    if (next > first) Check(close_range(first, next - 1, 0) == 0, "close inherited descriptors");
    first = next + 1;
  }
  Check(close_range(first, ~0u, 0) == 0, "close inherited descriptors");
}

// A tmpfs that only this process's mount namespace knows becomes the root, and everything else is
// unmounted there. The host sees nothing of it, and it ends with the process.
void HideFileSystem() {
  constexpr const char* kMountPoint = "/proc";  // any directory that is there on every Linux
  Check(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "make the mounts private");
  Check(mount("taploom", kMountPoint, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
              "size=4k,mode=0555") == 0,
        "mount an empty file system");
  Check(chdir(kMountPoint) == 0, "enter the empty file system");
  if (syscall(SYS_pivot_root, ".", ".") == 0) {
    // Both roots are now stacked on "."; the old one is on top (pivot_root(2), NOTES).
    Check(umount2(".", MNT_DETACH) == 0, "unmount the host's file system");
  } else {
    // An initial ramfs cannot be pivoted away: cover it instead.
    Check(mount(".", "/", nullptr, MS_MOVE, nullptr) == 0 && chroot(".") == 0,
          "make the empty file system the root");
  }
  Check(chdir("/") == 0, "enter the new root");
}

// Whether this user namespace lets its root drop supplementary groups (user_namespaces(7)).
bool MaySetGroups() {
  std::string word;
  std::ifstream("/proc/self/setgroups") >> word;
  return word != "deny";
}

void BecomeNobody(bool may_set_groups, std::vector<std::string>& left_out) {
  if (may_set_groups) Check(setgroups(0, nullptr) == 0, "drop supplementary groups");
  if (setresgid(kNogroup, kNogroup, kNogroup) != 0 || setresuid(kNobody, kNobody, kNobody) != 0) {
    if (errno != EINVAL) Fail("become nobody");
    left_out.emplace_back("The user stays as it is: this user namespace has no nobody.");
  }
}

void DropCapabilities(bool privileged) {
  capng_clear(CAPNG_SELECT_ALL);
  Check(capng_apply(privileged ? CAPNG_SELECT_ALL : CAPNG_SELECT_CAPS) == 0, "drop capabilities");
}

void LimitResources() {
  const rlimit none{0, 0};
  Check(setrlimit(RLIMIT_CORE, &none) == 0, "forbid core files");
}

}  // namespace

std::vector<std::string> EnterSandbox(int control_descriptor,
                                      std::span<const int> ring_descriptors) {
  std::vector<std::string> left_out;
  std::vector<int> kept(ring_descriptors.begin(), ring_descriptors.end());
  kept.push_back(control_descriptor);
  CloseOtherDescriptors(std::move(kept));
  Check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "renounce new privileges");
  LimitResources();

  capng_get_caps_process();
  const bool privileged = capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_ADMIN) != 0;
  if (privileged) {
    const bool may_set_groups = MaySetGroups();
    Check(unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC) == 0, "leave the host's namespaces");
    HideFileSystem();
    // The bounding set can be emptied only while there are capabilities; changing the user then
    // takes the rest.
    capng_clear(CAPNG_SELECT_BOUNDS);
    Check(capng_apply(CAPNG_SELECT_BOUNDS) == 0, "empty the capability bounding set");
    BecomeNobody(may_set_groups, left_out);
  } else {
    left_out.emplace_back(
        "Not started as root: the user, and the host's file system and network, stay as they are.");
  }
  DropCapabilities(false);

  // Both are reset by a change of user, so they come after it.
  Check(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0, "forbid tracing");
  Check(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0, "ask to die with the parent");
  InstallSyscallFilter(ring_descriptors);
  return left_out;
}

}  // namespace taploom::daemon
