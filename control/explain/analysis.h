// The shape of AWS's NetworkInsightsAnalysis, as `aws ec2 describe-network-insights-analyses`
// prints it: what is AWS's keeps AWS's name and capital, what is ours is lower case beside it.
#ifndef TAPLOOM_CONTROL_EXPLAIN_ANALYSIS_H_
#define TAPLOOM_CONTROL_EXPLAIN_ANALYSIS_H_

#include <nlohmann/json.hpp>
#include <string>

#include "control/explain/diagnosis.h"
#include "control/plan.h"

namespace taploom::control {

// The members of ForwardPathComponents or ReturnPathComponents: one for each stage, in order.
nlohmann::ordered_json PathComponents(const FabricPlan& plan, const tables::Snapshot& snapshot,
                                      const slowpath::PathExplanation& path);
// A member of Explanations.
nlohmann::ordered_json AwsExplanation(const FabricPlan& plan, const tables::Snapshot& snapshot,
                                      const Reason& reason);

}  // namespace taploom::control

#endif  // TAPLOOM_CONTROL_EXPLAIN_ANALYSIS_H_
