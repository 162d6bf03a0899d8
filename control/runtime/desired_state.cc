#include "control/runtime/desired_state.h"

#include <utility>

#include "control/lower.h"
#include "control/parse.h"
#include "control/validate.h"

namespace taploom::runtime {
namespace {

void NameDevices(control::FabricPlan& plan, const std::vector<Attachment>& attachments) {
  for (control::NamespacePlan& space : plan.namespaces) {
    for (const Attachment& attachment : attachments) {
      if (space.name == attachment.request.name && !space.interfaces.empty()) {
        space.interfaces.front().device = attachment.device;
      }
    }
  }
}

}  // namespace

DesiredResult MakeDesiredState(const TopologySource& source, const std::string& fabric,
                               const std::vector<Attachment>& attachments,
                               control::Allocations allocations, const control::Faults& faults) {
  DesiredResult result;
  control::ParseResult parsed = control::Parse(source.text);
  control::Findings findings = parsed.findings;
  if (parsed.is_yaml) {
    if (!fabric.empty()) parsed.topology.name.value = fabric;
    for (const Attachment& attachment : attachments) {
      control::AddAttachedInstance(parsed.topology, attachment.request);
    }
    control::ValidateResult validated = control::Validate(std::move(parsed.topology));
    findings.Append(validated.findings);
    if (findings.empty()) {
      DesiredState state;
      state.plan = control::Lower(*validated.valid, allocations, faults);
      state.plan.folder = source.folder;
      state.allocations = std::move(allocations);
      NameDevices(state.plan, attachments);
      result.state = std::move(state);
    }
  }
  result.findings = findings.Sorted();
  return result;
}

}  // namespace taploom::runtime
