// Lower: ValidTopology → FabricPlan. Names become ids, AWS's implicit objects appear, free
// addresses are chosen.
#ifndef TAPLOOM_CONTROL_LOWER_H_
#define TAPLOOM_CONTROL_LOWER_H_

#include "control/fault.h"
#include "control/plan.h"
#include "control/validate.h"

namespace taploom::control {

// The same topology and allocations always give the same plan. `allocations` is read for choices
// made before and comes back with exactly the choices this plan uses: those of objects that are
// gone are dropped, a choice that an address written in the file now claims is made anew.
// `plan.folder` is left empty for the caller to fill in.
// `faults`: what has been made to fail since the fabric runs.
FabricPlan Lower(const ValidTopology& topology, Allocations& allocations,
                 const Faults& faults = {});

}  // namespace taploom::control

#endif  // TAPLOOM_CONTROL_LOWER_H_
