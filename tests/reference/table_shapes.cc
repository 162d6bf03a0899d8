#include "tests/reference/table_shapes.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace taploom::reference {
namespace {

using tables::Lpm;
using wire::Family;
using wire::IpAddress;
using wire::IpPrefix;

unsigned WidthOf(Family family) { return family == Family::kIpv4 ? 32 : 128; }

std::uint8_t Length(RandomSource& random, unsigned shortest, unsigned longest) {
  return static_cast<std::uint8_t>(random.Between(shortest, longest));
}

// Few different values make neighbours that say the same, large ones need wide leaves.
class Values {
 public:
  explicit Values(RandomSource& random) : random_(random) {
    constexpr std::uint64_t kLargest[] = {2, 60, 0x7fff, 0xffff, Lpm::kLargestValue};
    largest_ = random.OneOf<std::uint64_t>(kLargest);
  }
  std::uint32_t Next() { return static_cast<std::uint32_t>(random_.Between(0, largest_)); }

 private:
  RandomSource& random_;
  std::uint64_t largest_;
};

// The first address behind `prefix`; wraps around at the end of the address space.
IpAddress Behind(const IpPrefix& prefix) { return prefix.last().Plus(1); }

std::vector<Lpm::Entry> Scattered(Family family, RandomSource& random, Values& values) {
  const IpAddress near = random.Address(family);
  std::vector<Lpm::Entry> entries;
  for (std::uint64_t count = random.Between(0, 20); count > 0; --count) {
    entries.push_back({random.PrefixNear(near), values.Next()});
  }
  return entries;
}

std::vector<Lpm::Entry> Nested(Family family, RandomSource& random, Values& values) {
  const IpAddress address = random.Address(family);
  std::vector<Lpm::Entry> entries;
  for (unsigned length = 0; length <= WidthOf(family); ++length) {
    if (random.OneIn(4)) continue;
    entries.push_back({IpPrefix::Of(address, static_cast<std::uint8_t>(length)), values.Next()});
  }
  return entries;
}

std::vector<Lpm::Entry> Inside(const IpPrefix& block, std::uint64_t count, unsigned shortest,
                               RandomSource& random, Values& values) {
  std::vector<Lpm::Entry> entries;
  for (; count > 0; --count) {
    const std::uint8_t length = Length(random, shortest, WidthOf(block.family()));
    entries.push_back({IpPrefix::Of(random.AddressInside(block), length), values.Next()});
  }
  return entries;
}

std::vector<Lpm::Entry> Hosts(Family family, RandomSource& random, Values& values) {
  const unsigned width = WidthOf(family);
  const auto block = IpPrefix::Of(random.Address(family), Length(random, width - 24, width));
  return Inside(block, random.Between(1, 300), width, random, values);
}

std::vector<Lpm::Entry> InsideOnePrefix(Family family, RandomSource& random, Values& values) {
  const unsigned longest = WidthOf(family) * 3 / 4;
  const auto block = IpPrefix::Of(random.Address(family), Length(random, 0, longest));
  auto entries = Inside(block, random.Between(5, 800), block.length, random, values);
  if (random.OneIn(2)) entries.push_back({IpPrefix::Of(block.address, 0), values.Next()});
  return entries;
}

std::vector<Lpm::Entry> Neighbours(Family family, RandomSource& random, Values& values) {
  const auto bits = static_cast<unsigned>(random.Between(1, 10));
  const std::uint8_t length = Length(random, bits, WidthOf(family));
  IpPrefix next = IpPrefix::Of(random.Address(family), static_cast<std::uint8_t>(length - bits));
  next.length = length;
  std::vector<Lpm::Entry> entries;
  for (std::size_t count = std::size_t{1} << bits; count > 0; --count) {
    // A gap here and there.
    if (!random.OneIn(16)) entries.push_back({next, values.Next()});
    next.address = Behind(next);
  }
  return entries;
}

std::vector<Lpm::Entry> Internet(Family family, RandomSource& random, Values& values) {
  constexpr unsigned kLengthsV4[] = {24, 24, 24, 24, 24, 24, 23, 22, 22, 21, 20, 16, 12, 8, 26, 32};
  constexpr unsigned kLengthsV6[] = {48, 48, 48, 48, 44, 40, 36, 32, 32, 46, 29, 47, 64, 128};
  const std::span<const unsigned> lengths =
      family == Family::kIpv4 ? std::span<const unsigned>(kLengthsV4) : kLengthsV6;
  // A handful of registries, hundreds of networks in each.
  std::vector<IpPrefix> registries;
  for (unsigned i = 0; i < 8; ++i) {
    registries.push_back(IpPrefix::Of(random.Address(family), family == Family::kIpv4 ? 4 : 12));
  }
  std::vector<Lpm::Entry> entries;
  IpAddress at = random.Address(family);
  std::uint32_t value = values.Next();
  for (std::uint64_t count = random.Between(5'000, 60'000); count > 0; --count) {
    if (random.OneIn(4)) at = random.AddressInside(random.OneOf<IpPrefix>(registries));
    if (random.OneIn(4)) value = values.Next();
    const auto length = static_cast<std::uint8_t>(random.OneOf<unsigned>(lengths));
    const IpPrefix prefix = IpPrefix::Of(at, length);
    entries.push_back({prefix, value});
    at = Behind(prefix);
  }
  return entries;
}

}  // namespace

std::vector<Lpm::Entry> RandomTableOf(TableShape shape, Family family, RandomSource& random) {
  Values values(random);
  switch (shape) {
    case TableShape::kScattered:
      return Scattered(family, random, values);
    case TableShape::kNested:
      return Nested(family, random, values);
    case TableShape::kHosts:
      return Hosts(family, random, values);
    case TableShape::kInsideOnePrefix:
      return InsideOnePrefix(family, random, values);
    case TableShape::kNeighbours:
      return Neighbours(family, random, values);
    case TableShape::kInternet:
      return Internet(family, random, values);
  }
  return {};
}

}  // namespace taploom::reference
