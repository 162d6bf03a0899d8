// What the kernel has dropped at the tenant's end of a TAP: packets that the dataplane never saw,
// or that it delivered and the tenant's kernel did not take.
#ifndef TAPLOOM_CONTROL_NETNS_DEVICE_DROPS_H_
#define TAPLOOM_CONTROL_NETNS_DEVICE_DROPS_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace taploom::netns {

struct DeviceDrops {
  std::uint64_t sent = 0;      // the tenant sent them; the queue towards the dataplane was full
  std::uint64_t received = 0;  // the dataplane delivered them; the tenant's kernel had no room
};

// Of a device in the calling thread's network namespace (see InNamespace), since it was made.
// kNotFound when there is no such device.
absl::StatusOr<DeviceDrops> ReadDeviceDrops(const std::string& device);

}  // namespace taploom::netns

#endif  // TAPLOOM_CONTROL_NETNS_DEVICE_DROPS_H_
