// Ring: frames by io_uring (io_uring(7)), many of them in one system call.
//
// Nothing waits (RWF_NOWAIT; the ring would take a non-blocking descriptor as leave to wait for
// it), so the kernel does each read and write while it takes it from the ring: when the call
// returns, all are done, in order. What is saved is the way into the kernel and back. Containers
// often forbid io_uring; nothing depends on it.
#ifndef TAPLOOM_DATAPLANE_IO_RING_H_
#define TAPLOOM_DATAPLANE_IO_RING_H_

#include <liburing.h>
#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "dataplane/io/frame_io.h"

namespace taploom::io {

class Ring final : public FrameIo {
 public:
  // The ring of the thread that will first use it. It can read and write vectors and nothing else,
  // for good: what gets hold of it cannot open a file by it. nullptr when this host has none that
  // works, with the end of a sentence in `problem` ("io_uring_setup: Operation not permitted");
  // otherwise frames have been sent through a ring of the same kind, and compared.
  static std::unique_ptr<Ring> Make(std::string& problem);

  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;
  ~Ring() override;

  int descriptor() const { return ring_.ring_fd; }
  io_uring& raw() { return ring_; }  // for a test of what it refuses

  std::size_t ports_at_once() const override { return kPortsAtOnce; }
  void Receive(std::span<Reception> receptions) override;
  void Send(std::span<Delivery> deliveries) override;

 private:
  static constexpr std::size_t kPortsAtOnce = 4;
  static constexpr unsigned kEntries = 256;  // more are done in several calls

  struct Operation {
    std::array<iovec, 3> parts;  // vnet header, head, tail
    std::int32_t result = 0;     // bytes, or negative errno
  };

  Ring() = default;
  static std::unique_ptr<Ring> MakeUntested(std::string& problem);
  bool CarriesFrames();

  Operation& NextOperation() { return operations_[queued_]; }
  void QueueRead(int descriptor, Packet& packet);
  void QueueWrite(int descriptor, const Packet& packet);
  void Queue(io_uring_sqe* entry);
  // Has the kernel do everything queued, and waits for it. The results are in operations_.
  void Complete();
  std::size_t ReceiveFrom(Port& port, std::span<Packet> room);
  void SendQueued(std::span<Delivery> deliveries);

  io_uring ring_{};
  bool exists_ = false;
  bool enabled_ = false;  // by the thread that uses it
  bool broken_ = false;   // the kernel has refused the ring as a whole: frames go one by one
  std::size_t queued_ = 0;
  std::array<Operation, kEntries> operations_;
};

}  // namespace taploom::io

#endif  // TAPLOOM_DATAPLANE_IO_RING_H_
