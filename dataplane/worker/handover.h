// Handover: how several workers pass packets to the one that owns them.
//
// A ring for each worker to each other one (handover_ring.h), and a doorbell at each. What one
// worker alone needs none of.
#ifndef TAPLOOM_DATAPLANE_WORKER_HANDOVER_H_
#define TAPLOOM_DATAPLANE_WORKER_HANDOVER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "dataplane/packet.h"
#include "dataplane/worker/doorbell.h"
#include "dataplane/worker/handover_ring.h"
#include "dataplane/worker/outcome_desk.h"

namespace taploom::worker {

// Shared by all workers; each calls what says its own number, from its own thread.
class Handover {
 public:
  // Throws std::system_error when the kernel has no memory or descriptors for it.
  explicit Handover(std::uint16_t workers);

  std::uint16_t workers() const { return static_cast<std::uint16_t>(bells_.size()); }

  // Gives `packet` to its owner, and spare buffers for it. False when the owner has not kept up;
  // then the packet is still the caller's. `tag`: of an injected frame, or 0. REQUIRES: from != to.
  bool Give(std::uint16_t from, std::uint16_t to, Packet& packet, std::uint64_t tag) {
    return ring(from, to).Push(packet, tag);
  }
  // Everything given so far arrives now.
  void Deliver(std::uint16_t from);

  // What `from` has given to `to`.
  HandoverRing& ring(std::uint16_t from, std::uint16_t to) {
    return *rings_[std::size_t{from} * bells_.size() + to];
  }

  OutcomeDesk& desk() { return desk_; }
  Doorbell& bell(std::uint16_t worker) { return *bells_[worker]; }
  bool HasNothingFor(std::uint16_t worker) {
    for (std::uint16_t from = 0; from < workers(); ++from) {
      if (from != worker && !ring(from, worker).is_empty()) return false;
    }
    return true;
  }

 private:
  OutcomeDesk desk_;
  std::vector<std::unique_ptr<Doorbell>> bells_;      // by worker
  std::vector<std::unique_ptr<HandoverRing>> rings_;  // by giver, then by owner; none to oneself
};

}  // namespace taploom::worker

#endif  // TAPLOOM_DATAPLANE_WORKER_HANDOVER_H_
