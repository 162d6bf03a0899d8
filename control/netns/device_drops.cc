#include "control/netns/device_drops.h"

#include <fmt/format.h>

#include <fstream>
#include <sstream>

namespace taploom::netns {

absl::StatusOr<DeviceDrops> ReadDeviceDrops(const std::string& device) {
  // "eth0: bytes packets errs drop fifo frame compressed multicast", twice: received, then sent
  // (proc(5), /proc/net/dev).
  std::ifstream devices("/proc/thread-self/net/dev");
  for (std::string line; std::getline(devices, line);) {
    std::istringstream fields(line);
    std::string name;
    fields >> name;
    if (name != device + ":") continue;
    std::uint64_t counters[16] = {};
    for (std::uint64_t& counter : counters) fields >> counter;
    return DeviceDrops{.sent = counters[11], .received = counters[3]};
  }
  return absl::NotFoundError(fmt::format("the namespace has no device {}", device));
}

}  // namespace taploom::netns
