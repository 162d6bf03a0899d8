// Capture: records what a worker's packets are where they enter and where they leave.
//
// Exists only while somebody captures. Then packets are processed one by one, so that each decision
// can be told with its rules, and decisions make texts, which allocates: a capture may cost time,
// and without one nothing of this is touched.
#ifndef TAPLOOM_DATAPLANE_WORKER_CAPTURE_H_
#define TAPLOOM_DATAPLANE_WORKER_CAPTURE_H_

#include <chrono>
#include <cstdint>
#include <memory>

#include "dataplane/observe/capture_ring.h"
#include "dataplane/packet.h"
#include "dataplane/pipeline.h"
#include "dataplane/slowpath/sink.h"

namespace taploom::worker {

// Owned by the worker's thread.
class Capture {
 public:
  using Clock = std::chrono::steady_clock;

  // Listens to the pipeline's decisions until it is destroyed. `epoch`: what the wall clock shows
  // when the steady clock shows 0.
  Capture(std::unique_ptr<observe::CaptureRingMemory> ring, std::chrono::nanoseconds epoch,
          Pipeline& pipeline);
  ~Capture();

  // Processes one packet that has entered, and records it.
  void Process(Packet& packet, Tick tick, Clock::time_point now);
  // A frame that the packet processed last has become was sent, or could not be.
  void NoteSent(std::uint16_t port, const Packet& frame);
  void NoteFailure(DropReason reason);
  // Lets the reader see what was recorded. False when nobody has read for so long that nobody will.
  bool EndBurst(Clock::time_point now);

 private:
  void Describe(const Verdict& verdict);

  Pipeline& pipeline_;
  observe::CaptureRingWriter ring_;
  const std::chrono::nanoseconds epoch_;
  slowpath::RecordingSink recorder_;
  observe::CaptureRecord* entered_ = nullptr;  // of the packet at hand, until EndBurst
  std::uint64_t packet_id_ = 0;
  std::int64_t time_ns_ = 0;
  Clock::time_point last_check_{};
};

}  // namespace taploom::worker

#endif  // TAPLOOM_DATAPLANE_WORKER_CAPTURE_H_
