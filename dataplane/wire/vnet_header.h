// VnetHeader: the offload words that travel with a frame on a TAP.
#ifndef TAPLOOM_DATAPLANE_WIRE_VNET_HEADER_H_
#define TAPLOOM_DATAPLANE_WIRE_VNET_HEADER_H_

#include <cstdint>

namespace taploom::wire {

// What stands before each frame on a TAP with IFF_VNET_HDR: struct virtio_net_hdr_v1 of
// <linux/virtio_net.h> (virtio 1.2 §5.1.6), little-endian, 12 bytes. Declared here because the
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

}  // namespace taploom::wire

#endif  // TAPLOOM_DATAPLANE_WIRE_VNET_HEADER_H_
