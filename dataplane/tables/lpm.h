// Lpm: longest prefix match over IPv4 and IPv6, a Poptrie.
//
// Each node spends 6 bits of the address on two 64-bit vectors and finds its child or leaf by
// counting bits, so a node is 24 bytes and children need no pointers; the first bits index an array
// directly when the table is large enough to earn one. (Asai, Ohara: "Poptrie", SIGCOMM 2015, §3.)
// Built once, then immutable: any number of threads may call Find.
#ifndef TAPLOOM_DATAPLANE_TABLES_LPM_H_
#define TAPLOOM_DATAPLANE_TABLES_LPM_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/tables/poptrie.h"
#include "dataplane/wire/ip_address.h"

namespace taploom::tables {

class Lpm {
 public:
  static constexpr std::uint32_t kNotFound = 0xffffffffu;

  struct Entry {
    wire::IpPrefix prefix;
    std::uint32_t value = 0;  // anything but kNotFound
  };

  Lpm() = default;
  // Builds from prefixes of either family in any order. When a prefix occurs twice the later entry
  // wins.
  explicit Lpm(std::span<const Entry> entries);

  // The value of the longest prefix that contains `address`, or kNotFound. Cost: one step per 6
  // address bits until the match is decided.
  std::uint32_t Find(const wire::IpAddress& address) const;

  // The same for many addresses of one family at once, at a fraction of the cost of each
  // (Poptrie::FindBulk). IPv4 addresses in host order. REQUIRES: as many values as addresses.
  void FindBulkV4(std::span<const std::uint32_t> addresses, std::span<std::uint32_t> values) const;
  void FindBulkV6(std::span<const wire::IpAddress> addresses,
                  std::span<std::uint32_t> values) const;

  // Bytes held by both tries.
  std::size_t memory_bytes() const;

 private:
  Poptrie<std::uint64_t> v4_;
  Poptrie<unsigned __int128> v6_;
};

}  // namespace taploom::tables

#endif  // TAPLOOM_DATAPLANE_TABLES_LPM_H_
