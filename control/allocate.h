// Choosing ports and addresses for the objects that do not write them.
#ifndef TAPLOOM_CONTROL_ALLOCATE_H_
#define TAPLOOM_CONTROL_ALLOCATE_H_

#include "control/plan.h"
#include "control/topology.h"

namespace taploom::control {

// Makes `allocations` hold exactly the choices that `topology` needs. Earlier choices are kept
// where they still fit; the others are the lowest free ones. A port that was in use before is not
// given to another object at once: the dataplane would take the new interface's packets for the old
// one's. REQUIRES: `topology` is valid.
void Allocate(const Topology& topology, Allocations& allocations);

}  // namespace taploom::control

#endif  // TAPLOOM_CONTROL_ALLOCATE_H_
