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
#include "dataplane/wire/vnet_header.h"

namespace taploom {

using wire::VnetHeader;

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
  // Of a packet that has been parsed.
  bool is_ip() const { return headers.kind == wire::FrameKind::kIp; }
  std::span<std::uint8_t> head_bytes() { return {head, head_size}; }
};

}  // namespace taploom

#endif  // TAPLOOM_DATAPLANE_PACKET_H_
