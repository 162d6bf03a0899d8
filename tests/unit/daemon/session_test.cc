#include "dataplane/daemon/session.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <initializer_list>
#include <set>
#include <string>

#include "dataplane/flow/connection_table.h"
#include "tests/unit/worker/open_fabric.h"

namespace taploom::daemon {
namespace {

class SessionTest : public testing::Test {
 protected:
  config::FromDataplane Apply(const config::FabricConfig& fabric) {
    config::ToDataplane request;
    *request.mutable_apply() = fabric;
    return session_.Handle(request, {});
  }
  config::FromDataplane GetCounters() {
    config::ToDataplane request;
    request.mutable_get_counters();
    return session_.Handle(request, {});
  }

  static Descriptors One(int descriptor) {
    Descriptors descriptors;
    descriptors.emplace_back(descriptor);
    return descriptors;
  }

  Session session_{Session::Options()};
};

TEST_F(SessionTest, AnAnswerHasTheNumberOfItsRequest) {
  config::ToDataplane request;
  request.set_sequence(77);
  EXPECT_EQ(session_.Handle(request, {}).sequence(), 77u);
  request.mutable_get_counters();
  EXPECT_EQ(session_.Handle(request, {}).sequence(), 77u);
}

TEST_F(SessionTest, CountersAndConnectionsCanBeAskedForBeforeTheFirstConfiguration) {
  EXPECT_EQ(GetCounters().error(), "");
  EXPECT_EQ(GetCounters().counters().generation(), 0u);
  config::ToDataplane request;
  request.mutable_get_connections()->set_limit(10);
  const config::FromDataplane reply = session_.Handle(request, {});
  EXPECT_EQ(reply.error(), "");
  EXPECT_EQ(reply.connections().connections_size(), 0);
}

TEST_F(SessionTest, AConfigurationIsAppliedAndSaysHowLongItTook) {
  const config::FromDataplane reply = Apply(OpenFabric(1, 2));
  EXPECT_EQ(reply.error(), "");
  EXPECT_EQ(reply.applied().generation(), 1u);
  EXPECT_GT(reply.applied().compile_microseconds(), 0u);
  EXPECT_EQ(GetCounters().counters().generation(), 1u);
  EXPECT_EQ(GetCounters().counters().connection_capacity(), 262'144u);
}

TEST_F(SessionTest, TheFirstConfigurationChoosesTheSizeOfTheConnectionTable) {
  config::FabricConfig fabric = OpenFabric(1, 2);
  fabric.mutable_limits()->set_connections(1000);
  ASSERT_EQ(Apply(fabric).error(), "");
  EXPECT_EQ(GetCounters().counters().connection_capacity(), 1000u);

  fabric.set_generation(2);
  fabric.mutable_limits()->set_connections(2000);
  EXPECT_EQ(Apply(fabric).error(),
            "The connection table holds 1000 connections and cannot be given room for 2000 while "
            "packets flow.");
  EXPECT_EQ(GetCounters().counters().generation(), 1u);
}

TEST_F(SessionTest, AnOldConfigurationIsRefused) {
  ASSERT_EQ(Apply(OpenFabric(5, 2)).error(), "");
  EXPECT_EQ(Apply(OpenFabric(5, 2)).error(),
            "Configuration generation 5 is not newer than generation 5, which is running.");
  EXPECT_EQ(Apply(OpenFabric(4, 2)).error(),
            "Configuration generation 4 is not newer than generation 5, which is running.");
  EXPECT_EQ(Apply(OpenFabric(6, 2)).error(), "");
}

TEST_F(SessionTest, ABrokenConfigurationIsAnErrorAndTheRunningOneStays) {
  ASSERT_EQ(Apply(OpenFabric(1, 2)).error(), "");
  config::FabricConfig broken = OpenFabric(2, 2);
  broken.mutable_subnets(0)->set_vpc_id("vpc-nowhere");
  const config::FromDataplane reply = Apply(broken);
  EXPECT_NE(reply.error().find("vpc-nowhere"), std::string::npos) << reply.error();
  EXPECT_FALSE(reply.has_applied());
  EXPECT_EQ(GetCounters().counters().generation(), 1u);
}

TEST_F(SessionTest, ARequestOfNoKnownKindIsAnswered) {
  EXPECT_EQ(session_.Handle({}, {}).error(),
            "The request is of a kind that this dataplane does not know.");
}

TEST_F(SessionTest, DescriptorsAndRequestsThatDoNotBelongTogetherAreRefused) {
  config::ToDataplane request;
  request.mutable_get_counters();
  EXPECT_EQ(session_.Handle(request, One(eventfd(0, 0))).error(),
            "A descriptor came with a request that takes none.");
  request.mutable_add_port()->set_port(1);
  EXPECT_EQ(session_.Handle(request, {}).error(),
            "No descriptor came with a request that needs one.");
}

TEST_F(SessionTest, WhatIsNoTapOrNoPortNumberIsRefused) {
  struct {
    std::uint32_t port;
    const char* error;
  } const kRows[] = {
      {0, "Port 0 (web-1) is not in 1–65534."},
      {65'535, "Port 65535 (web-1) is not in 1–65534."},
      {65'537, "Port 65537 (web-1) is not in 1–65534."},
      {7, "Port 7 (web-1) cannot be added: the descriptor is not a TAP queue."},
  };
  for (const auto& row : kRows) {
    config::ToDataplane request;
    request.mutable_add_port()->set_port(row.port);
    request.mutable_add_port()->set_name("web-1");
    EXPECT_EQ(session_.Handle(request, One(eventfd(0, 0))).error(), row.error);
  }
  EXPECT_EQ(GetCounters().counters().ports_size(), 0);
}

TEST_F(SessionTest, APortThatWasNeverAddedCannotBeRemoved) {
  for (const std::uint32_t port : {0u, 1u, 65'537u}) {
    config::ToDataplane request;
    request.mutable_remove_port()->set_port(port);
    EXPECT_EQ(session_.Handle(request, {}).error(),
              "There is no port " + std::to_string(port) + ".");
  }
}

TEST(SessionOfSeveralWorkers, APortNeedsAQueueForEach) {
  Session session({.workers = 3});
  config::ToDataplane request;
  request.mutable_add_port()->set_port(1);
  Descriptors two;
  for (int i = 0; i < 2; ++i) two.emplace_back(eventfd(0, 0));
  EXPECT_EQ(session.Handle(request, std::move(two)).error(),
            "2 descriptors came with a request that needs 3.");
  request.mutable_share_counters()->set_size(observe::CounterMemory::SizeFor(1));
  Descriptors memory;
  memory.emplace_back(observe::CounterMemory::Make());
  EXPECT_NE(session.Handle(request, std::move(memory)).error(), "") << "room for one worker only";
}

TEST(SessionOfSeveralWorkers, ForwardsOneConfigurationWithAllOfThem) {
  Session session({.workers = 3});
  config::ToDataplane request;
  *request.mutable_apply() = OpenFabric(1, 2);
  EXPECT_EQ(session.Handle(request, {}).error(), "");
  *request.mutable_apply() = OpenFabric(2, 2);
  EXPECT_EQ(session.Handle(request, {}).applied().generation(), 2u);
  request.mutable_get_counters();
  EXPECT_EQ(session.Handle(request, {}).counters().workers_size(), 3);
}

class SessionCounters : public SessionTest {
 protected:
  std::string Share(std::uint64_t size, int descriptor) {
    config::ToDataplane request;
    request.mutable_share_counters()->set_size(size);
    return session_.Handle(request, One(descriptor)).error();
  }
};

TEST_F(SessionCounters, AreWrittenIntoTheMemoryThatControlGives) {
  const int memory = observe::CounterMemory::Make();
  const observe::CounterMemory ours(memory, false);
  EXPECT_EQ(Share(observe::CounterMemory::SizeFor(1), memory), "");
  ASSERT_EQ(Apply(OpenFabric(1, 2)).error(), "");
  EXPECT_EQ(ours.blocks().front().slow_path_packets.value(), 0u);
  EXPECT_NE(Share(observe::CounterMemory::SizeFor(1), observe::CounterMemory::Make()), "")
      << "it counts already";
}

TEST_F(SessionCounters, OfAnotherVersionAreRefused) {
  EXPECT_NE(Share(observe::CounterMemory::SizeFor(1) - 8, observe::CounterMemory::Make()), "");
}

// --- Connections that outlive a session ---

class SessionConnections : public ::testing::Test {
 protected:
  static constexpr std::uint32_t kCapacity = 1000;
  static constexpr std::uint64_t kSeed = 77;

  ~SessionConnections() override {
    for (const int memory : memory_) close(memory);
  }

  static flow::FlowKey Key(std::uint16_t number) {
    const auto address = [](unsigned port) { return *wire::IpAddress::Parse(AddressOfPort(port)); };
    return {{address(1), address(2), number, 80, wire::kProtocolTcp, 0}, 1};
  }
  // As a dataplane leaves them behind whose worker had these.
  void Leave(std::size_t worker, std::initializer_list<std::uint16_t> numbers, Tick since = {}) {
    flow::ConnectionTable table({.capacity = kCapacity, .seed = kSeed, .memory = memory_[worker]});
    for (const std::uint16_t number : numbers) {
      flow::InsertError error;
      flow::Connection* connection =
          table.Insert(Key(number), {Key(number).tuple.Reversed(), 2}, since, error);
      ASSERT_NE(connection, nullptr);
      connection->state = flow::ConnectionState::kTcpEstablished;
      table.SetTimeout(*connection, 432'000'000);
    }
  }

  std::string Share(Session& session, std::chrono::nanoseconds clock_start, std::size_t count) {
    config::ToDataplane request;
    request.mutable_share_connections()->set_seed(kSeed);
    request.mutable_share_connections()->set_clock_start_ns(clock_start.count());
    Descriptors memory;
    for (std::size_t i = 0; i < count; ++i) memory.emplace_back(dup(memory_[i]));
    return session.Handle(request, std::move(memory)).error();
  }
  static config::FromDataplane Apply(Session& session, std::uint64_t generation,
                                     std::uint32_t capacity = kCapacity) {
    config::ToDataplane request;
    *request.mutable_apply() = OpenFabric(generation, 2);
    request.mutable_apply()->mutable_limits()->set_connections(capacity);
    return session.Handle(request, {});
  }
  static config::Connections ConnectionsOf(Session& session) {
    config::ToDataplane request;
    request.mutable_get_connections()->set_limit(100);
    return session.Handle(request, {}).connections();
  }
  static std::chrono::nanoseconds Now() {
    return std::chrono::steady_clock::now().time_since_epoch();
  }

  const std::array<int, 3> memory_ = {memfd_create("test", MFD_CLOEXEC),
                                      memfd_create("test", MFD_CLOEXEC),
                                      memfd_create("test", MFD_CLOEXEC)};
};

TEST_F(SessionConnections, AreAdoptedWithTheirAge) {
  Leave(0, {1, 2, 3}, std::chrono::seconds(5));
  Session session{Session::Options()};
  ASSERT_EQ(Share(session, Now() - std::chrono::seconds(3600), 1), "");
  const config::FromDataplane reply = Apply(session, 7);
  ASSERT_EQ(reply.error(), "");
  EXPECT_EQ(reply.applied().adopted_connections(), 3u);
  const config::Connections connections = ConnectionsOf(session);
  ASSERT_EQ(connections.connections_size(), 3);
  for (const config::Connection& connection : connections.connections()) {
    EXPECT_EQ(connection.state(), "ESTABLISHED");
    EXPECT_GE(connection.age_ms(), 3'595'000u);
    EXPECT_LT(connection.age_ms(), 3'700'000u);
  }
  // Only the first configuration adopts.
  EXPECT_EQ(Apply(session, 8).applied().adopted_connections(), 0u);
}

TEST_F(SessionConnections, GoFromOneSessionToTheNext) {
  const std::chrono::nanoseconds start = Now() - std::chrono::seconds(10);
  for (std::uint64_t generation = 1; generation <= 3; ++generation) {
    if (generation == 2) Leave(0, {1, 2});
    Session session{Session::Options()};
    ASSERT_EQ(Share(session, start, 1), "");
    const config::FromDataplane reply = Apply(session, generation);
    ASSERT_EQ(reply.error(), "");
    EXPECT_EQ(reply.applied().adopted_connections(), generation == 1 ? 0u : 2u);
  }
}

TEST_F(SessionConnections, AreAdoptedByTheWorkerThatHadThem) {
  Leave(0, {1});
  Leave(2, {2, 3});
  Session session({.workers = 3});
  ASSERT_EQ(Share(session, Now() - std::chrono::seconds(10), 3), "");
  EXPECT_EQ(Apply(session, 1).applied().adopted_connections(), 3u);
  std::multiset<std::uint32_t> workers;
  const config::Connections connections = ConnectionsOf(session);
  for (const config::Connection& connection : connections.connections())
    workers.insert(connection.id().place() / kCapacity);
  EXPECT_EQ(workers, (std::multiset<std::uint32_t>{0, 2, 2}));
  config::ToDataplane request;
  request.mutable_get_counters();
  EXPECT_EQ(session.Handle(request, {}).counters().connections(), 3u);
}

TEST_F(SessionConnections, BeginAnewInMemoryOfAnotherSize) {
  Leave(0, {1, 2});
  Session session{Session::Options()};
  ASSERT_EQ(Share(session, Now(), 1), "");
  EXPECT_EQ(Apply(session, 1, 2 * kCapacity).applied().adopted_connections(), 0u);
}

TEST_F(SessionConnections, CannotBeSharedInWhatIsNoMemory) {
  Session session({.workers = 2});
  config::ToDataplane request;
  request.mutable_share_connections()->set_clock_start_ns(Now().count());
  Descriptors descriptors;
  descriptors.emplace_back(dup(memory_[0]));
  descriptors.emplace_back(eventfd(0, 0));
  EXPECT_EQ(session.Handle(request, std::move(descriptors)).error(),
            "What came for the connections of worker 1 is no memory file.");
  EXPECT_EQ(Share(session, Now(), 1), "1 descriptors came with a request that needs 2.");
}

TEST_F(SessionConnections, CannotBeOfTheFutureNorComeWhenForwardingHasBegun) {
  Session session{Session::Options()};
  EXPECT_EQ(Share(session, Now() + std::chrono::seconds(60), 1),
            "The connections' clock starts at a time that is yet to come.");
  ASSERT_EQ(Apply(session, 1).error(), "");
  EXPECT_EQ(Share(session, Now(), 1), "Forwarding has begun, and its connections live elsewhere.");
}

}  // namespace
}  // namespace taploom::daemon
