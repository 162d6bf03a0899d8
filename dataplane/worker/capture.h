// Capture: records what a worker's packets are where they enter and where they leave.
#ifndef TAPLOOM_DATAPLANE_WORKER_CAPTURE_H_
#define TAPLOOM_DATAPLANE_WORKER_CAPTURE_H_

#include <vector>

#include "dataplane/observe/gateway_passage.h"
#include "dataplane/worker/ring_observer.h"

namespace taploom::worker {

// See RingObserver.
class Capture : public RingObserver {
 public:
  Capture(std::unique_ptr<observe::CaptureRingMemory> ring, std::chrono::nanoseconds epoch,
          Pipeline& pipeline)
      : RingObserver(std::move(ring), epoch, pipeline) {}

  void Process(Packet& packet, Tick tick, Clock::time_point now, Origin origin) override;
  void NoteSent(std::uint16_t port, const Packet& frame) override;
  void NoteFailure(DropReason reason, std::uint16_t port, const Packet& frame) override;

 private:
  void EndPacket() override { entered_ = nullptr; }
  void Describe(Packet& packet, Tick tick);

  observe::CaptureRecord* entered_ = nullptr;  // of the packet at hand, until EndPacket
  std::vector<observe::GatewayPassage> passages_;
};

}  // namespace taploom::worker

#endif  // TAPLOOM_DATAPLANE_WORKER_CAPTURE_H_
