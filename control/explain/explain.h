// Explain: would a packet reach its destination, and if not, whose rule is it? The verb behind
// `taploom explain`.
//
//   words ─ question ─► slowpath::Explain ─ diagnosis (near miss, fix) ─► analysis (JSON), text
//
// Works on any FabricPlan, so a running fabric and a topology file are explained by the same code.
// What only a running fabric can know (who listens, which target is healthy) comes as a LiveView.
#ifndef TAPLOOM_CONTROL_EXPLAIN_EXPLAIN_H_
#define TAPLOOM_CONTROL_EXPLAIN_EXPLAIN_H_

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "control/plan.h"
#include "dataplane/config/control_messages.pb.h"

namespace taploom::control {

struct ExplainAnswer {
  std::string error;    // not empty: the question makes no sense; nothing else is set
  bool passes = false;  // there and back, and somebody answers as far as that is known
  // AWS's NetworkInsightsAnalysis, with ours beside it: {…, source, destination, passes, verdict,
  // forward: {stages: […]}, reply: {…}, targets: […]}
  nlohmann::ordered_json json;
  std::string text;  // the same for people, several lines
  std::string
      brief;  // what stops the packet, the verdict, and the fix in the topology's words only
};

// What can be asked of a running fabric. A question that is empty, or answered by nothing, is not
// part of the explanation.
struct LiveView {
  // Does a program in that namespace accept what is sent to this address and port?
  std::function<std::optional<bool>(const std::string& namespace_name, std::uint8_t protocol,
                                    const wire::IpAddress& address, std::uint16_t port)>
      listens;
  // "healthy", "unhealthy: Target.Timeout", …
  std::function<std::string(const std::string& node, const std::string& target)> target_health;
};

// `source`: an instance, ENI id, load balancer node, internet host or address. `destination`: the
// same or a DNS name, with ":PORT" and "/PROTOCOL" ("db-1:3306/tcp", "10.0.2.50:53/udp",
// "[2001:db8::1]:443", "web-1/icmp"); without a port an ICMP echo is meant, with a port TCP.
// "internet" stands for any public host. Behind a load balancer's listener the ways from its node
// to the targets are explained too. Thread-safe.
ExplainAnswer ExplainPath(const FabricPlan& plan, const std::string& source,
                          const std::string& destination, const LiveView& live = {});

}  // namespace taploom::control

#endif  // TAPLOOM_CONTROL_EXPLAIN_EXPLAIN_H_
