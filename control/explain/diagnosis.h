// Diagnosis: from "the walk ended here" to what a person has to know: the AWS code, the rule that
// nearly matched, the smallest fix.
#ifndef TAPLOOM_CONTROL_EXPLAIN_DIAGNOSIS_H_
#define TAPLOOM_CONTROL_EXPLAIN_DIAGNOSIS_H_

#include <optional>
#include <string>
#include <vector>

#include "control/explain/fix.h"
#include "control/explain/near_miss.h"
#include "control/explain/question.h"
#include "dataplane/slowpath/explain.h"

namespace taploom::control {

struct Reason {
  std::string code;  // AWS Reachability Analyzer's, or one of ours (below); may be empty
  std::string sentence;
  bool is_failure = true;  // false: the path passes, and this is worth knowing all the same
  bool is_reply = false;   // on the way back
  std::optional<slowpath::StageReport> stage;  // where it ended
  std::optional<NearMiss> near_miss;
  std::optional<Fix> fix;
};

// Codes where AWS has none.
inline constexpr const char* kPmtudBlackhole = "PMTUD_BLACKHOLE";
inline constexpr const char* kNothingListens = "NOTHING_LISTENS";
inline constexpr const char* kDnsNameNotFound = "DNS_NAME_NOT_FOUND";
inline constexpr const char* kNatGatewayReset = "NGW_IDLE_TIMEOUT";

// The way there and, when that passes, the way back. What stops the packet comes first. The near
// miss points into `snapshot`.
std::vector<Reason> Diagnose(const tables::Snapshot& snapshot, const Asked& asked,
                             const slowpath::Explanation& explanation);

}  // namespace taploom::control

#endif  // TAPLOOM_CONTROL_EXPLAIN_DIAGNOSIS_H_
