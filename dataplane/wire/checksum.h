// The Internet checksum (RFC 1071) and its incremental update (RFC 1624).
//
// All sums are over 16-bit words *as they lie in memory*: one's-complement addition commutes with
// byte swapping (RFC 1071 §2B), so nothing is ever swapped. A "sum" is not complemented; a
// "checksum" is what stands in a header.
//
// RFC 1624 eqn 3: HC' = ~(~HC + ~m + m'). A Delta holds Σ(~m + m') for all words a rewrite changes,
// folded to 16 bits; it depends on the flow only, so it is computed once and applied to every
// packet with one addition.
#ifndef TAPLOOM_DATAPLANE_WIRE_CHECKSUM_H_
#define TAPLOOM_DATAPLANE_WIRE_CHECKSUM_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "dataplane/wire/byte_order.h"
#include "dataplane/wire/ip_address.h"

namespace taploom::wire {

// Adds the carries back in until 16 bits remain.
constexpr std::uint16_t Fold(std::uint64_t sum) {
  sum = (sum & 0xffffffffu) + (sum >> 32);
  sum = (sum & 0xffffu) + (sum >> 16);
  sum = (sum & 0xffffu) + (sum >> 16);
  sum = (sum & 0xffffu) + (sum >> 16);
  return static_cast<std::uint16_t>(sum);
}

// The same for a sum of a few words.
constexpr std::uint16_t FoldFew(std::uint32_t sum) {
  sum = (sum & 0xffffu) + (sum >> 16);
  sum = (sum & 0xffffu) + (sum >> 16);
  return static_cast<std::uint16_t>(sum);
}

// The sum of `bytes`; an odd last byte counts as followed by a zero byte (RFC 1071 §1). Chunks may
// be added together when all but the last have even size.
inline std::uint64_t SumBytes(std::span<const std::uint8_t> bytes) {
  std::uint64_t sum = 0;
  const std::uint8_t* cursor = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 4; left -= 4, cursor += 4) sum += Load<std::uint32_t>(cursor);
  if (left >= 2) {
    sum += Load<std::uint16_t>(cursor);
    cursor += 2;
    left -= 2;
  }
  if (left == 1) {
    const std::uint8_t last[2] = {*cursor, 0};
    sum += Load<std::uint16_t>(last);
  }
  return sum;
}

// The checksum of `bytes`, to be stored in memory order.
inline std::uint16_t InternetChecksum(std::span<const std::uint8_t> bytes) {
  return static_cast<std::uint16_t>(~Fold(SumBytes(bytes)));
}

// The sum of the pseudo-header of TCP, UDP (RFC 9293 §3.1) and ICMPv6 (RFC 8200 §8.1): addresses,
// length, protocol.
inline std::uint64_t PseudoHeaderSum(const IpAddress& source, const IpAddress& destination,
                                     std::uint8_t protocol, std::uint32_t l4_size) {
  return SumBytes(source.bytes()) + SumBytes(destination.bytes()) + be32(l4_size).raw() +
         be32(protocol).raw();
}

// The accumulated effect of replacing words, Σ(~m + m').
class ChecksumDelta {
 public:
  void Replace(std::span<const std::uint8_t> before, std::span<const std::uint8_t> after) {
    Add(static_cast<std::uint16_t>(~Fold(SumBytes(before))));
    Add(Fold(SumBytes(after)));
  }
  void Replace(be16 before, be16 after) {
    Add(static_cast<std::uint16_t>(~before.raw()));
    Add(after.raw());
  }
  void Add(std::uint16_t folded_sum) { value_ = Fold(std::uint64_t{value_} + folded_sum); }
  std::uint16_t value() const { return value_; }

 private:
  std::uint16_t value_ = 0;
};

// A finished checksum after the words behind `delta` changed.
// `delta` may be the sum of a few.
inline std::uint16_t UpdateChecksum(std::uint16_t checksum, std::uint32_t delta) {
  return static_cast<std::uint16_t>(
      ~FoldFew(std::uint32_t{static_cast<std::uint16_t>(~checksum)} + delta));
}

// An uncomplemented partial sum (a frame that still needs its checksum) after the words behind
// `delta` changed.
inline std::uint16_t UpdatePartialSum(std::uint16_t sum, std::uint16_t delta) {
  return FoldFew(std::uint32_t{sum} + delta);
}

}  // namespace taploom::wire

#endif  // TAPLOOM_DATAPLANE_WIRE_CHECKSUM_H_
