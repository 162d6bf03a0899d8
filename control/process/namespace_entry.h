// NamespaceEntry: what a program must enter to live inside an instance, as `ip netns exec` does it:
// the network namespace, and a mount namespace of its own in which the instance's resolv.conf and
// hosts cover the host's.
#ifndef TAPLOOM_CONTROL_PROCESS_NAMESPACE_ENTRY_H_
#define TAPLOOM_CONTROL_PROCESS_NAMESPACE_ENTRY_H_

#include <string>
#include <vector>

namespace taploom::process {

struct CoveredFile {
  std::string source;  // "/etc/netns/tl-shop-web-1/hosts"
  std::string target;  // "/etc/hosts"
};

struct NamespaceEntry {
  int network_namespace = -1;  // borrowed descriptor
  std::vector<CoveredFile> covered;
};

struct EntryFailure {
  int error_number = 0;  // 0 = entered
  const char* step = "";
};

// Moves the calling thread into the entry's namespaces. Makes system calls only, so it may run
// between fork and exec. A covered target that the host does not have is passed over: there is
// nothing to hide.
EntryFailure EnterNamespaces(const NamespaceEntry& entry);

}  // namespace taploom::process

#endif  // TAPLOOM_CONTROL_PROCESS_NAMESPACE_ENTRY_H_
