// A load-balancer node: haproxy in the node's own namespace, from a LoadBalancerPlan.
//
// These functions write files and check them; starting the program in its namespace, and telling it
// to reload, is the caller's, who owns processes and namespaces:
//
//   auto command = PrepareNode(directory, plan, node, ca);            // at `up`: start *command in
//   the namespace auto changed = UpdateNode(directory, new_plan, new_node, ca);     // at `apply`:
//   if *changed, kill(pid, kReloadSignal) auto health =
//   ReadTargetHealth(FilesIn(directory).stats_socket);  // any time
//
// The process started is haproxy's master; it keeps the listening sockets and survives a reload. A
// worker of the older configuration finishes the requests it has begun (for at most AWS's
// deregistration delay, 300 s) while its successor takes new ones: no connection is refused or cut.
// SIGTERM to the master ends all of them; one that is just reloading may miss it.
#ifndef TAPLOOM_CONTROL_SERVICES_LOAD_BALANCER_H_
#define TAPLOOM_CONTROL_SERVICES_LOAD_BALANCER_H_

#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "control/plan.h"
#include "control/services/certificate.h"

namespace taploom::control {

// To the master process: read the configuration again. What it then finds has been validated by
// UpdateNode.
inline constexpr int kReloadSignal = SIGUSR2;

struct NodeFiles {
  std::filesystem::path config, certificate, stats_socket, server_state, pid_file;
};

// What a node keeps in its directory, which must be absolute.
NodeFiles FilesIn(const std::filesystem::path& directory);

// Makes `directory` (mode 0700), writes the node's configuration and, when a listener speaks HTTPS,
// its certificate (both 0600), and returns the argv to run in the node's namespace: it stays in the
// foreground and logs to stdout and stderr. FailedPrecondition: haproxy is not installed.
// InvalidArgument: haproxy refuses the configuration, in its own words.
absl::StatusOr<std::vector<std::string>> PrepareNode(const std::filesystem::path& directory,
                                                     const LoadBalancerPlan& plan,
                                                     const LoadBalancerNodePlan& node,
                                                     const CertificateAuthority& ca);

// The same for a node that runs: true when something changed and the master must be signalled. A
// configuration that haproxy refuses is an error and leaves the one in use where it is.
// Unavailable: nothing answers, not even after the moment that a node just started needs; nothing
// changed.
absl::StatusOr<bool> UpdateNode(const std::filesystem::path& directory,
                                const LoadBalancerPlan& plan, const LoadBalancerNodePlan& node,
                                const CertificateAuthority& ca);

// Asks haproxy itself (`haproxy -c`). Binds nothing; may run in any namespace.
absl::Status ValidateConfig(const std::filesystem::path& config);

}  // namespace taploom::control

#endif  // TAPLOOM_CONTROL_SERVICES_LOAD_BALANCER_H_
