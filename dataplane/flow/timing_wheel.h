// TimingWheel: which connections may have gone idle, without a timer per connection.
//
// Two rings of slots: 512 slots of a second, then 8192 slots of 64 seconds (six days, longer than
// any timer of AWS). A connection hangs in the slot of its deadline *as it was when it was put
// there*. Packets write `last_seen` only; when the slot comes up, the connection is looked at and,
// if it was used meanwhile, hung up again further on. (Varghese, Lauck: "Hashed and hierarchical
// timing wheels", 1987.)
#ifndef TAPLOOM_DATAPLANE_FLOW_TIMING_WHEEL_H_
#define TAPLOOM_DATAPLANE_FLOW_TIMING_WHEEL_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "dataplane/flow/connection.h"
#include "dataplane/flow/mapped_array.h"

namespace taploom::flow {

// Links connections of one arena by index. Single-threaded. Schedule and Cancel are O(1).
class TimingWheel {
 public:
  static constexpr std::uint32_t kNil = 0xffffffffu;

  explicit TimingWheel(MappedArray<Connection>& arena);

  // Goes to `now` at once, without the seconds between. REQUIRES: nothing hangs here; `now` does
  // not go back.
  void BeginAt(Tick now) { current_second_ = SecondOf(now); }

  // Hangs the connection into the slot of `deadline`. REQUIRES: it hangs in none.
  void Schedule(std::uint32_t index, Tick deadline);
  void Cancel(std::uint32_t index);  // takes it down, if it hangs in one

  // Takes down connections whose slot has passed by `now`, calling visit(index) for each, which may
  // schedule it again or not. At most `budget` visits; what is left is done in later calls, and
  // then the answer is false.
  template <typename Visitor>
  bool Advance(Tick now, std::uint32_t budget, Visitor visit) {
    const std::int64_t now_second = SecondOf(now);
    while (current_second_ <= now_second) {
      std::uint32_t& slot = slots_[FineSlot(current_second_)];
      while (slot != kNil) {
        if (budget-- == 0) return false;
        const std::uint32_t index = slot;
        Prefetch(arena_[index].wheel_next);
        Cancel(index);
        visit(index);
      }
      if (current_second_ == now_second) return true;
      if ((current_second_ + 1) % kCoarseSeconds == 0 && !Cascade(current_second_ + 1, budget))
        return false;
      ++current_second_;
    }
    return true;
  }

  // The first connection, in order of deadline and among the next `max_visits`, for which
  // matches(connection); kNil when none.
  template <typename Predicate>
  std::uint32_t FindSoonest(std::uint32_t max_visits, Predicate matches) const {
    for (std::int64_t second = current_second_; second < current_second_ + kFineSlots; ++second) {
      for (std::uint32_t index = slots_[FineSlot(second)]; index != kNil;
           index = arena_[index].wheel_next) {
        if (matches(arena_[index])) return index;
        if (--max_visits == 0) return kNil;
      }
    }
    return kNil;
  }

 private:
  static constexpr std::int64_t kFineSlots = 512, kCoarseSlots = 8192, kCoarseSeconds = 64;
  // In wheel_previous: the first of a slot, and which; kNil for one that hangs in none.
  static constexpr std::uint32_t kFirstOfSlot = 0x80000000u;

  static std::int64_t SecondOf(Tick tick) { return tick.count() / 1000; }
  static std::size_t FineSlot(std::int64_t second) {
    return static_cast<std::size_t>(second % kFineSlots);
  }
  static std::size_t CoarseSlot(std::int64_t second) {
    return static_cast<std::size_t>(kFineSlots + second / kCoarseSeconds % kCoarseSlots);
  }
  // Spreads the coarse slot that begins at `second` over the fine ring. False when the budget ended
  // first.
  bool Cascade(std::int64_t second, std::uint32_t& budget);
  void Push(std::uint32_t index, std::size_t slot);
  // The connections of a slot lie anywhere in the arena.
  void Prefetch(std::uint32_t index) const {
    if (index == kNil) return;
    __builtin_prefetch(&arena_[index], 1);
  }

  MappedArray<Connection>& arena_;
  std::unique_ptr<std::uint32_t[]> slots_;
  std::int64_t current_second_ = 0;
};

}  // namespace taploom::flow

#endif  // TAPLOOM_DATAPLANE_FLOW_TIMING_WHEEL_H_
