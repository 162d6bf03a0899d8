// Lpm: longest prefix match over IPv4 and IPv6, a RunTrie for each.
//
// Built once, then immutable: any number of threads may call Find.
#ifndef TAPLOOM_DATAPLANE_TABLES_LPM_H_
#define TAPLOOM_DATAPLANE_TABLES_LPM_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/tables/run_trie.h"
#include "dataplane/wire/ip_address.h"

namespace taploom::tables {

class Lpm {
 public:
  static constexpr std::uint32_t kNotFound = 0xffffffffu;
  static constexpr std::uint32_t kLargestValue = 0x7fffffffu;

  struct Entry {
    wire::IpPrefix prefix;
    std::uint32_t value = 0;  // up to kLargestValue
  };

  Lpm() = default;
  // Builds from prefixes of either family in any order. When a prefix occurs twice the later entry
  // wins.
  explicit Lpm(std::span<const Entry> entries);

  // The value of the longest prefix that contains `address`, or kNotFound. Cost: a step per 8 or 16
  // address bits until the match is decided (RunTrie::Find).
  std::uint32_t Find(const wire::IpAddress& address) const;

  // The same for many addresses of one family at once, at a fraction of the cost of each
  // (RunTrie::FindBulk). IPv4 addresses in host order. REQUIRES: as many values as addresses.
  void FindBulkV4(std::span<const std::uint32_t> addresses, std::span<std::uint32_t> values) const;
  void FindBulkV6(std::span<const wire::IpAddress> addresses,
                  std::span<std::uint32_t> values) const;

  // Bytes held by both tries.
  std::size_t memory_bytes() const;

 private:
  RunTrie<std::uint32_t> v4_;
  RunTrie<unsigned __int128> v6_;
};

}  // namespace taploom::tables

#endif  // TAPLOOM_DATAPLANE_TABLES_LPM_H_
