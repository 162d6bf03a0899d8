// FragmentCache: the ports of datagrams whose first fragment has passed, so that later fragments
// find their flow.
//
// Fragments are followed, not reassembled ("shallow" reassembly): a later fragment inherits the
// verdict of the first one for 30 s (vpc-semantics §17). One that comes before its first fragment,
// or whose first fragment was dropped, is a counted drop. Fixed size: a flood of first fragments
// can only push out other fragments.
#ifndef TAPLOOM_DATAPLANE_FLOW_FRAGMENT_CACHE_H_
#define TAPLOOM_DATAPLANE_FLOW_FRAGMENT_CACHE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "dataplane/flow/five_tuple.h"
#include "dataplane/flow/key_view.h"
#include "dataplane/flow/mapped_array.h"
#include "dataplane/tick.h"

namespace taploom::flow {

class FragmentCache {
 public:
  static constexpr std::size_t kSets = 1024, kWays = 4;
  static constexpr Tick kLifetime = std::chrono::seconds(30);

  // What only the first fragment says of its flow.
  struct Ports {
    std::uint16_t source = 0, destination = 0;
    std::uint8_t icmp_query = 0;

    static Ports Of(const FiveTuple& tuple) {
      return {tuple.source_port, tuple.destination_port, tuple.icmp_query};
    }
    void ApplyTo(FiveTuple& tuple) const {
      tuple.source_port = source;
      tuple.destination_port = destination;
      tuple.icmp_query = icmp_query;
    }
  };

  explicit FragmentCache(std::uint64_t seed) : sets_(kSets), seed_(seed) {}

  // Records an allowed first fragment by its key.
  void Remember(const FlowKey& key, std::uint32_t fragment_id, Tick now) {
    const FlowKey addresses = AddressesOf(key);
    Entry* victim = nullptr;
    for (Entry& entry : SetOf(addresses, fragment_id).ways) {
      if (entry.expires <= now || (entry.key == addresses && entry.fragment_id == fragment_id)) {
        victim = &entry;
        break;
      }
      if (victim == nullptr || entry.expires < victim->expires) victim = &entry;
    }
    *victim = {addresses, fragment_id, Ports::Of(key.tuple), now + kLifetime};
  }

  // Of the datagram that a later fragment belongs to; only addresses and protocol of `key` are
  // looked at.
  std::optional<Ports> Find(const FlowKey& key, std::uint32_t fragment_id, Tick now) const {
    const FlowKey addresses = AddressesOf(key);
    for (const Entry& entry : SetOf(addresses, fragment_id).ways) {
      if (entry.expires > now && entry.fragment_id == fragment_id && entry.key == addresses)
        return entry.ports;
    }
    return std::nullopt;
  }

 private:
  static FlowKey AddressesOf(FlowKey key) {
    Ports().ApplyTo(key.tuple);
    return key;
  }

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
  const Set& SetOf(const FlowKey& addresses, std::uint32_t id) const {
    return sets_[IndexOf(addresses, id)];
  }

  MappedArray<Set> sets_;
  std::uint64_t seed_;
};

}  // namespace taploom::flow

#endif  // TAPLOOM_DATAPLANE_FLOW_FRAGMENT_CACHE_H_
