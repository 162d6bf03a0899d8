// What one side counts, the other reads, through mappings of one memory as in two processes.
#include "dataplane/observe/counters.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <random>
#include <string>
#include <thread>

#include "dataplane/observe/counter_report.h"

namespace taploom::observe {
namespace {

class SharedCounters : public ::testing::Test {
 protected:
  ~SharedCounters() override { close(descriptor_); }

  config::Counters Read() const {
    config::Counters report;
    ReportCounters(reader_.block(), report);
    return report;
  }

  const int descriptor_ = CounterMemory::Make();
  Counters writer_{std::make_unique<CounterMemory>(descriptor_, true)};
  const CounterMemory reader_{descriptor_, false};
};

TEST_F(SharedCounters, StartWithNothing) {
  const config::Counters report = Read();
  EXPECT_EQ(report.ports_size(), 0);
  EXPECT_EQ(report.nat_gateways_size(), 0);
  EXPECT_EQ(report.rules_size(), 0);
}

TEST_F(SharedCounters, AreReadWhereTheyAreNotWritten) {
  for (const std::uint16_t port : {std::uint16_t{1}, std::uint16_t{64}, std::uint16_t{65'535}})
    writer_.AddPort(port);
  PortCounters& port = writer_.port(64);
  port.received_packets.Add(3);
  port.sent_bytes.Add(1000);
  port.drops[static_cast<std::size_t>(DropReason::kNoRoute)].Add();
  port.last_drop.Record({.reason = DropReason::kNoRoute, .icmp_type = 8});
  writer_.nat_gateway("nat-0123456789abcdef0").idle_timeouts.Add(5);
  writer_.nat_gateway("nat-other").connection_attempts.Add();
  writer_.rule_hits.Add(77);
  writer_.connections.Set(12);

  const config::Counters report = Read();
  ASSERT_EQ(report.ports_size(), 3);
  EXPECT_EQ(report.ports(0).port(), 1u);
  EXPECT_EQ(report.ports(2).port(), 65'535u);
  EXPECT_EQ(report.ports(1).received_packets(), 3u);
  EXPECT_EQ(report.ports(1).sent_bytes(), 1000u);
  ASSERT_EQ(report.ports(1).drops_size(), 1);
  EXPECT_EQ(report.ports(1).drops(0).reason(), "NO_ROUTE");
  EXPECT_EQ(report.ports(1).last_drop().icmp_type(), 8u);
  ASSERT_EQ(report.nat_gateways_size(), 2);
  EXPECT_EQ(report.nat_gateways(0).nat_gateway_id(), "nat-0123456789abcdef0");
  EXPECT_EQ(report.nat_gateways(0).idle_timeouts(), 5u);
  ASSERT_EQ(report.rules_size(), 1);
  EXPECT_EQ(report.rules(0).rule_digest(), 77u);
  EXPECT_EQ(report.connections(), 12u);
}

TEST_F(SharedCounters, OfANatGatewayAreFoundAgain) {
  NatGatewayCounters& first = writer_.nat_gateway("nat-1");
  EXPECT_NE(&writer_.nat_gateway("nat-2"), &first);
  EXPECT_EQ(&writer_.nat_gateway("nat-1"), &first);
}

TEST_F(SharedCounters, OfTooManyNatGatewaysShareAPlace) {
  for (std::size_t i = 0; i < CounterBlock::kMostNatGateways; ++i)
    writer_.nat_gateway("nat-" + std::to_string(i));
  EXPECT_EQ(&writer_.nat_gateway("nat-more"), &writer_.nat_gateway("nat-and-more"));
  EXPECT_EQ(Read().nat_gateways_size(), static_cast<int>(CounterBlock::kMostNatGateways));
}

TEST_F(SharedCounters, NeverGoBackWhileTheyAreWritten) {
  writer_.AddPort(1);
  std::atomic<bool> stop{false};
  std::thread worker([&] {
    // Both halves of the number change all the time.
    while (!stop) writer_.port(1).received_bytes.Add(0xffff'ffff);
  });
  std::uint64_t last = 0;
  for (int i = 0; i < 2000; ++i) {
    const std::uint64_t now = reader_.block().ports[1].received_bytes.value();
    ASSERT_GE(now, last);
    ASSERT_EQ(now % 0xffff'ffff, 0u);
    last = now;
  }
  stop = true;
  worker.join();
}

// The dataplane parses hostile frames and may have been taken over.
TEST_F(SharedCounters, ThatAreGarbageAreReadAllTheSame) {
  CounterMemory garbage;
  std::mt19937_64 random(1);
  auto* bytes = reinterpret_cast<std::uint8_t*>(&garbage.block());
  for (std::size_t i = 0; i + 8 <= offsetof(CounterBlock, ports) + 64 * sizeof(PortCounters);
       i += 8) {
    const std::uint64_t value = random();
    std::memcpy(bytes + i, &value, sizeof value);
  }
  config::Counters report;
  ReportCounters(garbage.block(), report);
  EXPECT_LE(report.nat_gateways_size(), static_cast<int>(CounterBlock::kMostNatGateways));
}

}  // namespace
}  // namespace taploom::observe
