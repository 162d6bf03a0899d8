// A whole worker without privileges: sockets that keep message boundaries stand in for TAPs
// (tap_port.h). Three instances in an open fabric.
#ifndef TAPLOOM_TESTS_UNIT_WORKER_WORKER_FIXTURE_H_
#define TAPLOOM_TESTS_UNIT_WORKER_WORKER_FIXTURE_H_

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <tins/tins.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/io/ring.h"
#include "dataplane/io/tap_port.h"
#include "dataplane/observe/capture_ring.h"
#include "dataplane/tables/compile.h"
#include "dataplane/worker/worker.h"
#include "tests/unit/worker/open_fabric.h"

namespace taploom::worker {

using Bytes = std::vector<std::uint8_t>;
using namespace std::chrono_literals;

inline constexpr unsigned kPortCount = 3;

// The far end of a port: what an instance's kernel would be.
class Instance {
 public:
  // Makes both ends; the near one is for the worker.
  io::UniqueFd Connect() {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    socket_.Reset(ends[0]);
    return io::UniqueFd(ends[1]);
  }

  void Send(const Bytes& frame) {
    Bytes message(sizeof(VnetHeader));
    message.insert(message.end(), frame.begin(), frame.end());
    ASSERT_EQ(send(socket_.get(), message.data(), message.size(), 0),
              static_cast<ssize_t>(message.size()));
  }

  // The next frame; empty when none comes within `timeout`.
  Bytes Receive(std::chrono::milliseconds timeout = 5s) {
    pollfd ready{socket_.get(), POLLIN, 0};
    if (poll(&ready, 1, static_cast<int>(timeout.count())) != 1) return {};
    Bytes message(70'000);
    const ssize_t size = recv(socket_.get(), message.data(), message.size(), 0);
    if (size < static_cast<ssize_t>(sizeof(VnetHeader))) return {};
    return {message.begin() + sizeof(VnetHeader), message.begin() + size};
  }

  void HangUp() { socket_.Reset(); }

 private:
  io::UniqueFd socket_;
};

// A UDP datagram from the ENI of one port to that of another. `mark` is its destination port, to
// tell frames apart.
inline Bytes Datagram(unsigned from, unsigned to, std::uint16_t mark = 9,
                      std::size_t payload_size = 10) {
  Tins::EthernetII frame = Tins::EthernetII(MacOfPort(to), MacOfPort(from)) /
                           Tins::IP(AddressOfPort(to), AddressOfPort(from)) /
                           Tins::UDP(mark, 4000) / Tins::RawPDU(Bytes(payload_size, 'x'));
  frame.rfind_pdu<Tins::IP>().ttl(64);
  return frame.serialize();
}

inline std::uint16_t MarkOf(const Bytes& frame) {
  return Tins::EthernetII(frame.data(), static_cast<std::uint32_t>(frame.size()))
      .rfind_pdu<Tins::UDP>()
      .dport();
}

class WorkerTest : public testing::Test {
 protected:
  // `by_ring`: whether the worker's frames go by io_uring.
  explicit WorkerTest(bool by_ring = false)
      : pipeline_(counters_, {.capacity = 4096}), worker_(pipeline_, {}, MakeFrameIo(by_ring)) {
    tables::CompileResult compiled = tables::Compile(OpenFabric(1, kPortCount));
    EXPECT_EQ(compiled.error, "");
    worker_.Execute([&] { pipeline_.Publish(compiled.snapshot); });
    for (unsigned port = 1; port <= kPortCount; ++port)
      counters_.AddPort(static_cast<std::uint16_t>(port));
  }

  void SetUp() override {
    if (!problem_.empty()) GTEST_SKIP() << problem_;
  }

  std::unique_ptr<io::FrameIo> MakeFrameIo(bool by_ring) {
    std::unique_ptr<io::FrameIo> frame_io;
    if (by_ring) frame_io = io::Ring::Make(problem_);
    if (frame_io == nullptr) frame_io = std::make_unique<io::ReadWrite>();
    return frame_io;
  }

  // In one command, so that the worker sees all of them in the same round.
  void ConnectAll() {
    std::array<std::unique_ptr<io::Port>, kPortCount + 1> ports;
    for (unsigned id = 1; id <= kPortCount; ++id) ports[id] = NewPort(id);
    worker_.Execute([&] {
      for (unsigned id = 1; id <= kPortCount; ++id) {
        EXPECT_TRUE(worker_.AddPort(static_cast<std::uint16_t>(id), std::move(ports[id])));
      }
    });
  }
  std::unique_ptr<io::Port> NewPort(unsigned id) {
    if (!near_ends_[id].valid()) near_ends_[id] = instances_[id].Connect();
    return std::make_unique<io::TapPort>(std::move(near_ends_[id]));
  }

  std::uint64_t Drops(std::uint16_t port, DropReason reason) {
    std::uint64_t count = 0;
    worker_.Execute(
        [&] { count = counters_.Find(port)->drops[static_cast<std::size_t>(reason)].value(); });
    return count;
  }

  std::chrono::nanoseconds WorkerCpuTime() {
    timespec time{};
    worker_.Execute([&] { clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time); });
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
  }

  // The fabric's and the reader's end of a ring.
  struct Ends {
    std::unique_ptr<observe::CaptureRingMemory> writer;
    observe::CaptureRingReader reader;
  };
  static Ends RingForTrace(std::uint32_t sample_every,
                           std::span<const observe::FilterInstruction> filter) {
    constexpr std::size_t kCapacity = 1 << 20;
    const std::array<std::uint16_t, 3> ports{1, 2, 3};
    const io::UniqueFd ring(
        observe::CaptureRingMemory::MakeForTrace(kCapacity, ports, sample_every, filter));
    const std::size_t size = observe::CaptureRingMemory::SizeOf(kCapacity);
    std::string error;
    auto writer = observe::CaptureRingMemory::Map(ring.get(), size, error);
    auto reader = observe::CaptureRingMemory::Map(ring.get(), size, error);
    EXPECT_EQ(error, "");
    return {std::move(writer), observe::CaptureRingReader(std::move(reader))};
  }
  // What the worker says to a ring.
  std::string Observe(std::unique_ptr<observe::CaptureRingMemory> ring) {
    std::string error;
    worker_.Execute(
        [&] { worker_.SetObserver(RingObserver::Make(std::move(ring), 0ns, pipeline_, error)); });
    return error;
  }

  std::string problem_;  // why there is no ring
  observe::Counters counters_;
  Pipeline pipeline_;
  Worker worker_;
  std::array<io::UniqueFd, kPortCount + 1> near_ends_;
  std::array<Instance, kPortCount + 1> instances_;
};

}  // namespace taploom::worker

#endif  // TAPLOOM_TESTS_UNIT_WORKER_WORKER_FIXTURE_H_
