// TAP devices: the instance's end of a dataplane port.
#ifndef TAPLOOM_CONTROL_NETNS_TAP_DEVICE_H_
#define TAPLOOM_CONTROL_NETNS_TAP_DEVICE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "control/netns/offloads.h"
#include "control/process/unique_fd.h"

namespace taploom::netns {

// A new TAP called `device` in the calling thread's network namespace (see InNamespace). The
// descriptor is what the dataplane reads and writes: non-blocking, a 12-byte virtio-net header
// before each frame, and whatever of `offloads` may be left to it. The device lives exactly as long
// as a descriptor of it does. kAlreadyExists when the namespace has a device of that name.
absl::StatusOr<process::UniqueFd> CreateTap(const std::string& device, const Offloads& offloads);

// Closes them all. The kernel spends tens of milliseconds on the end of each device, nearly all of
// it waiting, so the waits are made to overlap: a hundred devices are gone in a fraction of a
// second.
void CloseTaps(std::vector<process::UniqueFd> taps);

}  // namespace taploom::netns

#endif  // TAPLOOM_CONTROL_NETNS_TAP_DEVICE_H_
