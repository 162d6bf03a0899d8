#include "dataplane/flow/connection_reader.h"

#include <sys/mman.h>

#include <array>
#include <atomic>
#include <cstring>
#include <new>
#include <type_traits>

#include "dataplane/flow/connection_version.h"

namespace taploom::flow {
namespace {

// A writer is at a place for some hundred nanoseconds; who finds one there this often in a row
// reads what is no arena.
constexpr int kTries = 1000;

using Words = std::array<std::uint64_t, sizeof(Connection) / sizeof(std::uint64_t)>;
static_assert(std::is_trivially_copyable_v<Connection> && sizeof(Words) == sizeof(Connection));

std::uint32_t VersionOf(const Connection& connection) {
  return __atomic_load_n(&connection.version, __ATOMIC_ACQUIRE);
}

// Word by word, so that no field is torn.
Words CopyOf(const Connection& connection) {
  const auto* source = reinterpret_cast<const std::uint64_t*>(&connection);
  Words words;
  for (std::size_t i = 0; i < words.size(); ++i)
    words[i] = __atomic_load_n(source + i, __ATOMIC_RELAXED);
  return words;
}

}  // namespace

ConnectionReader::ConnectionReader(int descriptor, std::uint32_t capacity) : capacity_(capacity) {
  void* memory = mmap(nullptr, capacity * sizeof(Connection), PROT_READ, MAP_SHARED | MAP_NORESERVE,
                      descriptor, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  arena_ = static_cast<const Connection*>(memory);
}

ConnectionReader::~ConnectionReader() {
  munmap(const_cast<Connection*>(arena_), capacity_ * sizeof(Connection));
}

bool ConnectionReader::IsPlace(std::uint32_t place) const {
  return place < capacity_ && VersionOf(arena_[place]) != 0;
}

std::optional<Connection> ConnectionReader::Read(std::uint32_t place) const {
  const Connection& connection = arena_[place];
  for (int tries = 0; tries < kTries; ++tries) {
    const std::uint32_t before = VersionOf(connection);
    if (IsBeingMade(before)) return std::nullopt;  // not complete yet
    const Words words = CopyOf(connection);
    std::atomic_thread_fence(std::memory_order_acquire);
    if (VersionOf(connection) != before) continue;
    Connection copy;
    std::memcpy(static_cast<void*>(&copy), words.data(), sizeof copy);
    return copy.has(Connection::kLive) ? std::optional(copy) : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace taploom::flow
