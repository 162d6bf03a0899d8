// PeakRates: the busiest ten seconds of the last minute, as CloudWatch tells them of a NAT gateway.
//
// The writer says what was counted so far whenever ten seconds are over, and otherwise compares one
// number per packet; from the marks it leaves a reader takes the differences. One writer, any
// readers; a reader beside the writer may miss the window that is just beginning.
#ifndef TAPLOOM_DATAPLANE_OBSERVE_PEAK_RATES_H_
#define TAPLOOM_DATAPLANE_OBSERVE_PEAK_RATES_H_

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>

#include "dataplane/tick.h"

namespace taploom::observe {

class PeakRates {
 public:
  static constexpr Tick kWindow = std::chrono::seconds(10);
  static constexpr std::int64_t kWindows = 6;

  struct Totals {
    std::uint64_t packets = 0, bytes = 0;
  };

  // Before a packet is counted. `totals()` is asked once per window.
  template <typename Function>
  void Note(Tick now, Function totals) {
    if (now < window_end_) return;
    const std::int64_t window = now / kWindow;
    window_end_ = (window + 1) * kWindow;
    const Totals so_far = totals();
    Mark& mark = marks_[static_cast<std::size_t>(window) % marks_.size()];
    mark.packets.store(so_far.packets, std::memory_order_relaxed);
    mark.bytes.store(so_far.bytes, std::memory_order_relaxed);
    mark.window.store(window, std::memory_order_release);
  }

  // What went out in each of the last windows, the one at hand first and with what it has so far.
  // Workers' are added up before the busiest is looked for.
  using Windows = std::array<Totals, static_cast<std::size_t>(kWindows) + 1>;

  // `totals`: what is counted by now.
  void AddTo(Windows& windows, Tick now, const Totals& totals) const {
    const std::int64_t last = now / kWindow;
    Totals end = totals;
    for (std::int64_t window = last; window >= std::max<std::int64_t>(last - kWindows, 0);
         --window) {
      const Mark& mark = marks_[static_cast<std::size_t>(window) % marks_.size()];
      if (mark.window.load(std::memory_order_acquire) != window) continue;  // nothing came in it
      const Totals begin{mark.packets.load(std::memory_order_relaxed),
                         mark.bytes.load(std::memory_order_relaxed)};
      if (begin.packets > end.packets || begin.bytes > end.bytes) continue;
      Totals& sum = windows[static_cast<std::size_t>(last - window)];
      sum.packets += end.packets - begin.packets;
      sum.bytes += end.bytes - begin.bytes;
      end = begin;
    }
  }
  // Per second, of one worker or of all.
  Totals Peak(Tick now, const Totals& totals) const {
    Windows windows{};
    AddTo(windows, now, totals);
    return Peak(windows);
  }
  static Totals Peak(const Windows& windows) {
    constexpr std::uint64_t kSeconds =
        std::chrono::duration_cast<std::chrono::seconds>(kWindow).count();
    Totals peak;
    for (const Totals& each : windows) {
      peak.packets = std::max(peak.packets, each.packets / kSeconds);
      peak.bytes = std::max(peak.bytes, each.bytes / kSeconds);
    }
    return peak;
  }

 private:
  struct Mark {
    std::atomic<std::int64_t> window{-1};
    std::atomic<std::uint64_t> packets{0}, bytes{0};
  };

  Tick window_end_{};
  std::array<Mark, kWindows + 2> marks_;
};

}  // namespace taploom::observe

#endif  // TAPLOOM_DATAPLANE_OBSERVE_PEAK_RATES_H_
