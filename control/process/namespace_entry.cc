#include "control/process/namespace_entry.h"

#include <sched.h>
#include <sys/mount.h>

#include <cerrno>

namespace taploom::process {

EntryFailure EnterNamespaces(const NamespaceEntry& entry) {
  if (setns(entry.network_namespace, CLONE_NEWNET) != 0) {
    return {errno, "enter the network namespace"};
  }
  if (entry.covered.empty()) return {};
  if (unshare(CLONE_NEWNS) != 0) return {errno, "make a mount namespace"};
  // Slave, not private: a namespace removed by the host must not live on as a copy of its mount in
  // here.
  if (mount("none", "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) {
    return {errno, "separate the mounts from the host's"};
  }
  for (const CoveredFile& file : entry.covered) {
    if (mount(file.source.c_str(), file.target.c_str(), nullptr, MS_BIND, nullptr) != 0 &&
        errno != ENOENT) {
      return {errno, "cover a file of /etc"};
    }
  }
  return {};
}

}  // namespace taploom::process
