// TAP devices: the instance's end of a dataplane port.
#ifndef TAPLOOM_CONTROL_NETNS_TAP_DEVICE_H_
#define TAPLOOM_CONTROL_NETNS_TAP_DEVICE_H_

#include <cstddef>
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

// The same with as many queues, in their order, which all carry the device's frames
// (IFF_MULTI_QUEUE): the kernel puts what an instance sends into the queue by which its flow was
// last written to. REQUIRES: count ≥ 1.
absl::StatusOr<std::vector<process::UniqueFd>> CreateTapQueues(const std::string& device,
                                                               const Offloads& offloads,
                                                               std::size_t count);

// Closes them all. The kernel spends tens of milliseconds on the end of each device, nearly all of
// it waiting, so the waits are made to overlap: a hundred devices are gone in a fraction of a
// second.
void CloseTaps(std::vector<process::UniqueFd> taps);

}  // namespace taploom::netns

#endif  // TAPLOOM_CONTROL_NETNS_TAP_DEVICE_H_
