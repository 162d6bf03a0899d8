#include "tests/bench/workload.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <unordered_set>

namespace taploom::bench {
namespace {

using tables::Lpm;

constexpr std::uint32_t kNextHops = 64;

struct Share {
  unsigned length;
  unsigned per_thousand;
};
// After the CIDR report's counts by length.
constexpr Share kV4Shares[] = {{24, 602}, {23, 104}, {22, 116}, {21, 53}, {20, 45}, {19, 27},
                               {18, 15},  {17, 9},   {16, 14},  {15, 2},  {14, 2},  {13, 2},
                               {12, 2},   {11, 2},   {10, 2},   {9, 2},   {8, 1}};
constexpr Share kV6Shares[] = {{48, 460}, {44, 120}, {40, 110}, {36, 80}, {32, 120},
                               {47, 20},  {46, 30},  {45, 15},  {42, 20}, {29, 25}};

template <std::size_t kCount>
unsigned LengthFrom(const Share (&shares)[kCount], Random& random) {
  unsigned left = static_cast<unsigned>(random() % 1000);
  for (const Share& share : shares) {
    if (left < share.per_thousand) return share.length;
    left -= share.per_thousand;
  }
  return shares[0].length;
}

wire::IpAddress V6(std::uint64_t high, std::uint64_t low) {
  std::uint8_t bytes[16];
  wire::Store(bytes, wire::be64(high));
  wire::Store(bytes + 8, wire::be64(low));
  return wire::IpAddress::V6FromBytes(bytes);
}

std::uint64_t HighOf(const wire::IpAddress& address) {
  return wire::Load<wire::be64>(address.mapped().data()).value();
}

}  // namespace

std::vector<Lpm::Entry> BgpPrefixesV4(std::size_t count, std::uint64_t seed) {
  Random random(seed);
  std::vector<Lpm::Entry> entries;
  std::unordered_set<std::uint64_t> known;
  std::uint32_t at = 0, next_hop = 0;
  while (entries.size() < count) {
    if (random() % 4 == 0) {  // another network
      at = static_cast<std::uint32_t>((1 + random() % 223) << 24 | (random() & 0xffffff));
      next_hop = static_cast<std::uint32_t>(random() % kNextHops);
    }
    if (random() % 8 == 0) next_hop = static_cast<std::uint32_t>(random() % kNextHops);
    const unsigned length = LengthFrom(kV4Shares, random);
    const std::uint32_t address = at & ~std::uint32_t{0} << (32 - length);
    at = address + (std::uint32_t{1} << (32 - length));
    if (address >> 24 == 0 || address >> 24 > 223) continue;
    if (!known.insert(std::uint64_t{address} << 8 | length).second) continue;
    entries.push_back(
        {{wire::IpAddress::V4(address), static_cast<std::uint8_t>(length)}, next_hop});
  }
  return entries;
}

std::vector<Lpm::Entry> BgpPrefixesV6(std::size_t count, std::uint64_t seed) {
  Random random(seed);
  std::vector<Lpm::Entry> entries;
  std::unordered_set<std::uint64_t> known;
  std::uint64_t at = 0;
  std::uint32_t next_hop = 0;
  while (entries.size() < count) {
    if (random() % 4 == 0) {
      // Registries hand out /12s, providers get /32s in them.
      constexpr std::uint64_t kRegistries[] = {0x2001, 0x2400, 0x2600, 0x2800, 0x2a00, 0x2c00};
      at = kRegistries[random() % 6] << 48 | (random() & 0x01ff'ffff'ffffull) << 8;
      next_hop = static_cast<std::uint32_t>(random() % kNextHops);
    }
    if (random() % 8 == 0) next_hop = static_cast<std::uint32_t>(random() % kNextHops);
    const unsigned length = LengthFrom(kV6Shares, random);
    const std::uint64_t high = at & ~std::uint64_t{0} << (64 - length);
    at = high + (std::uint64_t{1} << (64 - length));
    if (high >> 61 != 1 || !known.insert(high | length).second) continue;
    entries.push_back({{V6(high, 0), static_cast<std::uint8_t>(length)}, next_hop});
  }
  return entries;
}

std::vector<Lpm::Entry> VpcRoutes(std::size_t count, std::uint64_t seed) {
  Random random(seed);
  std::vector<Lpm::Entry> entries{{{wire::IpAddress::V4(0), 0}, 0}};
  std::unordered_set<std::uint64_t> known;
  while (entries.size() < count) {
    const auto length = static_cast<unsigned>(16 + random() % 13);
    const std::uint32_t address =
        (0x0a000000u | (static_cast<std::uint32_t>(random()) & 0x00ffffffu)) & ~std::uint32_t{0}
                                                                                   << (32 - length);
    if (!known.insert(std::uint64_t{address} << 8 | length).second) continue;
    entries.push_back({{wire::IpAddress::V4(address), static_cast<std::uint8_t>(length)},
                       static_cast<std::uint32_t>(entries.size() % 32)});
  }
  return entries;
}

std::vector<std::uint32_t> AnyAddressesV4(std::size_t count, std::uint64_t seed) {
  Random random(seed);
  std::vector<std::uint32_t> addresses(count);
  for (std::uint32_t& address : addresses) {
    address = static_cast<std::uint32_t>((1 + random() % 223) << 24 | (random() & 0xffffff));
  }
  return addresses;
}

std::vector<std::uint32_t> AddressesInsideV4(const std::vector<Lpm::Entry>& entries,
                                             std::size_t count, bool zipf, std::uint64_t seed) {
  Random random(seed);
  const Zipf by_rank(zipf ? entries.size() : 1, random);
  std::vector<std::uint32_t> addresses(count);
  for (std::uint32_t& address : addresses) {
    const std::size_t at = zipf ? by_rank.Next(random) : random() % entries.size();
    const wire::IpPrefix& prefix = entries[at].prefix;
    const std::uint64_t host_bits = (std::uint64_t{1} << (32 - prefix.length)) - 1;
    address = prefix.address.v4_host_order() | static_cast<std::uint32_t>(random() & host_bits);
  }
  return addresses;
}

std::vector<wire::IpAddress> AddressesInsideV6(const std::vector<Lpm::Entry>& entries,
                                               std::size_t count, std::uint64_t seed) {
  Random random(seed);
  std::vector<wire::IpAddress> addresses(count);
  for (wire::IpAddress& address : addresses) {
    const wire::IpPrefix& prefix = entries[random() % entries.size()].prefix;
    const std::uint64_t host_bits = ~std::uint64_t{0} >> prefix.length;
    address = V6(HighOf(prefix.address) | (random() & host_bits), random());
  }
  return addresses;
}

Zipf::Zipf(std::size_t population, Random& random)
    : cumulative_(population), position_(population) {
  double sum = 0;
  for (std::size_t rank = 0; rank < population; ++rank) {
    sum += 1.0 / static_cast<double>(rank + 1);
    cumulative_[rank] = sum;
  }
  std::iota(position_.begin(), position_.end(), 0u);
  std::shuffle(position_.begin(), position_.end(), random);
}

std::size_t Zipf::Next(Random& random) const {
  const double at = std::uniform_real_distribution<double>(0, cumulative_.back())(random);
  const auto rank = std::lower_bound(cumulative_.begin(), cumulative_.end(), at);
  return position_[static_cast<std::size_t>(rank - cumulative_.begin())];
}

}  // namespace taploom::bench
