// WorkersBench: the pipelines of several workers, fed frame by frame, without threads. What one of
// them says is to be handed over, another gets at once.
#ifndef TAPLOOM_TESTS_SUPPORT_WORKERS_BENCH_H_
#define TAPLOOM_TESTS_SUPPORT_WORKERS_BENCH_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "dataplane/flow/connection_use.h"
#include "tests/support/fabric_fixture.h"

namespace taploom::test {

class WorkersBench {
 public:
  WorkersBench(std::uint16_t workers, flow::ConnectionTable::Options options);

  void Publish(const std::shared_ptr<const tables::Snapshot>& snapshot);
  // To some of the workers only, as it is for the moments between the first and the last.
  void PublishTo(std::uint16_t worker, const std::shared_ptr<const tables::Snapshot>& snapshot);
  // The dataplane dies, and another one goes on with its connections. Returns how many.
  std::uint32_t Restart(const std::shared_ptr<const tables::Snapshot>& snapshot);
  // `arrives_at`: the worker whose queue the frame is in. `decided_by` becomes the one that
  // decides.
  Outcome Process(const Frame& frame, std::uint16_t ingress_port, std::uint16_t arrives_at);
  void Expire();

  void Advance(std::chrono::milliseconds time) { now_ += time; }
  std::uint16_t workers() const { return static_cast<std::uint16_t>(engines_.size()); }
  Pipeline& pipeline(std::uint16_t worker) { return engines_[worker]->pipeline; }
  std::uint16_t decided_by() const { return decided_by_; }
  // Over all workers.
  std::uint32_t connection_count() const { return use_->total(); }
  std::uint64_t drops(std::uint16_t port, DropReason reason);
  std::uint64_t handed_over_packets();

 private:
  struct Engine {
    Engine(const flow::ConnectionTable::Options& options, const WorkerPlace& place)
        : pipeline(counters, options, place) {}

    observe::Counters counters;
    Pipeline pipeline;
  };

  void Begin();

  std::vector<io::UniqueFd> connection_memory_;  // by worker
  flow::ConnectionTable::Options options_;
  std::unique_ptr<flow::ConnectionUse> use_;
  std::vector<std::unique_ptr<Engine>> engines_;
  std::uint64_t handed_over_before_ = 0;  // by dataplanes that have died
  Tick now_{};
  std::uint16_t decided_by_ = 0;
  PacketBuffer buffer_;
};

}  // namespace taploom::test

#endif  // TAPLOOM_TESTS_SUPPORT_WORKERS_BENCH_H_
