#include "control/netns/offload_test.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "control/netns/interface.h"
#include "control/netns/offload_probe.h"
#include "control/netns/tap_device.h"
#include "control/process/host_error.h"
#include "control/process/unique_fd.h"
#include "dataplane/wire/protocol.h"

namespace taploom::netns {
namespace {

using process::HostError;
using process::UniqueFd;
using wire::Family;
using wire::kProtocolTcp;
using wire::kProtocolUdp;
using Work = OffloadProbe::Work;

// --- the tests ---

// Superframes whose last segment is short, whose segments are all equal, and nearly the largest.
constexpr std::size_t kSuperframes[] = {10 * OffloadProbe::kSegmentSize + 77,
                                        10 * OffloadProbe::kSegmentSize,
                                        46 * OffloadProbe::kSegmentSize + 1};
constexpr std::size_t kSmall = 101;

Offloads::Result SendThrough(OffloadRoad& road, OffloadProbe probe) {
  if (const int error = road.Send(probe.message()); error != 0)
    return {OffloadState::kRefused, std::strerror(error)};
  while (!probe.complete()) {
    const std::vector<std::uint8_t> message = road.Receive();
    if (message.empty()) return {OffloadState::kCorrupts, "bytes were lost"};
    if (!probe.Take(message)) return {OffloadState::kCorrupts, "bytes arrived changed"};
  }
  return {OffloadState::kWorks, ""};
}

// Both roles of the kernel: it hands the work on to the reader, and does it itself.
Offloads::Result SendBothWays(OffloadRoad& road, unsigned device_bits, const OffloadProbe& probe) {
  for (const unsigned bits : {device_bits, 0u}) {
    if (!road.LeaveToReader(bits)) return {OffloadState::kAbsent, "this kernel has none"};
    Offloads::Result result = SendThrough(road, probe);
    if (result.state != OffloadState::kWorks) {
      result.detail += bits == 0 ? ", done by the kernel" : ", left to the reader";
      return result;
    }
  }
  return {OffloadState::kWorks, ""};
}

Offloads::Result TestChecksum(OffloadRoad& road, std::span<const Family> families) {
  std::uint16_t number = 10;
  for (const Family family : families) {
    for (const std::uint8_t protocol : {kProtocolTcp, kProtocolUdp}) {
      Offloads::Result result =
          SendBothWays(road, DeviceBits(Offload::kChecksum),
                       OffloadProbe(family, protocol, Work::kChecksum, kSmall, number++));
      if (result.state != OffloadState::kWorks) return result;
    }
  }
  return {OffloadState::kWorks, ""};
}

Offloads::Result TestSegmentation(OffloadRoad& road, Offload offload) {
  const bool v4 = offload == Offload::kTso4 || offload == Offload::kUso4;
  const bool tcp = offload == Offload::kTso4 || offload == Offload::kTso6;
  std::uint16_t number = static_cast<std::uint16_t>(100 + 10 * static_cast<int>(offload));
  for (const std::size_t size : kSuperframes) {
    Offloads::Result result = SendBothWays(
        road, DeviceBits(offload),
        OffloadProbe(v4 ? Family::kIpv4 : Family::kIpv6, tcp ? kProtocolTcp : kProtocolUdp,
                     Work::kSegmentation, size, number++));
    if (result.state != OffloadState::kWorks) return result;
  }
  return {OffloadState::kWorks, ""};
}

// Whether a frame that leaves nothing undone gets through: without it a test would say nothing.
bool IsOpen(OffloadRoad& road, Family family) {
  return road.LeaveToReader(0) &&
         SendThrough(road, OffloadProbe(family, kProtocolUdp, Work::kNone, kSmall, 0)).state ==
             OffloadState::kWorks;
}

// --- the pair ---

void SetSysctl(const char* path, std::string_view value) {
  const UniqueFd file(open(path, O_WRONLY | O_CLOEXEC));
  if (!file.valid()) return;  // a read-only /proc, or no IPv6: no frame will get through
  [[maybe_unused]] const ssize_t written = write(file.get(), value.data(), value.size());
}

class TapPair final : public OffloadRoad {
 public:
  // Of the calling thread's network namespace, which becomes a router.
  static absl::StatusOr<TapPair> Make() {
    TapPair pair;
    for (const bool is_near : {true, false}) {
      control::InterfacePlan plan;
      plan.device = is_near ? "near" : "far";
      auto tap = CreateTap(plan.device, Offloads());
      if (!tap.ok()) return tap.status();
      (is_near ? pair.near_ : pair.far_) = *std::move(tap);
      for (const Family family : {Family::kIpv4, Family::kIpv6}) {
        const ProbeAddresses addresses = ProbeAddresses::Of(family);
        plan.mac = is_near ? addresses.near_mac : addresses.far_mac;
        plan.addresses.push_back({is_near ? addresses.near_router : addresses.far_router,
                                  static_cast<std::uint8_t>(family == Family::kIpv4 ? 24 : 64)});
      }
      auto configured = ConfigureInterface(plan);
      if (!configured.ok()) {
        // Without IPv6 the rest can still be tested.
        plan.addresses.pop_back();
        configured = ConfigureInterface(plan);
      }
      if (!configured.ok()) return configured.status();
    }
    if (absl::Status status = RenounceNeighborDiscovery("far"); !status.ok()) return status;
    SetSysctl("/proc/sys/net/ipv4/ip_forward", "1");
    SetSysctl("/proc/sys/net/ipv6/conf/all/forwarding", "1");
    return pair;
  }

  bool LeaveToReader(unsigned device_bits) override {
    return ioctl(far_.get(), TUNSETOFFLOAD, static_cast<unsigned long>(device_bits)) == 0;
  }

  int Send(std::span<const std::uint8_t> message) override {
    return write(near_.get(), message.data(), message.size()) < 0 ? errno : 0;
  }

  std::vector<std::uint8_t> Receive() override {
    // The kernel forwards within the write: waiting is for a machine that is otherwise busy.
    constexpr int kPatienceMs = 500;
    pollfd readable{far_.get(), POLLIN, 0};
    if (poll(&readable, 1, kPatienceMs) != 1) return {};
    std::vector<std::uint8_t> message(70'000);
    const ssize_t size = read(far_.get(), message.data(), message.size());
    message.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
    return message;
  }

 private:
  TapPair() = default;

  // Frames leave at once, whoever may be there.
  static absl::Status RenounceNeighborDiscovery(const char* device) {
    const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    std::strncpy(request.ifr_name, device, IFNAMSIZ - 1);
    if (ioctl(socket.get(), SIOCGIFFLAGS, &request) != 0)
      return HostError("read a device's flags", errno);
    request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_NOARP);
    if (ioctl(socket.get(), SIOCSIFFLAGS, &request) != 0)
      return HostError("set a device's flags", errno);
    return absl::OkStatus();
  }

  UniqueFd near_, far_;
};

Offloads Untested(const std::string& why) {
  Offloads offloads;
  for (const Offload each : kAllOffloads) offloads.Set(each, {OffloadState::kUntested, why});
  return offloads;
}

}  // namespace

Offloads TestOffloads(OffloadRoad& road) {
  std::vector<Family> families;
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    if (IsOpen(road, family)) families.push_back(family);
  }
  if (families.empty()) return Untested("no frame passes the pair of TAPs");

  Offloads offloads;
  offloads.Set(Offload::kChecksum, TestChecksum(road, families));
  const Offloads::Result checksum = offloads[Offload::kChecksum];
  for (const Offload each : {Offload::kTso4, Offload::kTso6, Offload::kUso4, Offload::kUso6}) {
    const bool v4 = each == Offload::kTso4 || each == Offload::kUso4;
    const Family family = v4 ? Family::kIpv4 : Family::kIpv6;
    if (checksum.state != OffloadState::kWorks) {
      offloads.Set(each, {checksum.state, "needs the checksum offload"});
    } else if (std::find(families.begin(), families.end(), family) == families.end()) {
      offloads.Set(each, {OffloadState::kUntested,
                          v4 ? "no IPv4 frame passes the pair" : "no IPv6 frame passes the pair"});
    } else {
      offloads.Set(each, TestSegmentation(road, each));
    }
  }
  return offloads;
}

OffloadTest::OffloadTest() {
  std::promise<Offloads> promise;
  result_ = promise.get_future().share();
  thread_ = std::thread([promise = std::move(promise)]() mutable {
    if (unshare(CLONE_NEWNET) != 0) {
      promise.set_value(Untested(fmt::format("cannot make a namespace: {}", std::strerror(errno))));
      return;
    }
    auto pair = TapPair::Make();
    promise.set_value(pair.ok() ? TestOffloads(*pair)
                                : Untested(std::string(pair.status().message())));
  });
}

}  // namespace taploom::netns
