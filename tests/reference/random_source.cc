#include "tests/reference/random_source.h"

#include <array>
#include <cstdlib>
#include <iostream>

namespace taploom::reference {
namespace {

// `kept` bits of `head`, the rest of `tail`.
wire::IpAddress Splice(const wire::IpAddress& head, unsigned kept, const wire::IpAddress& tail) {
  std::array<std::uint8_t, 16> bytes = tail.mapped();
  const unsigned mapped_kept = kept + (head.is_v4() ? 96 : 0);
  for (unsigned bit = 0; bit < mapped_kept; ++bit) {
    const auto mask = static_cast<std::uint8_t>(0x80u >> bit % 8);
    const auto head_bit = static_cast<std::uint8_t>(head.mapped()[bit / 8] & mask);
    bytes[bit / 8] = static_cast<std::uint8_t>((bytes[bit / 8] & ~mask) | head_bit);
  }
  return wire::IpAddress::V6FromBytes(bytes.data());
}

}  // namespace

std::uint64_t Seed() {
  static const std::uint64_t seed = [] {
    const char* const chosen = std::getenv("TAPLOOM_SEED");
    const std::uint64_t value =
        chosen != nullptr ? std::strtoull(chosen, nullptr, 10) : std::random_device()();
    std::cout << "TAPLOOM_SEED=" << value << std::endl;
    return value;
  }();
  return seed;
}

wire::IpAddress RandomSource::Address(wire::Family family) {
  if (family == wire::Family::kIpv4) {
    return wire::IpAddress::V4(static_cast<std::uint32_t>(engine_()));
  }
  std::array<std::uint8_t, 16> bytes;
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(engine_());
  const wire::IpAddress address = wire::IpAddress::V6FromBytes(bytes.data());
  return address.is_v4() ? Address(family) : address;
}

wire::IpPrefix RandomSource::PrefixNear(const wire::IpAddress& near, unsigned shortest) {
  const unsigned width = near.is_v4() ? 32 : 128;
  const auto length = static_cast<std::uint8_t>(Between(shortest, width));
  const auto shared = static_cast<unsigned>(OneIn(4) ? 0 : Between(0, width));
  return wire::IpPrefix::Of(Splice(near, shared, Address(near.family())), length);
}

wire::IpAddress RandomSource::AddressAround(const wire::IpPrefix& prefix) {
  const wire::IpAddress first = prefix.address;
  switch (Between(0, 4)) {
    case 0:
      return first;
    case 1:
      return prefix.last();
    case 2:
      return prefix.last().Plus(1);
    case 3: {
      // One before the first: the last address of the block of the same size in front of it.
      if (prefix.length == 0) return first;
      std::array<std::uint8_t, 16> bytes = first.mapped();
      for (std::size_t i = 16; i-- > (first.is_v4() ? 12u : 0u) && bytes[i]-- == 0;) {
      }
      return wire::IpAddress::V6FromBytes(bytes.data());
    }
    default:
      return Splice(first, prefix.length, Address(prefix.family()));
  }
}

}  // namespace taploom::reference
