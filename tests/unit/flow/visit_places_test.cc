// Reading the table in slices while it changes.
#include <gtest/gtest.h>

#include <set>

#include "dataplane/flow/connection_table.h"

namespace taploom::flow {
namespace {

FlowKey KeyOf(std::uint16_t number, bool is_reply = false) {
  FlowKey key;
  key.tuple = {wire::IpAddress::V4(0x0a000001), wire::IpAddress::V4(0x0a000002), number, 80, 6, 0};
  if (is_reply) key.tuple = key.tuple.Reversed();
  key.ingress_port = is_reply ? 2 : 1;
  return key;
}

class VisitPlaces : public ::testing::Test {
 protected:
  void Insert(std::uint16_t number) {
    InsertError error;
    ASSERT_NE(table_.Insert(KeyOf(number), KeyOf(number, true), Tick(), error), nullptr);
  }

  ConnectionTable table_{{.capacity = 1000, .capacity_per_port = 1000, .seed = 7}};
};

TEST_F(VisitPlaces, SlicesTogetherShowEveryLiveConnectionOnce) {
  for (std::uint16_t i = 1; i <= 700; ++i) Insert(i);
  for (std::uint16_t i = 1; i <= 700; i += 3)
    table_.Remove(*table_.Find(KeyOf(i), Tick()).connection);
  std::multiset<std::uint16_t> seen;
  std::uint32_t place = 0;
  int slices = 0;
  while (place < table_.places()) {
    place = table_.VisitPlaces(place, 64, [&](const Connection& connection) {
      seen.insert(connection.keys[0].source_port());
      return true;
    });
    ++slices;
  }
  EXPECT_EQ(slices, 11);
  EXPECT_EQ(seen.size(), table_.size());
  for (std::uint16_t i = 1; i <= 700; ++i) EXPECT_EQ(seen.count(i), i % 3 == 1 ? 0u : 1u) << i;
}

TEST_F(VisitPlaces, StopsWhereTheVisitorHasEnoughAndGoesOnAfterIt) {
  for (std::uint16_t i = 1; i <= 10; ++i) Insert(i);
  int count = 0;
  const auto three = [&count](const Connection&) { return ++count < 3; };
  const std::uint32_t place = table_.VisitPlaces(0, 100, three);
  EXPECT_EQ(count, 3);
  EXPECT_EQ(place, 3u);
  table_.VisitPlaces(place, 100, [&count](const Connection&) { return ++count > 0; });
  EXPECT_EQ(count, 10);
}

}  // namespace
}  // namespace taploom::flow
