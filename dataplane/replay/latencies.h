// Latencies: how durations are distributed, in constant memory.
#ifndef TAPLOOM_DATAPLANE_REPLAY_LATENCIES_H_
#define TAPLOOM_DATAPLANE_REPLAY_LATENCIES_H_

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstdint>
#include <limits>

namespace taploom::replay {

// Every power of two is cut into 32 parts, so that a quantile is right to 3 %.
class Latencies {
 public:
  void Add(std::chrono::nanoseconds duration) {
    const auto ns = static_cast<std::uint64_t>(std::max<std::int64_t>(duration.count(), 0));
    ++counts_[IndexOf(ns)];
    ++count_;
    least_ = std::min(least_, ns);
    most_ = std::max(most_, ns);
  }

  std::uint64_t count() const { return count_; }
  // REQUIRES: count() > 0. `share` of all durations are at most this long; 0 and 1 are exact.
  std::chrono::nanoseconds Quantile(double share) const {
    if (share <= 0) return std::chrono::nanoseconds(least_);
    const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(count_) + 0.999999);
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen >= wanted) return std::chrono::nanoseconds(std::clamp(MostOf(i), least_, most_));
    }
    return std::chrono::nanoseconds(most_);
  }

 private:
  static constexpr unsigned kPartBits = 5;
  static constexpr std::uint64_t kParts = 1u << kPartBits;

  static std::size_t IndexOf(std::uint64_t ns) {
    if (ns < kParts) return ns;
    const unsigned shift = static_cast<unsigned>(std::bit_width(ns)) - 1 - kPartBits;
    return (std::size_t{shift} + 1) * kParts + ((ns >> shift) - kParts);
  }
  // The longest duration that is counted at `index`.
  static std::uint64_t MostOf(std::size_t index) {
    if (index < kParts) return index;
    const std::size_t shift = index / kParts - 1;
    return ((kParts + index % kParts + 1) << shift) - 1;
  }

  std::array<std::uint64_t, (64 - kPartBits) * kParts> counts_{};
  std::uint64_t count_ = 0;
  std::uint64_t least_ = std::numeric_limits<std::uint64_t>::max(), most_ = 0;
};

}  // namespace taploom::replay

#endif  // TAPLOOM_DATAPLANE_REPLAY_LATENCIES_H_
