#include "tests/reference/random_source.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <iostream>

namespace taploom::reference {
namespace {

// `kept` bits of `head`, the rest of `tail`.
wire::IpAddress Splice(const wire::IpAddress& head, unsigned kept, const wire::IpAddress& tail) {
  std::array<std::uint8_t, 16> bytes = tail.mapped();
  const unsigned mapped_kept = kept + (head.is_v4() ? 96 : 0);
  const std::size_t whole = mapped_kept / 8;
  std::copy_n(head.mapped().begin(), whole, bytes.begin());
  if (mapped_kept % 8 != 0) {
    const unsigned tail_bits = 0xffu >> mapped_kept % 8;
    bytes[whole] =
        static_cast<std::uint8_t>((head.mapped()[whole] & ~tail_bits) | (bytes[whole] & tail_bits));
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
  const std::array<std::uint64_t, 2> words = {engine_(), engine_()};
  const auto bytes = std::bit_cast<std::array<std::uint8_t, 16>>(words);
  const wire::IpAddress address = wire::IpAddress::V6FromBytes(bytes.data());
  return address.is_v4() ? Address(family) : address;
}

wire::IpPrefix RandomSource::PrefixNear(const wire::IpAddress& near, unsigned shortest) {
  const unsigned width = near.is_v4() ? 32 : 128;
  const auto length = static_cast<std::uint8_t>(Between(shortest, width));
  const auto shared = static_cast<unsigned>(OneIn(4) ? 0 : Between(0, width));
  return wire::IpPrefix::Of(Splice(near, shared, Address(near.family())), length);
}

wire::IpAddress RandomSource::AddressInside(const wire::IpPrefix& prefix) {
  return Splice(prefix.address, prefix.length, Address(prefix.family()));
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
      return AddressInside(prefix);
  }
}

}  // namespace taploom::reference
