// MemoryPort: a port whose frames come from and go to memory, for tests and replay.
#ifndef TAPLOOM_DATAPLANE_IO_MEMORY_PORT_H_
#define TAPLOOM_DATAPLANE_IO_MEMORY_PORT_H_

#include <cstdint>
#include <deque>
#include <vector>

#include "dataplane/io/port.h"

namespace taploom::io {

class MemoryPort final : public Port {
 public:
  struct Frame {
    VnetHeader vnet;
    std::vector<std::uint8_t> bytes;
  };

  // `capacity`: how many sent frames it holds before Send answers kFull.
  explicit MemoryPort(std::size_t capacity = SIZE_MAX) : capacity_(capacity) {}

  // Queues a frame for Receive. REQUIRES: bytes.size() ≤ Packet::kHeadCapacity +
  // Packet::kTailCapacity.
  void Deliver(Frame frame);

  // The frames sent since the last call, in order.
  std::vector<Frame> TakeSent();

  int descriptor() const override { return -1; }
  std::size_t Receive(std::span<Packet> packets) override;
  SendResult Send(const Packet& packet) override;
  bool TakesAsItIs(const Packet&) const override { return false; }

 private:
  std::size_t capacity_;
  std::deque<Frame> to_receive_;
  std::vector<Frame> sent_;
};

}  // namespace taploom::io

#endif  // TAPLOOM_DATAPLANE_IO_MEMORY_PORT_H_
