// BurstBuffers: the memory that one worker's frames live in, mapped once at start.
#ifndef TAPLOOM_DATAPLANE_WORKER_BURST_BUFFERS_H_
#define TAPLOOM_DATAPLANE_WORKER_BURST_BUFFERS_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/packet.h"

namespace taploom::worker {

// Packets whose head and tail point at buffers of their own. All heads lie together, so a
// burst of 32 small frames touches 66 KiB; a tail costs memory only once a superframe has been in
// it.
class BurstBuffers {
 public:
  static constexpr std::size_t kCount = 32;  // of one burst

  // For `bursts` bursts at a time. Throws std::system_error when there is no memory.
  explicit BurstBuffers(std::size_t bursts = 1);
  BurstBuffers(const BurstBuffers&) = delete;
  BurstBuffers& operator=(const BurstBuffers&) = delete;
  ~BurstBuffers();

  std::size_t count() const { return packets_.size(); }
  // REQUIRES: count ≤ count().
  std::span<Packet> First(std::size_t count) { return std::span(packets_).first(count); }

 private:
  // A cache line more than a head needs: the first lines of heads exactly 2 KiB apart would all
  // fall into two sets of the L1 cache, which together hold half of a burst.
  static constexpr std::size_t kHeadStride = Packet::kHeadCapacity + 64;

  std::size_t memory_size() const { return count() * (kHeadStride + Packet::kTailCapacity); }

  std::vector<Packet> packets_;
  std::uint8_t* memory_;
};

}  // namespace taploom::worker

#endif  // TAPLOOM_DATAPLANE_WORKER_BURST_BUFFERS_H_
