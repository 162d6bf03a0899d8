// Target health as AWS's DescribeTargetHealth tells it, read from the haproxy of one load-balancer
// node.
//
// Every node checks every target on its own, so two nodes may disagree for a moment, as an ALB's
// nodes may.
#ifndef TAPLOOM_CONTROL_SERVICES_TARGET_HEALTH_H_
#define TAPLOOM_CONTROL_SERVICES_TARGET_HEALTH_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace taploom::control {

enum class TargetState {
  kInitial,  // registered; no health check has ended yet
  kHealthy,
  kUnhealthy,  // gets requests only when every target of the group is unhealthy
  kDraining,   // being deregistered; gets no new requests
};

// "initial", "healthy", "unhealthy", "draining": TargetHealth.State.
std::string_view ToString(TargetState state);

struct TargetHealth {
  std::string target_group;
  std::string target;  // the instance's name
  std::uint16_t port = 0;
  TargetState state = TargetState::kInitial;
  std::string reason;  // TargetHealth.Reason, "Target.Timeout"; empty when healthy
  std::string
      description;  // TargetHealth.Description, a sentence without a full stop; empty when healthy

  friend bool operator==(const TargetHealth&, const TargetHealth&) = default;
};

// Rows from the CSV that haproxy's `show stat` prints, in its order: the target groups and targets
// of the plan. Proxies and servers not made by RenderHaproxyConfig are passed over. InvalidArgument
// when the text is no such CSV.
absl::StatusOr<std::vector<TargetHealth>> ParseTargetHealth(std::string_view show_stat_csv);

// Asks the haproxy behind `stats_socket`. Unavailable when nothing answers there within a second.
absl::StatusOr<std::vector<TargetHealth>> ReadTargetHealth(const std::string& stats_socket);

}  // namespace taploom::control

#endif  // TAPLOOM_CONTROL_SERVICES_TARGET_HEALTH_H_
