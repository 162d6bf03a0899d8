// Parse: the text of a topology file → Topology, or every mistake of form at once.
#ifndef TAPLOOM_CONTROL_PARSE_H_
#define TAPLOOM_CONTROL_PARSE_H_

#include <string_view>

#include "control/finding.h"
#include "control/topology.h"

namespace taploom::control {

struct ParseResult {
  // Usable for Validate() even when there are findings: what could not be read is absent.
  Topology topology;
  Findings findings;
  // False when the text is no YAML document at all; there is nothing to validate then.
  bool is_yaml = false;
};

// Never throws and never crashes, whatever the bytes.
ParseResult Parse(std::string_view text);

}  // namespace taploom::control

#endif  // TAPLOOM_CONTROL_PARSE_H_
