// Segmenter: cuts a GSO superframe into the frames a device with segmentation offload would send.
//
// For egress ports that cannot take the superframe: a kernel that refuses it, a capture, or the
// step before fragmenting.
//
//   Segmenter segmenter(packet);
//   Packet segment;
//   while (segmenter.Next(segment)) port.Send(segment);
#ifndef TAPLOOM_DATAPLANE_IO_SEGMENT_H_
#define TAPLOOM_DATAPLANE_IO_SEGMENT_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "dataplane/packet.h"

namespace taploom::io {

class Segmenter {
 public:
  // A superframe cannot carry more: 64 KiB in the smallest segments Linux's TCP makes (36 bytes at
  // an MSS of 48 with options). Beyond this the gso_size is a lie that would turn one frame into
  // tens of thousands.
  static constexpr std::size_t kMaxSegments = 1821;

  // `packet` is a GSO frame (TCP over IPv4 or IPv6, or UDP). It and its buffers must stay as they
  // are until the last Next.
  explicit Segmenter(const Packet& packet);

  // False when the frame is not what its vnet header says: wrong protocol, malformed, a fragment,
  // no gso_size.
  bool valid() const { return valid_; }

  // Makes `segment` the next one, with full IP and L4 checksums and an empty vnet header; its
  // buffers are the Segmenter's and the packet's, and good until the next call. Returns false when
  // there are no more.
  bool Next(Packet& segment);

 private:
  bool ReadHeaders();

  const Packet& packet_;
  wire::Headers headers_;
  std::size_t header_size_ = 0;  // Ethernet to L4, options included
  std::size_t payload_size_ = 0;
  std::size_t next_offset_ = 0;  // into the payload
  std::uint16_t next_index_ = 0;
  bool valid_ = false;
  std::array<std::uint8_t, Packet::kHeadCapacity> head_;
};

}  // namespace taploom::io

#endif  // TAPLOOM_DATAPLANE_IO_SEGMENT_H_
