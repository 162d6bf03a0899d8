// FlowFilter: which connections `taploom flows` shows.
#ifndef TAPLOOM_CONTROL_RUNTIME_FLOW_FILTER_H_
#define TAPLOOM_CONTROL_RUNTIME_FLOW_FILTER_H_

#include <string>
#include <vector>

#include "control/runtime/rows.h"

namespace taploom::runtime {

// Empty fields let everything pass.
struct FlowFilter {
  std::string from, to;  // the machines at its ends
  std::string protocol, state, nat;
  std::string rule;  // admitted by it at either end; of a rule that is gone too
  // "203.0.113.10:23456" or an address alone: how anybody sees either end, before or behind a
  // translation.
  std::string endpoint;
};

// The fields by name, for options and query parameters.
struct FlowFilterField {
  const char* name;
  std::string FlowFilter::*field;
};
const std::vector<FlowFilterField>& FlowFilterFields();

// `row`: of the kind "flows" (rows.h).
bool Matches(const FlowFilter& filter, const Row& row);

}  // namespace taploom::runtime

#endif  // TAPLOOM_CONTROL_RUNTIME_FLOW_FILTER_H_
