// Established packets through the whole VPC path with source NAT, both directions, in random order.
#include <fmt/format.h>

#include "tests/bench/benchmarks.h"
#include "tests/bench/vpc_load.h"
#include "tests/bench/workload.h"

namespace taploom::bench {
namespace {

constexpr std::size_t kBurstsPerRound = 128;

enum class Order { kUniform, kZipf };

std::vector<std::uint32_t> PicksOf(std::size_t connections, Order order, Random& random) {
  std::vector<std::uint32_t> picks(std::size_t{1} << 21);
  const Zipf by_rank(order == Order::kZipf ? connections : 1, random);
  for (std::uint32_t& pick : picks) {
    const std::size_t connection =
        order == Order::kZipf ? by_rank.Next(random) : random() % connections;
    pick = static_cast<std::uint32_t>(connection * 2 + random() % 2);
  }
  return picks;
}

class Traffic {
 public:
  Traffic(VpcLoad& load, std::vector<std::uint32_t> picks)
      : load_(load), picks_(std::move(picks)) {}

  template <typename Process>
  void Round(BurstTimer& timer, std::size_t bursts, Process process, bool cold = false) {
    for (std::size_t i = 0; i < bursts; ++i) {
      const auto picks = Next();
      if (cold) EvictCaches();
      const std::span<Packet> burst = load_.Load(picks);
      timer.Time(burst.size(), [&] { process(burst); });
    }
    timer.EndRound();
  }

  std::string Check(std::size_t bursts) {
    for (std::size_t i = 0; i < bursts; ++i) {
      const auto picks = Next();
      const std::span<Packet> burst = load_.Load(picks);
      load_.pipeline().Process(burst, load_.now());
      const std::string fault = load_.Check(burst, picks);
      if (!fault.empty()) return fault;
    }
    return {};
  }

 private:
  std::span<const std::uint32_t> Next() {
    if (at_ + kBurst > picks_.size()) at_ = 0;
    const auto picks = std::span(picks_).subspan(at_, kBurst);
    at_ += kBurst;
    return picks;
  }

  VpcLoad& load_;
  const std::vector<std::uint32_t> picks_;
  std::size_t at_ = 0;
};

void MeasureAt(std::size_t connections, std::optional<double> budget, const Options& options,
               Report& report) {
  VpcLoad load({.capacity = static_cast<std::uint32_t>(
                    connections < 200'000 ? 262'144 : connections + connections / 4)});
  const std::string refused = load.Establish(0, connections);
  if (!refused.empty()) return report.AddFault(refused);

  Random random(7);
  Traffic uniform(load, PicksOf(connections, Order::kUniform, random));
  Traffic zipf(load, PicksOf(connections, Order::kZipf, random));
  const auto process = [&](std::span<Packet> burst) { load.pipeline().Process(burst, load.now()); };
  BurstTimer empty, full, full_zipf, cold, warm_up;
  uniform.Round(warm_up, kBurstsPerRound * 16, process);
  const int rounds = options.rounds * 4;
  for (int i = 0; i < rounds; ++i) {
    uniform.Round(empty, kBurstsPerRound, EmptyPipeline);
    uniform.Round(full, kBurstsPerRound, process);
    zipf.Round(full_zipf, kBurstsPerRound, process);
  }
  for (int i = 0; i < options.rounds; ++i) uniform.Round(cold, 1, process, /*cold=*/true);
  const std::string fault = uniform.Check(1024);
  if (!fault.empty()) report.AddFault(fault);

  const std::string of = fmt::format("{} connections", connections);
  report.AddAtMost("packet", "established packet, SNAT, " + of, full.figure(), budget);
  report.AddAtMost("packet", "the same, Zipf order, " + of, full_zipf.figure());
  report.AddAtMost("packet", "the same, cold caches, " + of, cold.figure());
  report.AddAtMost("packet", "yardstick: parse and copy a MAC, " + of, empty.figure());
}

}  // namespace

void BenchEstablishedPackets(const Options& options, Report& report) {
  MeasureAt(256, std::nullopt, options, report);
  MeasureAt(10'000, 100, options, report);
  MeasureAt(options.quick ? 100'000 : 1'000'000,
            options.quick ? std::nullopt : std::optional(200.0), options, report);
}

}  // namespace taploom::bench
