// FragmentCache: the ports of datagrams whose first fragment has passed, so that later fragments find their flow.
//
// Fragments are followed, not reassembled ("shallow" reassembly): a later fragment inherits the verdict of the first one for
// 30 s (vpc-semantics §17). One that comes before its first fragment, or whose first fragment was dropped, is a counted drop.
// Fixed size: a flood of first fragments can only push out other fragments.
#ifndef TAPLOOM_DATAPLANE_FLOW_FRAGMENT_CACHE_H_
#define TAPLOOM_DATAPLANE_FLOW_FRAGMENT_CACHE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "dataplane/flow/five_tuple.h"
#include "dataplane/flow/mapped_array.h"
#include "dataplane/tick.h"

namespace taploom::flow {

class FragmentCache {
 public:
  static constexpr std::size_t kSets = 1024, kWays = 4;
  static constexpr Tick kLifetime = std::chrono::seconds(30);

  struct Ports {
    std::uint16_t source = 0, destination = 0;
  };

  explicit FragmentCache(std::uint64_t seed) : sets_(kSets), seed_(seed) {}

  // Records the ports of an allowed first fragment. `addresses`: source, destination and protocol of the packet, ports 0.
  void Remember(FlowKey addresses, std::uint32_t fragment_id, Ports ports, Tick now) {
    Entry* victim = nullptr;
    for (Entry& entry : SetOf(addresses, fragment_id).ways) {
      if (entry.expires <= now || (entry.key == addresses && entry.fragment_id == fragment_id)) {
        victim = &entry;
        break;
      }
      if (victim == nullptr || entry.expires < victim->expires) victim = &entry;
    }
    *victim = {addresses, fragment_id, ports, now + kLifetime};
  }

  // The ports of the datagram that a later fragment belongs to.
  std::optional<Ports> Find(const FlowKey& addresses, std::uint32_t fragment_id, Tick now) const {
    for (const Entry& entry : SetOf(addresses, fragment_id).ways) {
      if (entry.expires > now && entry.fragment_id == fragment_id && entry.key == addresses) return entry.ports;
    }
    return std::nullopt;
  }

 private:
  struct Entry {
    FlowKey key;
    std::uint32_t fragment_id = 0;
    Ports ports;
    Tick expires{};  // zeroed memory has expired
  };
  struct Set {
    std::array<Entry, kWays> ways;
  };

  std::size_t IndexOf(const FlowKey& addresses, std::uint32_t fragment_id) const {
    return Hash(addresses, seed_ ^ (fragment_id * 0x9e3779b97f4a7c15ull)) % kSets;
  }
  Set& SetOf(const FlowKey& addresses, std::uint32_t id) { return sets_[IndexOf(addresses, id)]; }
  const Set& SetOf(const FlowKey& addresses, std::uint32_t id) const { return sets_[IndexOf(addresses, id)]; }

  MappedArray<Set> sets_;
  std::uint64_t seed_;
};

}  // namespace taploom::flow

#endif  // TAPLOOM_DATAPLANE_FLOW_FRAGMENT_CACHE_H_
