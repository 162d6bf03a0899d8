// ConnectionTable: the unified flow table. One lookup per packet answers security groups, ACLs,
// routes and NAT of all hops.
//
// Buckets of one cache line hold eight 16-bit tags and eight references; a key lives in one of two
// buckets, so a lookup reads at most two lines before it reads the connection itself. A reference
// is the connection's index in an arena, and which half. Nothing is resized or allocated after
// construction; memory is touched only when used. Full is a typed answer. The arena is a memfd, so
// that control can keep it alive for the next dataplane, which adopts what it finds there, and that
// connections are read without the worker (connection_reader.h).
//
// A connection through a NAT gateway ends in two steps. First the interfaces' idle timer ends: what
// they tracked is forgotten, the next packet is judged by the rules (Readmit). The gateway's
// mapping stays, until its own timer ends (MappingTimeoutOf).
//
// Single writer: every member function belongs to the worker that owns the table.
#ifndef TAPLOOM_DATAPLANE_FLOW_CONNECTION_TABLE_H_
#define TAPLOOM_DATAPLANE_FLOW_CONNECTION_TABLE_H_

#include <atomic>
#include <bit>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "dataplane/flow/connection.h"
#include "dataplane/flow/connection_use.h"
#include "dataplane/flow/five_tuple.h"
#include "dataplane/flow/key_view.h"
#include "dataplane/flow/mapped_array.h"
#include "dataplane/flow/nat_ports.h"
#include "dataplane/flow/timing_wheel.h"
#include "dataplane/tick.h"

namespace taploom::flow {

// A connection and the direction in which a key found it.
struct ConnectionRef {
  Connection* connection = nullptr;
  FlowDirection direction = FlowDirection::kOriginal;

  explicit operator bool() const { return connection != nullptr; }
  Half& half() const { return connection->half(direction); }
  FlowKey key() const { return connection->key(direction); }
  // What this direction leaves as, reversed.
  FlowKey peer_key() const { return connection->key(Opposite(direction)); }
  KeyView peer_key_view() const { return connection->key_view(Opposite(direction)); }
};

enum class InsertError : std::uint8_t {
  kNone,
  kTableFull,  // every connection is in use and none of them is embryonic, or both buckets of the
               // key are full
  kQuota,      // a port at either end has as many connections as it may
};

class ConnectionTable {
 public:
  struct Options {
    std::uint32_t capacity = 262'144;  // connections; 256 bytes each once used
    std::uint32_t capacity_per_port = 100'000;
    std::uint64_t seed = 0;  // random per boot; fixed in tests
    // Where other tables count against both limits, too, and which outlives this one; null: alone.
    ConnectionUse* use = nullptr;
    // A memfd that outlives the table, for its connections; what an earlier table has left there
    // waits for Adopt. Emptied first if it has not the size that this table needs. -1: memory of
    // the table's own.
    int memory = -1;
  };
  // Called with a connection just before it is freed, whatever the cause.
  using OnFree = void (*)(void* context, const Connection& connection);

  explicit ConnectionTable(const Options& options, OnFree on_free = nullptr,
                           void* context = nullptr);
  ConnectionTable(const ConnectionTable&) = delete;
  ConnectionTable& operator=(const ConnectionTable&) = delete;
  ~ConnectionTable();

  // Takes over what a table of an earlier process has left in Options::memory: every connection
  // that was complete, makes sense, and that `accept` takes once it has put right what depends on
  // the process (timeout_ms, nat_gateway). That process may have died in the middle of anything, or
  // have written anything: its words are trusted no more than a frame's. Every packet of what is
  // adopted is decided anew, as after a new configuration; limits are not asked. All other places
  // become free. Returns how many were adopted. Costs what memory was ever touched, and a fresh one
  // nothing. REQUIRES: nothing was inserted so far; `accept` touches no other connection.
  std::uint32_t Adopt(Tick now, const std::function<bool(Connection&)>& accept);

  // The live connection one of whose halves has this key. A connection found past its idle timer is
  // freed, and not found.
  ConnectionRef Find(const FlowKey& key, Tick now);
  // The same for many keys; their cache misses overlap. REQUIRES: as many `found` as keys.
  void FindBulk(std::span<const FlowKey> keys, Tick now, std::span<ConnectionRef> found);

  // A search in four steps, so that a burst can take each step for all its packets before the next
  // and wait for memory once instead of thrice:
  //
  //   Begin        hashes the key and prefetches its first bucket
  //   Locate       reads that bucket and prefetches what its caller wants of the connection that
  //   the
  //                key's tag points at, or the second bucket when there is none
  //   LocateAgain  the same in the second bucket, when that was prefetched
  //   Find         compares the key. What earlier packets have inserted or freed since is taken
  //                into account: a candidate that is not the one starts the search anew.
  //
  // What the key's view points at must outlive the search.
  struct Search {
    KeyView key;
    std::uint32_t bucket = 0, other_bucket = 0;
    std::uint32_t candidate = 0;  // a reference, or kEmpty
    std::uint16_t tag = 0;
    bool needs_other_bucket = false;
  };
  enum class Wanted { kPacketLines, kKeys };  // all that a packet touches; what a search compares
  void Begin(const KeyView& key, Search& search) const;
  template <Wanted kWanted = Wanted::kPacketLines>
  void Locate(Search& search) const;
  void LocateAgain(Search& search) const;
  ConnectionRef Find(const Search& search, Tick now);

  // The same as Find without the right to free: for questions asked beside the packet's own flow.
  const Half* Peek(const FlowKey& key, Tick now, const Connection** connection) const;
  bool Contains(const FlowKey& key) const { return FindReference(KeyView(key)) != kEmpty; }

  // Fetches what Insert will read to find room for a key.
  void PrefetchPlaces(const FlowKey& key) const;

  // A new connection with both keys and everything else zero except its times; the caller fills in
  // the rest at once and calls SetTimeout, without which it never expires. REQUIRES: the original
  // key is not in the table; of IPv6, the reply's addresses are the original's the other way round.
  // When the reply key is in the table (the path is asymmetric and the reply has a flow of its
  // own), only the original half is inserted and kReplyInTable stays clear.
  Connection* Insert(const FlowKey& original, const FlowKey& reply, Tick now, InsertError& error);

  void Remove(Connection& connection);
  // The same for the connection at a place, when it is still the one with that fingerprint. False
  // when it is not.
  bool RemoveAt(std::uint32_t place, std::uint64_t fingerprint);
  // Tells a connection from those that have been, or will be, at its place.
  static std::uint64_t Fingerprint(const Connection& connection) {
    return Hash(connection.key_view(FlowDirection::kOriginal),
                static_cast<std::uint64_t>(connection.created.count()));
  }

  // Starts the idle timer anew with another length. O(1). Makes a new connection complete: from now
  // on readers see it.
  void SetTimeout(Connection& connection, std::uint32_t timeout_ms);

  // A packet of a connection that is kMappingOnly was let through by the rules: the interfaces know
  // it again. False when one of them knows as many as it may. The caller sets what they track.
  bool Readmit(Connection& connection);

  // Records that the connection holds a NAT gateway's port; Remove gives it back.
  void HoldNatPort(Connection& connection, std::uint32_t nat_address, std::uint16_t port,
                   std::uint16_t gateway_slot);
  const NatPorts& nat_ports() const { return nat_ports_; }

  // Frees what has been idle for too long, looking at no more than `budget` connections. False when
  // some are left to look at.
  bool Expire(Tick now, std::uint32_t budget);

  // Any thread.
  std::uint32_t size() const { return size_.load(std::memory_order_relaxed); }
  // Of the arena, `capacity` connections; for a ConnectionReader. Any thread.
  int memory_descriptor() const { return memory_descriptor_; }
  std::uint32_t capacity() const { return options_.capacity; }
  std::uint64_t seed() const { return options_.seed; }
  void set_capacity_per_port(std::uint32_t capacity) { options_.capacity_per_port = capacity; }
  // True at the ports whose connections are not limited: those outside every VPC.
  void set_unlimited_ports(std::vector<bool> ports) { unlimited_ports_ = std::move(ports); }

  template <typename Visitor>
  void ForEach(Visitor visit) const {
    for (std::uint32_t i = 0; i < used_; ++i) {
      if (arena_[i].has(Connection::kLive)) visit(arena_[i]);
    }
  }

 private:
  // A reference is index * 2 + direction + 1, so that zeroed memory is empty.
  static constexpr std::uint32_t kEmpty = 0;
  static constexpr std::size_t kSlots = 8;
  struct alignas(64) Bucket {
    std::uint16_t tags[kSlots];
    std::uint32_t references[kSlots];
    std::uint32_t spare[4];
  };
  static_assert(sizeof(Bucket) == 64);

  struct Places {
    std::size_t first, second;
    std::uint16_t tag;
  };
  Places PlacesOf(const KeyView& key) const;
  // One bit per slot whose tag is this one.
  static std::uint32_t SlotsWith(const Bucket& bucket, std::uint16_t tag);
  std::uint32_t FindReference(const KeyView& key) const {
    return FindReference(key, PlacesOf(key));
  }
  std::uint32_t FindReference(const KeyView& key, const Places& places) const;
  std::uint32_t FindIn(const Bucket& bucket, std::uint16_t tag, const KeyView& key) const;
  static std::size_t CountFree(const Bucket& bucket);
  bool InsertReference(const Places& places, std::uint32_t reference);
  void RemoveReference(const Places& places, std::uint32_t reference);
  bool MayAddAt(std::uint16_t port) const {
    const bool is_limited = port >= unlimited_ports_.size() || !unlimited_ports_[port];
    return !is_limited || use_->AtPort(port) < options_.capacity_per_port;
  }
  // No place is left, or others use up what there may be in all.
  bool IsFull() const {
    return (free_list_ == TimingWheel::kNil && used_ == options_.capacity) ||
           (use_->is_shared() && use_->total() >= options_.capacity);
  }
  std::uint32_t TakeIndex(Tick now);
  // What becomes of a connection whose idle timer has ended: false when it is over.
  bool KeepsMapping(Connection& connection, Tick now);
  void SetSize(std::uint32_t size) { size_.store(size, std::memory_order_relaxed); }
  // connection_adoption.cc
  std::uint32_t EndOfUse() const;
  bool AdoptAt(std::uint32_t index, Tick now, const std::function<bool(Connection&)>& accept);
  void CountIn(Connection& connection);
  bool InsertKeysOf(const Connection& connection);
  void Discard(std::uint32_t index);
  bool EvictEmbryonic();
  void Free(std::uint32_t index);
  std::uint32_t IndexOf(const Connection& connection) const {
    return static_cast<std::uint32_t>(&connection - &arena_[0]);
  }
  static FlowDirection DirectionOf(std::uint32_t reference) {
    return static_cast<FlowDirection>((reference - 1) % 2);
  }
  // Whether a reference that was in the table once is there now, and has this key.
  bool IsCurrent(std::uint32_t reference, const KeyView& key) const;
  ConnectionRef Found(std::uint32_t reference, Tick now);
  template <Wanted kWanted>
  void PrefetchConnection(std::uint32_t reference, bool is_v6) const;
  template <Wanted kWanted>
  bool LocateIn(const Bucket& bucket, Search& search) const;

  Options options_;
  OnFree on_free_;
  void* on_free_context_;
  const int memory_descriptor_;
  MappedArray<Connection> arena_;
  MappedArray<Bucket> buckets_;
  std::size_t bucket_mask_;
  const std::unique_ptr<ConnectionUse> own_use_;  // null when it is shared
  ConnectionUse* const use_;
  std::vector<bool> unlimited_ports_;
  NatPorts nat_ports_;
  TimingWheel wheel_;
  std::uint32_t free_list_ = TimingWheel::kNil;  // linked by wheel_next
  std::uint32_t used_ = 0;                       // indices below this have been live at some time
  std::atomic<std::uint32_t> size_{0};           // one writer
};

// What every packet of a burst does is inlined into the burst's loops.

inline ConnectionTable::Places ConnectionTable::PlacesOf(const KeyView& key) const {
  const std::uint64_t hash = Hash(key, options_.seed);
  const auto tag = static_cast<std::uint16_t>(hash >> 48 | 1);
  const std::size_t first = hash & bucket_mask_;
  // Depends on the tag alone, so either bucket leads to the other. The odd factor spreads
  // neighbouring tags.
  const std::size_t second = (first ^ (tag * std::size_t{0x5bd1e995})) & bucket_mask_;
  return {first, second, tag};
}

[[gnu::always_inline]] inline void ConnectionTable::PrefetchPlaces(const FlowKey& key) const {
  const Places places = PlacesOf(KeyView(key));
  __builtin_prefetch(&buckets_[places.first], 1);
  __builtin_prefetch(&buckets_[places.second], 1);
}

inline std::uint32_t ConnectionTable::SlotsWith(const Bucket& bucket, std::uint16_t tag) {
#if defined(__SSE2__)
  const __m128i tags = _mm_load_si128(reinterpret_cast<const __m128i*>(bucket.tags));
  const __m128i equal = _mm_cmpeq_epi16(tags, _mm_set1_epi16(static_cast<std::int16_t>(tag)));
  return static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_packs_epi16(equal, _mm_setzero_si128())));
#else
  std::uint32_t slots = 0;
  for (std::size_t i = 0; i < kSlots; ++i) {
    slots |= static_cast<std::uint32_t>(bucket.tags[i] == tag) << i;
  }
  return slots;
#endif
}

inline ConnectionRef ConnectionTable::Found(std::uint32_t reference, Tick now) {
  const std::uint32_t index = (reference - 1) / 2;
  Connection& connection = arena_[index];
  if (connection.IsExpired(now) && !KeepsMapping(connection, now)) {
    Free(index);
    return {};
  }
  return {&connection, DirectionOf(reference)};
}

inline void ConnectionTable::Begin(const KeyView& key, Search& search) const {
  const Places places = PlacesOf(key);
  __builtin_prefetch(&buckets_[places.first]);
  search.key = key;
  search.bucket = static_cast<std::uint32_t>(places.first);
  search.other_bucket = static_cast<std::uint32_t>(places.second);
  search.candidate = kEmpty;
  search.tag = places.tag;
  search.needs_other_bucket = false;
}

// The lines that are wanted (see Connection). Inlined by force: GCC takes a
// function that only prefetches for one without effect, and leaves out calls to it.
template <ConnectionTable::Wanted kWanted>
[[gnu::always_inline]] inline void ConnectionTable::PrefetchConnection(std::uint32_t reference,
                                                                       bool is_v6) const {
  const Connection& connection = arena_[(reference - 1) / 2];
  __builtin_prefetch(&connection, 1);
  if constexpr (kWanted == Wanted::kPacketLines)
    __builtin_prefetch(&connection.halves[(reference - 1) % 2], 1);
  if (is_v6) __builtin_prefetch(&connection.v6_addresses);
}

template <ConnectionTable::Wanted kWanted>
inline bool ConnectionTable::LocateIn(const Bucket& bucket, Search& search) const {
  const std::uint32_t slots = SlotsWith(bucket, search.tag);
  if (slots == 0) return false;
  search.candidate = bucket.references[std::countr_zero(slots)];
  if (search.candidate != kEmpty) PrefetchConnection<kWanted>(search.candidate, search.key.is_v6());
  return true;
}

template <ConnectionTable::Wanted kWanted>
inline void ConnectionTable::Locate(Search& search) const {
  if (LocateIn<kWanted>(buckets_[search.bucket], search)) return;
  search.needs_other_bucket = true;
  __builtin_prefetch(&buckets_[search.other_bucket]);
}

inline void ConnectionTable::LocateAgain(Search& search) const {
  if (search.needs_other_bucket)
    LocateIn<Wanted::kPacketLines>(buckets_[search.other_bucket], search);
}

inline bool ConnectionTable::IsCurrent(std::uint32_t reference, const KeyView& key) const {
  const Connection& connection = arena_[(reference - 1) / 2];
  const FlowDirection direction = DirectionOf(reference);
  const std::uint8_t in_table = direction == FlowDirection::kOriginal
                                    ? Connection::kLive
                                    : Connection::kLive | Connection::kReplyInTable;
  const std::uint8_t family = key.is_v6() ? Connection::kIpv6 : 0;
  if ((connection.flags & (in_table | Connection::kIpv6)) != (in_table | family)) return false;
  if (!(connection.packed_key(direction) == key.packed)) return false;
  if (!key.is_v6()) return true;
  const KeyView found = connection.key_view(direction);
  return *found.v6_source == *key.v6_source && *found.v6_destination == *key.v6_destination;
}

// A key is in the table once at most, so a candidate that is current is the answer.
inline ConnectionRef ConnectionTable::Find(const Search& search, Tick now) {
  if (search.candidate != kEmpty && IsCurrent(search.candidate, search.key))
    return Found(search.candidate, now);
  const std::uint32_t reference = FindReference(search.key);
  if (reference == kEmpty) return {};
  return Found(reference, now);
}

}  // namespace taploom::flow

#endif  // TAPLOOM_DATAPLANE_FLOW_CONNECTION_TABLE_H_
