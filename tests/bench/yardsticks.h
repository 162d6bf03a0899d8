// Yardsticks from DPDK (Debian's libdpdk-dev), behind plain functions, so that only one source
// knows its headers. Built without DPDK, every Make… returns nullptr and the rows say so.
#ifndef TAPLOOM_TESTS_BENCH_YARDSTICKS_H_
#define TAPLOOM_TESTS_BENCH_YARDSTICKS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dataplane/flow/five_tuple.h"
#include "dataplane/tables/lpm.h"

namespace taploom::bench {

// True when DPDK was there at build time and its environment could be started (in ordinary memory,
// without hugepages or devices).
bool StartDpdk(std::string& problem);

class RouteYardstick {
 public:
  static constexpr std::uint64_t kNone = 0xffffu;  // what a lookup without a route returns

  virtual ~RouteYardstick() = default;
  // Which of its lookups is used from now on: by AVX-512, or scalar. False when it has no such one.
  virtual bool Select(bool vector) { return !vector; }
  // IPv4 addresses in host order.
  virtual void Find(std::span<const std::uint32_t>, std::span<std::uint64_t>) const {}
  // IPv6 addresses, 16 bytes each.
  virtual void FindV6(std::span<const wire::IpAddress>, std::span<std::uint64_t>) const {}
  virtual std::size_t memory_bytes() const = 0;
};
// DIR24-8 with next hops of 2 bytes, as our leaves have.
std::unique_ptr<RouteYardstick> MakeFib(const std::vector<tables::Lpm::Entry>& entries);
// For small tables: adding a route to rte_lpm looks at all of the same length.
std::unique_ptr<RouteYardstick> MakeLpm(const std::vector<tables::Lpm::Entry>& entries);
std::unique_ptr<RouteYardstick> MakeFib6(const std::vector<tables::Lpm::Entry>& entries);

// rte_hash over our keys, with CRC32C as its hash.
class HashYardstick {
 public:
  virtual ~HashYardstick() = default;
  // Positions; −1 for a miss. In bulks of at most 64.
  virtual void Find(std::span<const flow::FlowKey> keys,
                    std::span<std::int32_t> positions) const = 0;
};
std::unique_ptr<HashYardstick> MakeHash(std::span<const flow::FlowKey> keys);

// One rule of a filter as rte_acl takes it: a source prefix and a range of destination ports.
struct AclRule {
  std::uint32_t source = 0;  // host order
  std::uint32_t source_length = 0;
  std::uint16_t first_port = 0, last_port = 0xffff;
};
struct AclQuery {
  std::uint32_t source = 0;  // host order
  std::uint16_t port = 0;
};
class AclYardstick {
 public:
  virtual ~AclYardstick() = default;
  // The first rule that matches, as position + 1; 0 for none.
  virtual void Match(std::span<const AclQuery> queries, std::span<std::uint32_t> results) = 0;
};
std::unique_ptr<AclYardstick> MakeAcl(std::span<const AclRule> rules);

}  // namespace taploom::bench

#endif  // TAPLOOM_TESTS_BENCH_YARDSTICKS_H_
