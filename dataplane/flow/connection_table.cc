#include "dataplane/flow/connection_table.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <system_error>

#include "dataplane/flow/connection_version.h"
#include "dataplane/flow/conntrack.h"

namespace taploom::flow {
namespace {

// How many of the connections that end soonest are looked at for an embryonic one before the table
// is called full.
constexpr std::uint32_t kEvictionSearch = 64;
// Free slots of a key's first bucket from which its second is considered. At full load it leaves
// nine keys of ten in their first bucket, where always taking the emptier leaves seven.
constexpr std::size_t kRoomToSpare = 4;

// A memfd of `capacity` connections: `given`, or a new one when that is negative. One that somebody
// has left with another size cannot be gone on with, and is emptied.
int MemoryFor(std::uint32_t capacity, int given) {
  const auto bytes = static_cast<off_t>(capacity * sizeof(Connection));
  const int descriptor = given < 0 ? memfd_create("taploom-connections", MFD_CLOEXEC) : given;
  const auto has_size = [&] { return lseek(descriptor, 0, SEEK_END) == bytes; };
  const auto empty = [&] {
    return ftruncate(descriptor, 0) == 0 && ftruncate(descriptor, bytes) == 0;
  };
  if (descriptor < 0 || (!has_size() && !empty())) {
    throw std::system_error(errno, std::generic_category(),
                            "cannot reserve memory for connections");
  }
  return descriptor;
}

// Two references per connection, at most half of the places taken: the second bucket is rarely read
// and an overflow of both is a freak.
std::size_t BucketCount(std::uint32_t capacity, std::size_t slots) {
  return std::bit_ceil(std::max<std::size_t>(std::size_t{capacity} * 2 * 2 / slots, 2));
}

// What a translated connection's port is counted towards.
NatPorts::Destination NatDestination(const PackedKey& original, std::uint32_t nat_address) {
  return {nat_address, original.v4_destination().raw(), original.destination_port(),
          original.protocol(), 0};
}

}  // namespace

ConnectionTable::ConnectionTable(const Options& options, OnFree on_free, void* context)
    : options_(options),
      on_free_(on_free),
      on_free_context_(context),
      memory_descriptor_(MemoryFor(options.capacity, options.memory)),
      arena_(options.capacity, memory_descriptor_),
      buckets_(BucketCount(options.capacity, kSlots)),
      bucket_mask_(buckets_.size() - 1),
      own_use_(options.use == nullptr ? std::make_unique<ConnectionUse>(false) : nullptr),
      use_(options.use == nullptr ? own_use_.get() : options.use),
      nat_ports_(options.capacity, options.seed),
      wheel_(arena_) {}

ConnectionTable::~ConnectionTable() {
  if (options_.memory < 0) close(memory_descriptor_);
}

std::uint32_t ConnectionTable::FindIn(const Bucket& bucket, std::uint16_t tag,
                                      const KeyView& key) const {
  for (std::uint32_t slots = SlotsWith(bucket, tag); slots != 0; slots &= slots - 1) {
    const std::uint32_t reference = bucket.references[std::countr_zero(slots)];
    if (reference != kEmpty && IsCurrent(reference, key)) return reference;
  }
  return kEmpty;
}

std::uint32_t ConnectionTable::FindReference(const KeyView& key, const Places& places) const {
  const std::uint32_t found = FindIn(buckets_[places.first], places.tag, key);
  return found != kEmpty ? found : FindIn(buckets_[places.second], places.tag, key);
}

ConnectionRef ConnectionTable::Find(const FlowKey& key, Tick now) {
  const std::uint32_t reference = FindReference(KeyView(key));
  if (reference == kEmpty) return {};
  return Found(reference, now);
}

// Staggered: a key's bucket is read kAhead keys after it was fetched, and the connection's keys as
// many after that. A search that goes on to its second bucket ends in Find.
void ConnectionTable::FindBulk(std::span<const FlowKey> keys, Tick now,
                               std::span<ConnectionRef> found) {
  constexpr std::size_t kAhead = 16;
  std::array<Search, 2 * kAhead> searches;
  for (std::size_t i = 0; i < keys.size() + 2 * kAhead; ++i) {
    Search& search = searches[i % searches.size()];
    if (i >= 2 * kAhead) found[i - 2 * kAhead] = Find(search, now);
    if (i < keys.size()) Begin(KeyView(keys[i]), search);
    if (i >= kAhead && i - kAhead < keys.size())
      Locate<Wanted::kKeys>(searches[(i - kAhead) % searches.size()]);
  }
}

const Half* ConnectionTable::Peek(const FlowKey& key, Tick now,
                                  const Connection** connection) const {
  const std::uint32_t reference = FindReference(KeyView(key));
  if (reference == kEmpty || arena_[(reference - 1) / 2].IsExpired(now)) return nullptr;
  *connection = &arena_[(reference - 1) / 2];
  return &(*connection)->half(DirectionOf(reference));
}

bool ConnectionTable::InsertReference(const Places& places, std::uint32_t reference) {
  Bucket& first = buckets_[places.first];
  Bucket& second = buckets_[places.second];
  // The first one as long as it has room, so that nearly every search ends there; then the emptier
  // of the two: with it, both overflow only when the table is as good as full (Azar, Broder,
  // Karlin, Upfal: "Balanced allocations", 1994).
  const std::size_t free_in_first = CountFree(first);
  Bucket& bucket =
      free_in_first < kRoomToSpare && CountFree(second) > free_in_first ? second : first;
  for (std::size_t i = 0; i < kSlots; ++i) {
    if (bucket.references[i] == kEmpty) {
      bucket.tags[i] = places.tag;
      bucket.references[i] = reference;
      return true;
    }
  }
  return false;
}

std::size_t ConnectionTable::CountFree(const Bucket& bucket) {
  std::size_t count = 0;
  for (const std::uint32_t reference : bucket.references) count += reference == kEmpty ? 1 : 0;
  return count;
}

void ConnectionTable::RemoveReference(const Places& places, std::uint32_t reference) {
  for (const std::size_t place : {places.first, places.second}) {
    Bucket& bucket = buckets_[place];
    for (std::size_t i = 0; i < kSlots; ++i) {
      if (bucket.references[i] == reference) {
        bucket.tags[i] = 0;
        bucket.references[i] = kEmpty;
        return;
      }
    }
  }
}

bool ConnectionTable::EvictEmbryonic() {
  const std::uint32_t victim = wheel_.FindSoonest(
      kEvictionSearch, [](const Connection& connection) { return IsEmbryonic(connection.state); });
  if (victim == TimingWheel::kNil) return false;
  Free(victim);
  return true;
}

std::uint32_t ConnectionTable::TakeIndex(Tick now) {
  if (IsFull()) {
    Expire(now, kEvictionSearch);
    if (IsFull() && !EvictEmbryonic()) return TimingWheel::kNil;
  }
  if (free_list_ == TimingWheel::kNil) {
    constexpr std::uint32_t kPerHugePage = MappedArray<Connection>::kHugePage / sizeof(Connection);
    if (used_ % kPerHugePage == 0) arena_.TouchHugePage(used_);
    return used_++;
  }
  const std::uint32_t index = free_list_;
  free_list_ = arena_[index].wheel_next;
  // The next one is wanted soon, and was freed long ago.
  if (free_list_ != TimingWheel::kNil) {
    __builtin_prefetch(&arena_[free_list_], 1);
    __builtin_prefetch(&arena_[free_list_].v6_addresses, 1);
    __builtin_prefetch(&arena_[free_list_].halves[0], 1);
    __builtin_prefetch(&arena_[free_list_].halves[1], 1);
  }
  return index;
}

Connection* ConnectionTable::Insert(const FlowKey& original, const FlowKey& reply, Tick now,
                                    InsertError& error) {
  for (const std::uint16_t port : {original.ingress_port, reply.ingress_port}) {
    if (!MayAddAt(port)) {
      error = InsertError::kQuota;
      return nullptr;
    }
  }
  const std::uint32_t index = TakeIndex(now);
  if (index == TimingWheel::kNil) {
    error = InsertError::kTableFull;
    return nullptr;
  }
  const KeyView original_view(original), reply_view(reply);
  Connection& connection = arena_[index];
  const std::uint32_t version = BegunVersion(connection.version);
  __atomic_store_n(&connection.version, version, __ATOMIC_RELAXED);
  // No reader who sees anything of the new connection takes it for the one before.
  std::atomic_thread_fence(std::memory_order_release);
  Connection fresh;
  fresh.version = version;
  fresh.wheel_previous = TimingWheel::kNil;
  connection = fresh;
  connection.keys[0] = original_view.packed;
  connection.keys[1] = reply_view.packed;
  if (original_view.is_v6()) {
    connection.v6_addresses[0] = original.tuple.source;
    connection.v6_addresses[1] = original.tuple.destination;
  }
  if (!InsertReference(PlacesOf(original_view), index * 2 + 1)) {
    arena_[index].wheel_next = free_list_;
    free_list_ = index;
    error = InsertError::kTableFull;
    return nullptr;
  }
  connection.flags = Connection::kLive;
  if (original_view.is_v6()) connection.flags |= Connection::kIpv6;
  const Places reply_places = PlacesOf(reply_view);
  const std::uint32_t holder = FindReference(reply_view, reply_places);
  // Found frees a connection that is over: it must not stand in the way.
  const bool is_free = holder == kEmpty || !Found(holder, now);
  if (is_free && InsertReference(reply_places, index * 2 + 2))
    connection.flags |= Connection::kReplyInTable;
  connection.created = connection.last_seen = now;
  use_->AddAtPorts(original.ingress_port, reply.ingress_port);
  use_->AddToTotal();
  SetSize(size() + 1);
  error = InsertError::kNone;
  return &connection;
}

void ConnectionTable::SetTimeout(Connection& connection, std::uint32_t timeout_ms) {
  const bool completes = connection.timeout_ms == 0;
  connection.timeout_ms = timeout_ms;
  const std::uint32_t index = IndexOf(connection);
  wheel_.Cancel(index);
  wheel_.Schedule(index, connection.last_seen + Tick(timeout_ms));
  if (completes && IsBeingMade(connection.version))
    __atomic_store_n(&connection.version, EndedVersion(connection.version), __ATOMIC_RELEASE);
}

void ConnectionTable::HoldNatPort(Connection& connection, std::uint32_t nat_address,
                                  std::uint16_t port, std::uint16_t gateway_slot) {
  nat_ports_.Add(NatDestination(connection.keys[0], nat_address));
  connection.flags |= Connection::kNat;
  connection.nat_address = nat_address;
  connection.nat_port = port;
  connection.nat_gateway = gateway_slot;
}

bool ConnectionTable::KeepsMapping(Connection& connection, Tick now) {
  if (!connection.has(Connection::kNat) || connection.is_marked(Connection::kMappingOnly))
    return false;
  const std::uint32_t timeout_ms = MappingTimeoutOf(connection.state);
  if (now - connection.last_seen > Tick(timeout_ms)) return false;
  connection.timeout_ms = timeout_ms;  // the wheel finds it when it comes round
  connection.marks |= Connection::kMappingOnly;
  connection.flags &= static_cast<std::uint8_t>(
      ~(Connection::kTrackedAtSource | Connection::kTrackedAtDestination));
  for (Half& half : connection.halves) half.action.generation |= FlowAction::kOutdated;
  use_->RemoveAtPorts(connection.keys[0].ingress_port(), connection.keys[1].ingress_port());
  return true;
}

bool ConnectionTable::Readmit(Connection& connection) {
  for (const PackedKey& key : connection.keys) {
    if (!MayAddAt(key.ingress_port())) return false;
  }
  use_->AddAtPorts(connection.keys[0].ingress_port(), connection.keys[1].ingress_port());
  connection.marks &= static_cast<std::uint8_t>(~Connection::kMappingOnly);
  return true;
}

void ConnectionTable::Remove(Connection& connection) { Free(IndexOf(connection)); }

bool ConnectionTable::RemoveAt(std::uint32_t place, std::uint64_t fingerprint) {
  if (place >= used_ || !arena_[place].has(Connection::kLive)) return false;
  if (Fingerprint(arena_[place]) != fingerprint) return false;
  Free(place);
  return true;
}

void ConnectionTable::Free(std::uint32_t index) {
  Connection& connection = arena_[index];
  if (on_free_ != nullptr) on_free_(on_free_context_, connection);
  RemoveReference(PlacesOf(connection.key_view(FlowDirection::kOriginal)), index * 2 + 1);
  if (connection.has(Connection::kReplyInTable))
    RemoveReference(PlacesOf(connection.key_view(FlowDirection::kReply)), index * 2 + 2);
  if (connection.has(Connection::kNat))
    nat_ports_.Remove(NatDestination(connection.keys[0], connection.nat_address));
  if (!connection.is_marked(Connection::kMappingOnly))
    use_->RemoveAtPorts(connection.keys[0].ingress_port(), connection.keys[1].ingress_port());
  use_->RemoveFromTotal();
  SetSize(size() - 1);
  wheel_.Cancel(index);
  connection.flags = 0;
  connection.wheel_next = free_list_;
  free_list_ = index;
}

bool ConnectionTable::Expire(Tick now, std::uint32_t budget) {
  return wheel_.Advance(now, budget, [this, now](std::uint32_t index) {
    Connection& connection = arena_[index];
    if (connection.IsExpired(now) && !KeepsMapping(connection, now)) {
      Free(index);
    } else {
      wheel_.Schedule(index, connection.last_seen + Tick(connection.timeout_ms));
    }
  });
}

}  // namespace taploom::flow
