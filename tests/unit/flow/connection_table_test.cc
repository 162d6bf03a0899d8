#include "dataplane/flow/connection_table.h"

#include <gtest/gtest.h>

#include <span>
#include <vector>

namespace taploom::flow {
namespace {

using std::chrono::seconds;

FlowKey Key(std::uint32_t number, std::uint16_t port) {
  return {{wire::IpAddress::V4(0x0a000000u + number), wire::IpAddress::V4(0x0b000001u), 1000, 80,
           wire::kProtocolTcp, 0},
          port};
}

class ConnectionTableTest : public ::testing::Test {
 protected:
  Connection* Add(ConnectionTable& table, std::uint32_t number,
                  ConnectionState state = ConnectionState::kTcpEstablished, Tick now = Tick()) {
    Connection* connection = table.Insert(Key(number, 1), Key(number, 2), now, error);
    if (connection != nullptr) {
      connection->state = state;
      table.SetTimeout(*connection, 60'000);
    }
    return connection;
  }

  InsertError error = InsertError::kNone;
};

TEST_F(ConnectionTableTest, BothKeysFindTheOneConnection) {
  ConnectionTable table({.capacity = 4});
  Connection* connection = Add(table, 1);
  EXPECT_EQ(connection, table.Find(Key(1, 1), Tick()).connection);
  EXPECT_EQ(FlowDirection::kOriginal, table.Find(Key(1, 1), Tick()).direction);
  EXPECT_EQ(connection, table.Find(Key(1, 2), Tick()).connection);
  EXPECT_EQ(FlowDirection::kReply, table.Find(Key(1, 2), Tick()).direction);
  EXPECT_FALSE(table.Find(Key(2, 1), Tick()));
  table.Remove(*connection);
  EXPECT_FALSE(table.Find(Key(1, 1), Tick()));
  EXPECT_FALSE(table.Find(Key(1, 2), Tick()));
  EXPECT_EQ(0u, table.size());
}

// Two connections may want the same reply key: two VPCs with the same addresses at one service.
TEST_F(ConnectionTableTest, AConnectionThatIsOverLeavesItsReplyKeyToAnother) {
  ConnectionTable table({.capacity = 4});
  ASSERT_NE(nullptr, Add(table, 1));
  Connection* beside = table.Insert(Key(2, 1), Key(1, 2), Tick(), error);
  ASSERT_NE(nullptr, beside);
  EXPECT_FALSE(beside->has(Connection::kReplyInTable));
  table.Remove(*beside);
  Connection* after = table.Insert(Key(2, 1), Key(1, 2), seconds(61), error);
  ASSERT_NE(nullptr, after);
  EXPECT_TRUE(after->has(Connection::kReplyInTable));
  EXPECT_EQ(after, table.Find(Key(1, 2), seconds(61)).connection);
  EXPECT_FALSE(table.Find(Key(1, 1), seconds(61)));
}

TEST_F(ConnectionTableTest, TakesAsManyAsItsCapacity) {
  constexpr std::uint32_t kCapacity = 65'536;
  ConnectionTable table({.capacity = kCapacity, .capacity_per_port = 2 * kCapacity});
  for (std::uint32_t i = 0; i < kCapacity; ++i) {
    Connection* connection = Add(table, i);
    ASSERT_NE(nullptr, connection) << i;
    ASSERT_TRUE(connection->has(Connection::kReplyInTable)) << i;
  }
  EXPECT_EQ(nullptr, Add(table, kCapacity));
  EXPECT_EQ(InsertError::kTableFull, error);
  for (std::uint32_t i = 0; i < kCapacity; ++i) ASSERT_TRUE(table.Find(Key(i, 2), Tick())) << i;
}

TEST_F(ConnectionTableTest, WhenFullAnEmbryonicConnectionMakesRoom) {
  ConnectionTable table({.capacity = 3});
  Add(table, 1);
  Add(table, 2, ConnectionState::kTcpSynSent);
  Add(table, 3);
  EXPECT_NE(nullptr, Add(table, 4));
  EXPECT_TRUE(table.Find(Key(1, 1), Tick()));
  EXPECT_FALSE(table.Find(Key(2, 1), Tick()));
  EXPECT_TRUE(table.Find(Key(3, 1), Tick()));
}

TEST_F(ConnectionTableTest, APortHasAQuota) {
  ConnectionTable table({.capacity = 10, .capacity_per_port = 2});
  Add(table, 1);
  Connection* second = Add(table, 2);
  EXPECT_EQ(nullptr, Add(table, 3));
  EXPECT_EQ(InsertError::kQuota, error);
  table.Remove(*second);
  EXPECT_NE(nullptr, Add(table, 3));
}

TEST_F(ConnectionTableTest, AnIdleConnectionIsNotFoundAndGone) {
  ConnectionTable table({.capacity = 4});
  Add(table, 1);
  EXPECT_TRUE(table.Find(Key(1, 1), seconds(60)));
  EXPECT_FALSE(table.Find(Key(1, 1), seconds(60) + Tick(1)));
  EXPECT_EQ(0u, table.size());
}

TEST_F(ConnectionTableTest, ExpiryFreesTheIdleAndKeepsTheUsed) {
  ConnectionTable table({.capacity = 4});
  Add(table, 1);
  Connection* used = Add(table, 2);
  used->last_seen = seconds(30);
  table.Expire(seconds(62), 64);
  EXPECT_EQ(1u, table.size());
  table.Expire(seconds(92), 64);
  EXPECT_EQ(0u, table.size());
}

TEST_F(ConnectionTableTest, ExpiryLooksAtNoMoreThanItsBudget) {
  ConnectionTable table({.capacity = 100});
  for (std::uint32_t i = 0; i < 100; ++i) Add(table, i);
  table.Expire(seconds(120), 30);
  EXPECT_GE(table.size(), 70u);
  for (int i = 0; i < 10; ++i) table.Expire(seconds(120), 30);
  EXPECT_EQ(0u, table.size());
}

TEST_F(ConnectionTableTest, ASearchBegunBeforeAnInsertOrARemovalSeesIt) {
  ConnectionTable table({.capacity = 4});
  const auto locate = [&](std::uint32_t number) {
    ConnectionTable::Search search;
    table.Begin(KeyView(Key(number, 1)), search);
    table.Locate(search);
    table.LocateAgain(search);
    return search;
  };
  const auto before = locate(1);
  Connection* connection = Add(table, 1);
  EXPECT_EQ(connection, table.Find(before, Tick()).connection);
  const auto while_there = locate(1);
  EXPECT_EQ(connection, table.Find(while_there, Tick()).connection);
  table.Remove(*connection);
  EXPECT_FALSE(table.Find(while_there, Tick()));
  // The place is taken by another connection, and then by the same one again.
  Connection* other = Add(table, 2);
  EXPECT_FALSE(table.Find(while_there, Tick()));
  table.Remove(*other);
  connection = Add(table, 1);
  EXPECT_EQ(connection, table.Find(while_there, Tick()).connection);
  EXPECT_FALSE(table.Find(while_there, seconds(61))) << "idle for too long";
}

TEST_F(ConnectionTableTest, BulkSearchFindsWhatSingleSearchesFind) {
  ConnectionTable table({.capacity = 1000, .capacity_per_port = 10'000});
  for (std::uint32_t i = 0; i < 1000; i += 2) Add(table, i);
  std::vector<FlowKey> keys;
  for (std::uint32_t i = 0; i < 1000; ++i)
    keys.push_back(Key(i * 7 % 1000, static_cast<std::uint16_t>(1 + i % 3)));
  // Fewer than are under way at once, as many, and more.
  for (const std::size_t count : {0u, 1u, 15u, 16u, 17u, 31u, 32u, 33u, 1000u}) {
    const auto some = std::span(keys).first(count);
    std::vector<ConnectionRef> found(count);
    table.FindBulk(some, Tick(), found);
    for (std::size_t i = 0; i < count; ++i) {
      const ConnectionRef alone = table.Find(some[i], Tick());
      EXPECT_EQ(alone.connection, found[i].connection) << i << " of " << count;
      EXPECT_EQ(alone.direction, found[i].direction) << i << " of " << count;
    }
  }
}

TEST_F(ConnectionTableTest, ATakenReplyKeyLeavesTheNewConnectionWithItsOriginalHalf) {
  ConnectionTable table({.capacity = 4});
  Connection* first = Add(table, 1);
  Connection* second = table.Insert(Key(9, 1), Key(1, 2), Tick(), error);
  ASSERT_NE(nullptr, second);
  EXPECT_FALSE(second->has(Connection::kReplyInTable));
  EXPECT_EQ(first, table.Find(Key(1, 2), Tick()).connection);
  table.Remove(*second);
  EXPECT_EQ(first, table.Find(Key(1, 2), Tick()).connection);
}

}  // namespace
}  // namespace taploom::flow
