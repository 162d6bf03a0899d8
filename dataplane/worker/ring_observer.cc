#include "dataplane/worker/ring_observer.h"

#include <utility>

#include "dataplane/worker/capture.h"
#include "dataplane/worker/trace.h"

namespace taploom::worker {
namespace {

// Nobody takes records for longer than this: the reader is gone.
constexpr std::chrono::seconds kPatience{10};

}  // namespace

std::unique_ptr<RingObserver> RingObserver::Make(std::unique_ptr<observe::CaptureRingMemory> ring,
                                                 std::chrono::nanoseconds epoch, Pipeline& pipeline,
                                                 std::string& error) {
  const std::uint32_t sample_every = ring->header().sample_every;
  if (sample_every == 0) return std::make_unique<Capture>(std::move(ring), epoch, pipeline);
  // Copied before it is checked: the other side could change it in between.
  const auto instructions = ring->header().filter;
  const std::size_t size = ring->header().filter_size;
  auto filter = size > instructions.size()
                    ? std::nullopt
                    : observe::PacketFilter::Make({instructions.data(), size});
  if (!filter) {
    error = "The filter is no program that can be run safely.";
    return nullptr;
  }
  return std::make_unique<Trace>(std::move(ring), epoch, pipeline, *std::move(filter),
                                 sample_every);
}

RingObserver::RingObserver(std::unique_ptr<observe::CaptureRingMemory> ring,
                           std::chrono::nanoseconds epoch, Pipeline& pipeline)
    : pipeline_(pipeline),
      ring_(std::move(ring)),
      // Counted in steps of the number of workers, so that no two give the same: 1, 2, 3, … when
      // there is one.
      packet_id_(pipeline.place().self + 1u - std::uint64_t{pipeline.place().workers}),
      epoch_(epoch),
      workers_(pipeline.place().workers),
      last_check_(Clock::now()) {
  pipeline_.ListenWith(&recorder_);
}

RingObserver::~RingObserver() {
  pipeline_.ListenWith(nullptr);
  ring_.End();
}

void RingObserver::BeginPacket(Clock::time_point now) {
  time_ns_ = (now.time_since_epoch() + epoch_).count();
  packet_id_ += workers_;
  recorder_.reports.clear();
}

bool RingObserver::Decide(Packet& packet, Tick tick, Origin origin) {
  origin == Origin::kPort ? pipeline_.Process({&packet, 1}, tick)
                          : pipeline_.ProcessHandedOver({&packet, 1}, tick);
  if (packet.verdict.kind != Verdict::Kind::kHandOver) return true;
  packet_id_ -= workers_;
  return false;
}

bool RingObserver::EndBurst(Clock::time_point now) {
  EndPacket();
  ring_.Publish();
  if (now - last_check_ < kPatience) return true;
  last_check_ = now;
  return !ring_.HasStalled();
}

}  // namespace taploom::worker
