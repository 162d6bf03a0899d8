#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "cli/bench/lab_namespace.h"
#include "cli/bench/rig.h"
#include "control/netns/network_namespace.h"
#include "control/netns/tap_device.h"

namespace taploom::bench {
namespace {

using process::UniqueFd;
using std::chrono::steady_clock;

constexpr const char* kClient = "10.0.2.10";
constexpr const char* kServer = "10.0.2.20";
// As the dataplane's worker does by default, so that the difference is the work and not the
// waiting.
constexpr std::chrono::microseconds kSpin{30};
constexpr int kBurst = 64;
constexpr std::size_t kLargestFrame = 12 + 14 + 65'536;  // with its virtio-net header

// Carries every frame of one TAP to the other until told to stop.
class Forwarder {
 public:
  Forwarder(UniqueFd left, UniqueFd right)
      : taps_{std::move(left), std::move(right)},
        epoll_(epoll_create1(EPOLL_CLOEXEC)),
        stop_(eventfd(0, EFD_CLOEXEC)) {
    for (const int fd : {taps_[0].get(), taps_[1].get(), stop_.get()}) {
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.fd = fd;
      epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
    }
    thread_ = std::thread([this] { Loop(); });
  }
  ~Forwarder() {
    stopped_ = true;
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = write(stop_.get(), &one, sizeof one);
    thread_.join();
    std::vector<UniqueFd> taps;
    taps.push_back(std::move(taps_[0]));
    taps.push_back(std::move(taps_[1]));
    netns::CloseTaps(std::move(taps));
  }

 private:
  void Loop() {
    auto last_frame = steady_clock::now();
    while (!stopped_) {
      if (Carry(0, 1) + Carry(1, 0) > 0) {
        last_frame = steady_clock::now();
      } else if (steady_clock::now() - last_frame > kSpin) {
        epoll_event event{};
        epoll_wait(epoll_.get(), &event, 1, -1);
        last_frame = steady_clock::now();
      }
    }
  }

  int Carry(int from, int to) {
    int frames = 0;
    for (; frames < kBurst; ++frames) {
      const ssize_t size = read(taps_[from].get(), frame_.get(), kLargestFrame);
      if (size <= 0) break;
      // A full queue drops, as a wire would.
      [[maybe_unused]] const ssize_t written =
          write(taps_[to].get(), frame_.get(), static_cast<std::size_t>(size));
    }
    return frames;
  }

  UniqueFd taps_[2], epoll_, stop_;
  const std::unique_ptr<std::uint8_t[]> frame_ = std::make_unique<std::uint8_t[]>(kLargestFrame);
  std::atomic<bool> stopped_ = false;
  std::thread thread_;
};

absl::StatusOr<UniqueFd> AddTap(const LabNamespace& space, const char* address) {
  absl::StatusOr<UniqueFd> tap = absl::UnknownError("not made");
  const absl::Status made = netns::InNamespace(space.fd(), [&] {
    tap = netns::CreateTap("eth0");
    return tap.status();
  });
  if (!made.ok()) return made;
  const absl::Status up =
      space.Shell(fmt::format("ip address add {}/24 dev eth0; ip link set eth0 up", address));
  if (!up.ok()) return up;
  return tap;
}

class ForwarderRig : public Rig {
 public:
  ForwarderRig(LabNamespace client, LabNamespace server, UniqueFd client_tap, UniqueFd server_tap)
      : Rig("no-op forwarder", kServer),
        client_(std::move(client)),
        server_(std::move(server)),
        forwarder_(std::move(client_tap), std::move(server_tap)) {}

  int client() const override { return client_.fd(); }
  int server() const override { return server_.fd(); }

 private:
  LabNamespace client_, server_;
  Forwarder forwarder_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Rig>> MakeForwarderRig() {
  auto client = LabNamespace::Make("no-op-client");
  if (!client.ok()) return client.status();
  auto server = LabNamespace::Make("no-op-server");
  if (!server.ok()) return server.status();
  auto client_tap = AddTap(*client, kClient);
  if (!client_tap.ok()) return client_tap.status();
  auto server_tap = AddTap(*server, kServer);
  if (!server_tap.ok()) return server_tap.status();
  return std::make_unique<ForwarderRig>(*std::move(client), *std::move(server),
                                        *std::move(client_tap), *std::move(server_tap));
}

}  // namespace taploom::bench
