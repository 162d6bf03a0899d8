// The time stamp counter, fenced, so that what is measured lies between two readings and nothing
// else does.
#ifndef TAPLOOM_TESTS_BENCH_CYCLE_CLOCK_H_
#define TAPLOOM_TESTS_BENCH_CYCLE_CLOCK_H_

#include <cstdint>

#if defined(__x86_64__)
#include <x86intrin.h>
#else
#include <chrono>
#endif

namespace taploom::bench {

// Earlier instructions have finished, later ones have not begun (Intel SDM, RDTSC; AMD APM 3).
inline std::uint64_t Now() {
#if defined(__x86_64__)
  _mm_lfence();
  const std::uint64_t now = __rdtsc();
  _mm_lfence();
  return now;
#else
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch() /
                                    std::chrono::nanoseconds(1));
#endif
}

// What two readings with nothing between them are apart: the smallest of many.
inline std::uint64_t CostOfNow() {
  std::uint64_t smallest = ~std::uint64_t{0};
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t before = Now();
    const std::uint64_t apart = Now() - before;
    if (apart < smallest) smallest = apart;
  }
  return smallest;
}

// Counter ticks per second, against the monotonic clock. Takes a tenth of a second.
double CyclesPerSecond();

}  // namespace taploom::bench

#endif  // TAPLOOM_TESTS_BENCH_CYCLE_CLOCK_H_
