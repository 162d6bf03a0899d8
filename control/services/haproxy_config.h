// RenderHaproxyConfig: one node of an application load balancer, as a configuration of Debian 12's
// haproxy 2.6.
//
// How an ALB's behaviour (vpc-semantics §9) is said in haproxy's words:
//
//   listener                        → frontend  "listener:443"      bound to the node's private
//   address only target group                    → backend   "tg:web"            round robin,
//   health checks, source = node address the same, when no target of it is healthy (AWS fails open)
//   → backend   "tg:web:fail-open"  the same servers, none of them checked target → server
//   "web-1:80" no target registered            → 503 from a backend without servers target refuses
//   the connection   → haproxy's 503 turned into 502 target does not answer SYNs     → haproxy's
//   503 turned into 504, told from the above by the time it took target answers rubbish, or late →
//   502 and 504 are haproxy's own
//
// Answers that the node makes itself look like an ALB's: "Server: awselb/2.0" and its short HTML.
#ifndef TAPLOOM_CONTROL_SERVICES_HAPROXY_CONFIG_H_
#define TAPLOOM_CONTROL_SERVICES_HAPROXY_CONFIG_H_

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "control/plan.h"

namespace taploom::control {

// What the configuration mentions of the host: absolute paths, and whom the worker process becomes.
struct HaproxyFiles {
  std::string stats_socket;
  std::string server_state;  // what a reload takes over: who was healthy
  std::string certificate;   // PEM: leaf and key; read only when a listener speaks HTTPS
  std::optional<std::string> worker_user;  // user and group; nullopt: stays who started it
};

// Depends on its arguments only: the same plan gives the same text. InvalidArgument when a text of
// the plan cannot be written into a line (control characters), so that a path or name never becomes
// a directive.
absl::StatusOr<std::string> RenderHaproxyConfig(const LoadBalancerPlan& plan,
                                                const LoadBalancerNodePlan& node,
                                                const HaproxyFiles& files);

// haproxy's name of a target's server, and back: "web-1" and 80 ↔ "web-1:80". haproxy has no '/' in
// names; "main/web-1" becomes "main:web-1:80".
std::string ServerName(const std::string& target, std::uint16_t port);
struct ServerNameParts {
  std::string target;
  std::uint16_t port = 0;
};
std::optional<ServerNameParts> ParseServerName(std::string_view server_name);

// The same for a target group's backend: "web" ↔ "tg:web"; nullopt for every other proxy, the
// fail-open twin included.
std::string BackendName(const std::string& target_group);
std::optional<std::string> ParseBackendName(std::string_view backend_name);

}  // namespace taploom::control

#endif  // TAPLOOM_CONTROL_SERVICES_HAPROXY_CONFIG_H_
