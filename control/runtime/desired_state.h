// DesiredState: a topology file plus what was attached at run time, taken down the whole road to a
// plan.
#ifndef TAPLOOM_CONTROL_RUNTIME_DESIRED_STATE_H_
#define TAPLOOM_CONTROL_RUNTIME_DESIRED_STATE_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "control/fault.h"
#include "control/finding.h"
#include "control/plan.h"
#include "control/topology.h"

namespace taploom::runtime {

struct TopologySource {
  std::string text;
  std::string file;    // for messages
  std::string folder;  // where `run` commands start
};

// A namespace that its owner put into a subnet of the running fabric.
struct Attachment {
  control::AttachRequest request;
  std::string device = "eth0";
  std::optional<pid_t> pid;  // when it was named by a process
};

struct DesiredState {
  control::FabricPlan plan;
  control::Allocations allocations;
};

struct DesiredResult {
  std::optional<DesiredState> state;  // present exactly when there are no findings
  std::vector<control::Finding> findings;
};

// `fabric` is the name under which it runs, whatever the file says. `allocations` are the choices
// made so far, `faults` what has been made to fail.
DesiredResult MakeDesiredState(const TopologySource& source, const std::string& fabric,
                               const std::vector<Attachment>& attachments,
                               control::Allocations allocations, const control::Faults& faults);

}  // namespace taploom::runtime

#endif  // TAPLOOM_CONTROL_RUNTIME_DESIRED_STATE_H_
