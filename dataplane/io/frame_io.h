// FrameIo: by which system calls a worker reads and writes its ports. One for each frame
// (ReadWrite), or one for many (Ring).
//
//   Reception receptions[] = {{&port_a, room_a}, {&port_b, room_b}};
//   frame_io.Receive(receptions);
//   … decide …
//   Delivery deliveries[] = {{&port_b, &packet}, …};
//   frame_io.Send(deliveries);
#ifndef TAPLOOM_DATAPLANE_IO_FRAME_IO_H_
#define TAPLOOM_DATAPLANE_IO_FRAME_IO_H_

#include <cstddef>
#include <span>

#include "dataplane/io/port.h"
#include "dataplane/packet.h"

namespace taploom::io {

struct Reception {
  Port* port = nullptr;
  std::span<Packet> room;  // as for Port::Receive
  std::size_t count = 0;   // of the first packets in `room`, which were received
};

struct Delivery {
  Port* port = nullptr;
  const Packet* frame = nullptr;  // and its buffers: stay as they are until Send returns
  SendResult result = SendResult::kSent;
};

// Used by one thread. Nothing blocks, and nothing is left undone when a call returns.
class FrameIo {
 public:
  virtual ~FrameIo() = default;

  // From how many ports it is worth receiving before anything is sent.
  virtual std::size_t ports_at_once() const = 0;

  // Sets `count` of each. Fewer than there is room for means that nothing more was waiting.
  virtual void Receive(std::span<Reception> receptions) = 0;
  // In this order. Sets `result` of each.
  virtual void Send(std::span<Delivery> deliveries) = 0;
};

// Each port for itself: a read or write is a system call, and a frame is sent on before the next
// port is looked at. The shortest way for a single frame.
class ReadWrite final : public FrameIo {
 public:
  std::size_t ports_at_once() const override { return 1; }
  void Receive(std::span<Reception> receptions) override {
    for (Reception& each : receptions) each.count = each.port->Receive(each.room);
  }
  void Send(std::span<Delivery> deliveries) override {
    for (Delivery& each : deliveries) each.result = each.port->Send(*each.frame);
  }
};

}  // namespace taploom::io

#endif  // TAPLOOM_DATAPLANE_IO_FRAME_IO_H_
