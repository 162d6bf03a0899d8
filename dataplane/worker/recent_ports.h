// RecentPorts: the ports that had something last, worth reading without asking epoll first.
//
// The next frame of a conversation comes at one of its two ends. A worker that is awake anyway
// finds it sooner by reading both than by asking epoll, which would only announce it: a read that
// brings nothing costs no more than the question. Others must not wait for that, so epoll is asked
// every few rounds all the same, and every round while more than these have something.
#ifndef TAPLOOM_DATAPLANE_WORKER_RECENT_PORTS_H_
#define TAPLOOM_DATAPLANE_WORKER_RECENT_PORTS_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

#include "dataplane/worker/port_table.h"

namespace taploom::worker {

// Of one thread. All O(1).
class RecentPorts {
 public:
  static constexpr std::size_t kMost = 2;

  // What epoll said when it was asked.
  void Note(std::span<PortSlot* const> ready) {
    rounds_left_ = kRoundsBetween;
    if (ready.size() > kMost) {
      count_ = 0;
    } else {
      std::ranges::for_each(ready, [this](PortSlot* slot) { Add(slot); });
    }
  }
  // The ports to read in this round; none when it is time to ask epoll.
  std::span<PortSlot* const> Next() {
    if (count_ == 0 || rounds_left_ == 0) return {};
    --rounds_left_;
    return std::span(slots_).first(count_);
  }
  // It is gone, or will be.
  void Forget(const PortSlot* slot) {
    const auto end = slots_.begin() + static_cast<std::ptrdiff_t>(count_);
    count_ = static_cast<std::size_t>(std::remove(slots_.begin(), end, slot) - slots_.begin());
  }

 private:
  static constexpr int kRoundsBetween = 3;

  // First, in place of the one that was added longest ago.
  void Add(PortSlot* slot) {
    Forget(slot);
    count_ = std::min(count_ + 1, kMost);
    std::shift_right(slots_.begin(), slots_.end(), 1);
    slots_.front() = slot;
  }

  std::array<PortSlot*, kMost> slots_{};
  std::size_t count_ = 0;
  int rounds_left_ = 0;
};

}  // namespace taploom::worker

#endif  // TAPLOOM_DATAPLANE_WORKER_RECENT_PORTS_H_
