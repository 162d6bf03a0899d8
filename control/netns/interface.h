// The tenant's side of an interface: MAC, MTU, addresses and default routes of a device inside a
// namespace.
#ifndef TAPLOOM_CONTROL_NETNS_INTERFACE_H_
#define TAPLOOM_CONTROL_NETNS_INTERFACE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "control/plan.h"

namespace taploom::netns {

// Makes the device look like `plan` in the calling thread's network namespace (see InNamespace):
// sets what differs, removes addresses and default routes of this device that the plan does not
// name, and brings it up. IPv6 is off on a device without an IPv6 address; where it is on, nothing
// is autoconfigured and no address waits for duplicate detection, because the fabric hands out each
// address once. A default route that the namespace already has by another device is left alone; the
// result names each such family in a sentence for the user.
absl::StatusOr<std::vector<std::string>> ConfigureInterface(const control::InterfacePlan& plan);

// Lets every user of the calling thread's namespace open ICMP sockets, so that `ping` needs no
// privileges.
void AllowUnprivilegedPing();

}  // namespace taploom::netns

#endif  // TAPLOOM_CONTROL_NETNS_INTERFACE_H_
