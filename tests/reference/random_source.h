// RandomSource: where the reference tests take their input from.
//
// Every test prints the seed it runs with; `TAPLOOM_SEED=n` runs it again with the same input.
#ifndef TAPLOOM_TESTS_REFERENCE_RANDOM_SOURCE_H_
#define TAPLOOM_TESTS_REFERENCE_RANDOM_SOURCE_H_

#include <cstdint>
#include <random>
#include <span>

#include "dataplane/wire/ip_address.h"

namespace taploom::reference {

inline constexpr wire::Family kFamilies[] = {wire::Family::kIpv4, wire::Family::kIpv6};

// TAPLOOM_SEED, or a fresh one. The same for the whole process, and printed when first asked for.
std::uint64_t Seed();

class RandomSource {
 public:
  explicit RandomSource(std::uint64_t seed) : engine_(seed) {}

  // A number from `low` to `high`, inclusive.
  std::uint64_t Between(std::uint64_t low, std::uint64_t high) {
    return std::uniform_int_distribution<std::uint64_t>(low, high)(engine_);
  }
  bool OneIn(std::uint64_t n) { return Between(1, n) == 1; }
  template <typename T>
  const T& OneOf(std::span<const T> choices) {
    return choices[Between(0, choices.size() - 1)];
  }

  wire::IpAddress Address(wire::Family family);
  // Lengths are spread evenly from `shortest` bits. Most prefixes share their first bits with
  // `near`, so that they nest and touch; an unrelated pair of random prefixes would hardly ever
  // meet.
  wire::IpPrefix PrefixNear(const wire::IpAddress& near, unsigned shortest = 0);
  wire::IpAddress AddressInside(const wire::IpPrefix& prefix);
  // An address where an off-by-one would show: the first or last of `prefix`, one beyond either, or
  // anywhere inside.
  wire::IpAddress AddressAround(const wire::IpPrefix& prefix);

 private:
  std::mt19937_64 engine_;
};

}  // namespace taploom::reference

#endif  // TAPLOOM_TESTS_REFERENCE_RANDOM_SOURCE_H_
