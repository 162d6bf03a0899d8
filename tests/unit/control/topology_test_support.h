// Short ways from the text of a topology to its findings or its plan.
#ifndef TAPLOOM_TESTS_UNIT_CONTROL_TOPOLOGY_TEST_SUPPORT_H_
#define TAPLOOM_TESTS_UNIT_CONTROL_TOPOLOGY_TEST_SUPPORT_H_

#include <string>
#include <string_view>
#include <vector>

#include "control/lower.h"
#include "control/parse.h"
#include "control/plan.h"
#include "control/validate.h"

namespace taploom::control {

std::string ReadFile(const std::string& path);
// The example of the design document.
std::string ThreeTier();
// `text` with the one place where `from` stands replaced; fails the test when it is not there.
std::string Replace(std::string text, std::string_view from, std::string_view to);

// "7:5: message" for each finding of both steps; empty for a valid topology.
std::vector<std::string> FindingsOf(std::string_view text);
// "7:5: message", or the message alone, for each finding of Validate().
std::vector<std::string> FindingsOf(const Topology& topology);

// What a valid text lowers to. A topology with findings fails the test and gives an empty plan.
FabricPlan PlanOf(std::string_view text, Allocations& allocations);
FabricPlan PlanOf(std::string_view text);
FabricPlan PlanOf(const Topology& topology, Allocations& allocations);

const NamespacePlan& NamespaceNamed(const FabricPlan& plan, std::string_view name);
const config::Eni& EniNamed(const FabricPlan& plan, std::string_view name);
std::string AddressText(const std::string& bytes);
// "0.0.0.0/0 nat-…" for each route of a table.
std::vector<std::string> RoutesOf(const FabricPlan& plan, std::string_view table);
// "ingress tcp 80 from sg:web" for each rule of a group.
std::vector<std::string> RulesOf(const FabricPlan& plan, std::string_view group);
// "10.0.2.50 web-1" for each entry of a namespace's hosts file.
std::vector<std::string> HostsOf(const FabricPlan& plan, std::string_view name);

}  // namespace taploom::control

#endif  // TAPLOOM_TESTS_UNIT_CONTROL_TOPOLOGY_TEST_SUPPORT_H_
