// Injection: the worker's end of a socket by which somebody makes frames enter at any port.
//
// For `replay --live`. The frames take the road of those that instances send, and share their
// bursts' turns; what becomes of each is told back. Two system calls per burst, none per frame, and
// no clock: whoever injects takes the time.
#ifndef TAPLOOM_DATAPLANE_WORKER_INJECTION_H_
#define TAPLOOM_DATAPLANE_WORKER_INJECTION_H_

#include <array>
#include <cstdint>
#include <deque>
#include <span>

#include "dataplane/io/unique_fd.h"
#include "dataplane/packet.h"
#include "dataplane/worker/injection_format.h"
#include "dataplane/worker/outcome_desk.h"

namespace taploom::worker {

// Owned by the worker's thread.
class Injection {
 public:
  // `socket`: see injection_format.h.
  explicit Injection(io::UniqueFd socket) : socket_(std::move(socket)) {}

  int descriptor() const { return socket_.get(); }

  // Fills the first of `packets` (sizes, vnet header, ingress port, which may be any number) and
  // returns how many: fewer than there is room for means that nothing more is waiting. Never
  // blocks. REQUIRES: packets.size() ≤ InjectionReport::kMost, and every packet has its buffers.
  std::size_t Receive(std::span<Packet> packets);
  // The peer has closed its end, and all it sent has been received.
  bool has_ended() const { return has_ended_; }

  // What became of the next frame, in the order in which they were received; or that another worker
  // will leave word of it, by its tag. REQUIRES: has_room() before they were received.
  void Note(const InjectionOutcome& outcome) { waiting_.push_back({0, outcome}); }
  void NoteHandedOver(std::uint64_t tag) { waiting_.push_back({tag, {}}); }
  // Whether a burst may be received: the desk holds no more of what others have not told yet.
  bool has_room() const {
    return waiting_.size() + InjectionReport::kMost <= OutcomeDesk::kPlaces / 2;
  }

  // Whether others have yet to tell of some that were handed over.
  bool is_waiting() const { return !waiting_.empty(); }

  // Says what became of the frames, in their order and as far as all before are known. What the
  // socket has no room for is left out. `desk`: null when there is one worker.
  void Report(const OutcomeDesk* desk);

 private:
  struct Waiting {
    std::uint64_t tag = 0;  // 0: known
    InjectionOutcome outcome;
  };
  bool IsKnown(Waiting& waiting, const OutcomeDesk* desk) const;

  io::UniqueFd socket_;
  std::array<InjectedFrame, InjectionReport::kMost> frames_;
  std::deque<Waiting> waiting_;  // received and not reported
  std::uint64_t reported_ = 0;
  bool has_ended_ = false;
};

// What became of a packet that has been transmitted.
InjectionOutcome OutcomeOf(const Packet& packet);

}  // namespace taploom::worker

#endif  // TAPLOOM_DATAPLANE_WORKER_INJECTION_H_
