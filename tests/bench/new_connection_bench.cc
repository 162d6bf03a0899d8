// First packets: the slow path, NAT port, insertion of both keys, and later the expiry.
#include <fmt/format.h>

#include "tests/bench/benchmarks.h"
#include "tests/bench/cycle_clock.h"
#include "tests/bench/vpc_load.h"

namespace taploom::bench {
namespace {

constexpr std::size_t kPerRound = 1024;  // a millisecond: few rounds are interrupted
constexpr Tick kAfterHalfOpen = std::chrono::seconds(62);

struct Cost {
  std::vector<double> total, decide, expire;
};

// kPerRound connections come, and go by their idle timer.
std::string Round(VpcLoad& load, Cost& cost) {
  Pipeline& pipeline = load.pipeline();
  const std::uint32_t before = pipeline.connections().size();
  std::uint64_t deciding = 0;
  for (std::size_t made = 0; made < kPerRound; made += kBurst) {
    const std::span<Packet> burst = load.LoadNew(kBurst);
    const std::uint64_t begin = Now();
    pipeline.Process(burst, load.now());
    deciding += Now() - begin;
    for (const Packet& packet : burst) {
      if (packet.verdict.kind != Verdict::Kind::kForward)
        return std::string("a new connection was refused: ") +
               TextOf(packet.verdict.drop_reason).name;
    }
  }
  if (pipeline.connections().size() != before + kPerRound) return "connections are missing";
  load.Advance(kAfterHalfOpen);
  const std::uint64_t begin = Now();
  while (pipeline.connections().size() > before) pipeline.Expire(load.now());
  const std::uint64_t expiring = Now() - begin;
  const auto each = [](std::uint64_t cycles) {
    return static_cast<double>(cycles) / static_cast<double>(kPerRound);
  };
  cost.total.push_back(each(deciding + expiring));
  cost.decide.push_back(each(deciding));
  cost.expire.push_back(each(expiring));
  return {};
}

}  // namespace

void BenchNewConnections(const Options& options, Report& report) {
  VpcLoad few({.rules = 10}), many({.rules = 1000});
  Cost of_few, of_many, warm_up;
  for (int i = 0; i < options.rounds * 4; ++i) {
    for (const auto& [load, cost] : {std::pair(&few, &of_few), std::pair(&many, &of_many)}) {
      const std::string fault = Round(*load, i == 0 ? warm_up : *cost);
      if (!fault.empty()) return report.AddFault(fault);
    }
  }
  if (few.pipeline().connections().nat_ports().total() != 0)
    report.AddFault("NAT ports were not given back");
  const Figure with_few = FigureOf(of_few.total), with_many = FigureOf(of_many.total);
  report.AddAtMost("new", "new connection, 1,000 rules, SNAT, insert and expiry", with_many, 1500);
  report.AddAtMost("new", "  of this: decide and insert", FigureOf(of_many.decide));
  report.AddAtMost("new", "  of this: expire", FigureOf(of_many.expire));
  report.AddAtMost("new", "new connection, 10 rules, SNAT, insert and expiry", with_few);
  const double growth = with_many.median / with_few.median;
  report.Add(Row{.group = "new",
                 .name = "cost with 1,000 rules over cost with 10",
                 .value = growth,
                 .unit = "×",
                 .target = "<= 1.1",
                 .met = growth <= 1.1});
}

}  // namespace taploom::bench
