#include "tests/fuzz/frame_mutator.h"

#include <algorithm>
#include <array>

#include "dataplane/wire/checksum.h"
#include "dataplane/wire/layout.h"
#include "dataplane/wire/parse.h"

namespace taploom::test {
namespace {

constexpr std::size_t kHeaders = 14 + 60 + 60;  // where damage does most

// Makes the IPv4 header checksum right again.
void RepairIpv4(Frame& frame) {
  auto& bytes = frame.bytes;
  if (bytes.size() < wire::kEthernetSize + wire::ipv4::kMinSize) return;
  std::uint8_t* ip = bytes.data() + wire::kEthernetSize;
  const std::size_t size = std::size_t{ip[0]} % 16 * 4;
  if (size < wire::ipv4::kMinSize || wire::kEthernetSize + size > bytes.size()) return;
  wire::Store(ip + wire::ipv4::kChecksum, std::uint16_t{0});
  wire::Store(ip + wire::ipv4::kChecksum, wire::InternetChecksum({ip, size}));
}

}  // namespace

Frame FrameMutator::Mutate(Frame frame) {
  for (std::size_t rounds = 1 + Below(3); rounds > 0; --rounds) DamageBytes(frame);
  if (Below(4) == 0) DamageOffloads(frame);
  if (Below(4) != 0) RepairIpv4(frame);
  return frame;
}

void FrameMutator::DamageBytes(Frame& frame) {
  auto& bytes = frame.bytes;
  constexpr std::array<std::uint8_t, 8> kLimits = {0, 1, 0x0f, 0x40, 0x45, 0x7f, 0x80, 0xff};
  if (bytes.empty()) return;
  const std::size_t at = Below(std::min(bytes.size(), Below(5) == 0 ? bytes.size() : kHeaders));
  switch (Below(7)) {
    case 0:
      bytes[at] ^= static_cast<std::uint8_t>(1u << Below(8));
      break;
    case 1:
      bytes[at] = kLimits[Below(kLimits.size())];
      break;
    case 2:
      bytes[at] = static_cast<std::uint8_t>(random_());
      break;
    case 3:
      bytes.resize(Below(bytes.size() + 1));
      break;
    case 4:
      bytes.resize(bytes.size() + Below(64), static_cast<std::uint8_t>(random_()));
      break;
    case 5: {
      const std::size_t from = Below(bytes.size());
      const std::size_t count = std::min({Below(16) + 1, bytes.size() - at, bytes.size() - from});
      std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(from), count,
                  bytes.begin() + static_cast<std::ptrdiff_t>(at));
      break;
    }
    default:
      std::swap(bytes[at], bytes[Below(bytes.size())]);
      break;
  }
}

void FrameMutator::DamageOffloads(Frame& frame) {
  frame.vnet.flags = static_cast<std::uint8_t>(Below(4));
  frame.vnet.gso_type = static_cast<std::uint8_t>(random_());
  frame.vnet.header_length = static_cast<std::uint16_t>(random_());
  frame.vnet.gso_size = static_cast<std::uint16_t>(random_());
  frame.vnet.checksum_start = static_cast<std::uint16_t>(Below(256));
  frame.vnet.checksum_offset = static_cast<std::uint16_t>(Below(32));
}

Frame FrameMutator::Noise() {
  Frame frame;
  frame.bytes.resize(Below(2200));
  for (std::uint8_t& byte : frame.bytes) byte = static_cast<std::uint8_t>(random_());
  if (frame.bytes.size() >= 14 && Below(2) == 0) {
    // Noise with a good EtherType gets further.
    constexpr std::array<std::array<std::uint8_t, 2>, 3> kTypes = {
        {{0x08, 0x00}, {0x08, 0x06}, {0x86, 0xdd}}};
    const auto& type = kTypes[Below(kTypes.size())];
    std::copy(type.begin(), type.end(), frame.bytes.begin() + 12);
  }
  return frame;
}

}  // namespace taploom::test
