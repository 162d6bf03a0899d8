// RuleHits: how many connections each security group rule has admitted, by its digest
// (slowpath/decision.h). The table is of fixed size and filled by first use, so that counting
// allocates nothing and needs no preparation when rules change; counts of a removed rule stay.
#ifndef TAPLOOM_DATAPLANE_OBSERVE_RULE_HITS_H_
#define TAPLOOM_DATAPLANE_OBSERVE_RULE_HITS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace taploom::observe {

class RuleHits {
 public:
  static constexpr std::size_t kSlots = 16'384;  // a power of two; 256 KiB

  // By the owning worker only. 0 is no rule. A rule that finds no place among its neighbours is not
  // counted.
  void Add(std::uint64_t digest) {
    if (digest == 0) return;
    for (std::size_t i = 0; i < kReach; ++i) {
      Slot& slot = slots_[(digest + i) & (kSlots - 1)];
      const std::uint64_t owner = slot.digest.load(std::memory_order_relaxed);
      if (owner != digest && owner != 0) continue;
      slot.connections.store(slot.connections.load(std::memory_order_relaxed) + 1,
                             std::memory_order_relaxed);
      if (owner == 0) slot.digest.store(digest, std::memory_order_release);
      return;
    }
    uncounted_.store(uncounted_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  std::uint64_t uncounted() const { return uncounted_.load(std::memory_order_relaxed); }

  // Any thread.
  template <typename Visitor>
  void ForEach(Visitor visit) const {
    for (std::size_t i = 0; i < kSlots; ++i) {
      const std::uint64_t digest = slots_[i].digest.load(std::memory_order_acquire);
      if (digest != 0) visit(digest, slots_[i].connections.load(std::memory_order_relaxed));
    }
  }

 private:
  static constexpr std::size_t kReach = 64;
  struct Slot {
    std::atomic<std::uint64_t> digest{0}, connections{0};
  };
  std::array<Slot, kSlots> slots_{};
  std::atomic<std::uint64_t> uncounted_{0};
};

}  // namespace taploom::observe

#endif  // TAPLOOM_DATAPLANE_OBSERVE_RULE_HITS_H_
