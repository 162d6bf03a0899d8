// FrameBuffer: a captured frame of any link type as the Ethernet frame that a port would receive.
#ifndef TAPLOOM_DATAPLANE_REPLAY_FRAME_BUFFER_H_
#define TAPLOOM_DATAPLANE_REPLAY_FRAME_BUFFER_H_

#include <cstdint>
#include <vector>

#include "dataplane/io/frame_source.h"
#include "dataplane/io/link_layer.h"
#include "dataplane/packet.h"

namespace taploom::replay {

// One frame at a time; the packet's buffers are the FrameBuffer's and good until the next Load.
class FrameBuffer {
 public:
  FrameBuffer() : head_(Packet::kHeadCapacity), tail_(Packet::kTailCapacity) {}

  // Fills packet() from `frame`: VLAN tags and other link headers give way to a plain Ethernet
  // header, what was not recorded becomes zeros, and headers are parsed. A transport checksum that
  // the sender left to its device (it was recorded before that) is finished. The result's kind says
  // whether there is a frame at all: it is for kIp, and for kOther of an Ethernet.
  // `as_recorded`: an Ethernet frame keeps its VLAN tags, as when it was recorded at a port.
  io::NetworkLayer Load(const io::CapturedFrame& frame, bool as_recorded = false);

  Packet& packet() { return packet_; }
  const Packet& packet() const { return packet_; }
  bool is_cut_short() const { return is_cut_short_; }  // not all of it was recorded
  // Of packet(): how many bytes were recorded, the Ethernet header included.
  std::uint32_t recorded_size() const { return recorded_size_; }

 private:
  void Put(std::size_t offset, std::span<const std::uint8_t> bytes);
  void FinishChecksum();
  void MarkSuperframe();

  std::vector<std::uint8_t> head_, tail_;
  Packet packet_;
  bool is_cut_short_ = false;
  std::uint32_t recorded_size_ = 0;
};

}  // namespace taploom::replay

#endif  // TAPLOOM_DATAPLANE_REPLAY_FRAME_BUFFER_H_
