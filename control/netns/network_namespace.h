// Network namespaces with a name, as iproute2 makes them: a bind mount in /run/netns that `ip netns
// exec` finds.
#ifndef TAPLOOM_CONTROL_NETNS_NETWORK_NAMESPACE_H_
#define TAPLOOM_CONTROL_NETNS_NETWORK_NAMESPACE_H_

#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "control/process/unique_fd.h"

namespace taploom::netns {

inline constexpr std::string_view kNamespaceFolder = "/run/netns";

// "/run/netns/NAME".
std::string NamespacePath(std::string_view name);

// Makes /run/netns a shared mount, as iproute2 does, so that a namespace removed here is removed in
// every mount namespace that has copied it. True when it was this call that made it.
absl::StatusOr<bool> PrepareNamespaceFolder();

// Takes /run/netns away again when it is empty; for whoever got true from PrepareNamespaceFolder().
void RemoveNamespaceFolderIfEmpty();

// A new namespace called `name`, with its loopback device up.
// REQUIRES: PrepareNamespaceFolder() has succeeded. An existing name is kAlreadyExists.
absl::StatusOr<process::UniqueFd> CreateNamespace(const std::string& name);

// Removes the name; the namespace itself ends with its last process or descriptor. Removing what is
// not there is fine.
absl::Status RemoveNamespace(const std::string& name);

// The namespace behind any path that names one ("/run/netns/x", "/proc/1234/ns/net").
// kInvalidArgument when the path is not a network namespace.
absl::StatusOr<process::UniqueFd> OpenNamespace(const std::string& path);

// Runs `work` in a thread that has entered the namespace, and waits for it. The caller's namespace
// does not change.
absl::Status InNamespace(int namespace_fd, const std::function<absl::Status()>& work);

}  // namespace taploom::netns

#endif  // TAPLOOM_CONTROL_NETNS_NETWORK_NAMESPACE_H_
