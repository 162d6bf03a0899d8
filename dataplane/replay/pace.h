// Pace: when each frame of a live replay is due.
#ifndef TAPLOOM_DATAPLANE_REPLAY_PACE_H_
#define TAPLOOM_DATAPLANE_REPLAY_PACE_H_

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace taploom::replay {

class Pace {
 public:
  // The capture's own pauses, divided by `speed`. REQUIRES: speed > 0.
  static Pace AsCaptured(double speed) { return {Kind::kCaptured, speed}; }
  // Evenly. REQUIRES: packets_per_second > 0.
  static Pace AtRate(double packets_per_second) { return {Kind::kRate, packets_per_second}; }
  static Pace TopSpeed() { return {Kind::kTopSpeed, 1}; }

  // How long after the first frame the next one is due; never less than for the one before, also
  // where the capture's clock went back. `time_ns` as captured.
  std::chrono::nanoseconds Next(std::int64_t time_ns) {
    const std::uint64_t number = count_++;
    if (kind_ == Kind::kTopSpeed) return {};
    if (kind_ == Kind::kRate) return Rounded(static_cast<double>(number) * 1e9 / value_);
    if (number != 0 && time_ns > last_ns_) {
      const std::uint64_t pause =
          static_cast<std::uint64_t>(time_ns) - static_cast<std::uint64_t>(last_ns_);
      captured_ns_ += std::min(static_cast<double>(pause), kLongestPauseNs);
    }
    last_ns_ = number == 0 ? time_ns : std::max(last_ns_, time_ns);
    return Rounded(captured_ns_ / value_);
  }
  // The capture begins again: its clock goes on from here, without a pause.
  void BeginAgain(std::int64_t first_time_ns) { last_ns_ = first_time_ns; }

 private:
  enum class Kind : std::uint8_t { kCaptured, kRate, kTopSpeed };
  // A day: nobody waits longer for a clock that was set wrong.
  static constexpr double kLongestPauseNs = 24.0 * 3600 * 1e9;

  Pace(Kind kind, double value) : kind_(kind), value_(value) {}
  static std::chrono::nanoseconds Rounded(double ns) {
    return std::chrono::nanoseconds(static_cast<std::int64_t>(std::min(ns, 9e18)));
  }

  Kind kind_;
  double value_;
  std::uint64_t count_ = 0;
  std::int64_t last_ns_ = 0;
  double captured_ns_ = 0;
};

}  // namespace taploom::replay

#endif  // TAPLOOM_DATAPLANE_REPLAY_PACE_H_
