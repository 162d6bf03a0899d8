// A plan as a list of described objects: the form in which two plans are compared and changes are
// printed.
#ifndef TAPLOOM_CONTROL_DESCRIBE_H_
#define TAPLOOM_CONTROL_DESCRIBE_H_

#include <string>
#include <utility>
#include <vector>

#include "control/plan.h"

namespace taploom::control {

struct DescribedObject {
  std::string key;      // the same for the same object in two plans
  std::string object;   // "route-table"
  std::string name;     // "main/private"
  std::string summary;  // for an object that comes or goes: "10.0.2.0/24 in ap-northeast-2a"
  // Label and value of all that can change: {"0.0.0.0/0", "nat-a"}. Labels differ.
  std::vector<std::pair<std::string, std::string>> attributes;
};

// In the order of the topology file.
std::vector<DescribedObject> Describe(const FabricPlan& plan);

}  // namespace taploom::control

#endif  // TAPLOOM_CONTROL_DESCRIBE_H_
