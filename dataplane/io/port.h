// Port: where frames enter and leave. A TAP, or memory for tests and replay; nothing above it knows
// which.
#ifndef TAPLOOM_DATAPLANE_IO_PORT_H_
#define TAPLOOM_DATAPLANE_IO_PORT_H_

#include <cerrno>
#include <cstddef>
#include <span>

#include "dataplane/packet.h"

namespace taploom::io {

enum class SendResult {
  kSent,
  kFull,    // the receiver's queue is full: drop with kSendBufferFull, never retry
  kFailed,  // refused: drop with kSendFailed
};

// What the errno of a write means; 0 = it was written.
constexpr SendResult SendResultOf(int error) {
  switch (error) {
    case 0:
      return SendResult::kSent;
    case EAGAIN:
    case ENOBUFS:
      return SendResult::kFull;
    default:
      return SendResult::kFailed;
  }
}

// Used by one thread at a time.
class Port {
 public:
  virtual ~Port() = default;

  // A descriptor that polls readable when Receive has something, or -1 for ports that are driven by
  // hand.
  virtual int descriptor() const = 0;

  // Fills the first packets of `packets` (whose head and tail point at buffers of kHeadCapacity and
  // kTailCapacity bytes): sizes and vnet header. Returns how many; fewer than asked means that
  // nothing more is waiting. Never blocks.
  virtual std::size_t Receive(std::span<Packet> packets) = 0;

  // Sends head and tail as one frame, with its vnet header. Never blocks.
  virtual SendResult Send(const Packet& packet) = 0;

  // Whether Send would be a single write of [vnet header | head | tail] to the descriptor, which a
  // FrameIo may then do in its own way. Reading from a port with a descriptor always is.
  virtual bool TakesAsItIs(const Packet& packet) const = 0;
};

}  // namespace taploom::io

#endif  // TAPLOOM_DATAPLANE_IO_PORT_H_
