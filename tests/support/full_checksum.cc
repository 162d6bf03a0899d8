#include "tests/support/full_checksum.h"

namespace taploom::test {

std::uint16_t FullSum(std::span<const std::uint8_t> bytes, std::uint32_t start) {
  std::uint32_t sum = start;
  for (std::size_t i = 0; i < bytes.size(); i += 2) {
    const std::uint32_t low = i + 1 < bytes.size() ? bytes[i + 1] : 0u;
    sum += bytes[i] * 256u + low;
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return static_cast<std::uint16_t>((sum & 0xffff) + (sum >> 16));
}

std::uint16_t PseudoHeaderSumOf(std::span<const std::uint8_t> frame, std::uint8_t protocol,
                                std::size_t l4_size) {
  const auto packet = frame.subspan(14);
  const bool v4 = packet[0] >> 4 == 4;
  const auto addresses = v4 ? packet.subspan(12, 8) : packet.subspan(8, 32);
  const auto size = static_cast<std::uint32_t>(l4_size);
  std::uint32_t sum = FullSum(addresses) + (size >> 16) + (size & 0xffff) + protocol;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(sum);
}

}  // namespace taploom::test
