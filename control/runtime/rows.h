// Rows: what `taploom get KIND` shows, as flat objects that print as a table or as JSON.
#ifndef TAPLOOM_CONTROL_RUNTIME_ROWS_H_
#define TAPLOOM_CONTROL_RUNTIME_ROWS_H_

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "control/netns/offloads.h"
#include "control/plan.h"
#include "control/runtime/running_namespace.h"
#include "control/services/target_health.h"
#include "dataplane/config/control_messages.pb.h"

namespace taploom::runtime {

// Keys in the order of the columns; values are strings, numbers and booleans.
using Row = nlohmann::ordered_json;
using Rows = std::vector<Row>;
using Namespaces = std::map<std::string, std::unique_ptr<RunningNamespace>>;

// What a row can be made from. Counters, connections and health are filled in only for the kinds
// that need them.
struct RowSources {
  const control::FabricPlan& plan;
  const Namespaces& namespaces;
  config::Counters counters;
  config::Connections connections;
  std::map<std::string, std::vector<control::TargetHealth>> health;  // by load-balancer node
  netns::Offloads offloads;
};

// "vpcs", "subnets", … in the order in which help lists them.
const std::vector<std::string>& RowKinds();

// What is wrong with `kind`, offering the nearest; empty when there is such a kind.
std::string KindError(const std::string& kind);

bool NeedsCounters(std::string_view kind);
bool NeedsPortState(std::string_view kind);  // of the counters, what only the dataplane knows
bool NeedsConnections(std::string_view kind);
bool NeedsTargetHealth(std::string_view kind);

// All rows of a kind, or those whose id, name or "vpc/name" is `name`. kNotFound when there is no
// such kind, or `name` is given and no row has it; the message lists the kinds, or offers the
// nearest name.
absl::StatusOr<Rows> RowsOf(const std::string& kind, const std::string& name,
                            const RowSources& sources);

}  // namespace taploom::runtime

#endif  // TAPLOOM_CONTROL_RUNTIME_ROWS_H_
