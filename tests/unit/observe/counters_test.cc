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
    ReportCounters(reader_.blocks(), report);
    return report;
  }

  const int descriptor_ = CounterMemory::Make();
  Counters writer_{std::make_shared<CounterMemory>(descriptor_, true)};
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
    const std::uint64_t now = reader_.blocks().front().ports[1].received_bytes.value();
    ASSERT_GE(now, last);
    ASSERT_EQ(now % 0xffff'ffff, 0u);
    last = now;
  }
  stop = true;
  worker.join();
}

// Two workers, who have met gateways and rules in another order.
class CountersOfTwoWorkers : public ::testing::Test {
 protected:
  CountersOfTwoWorkers() {
    for (Counters* worker : {&first_, &second_}) worker->AddPort(7);
  }
  config::Counters Read() const {
    config::Counters report;
    ReportCounters(memory_->blocks(), report);
    return report;
  }

  const std::shared_ptr<CounterMemory> memory_ = std::make_shared<CounterMemory>(2);
  Counters first_{memory_, 0}, second_{memory_, 1};
};

TEST_F(CountersOfTwoWorkers, AreAddedUp) {
  first_.port(7).received_packets.Add(2);
  second_.port(7).received_packets.Add(3);
  second_.port(7).drops[static_cast<std::size_t>(DropReason::kWorkerBusy)].Add();
  first_.nat_gateway("nat-1").active_connections.Add(10);
  second_.nat_gateway("nat-2").active_connections.Add(1);
  second_.nat_gateway("nat-1").active_connections.Add(20);
  first_.rule_hits.Add(77);
  second_.rule_hits.Add(78);
  second_.rule_hits.Add(77);
  first_.connections.Set(4);
  second_.connections.Set(5);
  second_.handed_over_packets.Add(6);

  const config::Counters report = Read();
  ASSERT_EQ(report.ports_size(), 1);
  EXPECT_EQ(report.ports(0).received_packets(), 5u);
  ASSERT_EQ(report.ports(0).drops_size(), 1);
  EXPECT_EQ(report.ports(0).drops(0).reason(), "WORKER_BUSY");
  ASSERT_EQ(report.nat_gateways_size(), 2);
  EXPECT_EQ(report.nat_gateways(0).nat_gateway_id(), "nat-1");
  EXPECT_EQ(report.nat_gateways(0).active_connections(), 30u);
  EXPECT_EQ(report.nat_gateways(1).active_connections(), 1u);
  ASSERT_EQ(report.rules_size(), 2);
  EXPECT_EQ(report.rules(0).connections(), 2u);
  EXPECT_EQ(report.connections(), 9u);
  ASSERT_EQ(report.workers_size(), 2);
  EXPECT_EQ(report.workers(0).connections(), 4u);
  EXPECT_EQ(report.workers(1).handed_over_packets(), 6u);
}

TEST_F(CountersOfTwoWorkers, TheLastDropIsTheLaterOne) {
  second_.port(7).last_drop.Record({.reason = DropReason::kNoRoute, .when_ms = 5});
  EXPECT_EQ(Read().ports(0).last_drop().reason(), "NO_ROUTE");
  first_.port(7).last_drop.Record({.reason = DropReason::kBlackhole, .when_ms = 9});
  EXPECT_EQ(Read().ports(0).last_drop().reason(), "BLACKHOLE_ROUTE");
  second_.port(7).last_drop.Record({.reason = DropReason::kNoRoute, .when_ms = 10});
  EXPECT_EQ(Read().ports(0).last_drop().reason(), "NO_ROUTE");
}

TEST_F(CountersOfTwoWorkers, APeakIsOfWhatBothSentInTheSameTenSeconds) {
  PeakRates::Windows windows{};
  PeakRates first, second;
  first.Note(Tick(1'000), [] { return PeakRates::Totals{0, 0}; });
  second.Note(Tick(2'000), [] { return PeakRates::Totals{0, 0}; });
  first.Note(Tick(11'000), [] { return PeakRates::Totals{100, 1000}; });
  first.AddTo(windows, Tick(12'000), {300, 3000});
  second.AddTo(windows, Tick(12'000), {50, 500});  // all of them in the first ten seconds
  const PeakRates::Totals peak = PeakRates::Peak(windows);
  EXPECT_EQ(peak.packets, 20u) << "200 of the first worker in the second window";
  EXPECT_EQ(windows[1].packets, 150u);
  EXPECT_EQ(windows[1].bytes, 1500u);
}

// The dataplane parses hostile frames and may have been taken over.
TEST_F(SharedCounters, ThatAreGarbageAreReadAllTheSame) {
  CounterMemory garbage;
  std::mt19937_64 random(1);
  auto* bytes = reinterpret_cast<std::uint8_t*>(&garbage.blocks().front());
  for (std::size_t i = 0; i + 8 <= offsetof(CounterBlock, ports) + 64 * sizeof(PortCounters);
       i += 8) {
    const std::uint64_t value = random();
    std::memcpy(bytes + i, &value, sizeof value);
  }
  config::Counters report;
  ReportCounters(garbage.blocks(), report);
  EXPECT_LE(report.nat_gateways_size(), static_cast<int>(CounterBlock::kMostNatGateways));
}

}  // namespace
}  // namespace taploom::observe
