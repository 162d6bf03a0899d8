// resolv.conf and hosts of a namespace, in /etc/netns/NAME/ where `ip netns exec` looks for them.
#ifndef TAPLOOM_CONTROL_NETNS_RESOLVER_FILES_H_
#define TAPLOOM_CONTROL_NETNS_RESOLVER_FILES_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "control/plan.h"
#include "control/process/namespace_entry.h"

namespace taploom::netns {

inline constexpr std::string_view kResolverFolder = "/etc/netns";

// The folder of one namespace, "/etc/netns/NAME".
std::string ResolverFolder(std::string_view namespace_name);

std::string ResolvConfText(const control::NamespacePlan& plan);
std::string HostsText(const control::NamespacePlan& plan);

// Writes both files into `folder`, creating it. Existing files are rewritten in place: a program
// that runs with them bound over its /etc sees the change at once.
absl::Status WriteResolverFiles(const std::string& folder, const control::NamespacePlan& plan);

// What those files cover in /etc.
std::vector<process::CoveredFile> CoveredBy(const std::string& folder);

}  // namespace taploom::netns

#endif  // TAPLOOM_CONTROL_NETNS_RESOLVER_FILES_H_
