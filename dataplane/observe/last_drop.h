// LastDrop: the packet that a port dropped last, and why. One writer, any number of readers, no
// lock: the writer makes the sequence odd, writes, and makes it even again; a reader whose sequence
// changed meanwhile looks again.
#ifndef TAPLOOM_DATAPLANE_OBSERVE_LAST_DROP_H_
#define TAPLOOM_DATAPLANE_OBSERVE_LAST_DROP_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <type_traits>

#include "dataplane/flow/five_tuple.h"
#include "dataplane/verdict.h"
#include "dataplane/wire/mac_address.h"

namespace taploom::observe {

// Enough to decide the packet again.
struct DroppedPacket {
  flow::FiveTuple tuple;
  // None when the buffer already held the answer to its sender.
  wire::MacAddress source_mac, destination_mac;
  DropReason reason = DropReason::kNone;
  std::uint8_t icmp_type = 0, icmp_code = 0, tcp_flags = 0;
  bool is_fragment = false, is_icmp_error = false;
  std::uint32_t when_ms = 0;  // the lower bits of its tick

  // Of two, each told by another worker. Right for what is less than 24 days apart.
  bool IsLaterThan(const DroppedPacket& other) const {
    return static_cast<std::int32_t>(when_ms - other.when_ms) > 0;
  }
};
static_assert(sizeof(DroppedPacket) <= 64);

class LastDrop {
 public:
  // By the owning worker only: ten stores.
  void Record(const DroppedPacket& packet) {
    Words words{};
    std::memcpy(words.data(), &packet, sizeof packet);
    const std::uint32_t sequence = sequence_.load(std::memory_order_relaxed);
    sequence_.store(sequence + 1, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);
    for (std::size_t i = 0; i < words.size(); ++i)
      words_[i].store(words[i], std::memory_order_relaxed);
    sequence_.store(sequence + 2, std::memory_order_release);
  }

  // nullopt when nothing was dropped yet, or the writer could not be caught at rest.
  std::optional<DroppedPacket> Read() const {
    for (int tries = 0; tries < kTries; ++tries) {
      const std::uint32_t before = sequence_.load(std::memory_order_acquire);
      if (before == 0) return std::nullopt;
      Words words;
      for (std::size_t i = 0; i < words.size(); ++i)
        words[i] = words_[i].load(std::memory_order_relaxed);
      std::atomic_thread_fence(std::memory_order_acquire);
      if (before % 2 != 0 || sequence_.load(std::memory_order_relaxed) != before) continue;
      return PacketIn(words);
    }
    return std::nullopt;
  }

 private:
  static constexpr int kTries = 1000;
  using Words = std::array<std::uint64_t, (sizeof(DroppedPacket) + 7) / 8>;
  static_assert(std::is_trivially_copyable_v<DroppedPacket>);

  // The writer is not trusted to write 0 or 1 where a bool is.
  static DroppedPacket PacketIn(Words& words) {
    auto* bytes = reinterpret_cast<std::uint8_t*>(words.data());
    for (const std::size_t at :
         {offsetof(DroppedPacket, is_fragment), offsetof(DroppedPacket, is_icmp_error)}) {
      bytes[at] = bytes[at] != 0 ? 1 : 0;
    }
    DroppedPacket packet;
    std::memcpy(static_cast<void*>(&packet), bytes, sizeof packet);
    return packet;
  }

  std::atomic<std::uint32_t> sequence_{0};
  std::array<std::atomic<std::uint64_t>, std::tuple_size_v<Words>> words_{};
};

}  // namespace taploom::observe

#endif  // TAPLOOM_DATAPLANE_OBSERVE_LAST_DROP_H_
