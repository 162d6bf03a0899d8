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

// Debian 12's headers are older than its users' kernels (UDP segmentation offload: Linux 6.2).
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

namespace taploom::netns {
namespace {

using process::HostError;

constexpr int kVnetHeaderSize = 12;  // struct virtio_net_hdr_v1, bytes

absl::Status EnableOffloads(int tap) {
  constexpr unsigned kTcp = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
  constexpr unsigned kUdp = TUN_F_USO4 | TUN_F_USO6;
  // All or nothing in the kernel: an unknown bit refuses the whole set.
  for (const unsigned long offloads : {kTcp | kUdp, kTcp}) {
    if (ioctl(tap, TUNSETOFFLOAD, offloads) == 0) return absl::OkStatus();
  }
  return HostError("enable checksum and segmentation offload on a TAP device", errno);
}

}  // namespace

absl::StatusOr<process::UniqueFd> CreateTap(const std::string& device) {
  if (device.empty() || device.size() >= IFNAMSIZ) {
    return absl::InvalidArgumentError(fmt::format("\"{}\" cannot be a device name", device));
  }
  if (if_nametoindex(device.c_str()) != 0) {
    return absl::AlreadyExistsError(fmt::format("the namespace has a device {} already", device));
  }
  process::UniqueFd tap(open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!tap.valid()) return HostError("open /dev/net/tun", errno);
  ifreq request{};
  std::strncpy(request.ifr_name, device.c_str(), IFNAMSIZ - 1);
  request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE;
  if (ioctl(tap.get(), TUNSETIFF, &request) != 0) {
    return HostError(fmt::format("create the TAP device {}", device), errno);
  }
  if (ioctl(tap.get(), TUNSETVNETHDRSZ, &kVnetHeaderSize) != 0) {
    return HostError("set the virtio-net header of a TAP device", errno);
  }
  if (const absl::Status status = EnableOffloads(tap.get()); !status.ok()) return status;
  return tap;
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
