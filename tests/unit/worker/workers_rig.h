// WorkersRig: several workers with their threads over one small fabric, without privileges: sockets
// that keep message boundaries stand in for the queues of TAPs.
#ifndef TAPLOOM_TESTS_UNIT_WORKER_WORKERS_RIG_H_
#define TAPLOOM_TESTS_UNIT_WORKER_WORKERS_RIG_H_

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/flow/connection_reader.h"
#include "dataplane/flow/connection_use.h"
#include "dataplane/io/tap_port.h"
#include "dataplane/worker/worker.h"
#include "tests/support/fabric_builder.h"
#include "tests/support/frame.h"

namespace taploom::worker {

// "app-1" and "app-2" behind a NAT gateway, "web" with a public address, and the internet's "host"
// and "other".
class SmallFabric : public test::FabricBuilder {
 public:
  SmallFabric() {
    Vpc("shop", {"10.0.0.0/16"}).InternetGateway();
    Group("open", {"in all from 0.0.0.0/0", "out all to 0.0.0.0/0"});
    Group("careful", {"in icmp from 0.0.0.0/0", "out all to 0.0.0.0/0"});
    Subnet("public", {"10.0.0.0/24"}).Route("public", "0.0.0.0/0 igw");
    Subnet("app", {"10.0.1.0/24"});
    Eni("web", "public", {"10.0.0.10 = 203.0.113.10"}, {"open"});
    Eni("app-1", "app", {"10.0.1.10"}, {"careful"});
    Eni("app-2", "app", {"10.0.1.11"}, {"careful"});
    NatGateway("nat", "public", {"10.0.0.100 = 203.0.113.100"});
    Route("app", "0.0.0.0/0 nat:nat");
    InternetHost("host", {"198.51.100.7"}).InternetHost("other", {"198.51.100.8"});
  }
};

class WorkersRig {
 public:
  explicit WorkersRig(std::uint16_t workers, std::uint32_t capacity = 4096)
      : memory_(std::make_shared<observe::CounterMemory>(workers)), handover_(workers) {
    const flow::ConnectionTable::Options table{
        .capacity = capacity, .capacity_per_port = capacity, .seed = 1, .use = &use_};
    const Worker::Options options;
    WorkerPlace place{.workers = workers};
    for (; place.self < workers; ++place.self)
      engines_.push_back(std::make_unique<Engine>(memory_, table, place, options, handover_));
  }
  ~WorkersRig() { Stop(); }

  void Stop() {
    for (const auto& engine : engines_) engine->worker.Stop();
  }

  void Publish(const std::shared_ptr<const tables::Snapshot>& snapshot) {
    for (const auto& engine : engines_)
      engine->worker.Execute([&] { engine->pipeline.Publish(snapshot); });
  }

  // Every port gets a queue for each worker.
  void Connect(const test::FabricBuilder& fabric) {
    for (const auto& [name, port] : fabric.ports()) {
      for (const auto& engine : engines_) {
        engine->counters.AddPort(port);
        int ends[2];
        ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
        constexpr int kRoom = 1 << 20;  // as far as the host allows
        setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &kRoom, sizeof kRoom);
        far_ends_[port].emplace_back(ends[0]);
        engine->worker.Execute([&] {
          EXPECT_TRUE(
              engine->worker.AddPort(port, std::make_unique<io::TapPort>(io::UniqueFd(ends[1]))));
        });
      }
    }
  }

  // False when the queue is full.
  bool Send(std::uint16_t port, std::size_t queue, const test::Frame& frame) {
    VnetHeader vnet = frame.vnet;
    const iovec parts[] = {{&vnet, sizeof vnet},
                           {const_cast<std::uint8_t*>(frame.bytes.data()), frame.bytes.size()}};
    return writev(far_ends_.at(port)[queue].get(), parts, 2) > 0;
  }

  struct Received {
    test::Frame frame;
    std::size_t queue = 0;
  };
  // The next frame for a port, from whichever queue has one; nothing when none comes in time.
  std::optional<Received> Receive(std::uint16_t port, std::chrono::milliseconds timeout) {
    const std::vector<io::UniqueFd>& ends = far_ends_.at(port);
    std::vector<pollfd> ready;
    for (const io::UniqueFd& end : ends) ready.push_back({end.get(), POLLIN, 0});
    if (poll(ready.data(), ready.size(), static_cast<int>(timeout.count())) <= 0)
      return std::nullopt;
    for (std::size_t queue = 0; queue < ready.size(); ++queue) {
      if ((ready[queue].revents & POLLIN) == 0) continue;
      Received received{.queue = queue};
      std::array<std::uint8_t, 4096> bytes;
      const iovec parts[] = {{&received.frame.vnet, sizeof received.frame.vnet},
                             {bytes.data(), bytes.size()}};
      const ssize_t size = readv(ready[queue].fd, parts, 2);
      if (size < static_cast<ssize_t>(sizeof(VnetHeader))) continue;
      received.frame.bytes.assign(
          bytes.begin(), bytes.begin() + (size - static_cast<ssize_t>(sizeof(VnetHeader))));
      return received;
    }
    return std::nullopt;
  }

  std::uint16_t workers() const { return static_cast<std::uint16_t>(engines_.size()); }
  Worker& worker(std::size_t i) { return engines_[i]->worker; }
  Pipeline& pipeline(std::size_t i) { return engines_[i]->pipeline; }
  const flow::ConnectionReader& connections(std::size_t i) { return engines_[i]->connections; }
  std::span<const observe::CounterBlock> counters() const { return memory_->blocks(); }
  flow::ConnectionUse& use() { return use_; }

 private:
  struct Engine {
    Engine(std::shared_ptr<observe::CounterMemory> memory,
           const flow::ConnectionTable::Options& table, const WorkerPlace& place,
           const Worker::Options& options, Handover& handover)
        : counters(std::move(memory), place.self),
          pipeline(counters, table, place),
          connections(pipeline.connections().memory_descriptor(), table.capacity),
          worker(pipeline, options, std::make_unique<io::ReadWrite>(), {&handover, place.self}) {}

    observe::Counters counters;
    Pipeline pipeline;
    flow::ConnectionReader connections;
    Worker worker;
  };

  std::shared_ptr<observe::CounterMemory> memory_;
  flow::ConnectionUse use_{true};
  Handover handover_;
  std::vector<std::unique_ptr<Engine>> engines_;
  std::map<std::uint16_t, std::vector<io::UniqueFd>> far_ends_;  // by port and worker
};

}  // namespace taploom::worker

#endif  // TAPLOOM_TESTS_UNIT_WORKER_WORKERS_RIG_H_
