// A table goes on with what the one of a process before has left in their common memory.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <tuple>

#include "dataplane/flow/connection_table.h"
#include "dataplane/flow/conntrack.h"
#include "tests/unit/flow/keys.h"

namespace taploom::flow {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

constexpr std::uint32_t kNatAddress = 0x6400000a;  // 10.0.0.100, memory order

// Behind a NAT gateway, whose port is the connection's number.
FlowKey NatReplyKey(std::uint32_t n) {
  FlowKey key = ReplyKey(n);
  key.tuple.destination = wire::IpAddress::V4(0xcb007164);
  key.tuple.destination_port = static_cast<std::uint16_t>(NatPorts::kFirstPort + n);
  return key;
}

class ConnectionAdoption : public ::testing::Test {
 protected:
  ~ConnectionAdoption() override {
    table_.reset();
    close(memory_);
  }

  // The process has died, another one has begun.
  void BeginAnew(std::uint32_t capacity = 256) {
    table_.reset();
    use_ = std::make_unique<ConnectionUse>(false);
    table_ = std::make_unique<ConnectionTable>(ConnectionTable::Options{.capacity = capacity,
                                                                        .capacity_per_port = 1000,
                                                                        .seed = 7,
                                                                        .use = use_.get(),
                                                                        .memory = memory_});
  }
  std::uint32_t AdoptAt(Tick now) {
    BeginAnew(table_->capacity());
    return table_->Adopt(now, [](Connection& connection) {
      connection.timeout_ms = std::min(connection.timeout_ms, 600'000u);
      return true;
    });
  }

  Connection& InsertUnfinished(const FlowKey& original, const FlowKey& reply, Tick now = {}) {
    InsertError error = InsertError::kNone;
    Connection* connection = table_->Insert(original, reply, now, error);
    EXPECT_EQ(error, InsertError::kNone);
    connection->state = ConnectionState::kTcpEstablished;
    return *connection;
  }
  Connection& Insert(const FlowKey& original, const FlowKey& reply, Tick now = {}) {
    Connection& connection = InsertUnfinished(original, reply, now);
    table_->SetTimeout(connection, 60'000);
    return connection;
  }
  Connection& InsertTranslated(std::uint32_t n, Tick now = {}) {
    Connection& connection = InsertUnfinished(OriginalKey(n), NatReplyKey(n), now);
    table_->HoldNatPort(connection, kNatAddress, NatReplyKey(n).tuple.destination_port, 3);
    table_->SetTimeout(connection, 60'000);
    return connection;
  }

  // Counts everything anew, slowly: what the table has counted is that, and every key finds its
  // connection.
  void ExpectRight() const {
    std::uint32_t size = 0;
    std::map<std::uint16_t, std::uint32_t> at_port;
    std::map<std::tuple<std::uint32_t, std::uint32_t, std::uint16_t, std::uint8_t>, std::uint32_t>
        nat_ports;
    std::uint64_t bindings = 0;
    table_->ForEach([&](const Connection& connection) {
      ++size;
      for (const FlowDirection direction : {FlowDirection::kOriginal, FlowDirection::kReply}) {
        const FlowKey key = connection.key(direction);
        if (!connection.is_marked(Connection::kMappingOnly)) ++at_port[key.ingress_port];
        if (direction == FlowDirection::kReply && !connection.has(Connection::kReplyInTable))
          continue;
        const Connection* found = nullptr;
        EXPECT_EQ(table_->Peek(key, connection.last_seen, &found), &connection.half(direction));
        EXPECT_EQ(found, &connection);
      }
      if (!connection.has(Connection::kNat)) return;
      ++bindings;
      const PackedKey& original = connection.keys[0];
      ++nat_ports[{connection.nat_address, original.v4_destination().raw(),
                   original.destination_port(), original.protocol()}];
    });
    EXPECT_EQ(table_->size(), size);
    EXPECT_EQ(use_->total(), size);
    for (std::uint32_t port = 0; port < ConnectionUse::kPorts; ++port) {
      const auto expected = at_port.find(static_cast<std::uint16_t>(port));
      ASSERT_EQ(use_->AtPort(static_cast<std::uint16_t>(port)),
                expected == at_port.end() ? 0u : expected->second)
          << "port " << port;
    }
    EXPECT_EQ(table_->nat_ports().total(), bindings);
    for (const auto& [destination, count] : nat_ports) {
      const auto& [nat_address, address, port, protocol] = destination;
      EXPECT_EQ(table_->nat_ports().InUse({nat_address, address, port, protocol, 0}), count);
    }
  }

  const int memory_ = memfd_create("test", MFD_CLOEXEC);
  std::unique_ptr<ConnectionUse> use_;
  std::unique_ptr<ConnectionTable> table_;
};

TEST_F(ConnectionAdoption, BothKeysFindWhatTheOneBeforeHasLeft) {
  BeginAnew();
  Insert(OriginalKey(1), ReplyKey(1), seconds(1)).halves[0].packets = 11;
  Insert(OriginalKeyV6(1), {OriginalKeyV6(1).tuple.Reversed(), 2}, seconds(2));
  EXPECT_EQ(AdoptAt(seconds(3)), 2u);
  for (const FlowKey& key : {OriginalKey(1), ReplyKey(1)}) {
    const ConnectionRef found = table_->Find(key, seconds(3));
    ASSERT_TRUE(found);
    EXPECT_EQ(found.key(), key);
    EXPECT_EQ(found.connection->created, seconds(1));
    EXPECT_EQ(found.connection->halves[0].packets, 11u);
  }
  EXPECT_TRUE(table_->Find({OriginalKeyV6(1).tuple.Reversed(), 2}, seconds(3)));
  EXPECT_FALSE(table_->Find(OriginalKey(2), seconds(3)));
  EXPECT_EQ(use_->AtPort(1), 2u);
  EXPECT_EQ(use_->AtPort(2), 2u);
  EXPECT_EQ(use_->total(), 2u);
}

TEST_F(ConnectionAdoption, EveryPacketIsDecidedAnewAndItIsKnownWhenItLastWas) {
  BeginAnew();
  Insert(OriginalKey(1), ReplyKey(1)).halves[0].action.generation = 5;
  AdoptAt(seconds(1));
  const Connection& connection = *table_->Find(OriginalKey(1), seconds(1)).connection;
  EXPECT_EQ(connection.halves[0].action.generation, 5 | FlowAction::kOutdated);
  EXPECT_EQ(connection.halves[0].action.decided_in(), 5u);
  EXPECT_EQ(connection.halves[1].action.generation, FlowAction::kOutdated);
}

TEST_F(ConnectionAdoption, WhatWasOverOrNotCompleteLeavesItsPlaceToOthers) {
  BeginAnew(3);
  table_->Remove(Insert(OriginalKey(1), ReplyKey(1)));
  Insert(OriginalKey(2), ReplyKey(2));
  const std::uint32_t version = InsertUnfinished(OriginalKey(3), ReplyKey(3)).version;
  EXPECT_EQ(AdoptAt(seconds(1)), 1u);
  ExpectRight();
  EXPECT_FALSE(table_->Find(OriginalKey(3), seconds(1)));
  std::set<const Connection*> places;
  for (std::uint32_t n = 4; n <= 5; ++n) {
    const Connection& connection = Insert(OriginalKey(n), ReplyKey(n), seconds(1));
    places.insert(&connection);
    EXPECT_GT(connection.version, version) << "a place's versions do not come again";
  }
  EXPECT_EQ(places.size(), 2u);
  InsertError error = InsertError::kNone;
  EXPECT_EQ(table_->Insert(OriginalKey(6), ReplyKey(6), seconds(1), error), nullptr);
}

TEST_F(ConnectionAdoption, MemoryThatNobodyHasUsedStaysUntouched) {
  BeginAnew(100'000);
  EXPECT_EQ(table_->Adopt(seconds(1), [](Connection&) { return true; }), 0u);
  EXPECT_EQ(lseek(memory_, 0, SEEK_DATA), -1);
  Insert(OriginalKey(1), ReplyKey(1), seconds(1));
  EXPECT_EQ(AdoptAt(seconds(2)), 1u);
  EXPECT_LE(lseek(memory_, 0, SEEK_HOLE), off_t{2} << 20) << "one large page";
}

TEST_F(ConnectionAdoption, MemoryOfAnotherSizeIsEmptied) {
  for (const std::uint32_t capacity : {512u, 16u}) {
    BeginAnew(64);
    Insert(OriginalKey(1), ReplyKey(1));
    BeginAnew(capacity);
    EXPECT_EQ(table_->Adopt(seconds(1), [](Connection&) { return true; }), 0u);
    Insert(OriginalKey(1), ReplyKey(1), seconds(1));
  }
}

TEST_F(ConnectionAdoption, ANatPortStaysTakenUntilItsConnectionEnds) {
  BeginAnew();
  InsertTranslated(1);
  InsertTranslated(2);
  AdoptAt(seconds(1));
  ExpectRight();
  EXPECT_EQ(table_->nat_ports().total(), 2u);
  Connection& connection = *table_->Find(NatReplyKey(1), seconds(1)).connection;
  EXPECT_EQ(connection.nat_port, NatPorts::kFirstPort + 1);
  EXPECT_EQ(connection.nat_address, kNatAddress);
  table_->Remove(connection);
  EXPECT_EQ(table_->nat_ports().total(), 1u);
}

TEST_F(ConnectionAdoption, WhatOnlyItsGatewayRemembersIsTrackedNowhere) {
  BeginAnew();
  InsertTranslated(1).flags |= Connection::kTrackedAtSource;
  table_->Expire(seconds(62), 10);
  ASSERT_TRUE(
      table_->Find(OriginalKey(1), seconds(62)).connection->is_marked(Connection::kMappingOnly));
  EXPECT_EQ(AdoptAt(seconds(63)), 1u);
  EXPECT_EQ(use_->AtPort(1), 0u);
  EXPECT_EQ(use_->total(), 1u);
  ExpectRight();

  // The process may have died before its interfaces had forgotten it quite.
  table_->Find(OriginalKey(1), seconds(63)).connection->flags |= Connection::kTrackedAtSource;
  EXPECT_EQ(AdoptAt(seconds(64)), 1u);
  EXPECT_FALSE(
      table_->Find(OriginalKey(1), seconds(64)).connection->has(Connection::kTrackedAtSource));
}

TEST_F(ConnectionAdoption, ARepliesWayThatAnotherConnectionHasStaysWithThatOne) {
  BeginAnew();
  Insert(OriginalKey(1), ReplyKey(1));
  FlowKey beside = OriginalKey(1);
  beside.ingress_port = 3;
  ASSERT_FALSE(Insert(beside, ReplyKey(1)).has(Connection::kReplyInTable));
  EXPECT_EQ(AdoptAt(seconds(1)), 2u);
  ExpectRight();
  EXPECT_EQ(table_->Find(ReplyKey(1), seconds(1)).peer_key(), OriginalKey(1));
  EXPECT_TRUE(table_->Find(beside, seconds(1)));
}

TEST_F(ConnectionAdoption, IdleTimersGoOnAlsoAfterManyDays) {
  for (const Tick start : {Tick(seconds(5)), Tick(hours(24 * 400))}) {
    BeginAnew();
    Insert(OriginalKey(1), ReplyKey(1), start);
    Insert(OriginalKey(2), ReplyKey(2), start + seconds(30));
    EXPECT_EQ(AdoptAt(start + seconds(40)), 2u);
    EXPECT_TRUE(table_->Expire(start + seconds(60), 2));
    EXPECT_EQ(table_->size(), 2u);
    EXPECT_TRUE(table_->Expire(start + seconds(62), 2));
    EXPECT_FALSE(table_->Contains(OriginalKey(1)));
    EXPECT_TRUE(table_->Contains(OriginalKey(2)));
    // While there was no process, time went on all the same.
    EXPECT_EQ(AdoptAt(start + seconds(100)), 1u);
    EXPECT_FALSE(table_->Find(OriginalKey(2), start + seconds(100)));
    table_->Expire(start + seconds(101), 2);
    EXPECT_EQ(table_->size(), 0u);
  }
}

TEST_F(ConnectionAdoption, WhoAdoptsMaySetTheTimerAndMayRefuse) {
  BeginAnew();
  Insert(OriginalKey(1), ReplyKey(1));
  Insert(OriginalKey(2), ReplyKey(2));
  BeginAnew();
  EXPECT_EQ(table_->Adopt(seconds(1),
                          [](Connection& connection) {
                            connection.timeout_ms = 5000;
                            return connection.keys[0] == KeyView(OriginalKey(1)).packed;
                          }),
            1u);
  ExpectRight();
  EXPECT_FALSE(table_->Contains(OriginalKey(2)));
  table_->Expire(seconds(7), 10);
  EXPECT_EQ(table_->size(), 0u);
}

TEST_F(ConnectionAdoption, WhatMakesNoSenseIsLeftOut) {
  const struct {
    const char* what;
    std::function<void(Connection&)> spoil;
  } kRows[] = {
      {"it was being made", [](Connection& c) { c.version |= 1; }},
      {"no connection was there", [](Connection& c) { c.version = 0; }},
      {"it is on the free list", [](Connection& c) { c.flags &= 0xff ^ Connection::kLive; }},
      {"an unknown state", [](Connection& c) { c.state = static_cast<ConnectionState>(11); }},
      {"a state of another protocol", [](Connection& c) { c.state = ConnectionState::kUdpStream; }},
      {"an unknown direction", [](Connection& c) { c.first_fin = static_cast<FlowDirection>(2); }},
      {"a reply of another protocol",
       [](Connection& c) { c.keys[1].ends ^= std::uint64_t{1} << 32; }},
      {"no port", [](Connection& c) { c.keys[0].ends &= 0x0000ffffffffffff; }},
      {"a port beyond the last", [](Connection& c) { c.keys[1].ends |= 0xffff000000000000; }},
      {"a key of another family", [](Connection& c) { c.flags |= Connection::kIpv6; }},
      {"a time before the first", [](Connection& c) { c.created = Tick(-1); }},
      {"seen before it was there", [](Connection& c) { c.last_seen = c.created - Tick(1); }},
      {"seen in the future", [](Connection& c) { c.last_seen = Tick::max(); }},
      {"another port than its replies come to", [](Connection& c) { c.nat_port ^= 1; }},
      {"a port that gateways do not use",
       [](Connection& c) {
         c.nat_port = 1023;
         c.keys[1].ends = (c.keys[1].ends & ~std::uint64_t{0xffff0000}) | 1023u << 16;
       }},
      {"a binding whose replies are not found",
       [](Connection& c) { c.flags &= 0xff ^ Connection::kReplyInTable; }},
      {"a mapping without a binding",
       [](Connection& c) {
         c.flags &= 0xff ^ Connection::kNat;
         c.marks |= Connection::kMappingOnly;
       }},
  };
  for (const auto& [what, spoil] : kRows) {
    SCOPED_TRACE(what);
    ASSERT_EQ(ftruncate(memory_, 0), 0);
    BeginAnew(4);
    Insert(OriginalKey(2), ReplyKey(2), seconds(1));
    spoil(InsertTranslated(1, seconds(1)));
    EXPECT_EQ(AdoptAt(seconds(2)), 1u);
    ExpectRight();
    EXPECT_FALSE(table_->Contains(OriginalKey(1)));
    EXPECT_FALSE(table_->Contains(NatReplyKey(1)));
    // All other places are free.
    for (std::uint32_t n = 3; n <= 5; ++n) Insert(OriginalKey(n), ReplyKey(n), seconds(2));
    ExpectRight();
  }
}

TEST_F(ConnectionAdoption, AKeyThatIsThereTwiceIsTakenOnce) {
  BeginAnew();
  Insert(OriginalKey(1), ReplyKey(1));
  Connection& copy = Insert(OriginalKey(2), ReplyKey(2));
  copy.keys[0] = KeyView(OriginalKey(1)).packed;
  EXPECT_EQ(AdoptAt(seconds(1)), 1u);
  ExpectRight();

  BeginAnew(128);
  Insert(OriginalKey(1), ReplyKey(1));
  Insert(OriginalKey(2), ReplyKey(2)).keys[1] = KeyView(ReplyKey(1)).packed;
  EXPECT_EQ(AdoptAt(seconds(1)), 1u);
  ExpectRight();

  BeginAnew(64);
  Connection& itself = Insert(OriginalKey(1), ReplyKey(1));
  itself.keys[1] = itself.keys[0];
  EXPECT_EQ(AdoptAt(seconds(1)), 0u);
  EXPECT_FALSE(table_->Contains(OriginalKey(1)));
}

// --- Whatever is left ---

class RandomAdoption : public ConnectionAdoption {
 protected:
  static constexpr std::uint32_t kCapacity = 64, kKeys = 100;

  bool Chance(unsigned one_in) { return random_() % one_in == 0; }

  void InsertSomething(std::uint32_t n) {
    InsertError error = InsertError::kNone;
    const bool is_v6 = n % 3 == 1, is_translated = n % 3 == 2;
    const FlowKey original = is_v6 ? OriginalKeyV6(n) : OriginalKey(n);
    const FlowKey reply = is_translated ? NatReplyKey(n) : FlowKey{original.tuple.Reversed(), 2};
    if (table_->Contains(original)) return;
    Connection* connection = table_->Insert(original, reply, now_, error);
    if (connection == nullptr) return;
    connection->state = Chance(4) ? ConnectionState::kTcpSynSent : ConnectionState::kTcpEstablished;
    connection->flags |= Connection::kTrackedAtSource;
    if (is_translated && !connection->has(Connection::kReplyInTable))
      return table_->Remove(*connection);
    if (is_translated)
      table_->HoldNatPort(*connection, kNatAddress, reply.tuple.destination_port, 0);
    table_->SetTimeout(*connection, 1 + static_cast<std::uint32_t>(random_() % 100'000));
  }

  void Live(int steps) {
    for (int i = 0; i < steps; ++i) {
      const auto n = static_cast<std::uint32_t>(random_() % kKeys);
      const ConnectionRef found =
          table_->Find(n % 3 == 1 ? OriginalKeyV6(n) : OriginalKey(n), now_);
      if (!found) {
        InsertSomething(n);
      } else if (Chance(3)) {
        table_->Remove(*found.connection);
      } else {
        found.connection->last_seen = now_;
      }
      if (Chance(10)) now_ += Tick(random_() % 20'000);
      if (Chance(4)) table_->Expire(now_, 4);
    }
  }

  void LiveToTheEnd() {
    for (int i = 0; i < 1000 && table_->size() > 0; ++i) {
      now_ += hours(1);
      while (!table_->Expire(now_, 1000)) {
      }
    }
    EXPECT_EQ(table_->size(), 0u);
    EXPECT_EQ(use_->total(), 0u);
    EXPECT_EQ(table_->nat_ports().total(), 0u);
    for (std::uint32_t port = 0; port < ConnectionUse::kPorts; ++port)
      ASSERT_EQ(use_->AtPort(static_cast<std::uint16_t>(port)), 0u) << port;
  }

  const std::uint64_t seed_ = TestSeed();
  const ::testing::ScopedTrace trace_{__FILE__, __LINE__, "TAPLOOM_SEED=" + std::to_string(seed_)};
  std::mt19937_64 random_{seed_};
  Tick now_{};
};

TEST_F(RandomAdoption, OneLifeAfterTheOtherLosesNothingButWhatWasBeingMade) {
  BeginAnew(kCapacity);
  for (int life = 0; life < 300; ++life) {
    Live(200);
    std::map<std::uint32_t, FlowKey> left;
    table_->ForEach([&](const Connection& connection) {
      left[static_cast<std::uint32_t>(left.size())] = connection.key(FlowDirection::kOriginal);
    });
    InsertError error = InsertError::kNone;
    const bool dies_in_the_middle =
        Chance(2) && table_->size() < kCapacity &&
        table_->Insert(OriginalKey(5000), ReplyKey(5000), now_, error) != nullptr;
    now_ += Tick(random_() % 500);
    ASSERT_EQ(AdoptAt(now_), left.size());
    for (const auto& [number, key] : left) ASSERT_TRUE(table_->Contains(key)) << number;
    ASSERT_FALSE(table_->Contains(OriginalKey(5000))) << dies_in_the_middle;
    ExpectRight();
    if (HasFailure()) return;
  }
  LiveToTheEnd();
}

TEST_F(RandomAdoption, OfGarbageTakesWhatItCanCountAndNothingElse) {
  std::uint64_t adopted = 0, left_out = 0;
  for (int round = 0; round < 300; ++round) {
    BeginAnew(kCapacity);
    table_->Adopt(now_, [](Connection&) { return true; });
    Live(300);
    {
      MappedArray<Connection> arena(kCapacity, memory_);
      for (std::uint32_t i = 0; i < kCapacity; ++i) {
        auto* const bytes = reinterpret_cast<std::uint8_t*>(&arena[i]);
        switch (random_() % 6) {
          case 0:  // anything at all
            for (std::size_t at = 0; at < sizeof(Connection); ++at)
              bytes[at] = static_cast<std::uint8_t>(random_());
            break;
          case 1:  // nearly right
            bytes[random_() % sizeof(Connection)] ^= static_cast<std::uint8_t>(1u << random_() % 8);
            break;
          case 2:  // there already
            arena[i] = arena[random_() % kCapacity];
            break;
          case 3:  // right, and extreme
            arena[i].version = 0xfffffffe + static_cast<std::uint32_t>(random_() % 2);
            break;
          default:
            break;
        }
      }
    }
    AdoptAt(now_);
    adopted += table_->size();
    left_out += kCapacity - table_->size();
    ExpectRight();
    Live(300);
    ExpectRight();
    LiveToTheEnd();
    if (HasFailure()) return;
  }
  EXPECT_GT(adopted, 1000u);
  EXPECT_GT(left_out, 1000u);
}

}  // namespace
}  // namespace taploom::flow
