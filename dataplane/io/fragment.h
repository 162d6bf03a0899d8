// Fragmenter: cuts an IPv4 packet that is larger than the egress MTU (RFC 791 §3.2).
//
//   Fragmenter fragmenter(packet, mtu);
//   Packet fragment;
//   while (fragmenter.Next(fragment)) port.Send(fragment);
#ifndef TAPLOOM_DATAPLANE_IO_FRAGMENT_H_
#define TAPLOOM_DATAPLANE_IO_FRAGMENT_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "dataplane/packet.h"

namespace taploom::io {

class Fragmenter {
 public:
  // `packet` is an Ethernet frame that carries an IPv4 packet; it may be a fragment already. A
  // partial L4 checksum is finished in place first, because a receiver of fragments cannot. The
  // packet and its buffers must stay as they are until the last Next. REQUIRES: not a GSO frame
  // (cut it with Segmenter first).
  Fragmenter(Packet& packet, std::size_t mtu);

  // False when the packet cannot be cut: not well-formed IPv4, DF set, or an MTU without room for 8
  // bytes of payload.
  bool valid() const { return valid_; }

  // Makes `fragment` the next one, of at most `mtu` bytes of IP packet; its buffers are the
  // Fragmenter's and the packet's, and good until the next call. Returns false when there are no
  // more. A packet that fits is its own single fragment.
  bool Next(Packet& fragment);

 private:
  bool ReadHeader(std::size_t mtu);
  void MakeLaterHeader();

  Packet& packet_;
  std::size_t mtu_ = 0;
  std::size_t header_size_ = 0;        // IP header with every option: of the first fragment
  std::size_t later_header_size_ = 0;  // with the options whose copy bit is set: of the others
  std::size_t payload_size_ = 0;
  std::size_t next_offset_ = 0;          // into the payload
  std::uint16_t base_offset_units_ = 0;  // of the packet itself, when it is a fragment
  bool more_after_packet_ = false;
  bool valid_ = false;
  bool done_ = false;
  std::array<std::uint8_t, 60> later_header_{};
  std::array<std::uint8_t, Packet::kHeadCapacity> head_;
};

}  // namespace taploom::io

#endif  // TAPLOOM_DATAPLANE_IO_FRAGMENT_H_
