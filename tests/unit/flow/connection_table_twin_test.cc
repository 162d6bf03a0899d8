// The connection table and a std::map live the same long random life: what is in one is in the
// other.
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <random>

#include "dataplane/flow/connection_table.h"
#include "tests/unit/flow/keys.h"

namespace taploom::flow {
namespace {

constexpr std::uint32_t kKeys = 600, kCapacity = 256;

// Every other connection is one of IPv6 whose key differs from its neighbour's in nothing but the
// family.
FlowKey Original(std::uint32_t n) { return n % 2 == 0 ? OriginalKey(n) : OriginalKeyV6(n - 1); }
FlowKey Reply(std::uint32_t n) { return {Original(n).tuple.Reversed(), 2}; }

struct TwinEntry {
  Tick last_seen{};
  std::uint32_t timeout_ms = 0;
  bool IsExpired(Tick now) const { return now - last_seen > Tick(timeout_ms); }
};

TEST(ConnectionTableTwin, AgreesWithAMap) {
  const std::uint64_t seed = TestSeed();
  SCOPED_TRACE("TAPLOOM_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  ConnectionTable table({.capacity = kCapacity, .capacity_per_port = 100'000, .seed = seed});
  std::map<std::uint32_t, TwinEntry> twin;
  Tick now{};
  int refused = 0;
  struct Begun {
    std::uint32_t n = 0;
    FlowKey key;  // the search's view points at it
    ConnectionTable::Search search;
  };
  std::array<Begun, 32> begun_before;
  for (int step = 0; step < 200'000; ++step) {
    const auto n = static_cast<std::uint32_t>(random() % kKeys);
    const bool by_reply = random() % 2 == 0;
    std::erase_if(twin,
                  [&](const auto& item) { return item.first == n && item.second.IsExpired(now); });
    const ConnectionRef found = table.Find(by_reply ? Reply(n) : Original(n), now);
    ASSERT_EQ(static_cast<bool>(found), twin.contains(n)) << "step " << step << ", key " << n;
    // A search that began many steps ago must see everything that happened since.
    Begun& begun = begun_before[static_cast<std::size_t>(step) % begun_before.size()];
    if (step >= static_cast<int>(begun_before.size())) {
      std::erase_if(twin, [&](const auto& item) {
        return item.first == begun.n && item.second.IsExpired(now);
      });
      ASSERT_EQ(static_cast<bool>(table.Find(begun.search, now)), twin.contains(begun.n))
          << "step " << step << ", key " << begun.n;
      if (begun.n == n && !twin.contains(n)) continue;  // `found` is no more
    }
    begun.n = n;
    begun.key = Original(n);
    table.Begin(KeyView(begun.key), begun.search);
    table.Locate(begun.search);
    table.LocateAgain(begun.search);
    if (found) {
      ASSERT_EQ(found.key(), by_reply ? Reply(n) : Original(n));
    }
    switch (random() % 4) {
      case 0:
      case 1: {
        if (found) {
          found.connection->last_seen = twin[n].last_seen = now;
          break;
        }
        InsertError error = InsertError::kNone;
        Connection* made = table.Insert(Original(n), Reply(n), now, error);
        if (made == nullptr) {
          // Expired connections may still take places, and then a look at some of them may not have
          // been enough.
          ASSERT_GE(table.size(), kCapacity) << "step " << step;
          ++refused;
          break;
        }
        made->state = ConnectionState::kTcpEstablished;
        const auto timeout = static_cast<std::uint32_t>(random() % 20'000);
        table.SetTimeout(*made, timeout);
        twin[n] = {now, timeout};
        break;
      }
      case 2:
        if (found) {
          table.Remove(*found.connection);
          twin.erase(n);
        }
        break;
      case 3:
        now += Tick(random() % 50);
        table.Expire(now, 16);
        break;
    }
  }
  std::size_t live = 0, live_in_table = 0;
  for (const auto& [n, entry] : twin) live += entry.IsExpired(now) ? 0 : 1;
  table.ForEach(
      [&](const Connection& connection) { live_in_table += connection.IsExpired(now) ? 0 : 1; });
  EXPECT_EQ(live_in_table, live);
  EXPECT_LT(refused, 100'000) << "a table that is always full tests little";
}

}  // namespace
}  // namespace taploom::flow
