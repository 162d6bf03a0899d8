#include "dataplane/io/frame_slice.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "dataplane/wire/checksum.h"

namespace taploom::io {

FrameSlice SliceOf(const Packet& packet, std::size_t offset, std::size_t size) {
  assert(offset + size <= packet.size());
  const std::size_t end = offset + size;
  const std::size_t head_begin = std::min<std::size_t>(offset, packet.head_size);
  const std::size_t head_end = std::min<std::size_t>(end, packet.head_size);
  const std::size_t tail_begin = offset - head_begin;
  return {{packet.head + head_begin, head_end - head_begin},
          {packet.tail + tail_begin, size - (head_end - head_begin)}};
}

std::uint16_t SumOf(const FrameSlice& slice) {
  const std::uint16_t head = wire::Fold(wire::SumBytes(slice.head));
  std::uint16_t tail = wire::Fold(wire::SumBytes(slice.tail));
  // After an odd number of bytes the tail's words straddle: its sum is the same with the bytes
  // swapped (RFC 1071 §2B).
  if (slice.head.size() % 2 != 0) tail = __builtin_bswap16(tail);
  return wire::Fold(std::uint32_t{head} + tail);
}

void AssembleFrame(std::uint8_t* head_buffer, std::size_t header_size, const FrameSlice& slice,
                   Packet& part) {
  assert(header_size + slice.head.size() <= Packet::kHeadCapacity);
  if (!slice.head.empty())
    std::memcpy(head_buffer + header_size, slice.head.data(), slice.head.size());
  part.head = head_buffer;
  part.head_size = static_cast<std::uint32_t>(header_size + slice.head.size());
  part.tail = slice.tail.data();
  part.tail_size = static_cast<std::uint32_t>(slice.tail.size());
}

}  // namespace taploom::io
