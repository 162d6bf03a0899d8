#include "control/validate.h"

#include "control/parse.h"
#include "control/validate_sections.h"

namespace taploom::control {

ValidateResult Validate(Topology topology) {
  ValidateResult result;
  Findings& findings = result.findings;
  if (!CheckQuotas(topology, findings)) return result;
  CheckVpcs(topology, findings);
  CheckPeerings(topology, findings);
  CheckRoutes(topology, findings);
  CheckSecurityGroups(topology, findings);
  CheckNetworkAcls(topology, findings);
  CheckInstances(topology, findings);
  CheckLoadBalancers(topology, findings);
  CheckAddresses(topology, findings);
  if (findings.empty()) result.valid = ValidTopology(std::move(topology));
  return result;
}

LoadResult LoadTopology(std::string_view text) {
  ParseResult parsed = Parse(text);
  Findings findings = parsed.findings;
  LoadResult result;
  if (parsed.is_yaml) {
    ValidateResult validated = Validate(std::move(parsed.topology));
    findings.Append(validated.findings);
    if (findings.empty()) result.valid = std::move(validated.valid);
  }
  result.findings = findings.Sorted();
  return result;
}

std::string FormatFindings(const std::vector<Finding>& findings, std::string_view file) {
  std::string text;
  for (const Finding& finding : findings) text += finding.ToString(file) + "\n";
  return text;
}

}  // namespace taploom::control
