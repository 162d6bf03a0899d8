// RingObserver: somebody outside watches a worker's packets through a ring (observe/capture_ring).
//
// Exists only while somebody does. Then packets are processed one by one, so that each decision can
// be told, and decisions make texts, which allocates: watching may cost time, and without it
// nothing of this is touched.
#ifndef TAPLOOM_DATAPLANE_WORKER_RING_OBSERVER_H_
#define TAPLOOM_DATAPLANE_WORKER_RING_OBSERVER_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "dataplane/observe/capture_ring.h"
#include "dataplane/packet.h"
#include "dataplane/pipeline.h"
#include "dataplane/slowpath/sink.h"

namespace taploom::worker {

// By whom a burst was received: a port of ours, or a port of another worker, which has handed it
// over (Pipeline::ProcessHandedOver).
enum class Origin : std::uint8_t { kPort, kWorker };

// Owned by the worker's thread. Of several workers each has its own, with a ring of its own; a
// packet is told by the one that decides it.
class RingObserver {
 public:
  using Clock = std::chrono::steady_clock;

  // A Capture or a Trace, as the ring wants. Listens to the pipeline's decisions until it is
  // destroyed. `epoch`: what the wall clock shows when the steady clock shows 0. Null, with a
  // sentence in `error`, when the ring asks for what cannot be done.
  static std::unique_ptr<RingObserver> Make(std::unique_ptr<observe::CaptureRingMemory> ring,
                                            std::chrono::nanoseconds epoch, Pipeline& pipeline,
                                            std::string& error);
  virtual ~RingObserver();

  // Processes one packet that has entered.
  virtual void Process(Packet& packet, Tick tick, Clock::time_point now, Origin origin) = 0;
  // A frame that the packet processed last has become was sent, or could not be.
  virtual void NoteSent(std::uint16_t port, const Packet& frame) = 0;
  virtual void NoteFailure(DropReason reason, std::uint16_t port, const Packet& frame) = 0;
  // Lets the reader see what was recorded. False when nobody has read for so long that nobody will.
  bool EndBurst(Clock::time_point now);

 protected:
  RingObserver(std::unique_ptr<observe::CaptureRingMemory> ring, std::chrono::nanoseconds epoch,
               Pipeline& pipeline);

  // Nothing more will come of the packet at hand.
  virtual void EndPacket() = 0;
  void BeginPacket(Clock::time_point now);  // gives it an id and a time
  // Has the pipeline process it. False when it is to be handed over: nothing is to be told of it.
  bool Decide(Packet& packet, Tick tick, Origin origin);

  Pipeline& pipeline_;
  observe::CaptureRingWriter ring_;
  slowpath::RecordingSink recorder_;
  std::uint64_t packet_id_;  // of the packet at hand, the same for all its frames
  std::int64_t time_ns_ = 0;

 private:
  const std::chrono::nanoseconds epoch_;
  const std::uint64_t workers_;
  Clock::time_point last_check_;
};

}  // namespace taploom::worker

#endif  // TAPLOOM_DATAPLANE_WORKER_RING_OBSERVER_H_
