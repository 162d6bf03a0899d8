// FrameSlice: a range of a frame's bytes, which may begin in the head and continue in the tail.
#ifndef TAPLOOM_DATAPLANE_IO_FRAME_SLICE_H_
#define TAPLOOM_DATAPLANE_IO_FRAME_SLICE_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/packet.h"

namespace taploom::io {

struct FrameSlice {
  std::span<std::uint8_t> head, tail;
};

// The bytes [offset, offset + size) of the frame. REQUIRES: offset + size ≤ packet.size().
FrameSlice SliceOf(const Packet& packet, std::size_t offset, std::size_t size);

// The one's complement sum of the slice, as if it were contiguous and began on a 16-bit boundary,
// in memory order (RFC 1071 §2B) and folded to 16 bits.
std::uint16_t SumOf(const FrameSlice& slice);

// Makes `part` a frame of `header` bytes followed by the slice, without copying what lies in the
// frame's tail: the header already stands at the start of `head_buffer`, the slice's head bytes are
// copied behind it, the slice's tail is referred to. REQUIRES: header_size + slice.head.size() ≤
// Packet::kHeadCapacity.
void AssembleFrame(std::uint8_t* head_buffer, std::size_t header_size, const FrameSlice& slice,
                   Packet& part);

}  // namespace taploom::io

#endif  // TAPLOOM_DATAPLANE_IO_FRAME_SLICE_H_
