// HandoverRing: packets from one worker to another, in their buffers.
//
//   producer:  if (!ring.Push(packet)) …full…        consumer:  const auto burst = ring.Front(32);
//              ring.Publish();                                  … decide and send them …
//                                                               ring.Release(burst.size());
//
// Each place holds a packet with buffers of its own. Pushing exchanges the producer's packet for
// what is in the place, so no byte is copied and the producer goes on with buffers as good as those
// it gave away. The consumer works on the packets where they are; only Release gives the places
// back. Every buffer belongs to whoever mapped it: nobody may unmap any before all workers have
// stopped.
#ifndef TAPLOOM_DATAPLANE_WORKER_HANDOVER_RING_H_
#define TAPLOOM_DATAPLANE_WORKER_HANDOVER_RING_H_

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/packet.h"
#include "dataplane/worker/burst_buffers.h"

namespace taploom::worker {

// One producer thread, one consumer thread.
class HandoverRing {
 public:
  // Several bursts: an owner that is busy with one of its own falls no further behind.
  static constexpr std::size_t kCapacity = 8 * BurstBuffers::kCount;
  static_assert(std::has_single_bit(kCapacity));

  // Throws std::system_error when there is no memory.
  HandoverRing() : places_(kCapacity / BurstBuffers::kCount) {}

  // Producer: takes the packet, and leaves another one's buffers in its place. False when the ring
  // is full; then nothing has changed. The consumer does not see it before Publish. `tag`: of an
  // injected frame (outcome_desk.h), or 0.
  bool Push(Packet& packet, std::uint64_t tag = 0);
  // Producer: false when nothing was pushed since the last call.
  bool Publish();

  // Consumer: the packets that wait, first come first, at most `most` and no more than lie side by
  // side.
  std::span<Packet> Front(std::size_t most);
  // Consumer: of the packet at `place` of what Front returned.
  std::uint64_t TagOf(std::size_t place) const { return tags_[(released_ + place) % kCapacity]; }
  // Consumer: gives back the first `count` places of what Front returned.
  void Release(std::size_t count);
  // Consumer: as Front, without looking at them.
  bool is_empty() const { return released_ == published_.load(std::memory_order_seq_cst); }

 private:
  Packet& PlaceOf(std::size_t number) { return places_.First(kCapacity)[number % kCapacity]; }

  BurstBuffers places_;
  std::array<std::uint64_t, kCapacity> tags_{};  // by place
  // Numbers of packets since the beginning. The producer's line:
  alignas(64) std::size_t pushed_ = 0;
  std::size_t known_consumed_ = 0;  // what the producer last saw of consumed_
  // The consumer's:
  alignas(64) std::size_t released_ = 0;
  // Written by the producer, and by the consumer.
  alignas(64) std::atomic<std::size_t> published_{0};
  alignas(64) std::atomic<std::size_t> consumed_{0};
};

}  // namespace taploom::worker

#endif  // TAPLOOM_DATAPLANE_WORKER_HANDOVER_RING_H_
