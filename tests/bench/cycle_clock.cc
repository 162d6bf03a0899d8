#include "tests/bench/cycle_clock.h"

#include <chrono>

namespace taploom::bench {

double CyclesPerSecond() {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point begin = Clock::now();
  const std::uint64_t first = Now();
  while (Clock::now() - begin < std::chrono::milliseconds(100)) {
  }
  const std::uint64_t last = Now();
  const std::chrono::duration<double> seconds = Clock::now() - begin;
  return static_cast<double>(last - first) / seconds.count();
}

}  // namespace taploom::bench
