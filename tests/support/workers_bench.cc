#include "tests/support/workers_bench.h"

#include <sys/mman.h>

namespace taploom::test {

WorkersBench::WorkersBench(std::uint16_t workers, flow::ConnectionTable::Options options)
    : options_(options) {
  for (std::uint16_t worker = 0; worker < workers; ++worker)
    connection_memory_.emplace_back(memfd_create("bench", MFD_CLOEXEC));
  Begin();
}

void WorkersBench::Begin() {
  engines_.clear();
  use_ = std::make_unique<flow::ConnectionUse>(true);
  options_.use = use_.get();
  WorkerPlace place{.workers = static_cast<std::uint16_t>(connection_memory_.size())};
  for (; place.self < place.workers; ++place.self) {
    options_.memory = connection_memory_[place.self].get();
    engines_.push_back(std::make_unique<Engine>(options_, place));
  }
}

std::uint32_t WorkersBench::Restart(const std::shared_ptr<const tables::Snapshot>& snapshot) {
  handed_over_before_ = handed_over_packets();
  Begin();
  Publish(snapshot);
  std::uint32_t adopted = 0;
  for (const std::unique_ptr<Engine>& engine : engines_) adopted += engine->pipeline.Adopt(now_);
  return adopted;
}

void WorkersBench::PublishTo(std::uint16_t worker,
                             const std::shared_ptr<const tables::Snapshot>& snapshot) {
  Engine& engine = *engines_[worker];
  for (std::size_t port = 0; port < snapshot->ports.size(); ++port)
    engine.counters.AddPort(static_cast<std::uint16_t>(port));
  engine.pipeline.Publish(snapshot);
}

void WorkersBench::Publish(const std::shared_ptr<const tables::Snapshot>& snapshot) {
  for (std::uint16_t worker = 0; worker < workers(); ++worker) PublishTo(worker, snapshot);
}

Outcome WorkersBench::Process(const Frame& frame, std::uint16_t ingress_port,
                              std::uint16_t arrives_at) {
  Packet packet = buffer_.Load(frame, ingress_port);
  decided_by_ = arrives_at;
  pipeline(arrives_at).Process({&packet, 1}, now_);
  // Workers that hold the same snapshot agree on the owner; two that do not may send a packet back.
  for (int i = 0; i < 4 && packet.verdict.kind == Verdict::Kind::kHandOver; ++i) {
    decided_by_ = packet.verdict.port;
    pipeline(decided_by_).ProcessHandedOver({&packet, 1}, now_);
  }
  return PacketBuffer::OutcomeOf(packet);
}

void WorkersBench::Expire() {
  for (const std::unique_ptr<Engine>& engine : engines_) engine->pipeline.Expire(now_);
}

std::uint64_t WorkersBench::drops(std::uint16_t port, DropReason reason) {
  std::uint64_t sum = 0;
  for (const std::unique_ptr<Engine>& engine : engines_)
    sum += engine->counters.port(port).drops[static_cast<std::size_t>(reason)].value();
  return sum;
}

std::uint64_t WorkersBench::handed_over_packets() {
  std::uint64_t sum = handed_over_before_;
  for (const std::unique_ptr<Engine>& engine : engines_)
    sum += engine->counters.handed_over_packets.value();
  return sum;
}

}  // namespace taploom::test
