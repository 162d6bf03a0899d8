// What the structures are asked about. Everything comes from a seed, so every run asks the same.
#ifndef TAPLOOM_TESTS_BENCH_WORKLOAD_H_
#define TAPLOOM_TESTS_BENCH_WORKLOAD_H_

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "dataplane/tables/lpm.h"

namespace taploom::bench {

using Random = std::mt19937_64;

// `count` different prefixes with the shape of a BGP table: lengths as the route collectors see
// them (six in ten are /24, none is longer), announced in runs of neighbours that mostly share one
// of 64 next hops.
std::vector<tables::Lpm::Entry> BgpPrefixesV4(std::size_t count, std::uint64_t seed);
// The same for IPv6: /48 leads, then /32 to /47, all inside 2000::/3.
std::vector<tables::Lpm::Entry> BgpPrefixesV6(std::size_t count, std::uint64_t seed);
// The routes of a large VPC route table: /16 to /28 inside 10.0.0.0/8, and a default.
std::vector<tables::Lpm::Entry> VpcRoutes(std::size_t count, std::uint64_t seed);

// Unicast addresses, host order.
std::vector<std::uint32_t> AnyAddressesV4(std::size_t count, std::uint64_t seed);
// An address inside one of the prefixes each; uniformly chosen, or by Zipf's law (exponent 1).
std::vector<std::uint32_t> AddressesInsideV4(const std::vector<tables::Lpm::Entry>& entries,
                                             std::size_t count, bool zipf, std::uint64_t seed);
std::vector<wire::IpAddress> AddressesInsideV6(const std::vector<tables::Lpm::Entry>& entries,
                                               std::size_t count, std::uint64_t seed);

// Positions 0…population−1: rank k comes with a probability of 1/k, and ranks are shuffled over the
// positions.
class Zipf {
 public:
  Zipf(std::size_t population, Random& random);
  std::size_t Next(Random& random) const;

 private:
  std::vector<double> cumulative_;
  std::vector<std::uint32_t> position_;
};

}  // namespace taploom::bench

#endif  // TAPLOOM_TESTS_BENCH_WORKLOAD_H_
