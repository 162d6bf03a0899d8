// Explain: would a packet reach its destination, and if not, whose rule is it? The verb behind
// `taploom explain`.
//
// Names become a question for dataplane/slowpath/explain.h, and its answer becomes words. Works on
// any FabricPlan, so a running fabric and a topology file are explained by the same code.
#ifndef TAPLOOM_CONTROL_EXPLAIN_H_
#define TAPLOOM_CONTROL_EXPLAIN_H_

#include <nlohmann/json.hpp>
#include <string>

#include "control/plan.h"

namespace taploom::control {

struct ExplainAnswer {
  std::string error;    // not empty: the question makes no sense; nothing else is set
  bool passes = false;  // there and back
  nlohmann::ordered_json
      json;  // {source, destination, passes, verdict, forward: {stages: […]}, reply: {…}}
  std::string text;  // the same for people, several lines
};

// `source`: an instance, ENI id, load balancer node, internet host or address. `destination`: the
// same, with ":PORT" and
// "/PROTOCOL" ("db-1:3306/tcp", "10.0.2.50:53/udp", "[2001:db8::1]:443", "web-1/icmp"); without a
// port an ICMP echo is meant, with a port TCP. "internet" stands for any public host. Thread-safe.
ExplainAnswer ExplainPath(const FabricPlan& plan, const std::string& source,
                          const std::string& destination);

}  // namespace taploom::control

#endif  // TAPLOOM_CONTROL_EXPLAIN_H_
