#include "cli/bench/tcpreplay.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <thread>
#include <utility>

#include "cli/bench/lab_namespace.h"
#include "cli/bench/program.h"
#include "control/netns/network_namespace.h"
#include "control/netns/tap_device.h"
#include "control/process/find_program.h"

namespace taploom::bench {
namespace {

constexpr const char* kDevice = "sink";
constexpr std::uint64_t kLeastPackets = 300'000;
constexpr std::chrono::seconds kReplayPatience{60};

// Empties a TAP as long as it lives: a full one would refuse frames, which tcpreplay sends again.
class Sink {
 public:
  explicit Sink(process::UniqueFd tap) : tap_(std::move(tap)), thread_([this] { Run(); }) {}
  ~Sink() {
    ends_ = true;
    thread_.join();
  }

 private:
  void Run() {
    std::array<char, 70'000> frame;
    while (!ends_) {
      if (read(tap_.get(), frame.data(), frame.size()) > 0) continue;
      constexpr int kPauseMs = 50;
      pollfd ready{tap_.get(), POLLIN, 0};
      poll(&ready, 1, kPauseMs);
    }
  }

  const process::UniqueFd tap_;
  std::atomic<bool> ends_{false};
  std::thread thread_;
};

// "Rated: 80123456.7 Bps, 640.98 Mbps, 123456.78 pps"
absl::StatusOr<double> RateIn(const std::string& output) {
  const std::size_t line = output.find("Rated:");
  const std::size_t end = output.find(" pps", line);
  const std::size_t begin = end == std::string::npos ? end : output.rfind(' ', end - 1);
  if (line == std::string::npos || begin == std::string::npos || begin < line)
    return absl::UnavailableError("tcpreplay does not say how fast it was: " + output);
  return std::strtod(output.c_str() + begin, nullptr);
}

}  // namespace

absl::StatusOr<double> MeasureTcpreplay(const std::string& capture, std::uint64_t packets) {
  if (process::FindProgram("tcpreplay").empty())
    return absl::UnavailableError("it is not installed (package tcpreplay)");
  if (geteuid() != 0) return absl::UnavailableError("its device needs root");
  auto lab = LabNamespace::Make("tcpreplay");
  if (!lab.ok()) return lab.status();
  absl::StatusOr<process::UniqueFd> tap;
  const absl::Status made = netns::InNamespace(lab->fd(), [&] {
    tap = netns::CreateTap(kDevice, netns::Offloads());
    return tap.status();
  });
  if (!made.ok()) return made;
  if (const absl::Status up = lab->Shell(fmt::format("ip link set {} up", kDevice)); !up.ok())
    return up;
  const Sink sink(*std::move(tap));
  const std::uint64_t loops =
      std::max<std::uint64_t>(1, kLeastPackets / std::max<std::uint64_t>(packets, 1));
  const auto output =
      Run(lab->fd(),
          {"tcpreplay", "--preload-pcap", "--topspeed", fmt::format("--loop={}", loops),
           fmt::format("--intf1={}", kDevice), capture},
          kReplayPatience);
  return output.ok() ? RateIn(*output) : output.status();
}

}  // namespace taploom::bench
