// Outbox: frames that wait to be sent together, and what becomes of them.
#ifndef TAPLOOM_DATAPLANE_WORKER_OUTBOX_H_
#define TAPLOOM_DATAPLANE_WORKER_OUTBOX_H_

#include <cstdint>
#include <vector>

#include "dataplane/io/frame_io.h"
#include "dataplane/packet.h"
#include "dataplane/pipeline.h"
#include "dataplane/worker/port_table.h"
#include "dataplane/worker/ring_observer.h"

namespace taploom::worker {

class Outbox {
 public:
  // Room for `capacity` frames between two flushes.
  Outbox(io::FrameIo& frame_io, Pipeline& pipeline, std::size_t capacity)
      : frame_io_(frame_io), pipeline_(pipeline) {
    deliveries_.reserve(capacity);
    origins_.reserve(capacity);
  }

  // `packet` is to leave by `slot` as it is now. It and its buffers stay until the next Flush.
  void Add(Packet& packet, const PortSlot& slot) {
    deliveries_.push_back({slot.port.get(), &packet});
    origins_.push_back({&packet, slot.id});
  }

  // Sends everything, in the order in which it was added, and tells the counters, and `observer`
  // when there is one, about every frame. The verdict of a packet that could not be sent is a drop
  // for that reason afterwards.
  void Flush(RingObserver* observer);

 private:
  io::FrameIo& frame_io_;
  Pipeline& pipeline_;
  std::vector<io::Delivery> deliveries_;
  struct Origin {
    Packet* packet;
    std::uint16_t port;
  };
  std::vector<Origin> origins_;  // of each delivery
};

}  // namespace taploom::worker

#endif  // TAPLOOM_DATAPLANE_WORKER_OUTBOX_H_
