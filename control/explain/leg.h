// Leg: one connection's way there and back, what is to be said about it, and how it is said. A
// question is one leg; behind a load balancer there is another for each target.
#ifndef TAPLOOM_CONTROL_EXPLAIN_LEG_H_
#define TAPLOOM_CONTROL_EXPLAIN_LEG_H_

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "control/explain/diagnosis.h"
#include "control/explain/explain.h"
#include "control/explain/question.h"
#include "dataplane/slowpath/explain.h"

namespace taploom::control {

struct Leg {
  Asked asked;
  slowpath::Explanation explanation;
  std::vector<Reason> reasons;
  std::string receiver_namespace;  // when it arrives, and the receiver has one
  std::optional<bool> listens;     // nothing: not asked, or not known

  bool network_passes() const { return explanation.passes(); }
  bool passes() const { return network_passes() && listens.value_or(true); }
};

Leg FollowLeg(const FabricPlan& plan, const tables::Snapshot& snapshot, const Asked& asked,
              const LiveView& live);

std::string SourceText(const Leg& leg);
std::string DestinationText(const Leg& leg);

// "reachable, and the reply comes back", "dropped: SG_INGRESS_DENIED (…). …"
std::string VerdictOf(const Leg& leg);

// {source, destination, protocol, forward: {passes, stages, …}, reply}
nlohmann::ordered_json LegJson(const Leg& leg);

// Lines for people: who asks whom; the stages; one reason with its near miss and its fix.
std::string HeadText(const Leg& leg);
std::string PathsText(const Leg& leg);
std::string ReasonText(const Reason& reason);
// The stage that stops the packet; empty when none does.
std::string StopText(const Leg& leg);
// The reason without commands and Terraform.
std::string BriefReasonText(const Reason& reason);

}  // namespace taploom::control

#endif  // TAPLOOM_CONTROL_EXPLAIN_LEG_H_
