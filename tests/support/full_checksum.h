// FullChecksum: the Internet checksum computed the slow obvious way, byte pair by byte pair in
// network order (RFC 1071 §4.1): the second opinion about every increment of the dataplane.
#ifndef TAPLOOM_TESTS_SUPPORT_FULL_CHECKSUM_H_
#define TAPLOOM_TESTS_SUPPORT_FULL_CHECKSUM_H_

#include <cstddef>
#include <cstdint>
#include <span>

namespace taploom::test {

// The folded sum, not complemented.
std::uint16_t FullSum(std::span<const std::uint8_t> bytes, std::uint32_t start = 0);
inline std::uint16_t FullChecksum(std::span<const std::uint8_t> bytes, std::uint32_t start = 0) {
  return static_cast<std::uint16_t>(~FullSum(bytes, start));
}
// Of the IP packet behind the Ethernet header of `frame`.
std::uint16_t PseudoHeaderSumOf(std::span<const std::uint8_t> frame, std::uint8_t protocol,
                                std::size_t l4_size);

}  // namespace taploom::test

#endif  // TAPLOOM_TESTS_SUPPORT_FULL_CHECKSUM_H_
