// Packet: one frame on its road through the dataplane, as bytes, parsed offsets and metadata.
//
//   head                                             head + head_size
//   | Ethernet 14 | IPv4 20–60 / IPv6 40+ext | TCP / UDP / ICMP | payload …|      head: contiguous,
//   ≤ kHeadCapacity bytes 0             l3_offset                  l4_offset tail | payload
//   continued … | (superframes)
//
// All headers lie in the head. A frame longer than the head's capacity continues in the tail, which
// no stage touches: rewriting changes the head only, and the two parts leave in one writev.
// Directions: *ingress* and *egress* of a packet are the fabric's ports it enters and leaves by; of
// a filter they are the ENI's (egress = out of the instance); *original* and *reply* are a
// connection's.
#ifndef TAPLOOM_DATAPLANE_PACKET_H_
#define TAPLOOM_DATAPLANE_PACKET_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/verdict.h"
#include "dataplane/wire/parse.h"

namespace taploom {

// The offload words that travel with a frame on a TAP with IFF_VNET_HDR: struct virtio_net_hdr_v1
// of <linux/virtio_net.h> (virtio 1.2 §5.1.6), little-endian, 12 bytes. Declared here because the
// kernel's header has a member named `class`.
struct VnetHeader {
  static constexpr std::uint8_t kNeedsChecksum =
      1;  // the L4 checksum field holds the pseudo-header sum only
  static constexpr std::uint8_t kDataValid = 2;
  static constexpr std::uint8_t kGsoNone = 0, kGsoTcp4 = 1, kGsoUdp = 3, kGsoTcp6 = 4,
                                kGsoUdpL4 = 5;
  static constexpr std::uint8_t kGsoEcn = 0x80;  // ORed into gso_type

  std::uint8_t flags = 0;
  std::uint8_t gso_type = kGsoNone;
  std::uint16_t header_length = 0;  // L2 + L3 + L4, for GSO frames
  std::uint16_t gso_size = 0;       // payload bytes per segment
  std::uint16_t checksum_start = 0;
  std::uint16_t checksum_offset = 0;
  std::uint16_t buffer_count = 0;

  bool needs_checksum() const { return (flags & kNeedsChecksum) != 0; }
  bool is_gso() const { return (gso_type & ~kGsoEcn) != kGsoNone; }
};
static_assert(sizeof(VnetHeader) == 12, "TUNSETVNETHDRSZ is 12");

struct Packet {
  // Bytes of head buffer that must exist behind `head`, whatever the frame's size: an ICMP error is
  // built in place.
  static constexpr std::size_t kHeadCapacity = 2048;
  static constexpr std::size_t kTailCapacity = 65'536;

  std::uint8_t* head = nullptr;
  std::uint32_t head_size = 0;
  std::uint8_t* tail = nullptr;
  std::uint32_t tail_size = 0;
  VnetHeader vnet;
  std::uint16_t ingress_port = 0;

  wire::Headers headers;  // set by the pipeline's parse step
  Verdict verdict;        // set by the pipeline

  std::uint32_t size() const { return head_size + tail_size; }
  std::span<std::uint8_t> head_bytes() { return {head, head_size}; }
};

}  // namespace taploom

#endif  // TAPLOOM_DATAPLANE_PACKET_H_
