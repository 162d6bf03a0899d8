// Trace: follows the packets that match a filter through every stage of their decision.
//
// What a packet's first decision found is told by the walk itself. A packet of a known connection
// is not decided again: for those that are traced, and for no others, the walk is taken once more
// beside the packet's way. It reads only and starts from what the connection keeps, so it tells
// what every stage holds of this packet now; its first line says that the connection is a known
// one.
#ifndef TAPLOOM_DATAPLANE_WORKER_TRACE_H_
#define TAPLOOM_DATAPLANE_WORKER_TRACE_H_

#include <optional>

#include "dataplane/config/traced_packet.pb.h"
#include "dataplane/observe/packet_filter.h"
#include "dataplane/slowpath/decision.h"
#include "dataplane/worker/ring_observer.h"

namespace taploom::worker {

// See RingObserver.
class Trace : public RingObserver {
 public:
  // Of the packets that match where they enter or as they leave, the first and then every
  // `sample_every`th is told. REQUIRES: sample_every > 0.
  Trace(std::unique_ptr<observe::CaptureRingMemory> ring, std::chrono::nanoseconds epoch,
        Pipeline& pipeline, observe::PacketFilter filter, std::uint32_t sample_every)
      : RingObserver(std::move(ring), epoch, pipeline),
        filter_(std::move(filter)),
        sample_every_(sample_every) {}

  void Process(Packet& packet, Tick tick, Clock::time_point now, Origin origin) override;
  void NoteSent(std::uint16_t port, const Packet& frame) override;
  void NoteFailure(DropReason reason, std::uint16_t port, const Packet& frame) override;

 private:
  // A packet as it was before the pipeline rewrote it.
  struct Sighting {
    config::TracedHeaders headers;
    slowpath::PacketView view;
    std::optional<flow::FlowKey> key;
    const char* connection_state = nullptr;  // of the connection it belongs to, if any
    flow::FlowDirection direction = flow::FlowDirection::kOriginal;
  };

  bool Matches(const Packet& packet) const {
    return filter_.Matches({packet.head, packet.head_size}, packet.size());
  }
  Sighting See(Packet& packet, Tick now) const;
  void Tell(const Sighting& sighting, const Packet& packet, Tick now);
  void TellAgain(const Sighting& sighting, const Packet& packet, Tick now);
  void EndPacket() override;

  const observe::PacketFilter filter_;
  const std::uint32_t sample_every_;
  std::uint64_t matches_ = 0;
  std::optional<config::TracedPacket> traced_;  // the packet at hand, when it is told
  std::uint16_t entered_port_ = 0;
};

}  // namespace taploom::worker

#endif  // TAPLOOM_DATAPLANE_WORKER_TRACE_H_
