#include "dataplane/worker/handover_ring.h"

#include <algorithm>
#include <utility>

namespace taploom::worker {

bool HandoverRing::Push(Packet& packet, std::uint64_t tag) {
  if (pushed_ - known_consumed_ == kCapacity) {
    known_consumed_ = consumed_.load(std::memory_order_acquire);
    if (pushed_ - known_consumed_ == kCapacity) return false;
  }
  tags_[pushed_ % kCapacity] = tag;
  std::swap(packet, PlaceOf(pushed_++));
  return true;
}

// Sequentially consistent, like what the consumer does before it sleeps (doorbell.h): either it
// sees these packets, or we see that it sleeps.
bool HandoverRing::Publish() {
  if (published_.load(std::memory_order_relaxed) == pushed_) return false;
  published_.store(pushed_, std::memory_order_seq_cst);
  return true;
}

std::span<Packet> HandoverRing::Front(std::size_t most) {
  const std::size_t waiting = published_.load(std::memory_order_acquire) - released_;
  const std::size_t first = released_ % kCapacity;
  return places_.First(kCapacity).subspan(first, std::min({waiting, most, kCapacity - first}));
}

void HandoverRing::Release(std::size_t count) {
  released_ += count;
  consumed_.store(released_, std::memory_order_release);
}

}  // namespace taploom::worker
