// NearMiss: no rule lets the packet pass; which one comes closest, and in what does it fail?
#ifndef TAPLOOM_CONTROL_EXPLAIN_NEAR_MISS_H_
#define TAPLOOM_CONTROL_EXPLAIN_NEAR_MISS_H_

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dataplane/slowpath/sink.h"
#include "dataplane/tables/rule_set.h"
#include "dataplane/tables/snapshot.h"

namespace taploom::control {

struct NearMiss {
  const tables::Rule* rule = nullptr;       // inside the snapshot
  std::vector<std::string> matches, fails;  // of "protocol", "port", "type", "source"
  // "tcp 3306 from sg:web [sgr-…] of db: protocol and port match, source 10.0.1.100 does not"
  std::string text;
};

// The allow rule that matches in the most fields; among those that fail in the same number, the one
// whose ports lie nearest or whose peers share the longest prefix. nullopt without allow rules.
std::optional<NearMiss> NearestRule(std::span<const tables::Rule> rules,
                                    const tables::RuleQuery& query, bool is_ingress);

// The question that the failing filter asked its rules, and those rules; nullopt when the stage is
// no filter. Security groups and network ACLs alike.
struct FilterQuestion {
  const tables::RuleSet* rules = nullptr;
  tables::RuleQuery query;
  bool is_ingress = false;
};
std::optional<FilterQuestion> FilterQuestionOf(const tables::Snapshot& snapshot,
                                               const slowpath::StageReport& stage,
                                               std::uint8_t icmp_type, std::uint8_t icmp_code);

}  // namespace taploom::control

#endif  // TAPLOOM_CONTROL_EXPLAIN_NEAR_MISS_H_
