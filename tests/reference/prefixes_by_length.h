// PrefixesByLength: what Lpm answers, found by asking for every length whether the address's first
// bits are a prefix of it, the longest first. Fast enough for large tables, unlike LinearLpm.
#ifndef TAPLOOM_TESTS_REFERENCE_PREFIXES_BY_LENGTH_H_
#define TAPLOOM_TESTS_REFERENCE_PREFIXES_BY_LENGTH_H_

#include <cstdint>
#include <functional>
#include <map>
#include <span>

#include "absl/container/flat_hash_map.h"
#include "dataplane/tables/lpm.h"
#include "dataplane/wire/ip_address.h"

namespace taploom::reference {

class PrefixesByLength {
 public:
  explicit PrefixesByLength(std::span<const tables::Lpm::Entry> entries) {
    // Of equal prefixes the later replaces the earlier.
    for (const auto& [prefix, value] : entries) {
      OfFamily(prefix.address)[prefix.length].insert_or_assign(prefix.address, value);
    }
  }

  std::uint32_t Find(const wire::IpAddress& address) const {
    for (const auto& [length, values] : address.is_v4() ? v4_ : v6_) {
      const auto found = values.find(wire::IpPrefix::Of(address, length).address);
      if (found != values.end()) return found->second;
    }
    return tables::Lpm::kNotFound;
  }

 private:
  using ByLength = std::map<std::uint8_t, absl::flat_hash_map<wire::IpAddress, std::uint32_t>,
                            std::greater<std::uint8_t>>;
  ByLength& OfFamily(const wire::IpAddress& address) { return address.is_v4() ? v4_ : v6_; }

  ByLength v4_, v6_;
};

}  // namespace taploom::reference

#endif  // TAPLOOM_TESTS_REFERENCE_PREFIXES_BY_LENGTH_H_
