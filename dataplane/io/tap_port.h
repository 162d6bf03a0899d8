// TapPort: a port over one queue of a TAP device.
//
// Each read and write moves one frame as [vnet header | head | tail]: superframes travel whole and
// nothing is copied here.
#ifndef TAPLOOM_DATAPLANE_IO_TAP_PORT_H_
#define TAPLOOM_DATAPLANE_IO_TAP_PORT_H_

#include <atomic>
#include <cstdint>

#include "dataplane/io/port.h"
#include "dataplane/io/unique_fd.h"

namespace taploom::io {

class TapPort : public Port {
 public:
  // `queue` is non-blocking and keeps message boundaries: a TAP with IFF_NO_PI and IFF_VNET_HDR,
  // vnet header size 12 (any datagram socket whose peer speaks the same will do). `refused`: kinds
  // of superframes that are known not to be taken, a bit for each gso type.
  explicit TapPort(UniqueFd queue, std::uint32_t refused = 0)
      : queue_(std::move(queue)), refused_gso_types_(refused) {}

  int descriptor() const override { return queue_.get(); }
  std::size_t Receive(std::span<Packet> packets) override;

  // A well-formed superframe that the kernel refuses (some kernels do, of some kinds) is cut in
  // software; from then on every superframe of that kind is, without asking again.
  SendResult Send(const Packet& packet) override;
  bool TakesAsItIs(const Packet& packet) const override {
    return !packet.vnet.is_gso() || (KindOf(packet.vnet) < 32 && !refuses(KindOf(packet.vnet)));
  }

  // Superframes that were cut in software, and the kinds of which all are. Any thread.
  std::uint64_t segmented_count() const { return segmented_count_.load(std::memory_order_relaxed); }
  std::uint32_t refused_gso_types() const {
    return refused_gso_types_.load(std::memory_order_relaxed);
  }

 protected:
  // Hands one frame to the kernel; 0 when it took it, else errno. Virtual so that a test can be a
  // kernel that refuses.
  virtual int Write(const Packet& packet);

 private:
  static std::uint8_t KindOf(const VnetHeader& vnet) {
    return vnet.gso_type & static_cast<std::uint8_t>(~VnetHeader::kGsoEcn);
  }
  SendResult SendSegments(const Packet& packet);
  bool refuses(std::uint8_t gso_type) const { return (refused_gso_types() >> gso_type & 1u) != 0; }

  UniqueFd queue_;
  // Written by the port's thread only.
  std::atomic<std::uint32_t> refused_gso_types_;  // one bit per gso type without its ECN flag
  std::atomic<std::uint64_t> segmented_count_ = 0;
};

}  // namespace taploom::io

#endif  // TAPLOOM_DATAPLANE_IO_TAP_PORT_H_
