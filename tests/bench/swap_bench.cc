// Swaps of a 1,000-rule configuration while packets pass. Every packet must be decided by the
// configuration that is current when its burst begins; how long a packet waits is the time from the
// start of its burst, a swap before it included, to its end.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "tests/bench/benchmarks.h"
#include "tests/bench/cycle_clock.h"
#include "tests/bench/vpc_load.h"
#include "tests/bench/workload.h"

namespace taploom::bench {

void BenchSwap(const Options& options, Report& report) {
  constexpr std::size_t kConnections = 10'000;
  constexpr int kBurstsPerSwap = 400;
  VpcLoad load({.rules = 1000});
  const std::string refused = load.Establish(0, kConnections);
  if (!refused.empty()) return report.AddFault(refused);
  const int swaps = options.quick ? 4 : 100;
  std::vector<std::shared_ptr<const tables::Snapshot>> snapshots;
  for (int i = 0; i < swaps; ++i) snapshots.push_back(load.Compile(i % 2 == 1));

  Random random(3);
  const double cycles_per_ms = CyclesPerSecond() / 1e3;
  std::vector<double> delays;
  std::uint64_t wrong = 0, packets = 0;
  bool allows_port_81 = true;
  for (int swap = 0; swap < swaps; ++swap) {
    for (int burst_number = 0; burst_number < kBurstsPerSwap; ++burst_number) {
      const bool probes =
          burst_number % 8 == 7;  // first packets that only one configuration allows
      std::vector<std::uint32_t> picks(kBurst);
      for (std::uint32_t& pick : picks)
        pick = static_cast<std::uint32_t>(random() % (kConnections * 2));
      const std::span<Packet> burst = probes ? load.LoadNew(kBurst, 81) : load.Load(picks);
      std::shared_ptr<const tables::Snapshot> previous;
      const std::uint64_t begin = Now();
      if (burst_number == 0) {
        previous = load.pipeline().Publish(std::move(snapshots[static_cast<std::size_t>(swap)]));
        allows_port_81 = swap % 2 == 1;
      }
      load.pipeline().Process(burst, load.now());
      delays.push_back(static_cast<double>(Now() - begin) / cycles_per_ms);
      packets += burst.size();
      const auto expected =
          probes && !allows_port_81 ? Verdict::Kind::kDrop : Verdict::Kind::kForward;
      for (const Packet& packet : burst) wrong += packet.verdict.kind == expected ? 0 : 1;
      if (!probes && !load.Check(burst, picks).empty()) ++wrong;
      load.pipeline().Expire(load.now());
      load.Advance(Tick(1));
    }
  }
  report.Add(
      Row{.group = "swap",
          .name = fmt::format("packets lost or mis-decided, {} swaps, {} packets", swaps, packets),
          .value = static_cast<double>(wrong),
          .unit = "packets",
          .target = "<= 0",
          .met = wrong == 0});
  if (wrong != 0) report.AddFault(fmt::format("{} packets were decided wrongly at a swap", wrong));
  std::sort(delays.begin(), delays.end());
  const double p99 = delays[delays.size() * 99 / 100];
  report.Add(Row{.group = "swap",
                 .name = "packet delay, p99",
                 .value = p99,
                 .unit = "ms",
                 .target = "< 1",
                 .met = p99 < 1});
  report.Add(
      Row{.group = "swap", .name = "packet delay, largest", .value = delays.back(), .unit = "ms"});
}

}  // namespace taploom::bench
