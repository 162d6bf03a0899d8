// Injection: the worker's end of a socket by which somebody makes frames enter at any port.
//
// For `replay --live`. The frames take the road of those that instances send, and share their
// bursts' turns; what becomes of each is told back. Two system calls per burst, none per frame, and
// no clock: whoever injects takes the time.
#ifndef TAPLOOM_DATAPLANE_WORKER_INJECTION_H_
#define TAPLOOM_DATAPLANE_WORKER_INJECTION_H_

#include <array>
#include <cstdint>
#include <span>

#include "dataplane/io/unique_fd.h"
#include "dataplane/packet.h"
#include "dataplane/worker/injection_format.h"

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

  // Says what became of the packets received last, in their order: verdicts are those after
  // Transmit. What the socket has no room for is left out.
  void Report(std::span<const Packet> packets);

 private:
  io::UniqueFd socket_;
  std::array<InjectedFrame, InjectionReport::kMost> frames_;
  std::uint64_t received_ = 0;
  bool has_ended_ = false;
};

}  // namespace taploom::worker

#endif  // TAPLOOM_DATAPLANE_WORKER_INJECTION_H_
