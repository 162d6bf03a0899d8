// Reading connections through a mapping of their memory, as another process would.
#include "dataplane/flow/connection_reader.h"

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>

#include "dataplane/flow/connection_table.h"

namespace taploom::flow {
namespace {

constexpr std::uint32_t kEverything = 0xffffffff;

FlowKey KeyOf(std::uint16_t number, bool is_reply = false) {
  FlowKey key;
  key.tuple = {wire::IpAddress::V4(0x0a000001), wire::IpAddress::V4(0x0a000002), number, 80, 6, 0};
  if (is_reply) key.tuple = key.tuple.Reversed();
  key.ingress_port = is_reply ? 2 : 1;
  return key;
}

class ReadConnections : public ::testing::Test {
 protected:
  Connection& InsertUnfinished(std::uint16_t number) {
    InsertError error;
    Connection* connection = table_.Insert(KeyOf(number), KeyOf(number, true), Tick(), error);
    EXPECT_NE(connection, nullptr);
    return *connection;
  }
  // Every number in it says which connection it is.
  void Insert(std::uint16_t number) {
    Connection& connection = InsertUnfinished(number);
    for (Half& half : connection.halves) half.bytes = half.packets = number;
    for (std::uint64_t& rule : connection.rules) rule = number;
    table_.SetTimeout(connection, number);
  }
  void Remove(std::uint16_t number) {
    table_.Remove(*table_.Find(KeyOf(number), Tick()).connection);
  }

  ConnectionTable table_{{.capacity = 1000, .capacity_per_port = 1000, .seed = 7}};
  const ConnectionReader reader_{table_.memory_descriptor(), table_.capacity()};
};

TEST_F(ReadConnections, SlicesTogetherShowEveryLiveConnectionOnce) {
  for (std::uint16_t i = 1; i <= 700; ++i) Insert(i);
  for (std::uint16_t i = 1; i <= 700; i += 3) Remove(i);
  std::multiset<std::uint16_t> seen;
  std::uint32_t place = 0;
  int slices = 0;
  while (reader_.IsPlace(place)) {
    place = reader_.Visit(place, 64, [&](const Connection& connection, std::uint32_t) {
      seen.insert(connection.key(FlowDirection::kOriginal).tuple.source_port);
      return true;
    });
    ++slices;
  }
  EXPECT_EQ(slices, 11);
  EXPECT_EQ(seen.size(), table_.size());
  for (std::uint16_t i = 1; i <= 700; ++i) EXPECT_EQ(seen.count(i), i % 3 == 1 ? 0u : 1u) << i;
}

TEST_F(ReadConnections, StopsWhereTheVisitorHasEnoughAndGoesOnAfterIt) {
  for (std::uint16_t i = 1; i <= 10; ++i) Insert(i);
  int count = 0;
  const auto three = [&count](const Connection&, std::uint32_t) { return ++count < 3; };
  const std::uint32_t place = reader_.Visit(0, kEverything, three);
  EXPECT_EQ(count, 3);
  EXPECT_EQ(place, 3u);
  reader_.Visit(place, kEverything,
                [&count](const Connection&, std::uint32_t) { return ++count > 0; });
  EXPECT_EQ(count, 10);
}

TEST_F(ReadConnections, DoNotShowOneThatIsStillBeingMade) {
  const auto count = [this] {
    int shown = 0;
    reader_.Visit(0, kEverything,
                  [&shown](const Connection&, std::uint32_t) { return ++shown > 0; });
    return shown;
  };
  Insert(1);
  Connection& unfinished = InsertUnfinished(2);
  EXPECT_EQ(count(), 1);
  table_.SetTimeout(unfinished, 2);
  EXPECT_EQ(count(), 2);
  // The same at a place that has been used before.
  Remove(2);
  table_.Remove(InsertUnfinished(3));
  Connection& again = InsertUnfinished(4);
  EXPECT_EQ(count(), 1);
  table_.SetTimeout(again, 4);
  EXPECT_EQ(count(), 2);
}

// A version of 32 bits comes round where a place has had two thousand million connections.
TEST_F(ReadConnections, AreSeenAtAPlaceWhoseVersionsAreUsedUp) {
  Insert(1);
  table_.Find(KeyOf(1), Tick()).connection->version = 0xfffffffc;
  Remove(1);
  for (int i = 0; i < 3; ++i) {
    Insert(2);
    EXPECT_TRUE(reader_.IsPlace(0));
    int shown = 0;
    reader_.Visit(0, kEverything, [&](const Connection&, std::uint32_t) { return ++shown > 0; });
    EXPECT_EQ(shown, 1);
    Remove(2);
  }
}

TEST_F(ReadConnections, ThatChangePlacesAllTheTimeAreNeverMixedUp) {
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> rounds{0};
  std::thread writer([&] {
    // Few places, so that each is taken again at once, by another connection.
    for (std::uint16_t number = 1; !stop; number = number == 5000 ? 1 : number + 1) {
      Insert(number);
      if (number > 4) Remove(static_cast<std::uint16_t>(number - 4));
      if (number == 5000) {
        for (std::uint16_t i = 4997; i <= 5000; ++i) Remove(i);
        ++rounds;
      }
    }
  });
  std::uint64_t shown = 0;
  while (shown < 20'000 || rounds < 2) {
    reader_.Visit(0, kEverything, [&](const Connection& connection, std::uint32_t) {
      const std::uint16_t number = connection.key(FlowDirection::kOriginal).tuple.source_port;
      EXPECT_EQ(connection.key(FlowDirection::kReply).tuple.destination_port, number);
      EXPECT_EQ(connection.timeout_ms, number);
      for (const Half& half : connection.halves) EXPECT_EQ(half.bytes, number);
      for (const std::uint64_t rule : connection.rules) EXPECT_EQ(rule, number);
      return ++shown > 0;
    });
    if (HasFailure()) break;
  }
  stop = true;
  writer.join();
}

TEST_F(ReadConnections, TheirIdentityForgetsNobodyElse) {
  Insert(1);
  std::uint64_t fingerprint = 0;
  std::uint32_t place = 0;
  reader_.Visit(0, kEverything, [&](const Connection& connection, std::uint32_t at) {
    fingerprint = ConnectionTable::Fingerprint(connection);
    place = at;
    return true;
  });
  Remove(1);
  EXPECT_FALSE(table_.RemoveAt(place, fingerprint)) << "it has ended";
  Insert(2);
  EXPECT_FALSE(table_.RemoveAt(place, fingerprint)) << "another has its place";
  EXPECT_FALSE(table_.RemoveAt(999, fingerprint)) << "nobody was ever there";
  Remove(2);
  Insert(1);
  EXPECT_TRUE(table_.RemoveAt(place, fingerprint));
  EXPECT_FALSE(table_.Find(KeyOf(1), Tick()));
}

}  // namespace
}  // namespace taploom::flow
