#include <fmt/format.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "cli/bench/lab_namespace.h"
#include "cli/bench/rig.h"
#include "control/netns/network_namespace.h"
#include "control/netns/offload_test.h"
#include "control/netns/tap_device.h"
#include "dataplane/io/ring.h"
#include "dataplane/io/tap_port.h"
#include "dataplane/packet.h"

namespace taploom::bench {
namespace {

using process::UniqueFd;
using std::chrono::steady_clock;

// As the dataplane's worker does by default, so that the difference is the work and not the
// waiting.
constexpr std::chrono::microseconds kSpin{30};
constexpr std::size_t kBurst = 64;
constexpr std::size_t kLargestFrame = 12 + 14 + 65'536;  // with its virtio-net header

// Carries what waits, from one TAP to the other, and back. How many frames that were.
class Carrier {
 public:
  virtual ~Carrier() = default;
  virtual int CarryAll() = 0;
  virtual std::vector<UniqueFd> ReleaseTaps() = 0;
};

class ReadWriteCarrier final : public Carrier {
 public:
  explicit ReadWriteCarrier(std::array<UniqueFd, 2> taps) : taps_(std::move(taps)) {}

  int CarryAll() override { return Carry(0, 1) + Carry(1, 0); }
  std::vector<UniqueFd> ReleaseTaps() override {
    std::vector<UniqueFd> taps;
    for (UniqueFd& tap : taps_) taps.push_back(std::move(tap));
    return taps;
  }

 private:
  int Carry(std::size_t from, std::size_t to) {
    int frames = 0;
    for (; frames < static_cast<int>(kBurst); ++frames) {
      const ssize_t size = read(taps_[from].get(), frame_.get(), kLargestFrame);
      if (size <= 0) break;
      // A full queue drops, as a wire would.
      [[maybe_unused]] const ssize_t written =
          write(taps_[to].get(), frame_.get(), static_cast<std::size_t>(size));
    }
    return frames;
  }

  std::array<UniqueFd, 2> taps_;
  const std::unique_ptr<std::uint8_t[]> frame_ = std::make_unique<std::uint8_t[]>(kLargestFrame);
};

// Reads from both in one system call, writes all of it in another. Asks, as the worker does, for as
// many frames as came last time, twice as many once all of them came.
class RingCarrier final : public Carrier {
 public:
  RingCarrier(std::array<UniqueFd, 2> taps, std::unique_ptr<io::Ring> ring)
      : ports_{io::TapPort(io::UniqueFd(dup(taps[0].get()))),
               io::TapPort(io::UniqueFd(dup(taps[1].get())))},
        taps_(std::move(taps)),
        ring_(std::move(ring)),
        memory_(std::make_unique<std::uint8_t[]>(2 * kBurst * kStride)) {
    for (std::size_t i = 0; i < packets_.size(); ++i) {
      packets_[i].head = memory_.get() + i * kStride;
      packets_[i].tail = packets_[i].head + Packet::kHeadCapacity;
    }
  }

  int CarryAll() override {
    io::Reception receptions[2];
    for (std::size_t i = 0; i < 2; ++i)
      receptions[i] = {&ports_[i], std::span(packets_).subspan(i * kBurst, asked_[i])};
    ring_->Receive(receptions);
    std::size_t count = 0;
    for (std::size_t i = 0; i < 2; ++i) {
      const std::size_t received = receptions[i].count;
      for (const Packet& packet : receptions[i].room.first(received))
        deliveries_[count++] = {&ports_[1 - i], &packet};
      asked_[i] =
          std::clamp<std::size_t>(received == asked_[i] ? 2 * received : received, 1, kBurst);
    }
    if (count > 0) ring_->Send(std::span(deliveries_).first(count));
    return static_cast<int>(count);
  }
  std::vector<UniqueFd> ReleaseTaps() override {
    std::vector<UniqueFd> taps;
    for (UniqueFd& tap : taps_) taps.push_back(std::move(tap));
    return taps;
  }

 private:
  static constexpr std::size_t kStride = Packet::kHeadCapacity + Packet::kTailCapacity;

  std::array<io::TapPort, 2> ports_;
  std::array<UniqueFd, 2> taps_;
  const std::unique_ptr<io::Ring> ring_;
  const std::unique_ptr<std::uint8_t[]> memory_;
  std::array<Packet, 2 * kBurst> packets_;
  std::array<io::Delivery, 2 * kBurst> deliveries_;
  std::size_t asked_[2] = {kBurst, kBurst};
};

// Has a carrier at work until told to stop.
class Forwarder {
 public:
  Forwarder(std::array<int, 2> taps, std::unique_ptr<Carrier> carrier)
      : carrier_(std::move(carrier)),
        epoll_(epoll_create1(EPOLL_CLOEXEC)),
        stop_(eventfd(0, EFD_CLOEXEC)) {
    for (const int fd : {taps[0], taps[1], stop_.get()}) {
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
    netns::CloseTaps(carrier_->ReleaseTaps());
  }

  double CpuSeconds() const {
    clockid_t clock{};
    timespec time{};
    pthread_getcpuclockid(const_cast<std::thread&>(thread_).native_handle(), &clock);
    clock_gettime(clock, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
  }

 private:
  void Loop() {
    auto last_frame = steady_clock::now();
    while (!stopped_) {
      if (carrier_->CarryAll() > 0) {
        last_frame = steady_clock::now();
      } else if (steady_clock::now() - last_frame > kSpin) {
        epoll_event event{};
        epoll_wait(epoll_.get(), &event, 1, -1);
        last_frame = steady_clock::now();
      }
    }
  }

  const std::unique_ptr<Carrier> carrier_;
  UniqueFd epoll_, stop_;
  std::atomic<bool> stopped_ = false;
  std::thread thread_;
};

absl::StatusOr<UniqueFd> AddTap(const LabNamespace& space, const std::string& address,
                                const netns::Offloads& offloads) {
  absl::StatusOr<UniqueFd> tap = absl::UnknownError("not made");
  const absl::Status made = netns::InNamespace(space.fd(), [&] {
    tap = netns::CreateTap("eth0", offloads);
    return tap.status();
  });
  if (!made.ok()) return made;
  const absl::Status up =
      space.Shell(fmt::format("ip address add dev eth0 {}; ip link set eth0 up", address));
  if (!up.ok()) return up;
  return tap;
}

class ForwarderRig : public Rig {
 public:
  ForwarderRig(const std::string& server, LabNamespace client_space, LabNamespace server_space)
      : Rig("no-op forwarder", server),
        client_(std::move(client_space)),
        server_(std::move(server_space)) {}

  absl::Status Start(const Setup& setup) {
    const netns::OffloadTest offloads;
    std::array<UniqueFd, 2> taps;
    const std::pair<const LabNamespace*, std::string> ends[] = {
        {&client_, setup.Address(setup.client())}, {&server_, setup.Address(server_address())}};
    for (std::size_t i = 0; i < 2; ++i) {
      auto tap = AddTap(*ends[i].first, ends[i].second, offloads.result());
      if (!tap.ok()) return tap.status();
      taps[i] = *std::move(tap);
    }
    const std::array<int, 2> watched = {taps[0].get(), taps[1].get()};
    std::unique_ptr<Carrier> carrier;
    if (setup.io_uring) {
      std::string problem;
      auto ring = io::Ring::Make(problem);
      if (ring == nullptr) return absl::FailedPreconditionError("io_uring: " + problem);
      carrier = std::make_unique<RingCarrier>(std::move(taps), std::move(ring));
    } else {
      carrier = std::make_unique<ReadWriteCarrier>(std::move(taps));
    }
    forwarder_.emplace(watched, std::move(carrier));
    return SetMtu(setup);
  }

  int client() const override { return client_.fd(); }
  int server() const override { return server_.fd(); }
  double CpuSeconds() const override { return forwarder_->CpuSeconds(); }

 private:
  LabNamespace client_, server_;
  std::optional<Forwarder> forwarder_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Rig>> MakeForwarderRig(const Setup& setup) {
  auto client = LabNamespace::Make("no-op-client");
  if (!client.ok()) return client.status();
  auto server = LabNamespace::Make("no-op-server");
  if (!server.ok()) return server.status();
  // Nothing routes here, so the server is in the client's subnet.
  auto rig = std::make_unique<ForwarderRig>(setup.ipv6 ? "2001:db8:1:2::20" : "10.0.2.20",
                                            *std::move(client), *std::move(server));
  if (absl::Status started = rig->Start(setup); !started.ok()) return started;
  return rig;
}

}  // namespace taploom::bench
