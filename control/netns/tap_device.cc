#include "control/netns/tap_device.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>

#include "control/process/host_error.h"
#include "dataplane/wire/vnet_header.h"

namespace taploom::netns {
namespace {

using process::HostError;

constexpr int kVnetHeaderSize = sizeof(wire::VnetHeader);

// All or nothing in the kernel: an unknown bit refuses the whole set, so a kernel that was not
// asked before is asked again without what is youngest (UDP segmentation: Linux 6.2).
absl::Status EnableOffloads(int tap, unsigned bits) {
  const unsigned youngest = DeviceBits(Offload::kUso4) & ~DeviceBits(Offload::kChecksum);
  for (const unsigned long offloads : {bits, bits & ~youngest}) {
    if (ioctl(tap, TUNSETOFFLOAD, offloads) == 0) return absl::OkStatus();
  }
  return HostError("enable checksum and segmentation offload on a TAP device", errno);
}

// One more queue of the device, which is made if it is not there.
absl::StatusOr<process::UniqueFd> OpenQueue(const std::string& device) {
  process::UniqueFd tap(open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!tap.valid()) return HostError("open /dev/net/tun", errno);
  ifreq request{};
  std::strncpy(request.ifr_name, device.c_str(), IFNAMSIZ - 1);
  request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE;
  if (ioctl(tap.get(), TUNSETIFF, &request) != 0)
    return HostError(fmt::format("create the TAP device {}", device), errno);
  return tap;
}

}  // namespace

absl::StatusOr<process::UniqueFd> CreateTap(const std::string& device, const Offloads& offloads) {
  if (device.empty() || device.size() >= IFNAMSIZ) {
    return absl::InvalidArgumentError(fmt::format("\"{}\" cannot be a device name", device));
  }
  if (if_nametoindex(device.c_str()) != 0) {
    return absl::AlreadyExistsError(fmt::format("the namespace has a device {} already", device));
  }
  absl::StatusOr<process::UniqueFd> tap = OpenQueue(device);
  if (!tap.ok()) return tap;
  if (ioctl(tap->get(), TUNSETVNETHDRSZ, &kVnetHeaderSize) != 0) {
    return HostError("set the virtio-net header of a TAP device", errno);
  }
  if (const absl::Status status = EnableOffloads(tap->get(), offloads.device_bits()); !status.ok())
    return status;
  return tap;
}

absl::StatusOr<std::vector<process::UniqueFd>> CreateTapQueues(const std::string& device,
                                                               const Offloads& offloads,
                                                               std::size_t count) {
  std::vector<process::UniqueFd> queues;
  while (queues.size() < count) {
    // Header and offloads are the device's: the first queue sets them for all.
    auto queue = queues.empty() ? CreateTap(device, offloads) : OpenQueue(device);
    if (!queue.ok()) return queue.status();
    queues.push_back(*std::move(queue));
  }
  return queues;
}

void CloseTaps(std::vector<process::UniqueFd> taps) {
  constexpr std::size_t kThreads = 32;
  std::vector<std::thread> threads;
  for (std::size_t first = 0; first < std::min(kThreads, taps.size()); ++first) {
    threads.emplace_back([&taps, first] {
      for (std::size_t i = first; i < taps.size(); i += kThreads) taps[i].reset();
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace taploom::netns
