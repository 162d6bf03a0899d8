#include "dataplane/flow/timing_wheel.h"

#include <algorithm>

namespace taploom::flow {

TimingWheel::TimingWheel(MappedArray<Connection>& arena)
    : arena_(arena), slots_(std::make_unique<std::uint32_t[]>(kFineSlots + kCoarseSlots)) {
  std::fill_n(slots_.get(), kFineSlots + kCoarseSlots, kNil);
}

void TimingWheel::Schedule(std::uint32_t index, Tick deadline) {
  constexpr std::int64_t kHorizon = (kCoarseSlots - 1) * kCoarseSeconds;
  // The slot after the deadline's own second, so that a connection met in its slot is really past
  // its deadline.
  const std::int64_t second =
      std::clamp(SecondOf(deadline) + 1, current_second_, current_second_ + kHorizon);
  Push(index, second - current_second_ < kFineSlots ? FineSlot(second) : CoarseSlot(second));
}

void TimingWheel::Push(std::uint32_t index, std::size_t slot) {
  Connection& connection = arena_[index];
  connection.wheel_previous = kFirstOfSlot | static_cast<std::uint32_t>(slot);
  connection.wheel_next = slots_[slot];
  if (connection.wheel_next != kNil) arena_[connection.wheel_next].wheel_previous = index;
  slots_[slot] = index;
}

void TimingWheel::Cancel(std::uint32_t index) {
  Connection& connection = arena_[index];
  if (connection.wheel_previous == kNil) return;
  if (connection.wheel_next != kNil)
    arena_[connection.wheel_next].wheel_previous = connection.wheel_previous;
  if ((connection.wheel_previous & kFirstOfSlot) == 0) {
    arena_[connection.wheel_previous].wheel_next = connection.wheel_next;
  } else {
    slots_[connection.wheel_previous & ~kFirstOfSlot] = connection.wheel_next;
  }
  connection.wheel_previous = kNil;
}

bool TimingWheel::Cascade(std::int64_t second, std::uint32_t& budget) {
  std::uint32_t& slot = slots_[CoarseSlot(second)];
  while (slot != kNil) {
    if (budget == 0) return false;
    --budget;
    const std::uint32_t index = slot;
    Cancel(index);
    const Connection& connection = arena_[index];
    Schedule(index, connection.last_seen + Tick(connection.timeout_ms));
  }
  return true;
}

}  // namespace taploom::flow
