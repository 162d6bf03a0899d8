#include "dataplane/io/frame_slice.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "dataplane/wire/checksum.h"

namespace taploom::io {
namespace {

// As wire::SumBytes, of many bytes: eight at a time, in four sums that do not wait for each other.
std::uint64_t SumMany(std::span<const std::uint8_t> bytes) {
  constexpr std::size_t kStep = 32;
  constexpr std::uint64_t kLow = 0xffffffff;
  const std::uint8_t* cursor = bytes.data();
  std::size_t left = bytes.size();
  std::uint64_t low[4] = {}, high[4] = {};
  for (; left >= kStep; left -= kStep, cursor += kStep) {
    for (std::size_t lane = 0; lane < 4; ++lane) {
      const auto word = wire::Load<std::uint64_t>(cursor + 8 * lane);
      low[lane] += word & kLow;
      high[lane] += word >> 32;
    }
  }
  std::uint64_t sum = wire::SumBytes({cursor, left});
  for (std::size_t lane = 0; lane < 4; ++lane) sum += low[lane] + high[lane];
  return sum;
}

}  // namespace

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
  const std::uint16_t head = wire::Fold(SumMany(slice.head));
  std::uint16_t tail = wire::Fold(SumMany(slice.tail));
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
