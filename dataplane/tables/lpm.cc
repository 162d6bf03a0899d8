#include "dataplane/tables/lpm.h"

#include <algorithm>
#include <array>
#include <tuple>
#include <vector>

#include "dataplane/wire/byte_order.h"

namespace taploom::tables {
namespace {

unsigned __int128 KeyV6(const wire::IpAddress& address) {
  const std::uint8_t* bytes = address.mapped().data();
  const unsigned __int128 high = wire::Load<wire::be64>(bytes).value();
  return high << 64 | wire::Load<wire::be64>(bytes + 8).value();
}

// Keys are made a cacheful at a time.
constexpr std::size_t kKeysAtOnce = 256;

template <typename Word>
RunTrie<Word> Build(std::vector<PrefixRoute<Word>>& routes) {
  // Stable, so that of equal prefixes the later entry comes last and can be kept.
  std::stable_sort(routes.begin(), routes.end(), [](const auto& a, const auto& b) {
    return std::tie(a.key, a.length) < std::tie(b.key, b.length);
  });
  std::size_t kept = 0;
  for (std::size_t i = 0; i < routes.size(); ++i) {
    const bool repeated = i + 1 < routes.size() && routes[i].key == routes[i + 1].key &&
                          routes[i].length == routes[i + 1].length;
    if (!repeated) routes[kept++] = routes[i];
  }
  routes.resize(kept);
  return RunTrie<Word>(routes);
}

}  // namespace

Lpm::Lpm(std::span<const Entry> entries) {
  std::vector<PrefixRoute<std::uint32_t>> v4;
  std::vector<PrefixRoute<unsigned __int128>> v6;
  for (const Entry& entry : entries) {
    const auto& [address, length] = entry.prefix;
    if (entry.prefix.family() == wire::Family::kIpv4) {
      v4.push_back({address.v4_host_order(), entry.value, length});
    } else {
      v6.push_back({KeyV6(address), entry.value, length});
    }
  }
  v4_ = Build(v4);
  v6_ = Build(v6);
}

std::uint32_t Lpm::Find(const wire::IpAddress& address) const {
  return address.is_v4() ? v4_.Find(address.v4_host_order()) : v6_.Find(KeyV6(address));
}

void Lpm::FindBulkV4(std::span<const std::uint32_t> addresses,
                     std::span<std::uint32_t> values) const {
  v4_.FindBulk(addresses, values);
}

void Lpm::FindBulkV6(std::span<const wire::IpAddress> addresses,
                     std::span<std::uint32_t> values) const {
  std::array<unsigned __int128, kKeysAtOnce> keys;
  for (std::size_t at = 0; at < addresses.size(); at += keys.size()) {
    const std::size_t count = std::min(keys.size(), addresses.size() - at);
    for (std::size_t i = 0; i < count; ++i) keys[i] = KeyV6(addresses[at + i]);
    v6_.FindBulk(std::span(keys).first(count), values.subspan(at, count));
  }
}

std::size_t Lpm::memory_bytes() const { return v4_.memory_bytes() + v6_.memory_bytes(); }

}  // namespace taploom::tables
