// Validate: Topology → ValidTopology, or every finding at once. Touches nothing else.
#ifndef TAPLOOM_CONTROL_VALIDATE_H_
#define TAPLOOM_CONTROL_VALIDATE_H_

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/finding.h"
#include "control/topology.h"

namespace taploom::control {

struct ValidateResult;
ValidateResult Validate(Topology topology);

// A topology in which every reference resolves and every rule of AWS that concerns it holds. Only
// Validate() makes one.
class ValidTopology {
 public:
  const Topology& topology() const { return topology_; }

 private:
  friend ValidateResult Validate(Topology topology);
  explicit ValidTopology(Topology topology) : topology_(std::move(topology)) {}

  Topology topology_;
};

struct ValidateResult {
  std::optional<ValidTopology> valid;  // present exactly when there are no findings
  Findings findings;
};

// Parse and Validate in one step, for everyone who has a file. A relative `run` starts in the
// file's folder, which is for the caller to know.
struct LoadResult {
  std::optional<ValidTopology> valid;
  std::vector<Finding> findings;  // of both steps, in the order of the file
};
LoadResult LoadTopology(std::string_view text);

// One line per finding, each ending in a newline: what `taploom validate` prints.
std::string FormatFindings(const std::vector<Finding>& findings, std::string_view file);

}  // namespace taploom::control

#endif  // TAPLOOM_CONTROL_VALIDATE_H_
