// How cost grows: with rules, with interfaces, with routes.
#include <fmt/format.h>

#include "tests/bench/benchmarks.h"
#include "tests/bench/cycle_clock.h"
#include "tests/bench/vpc_load.h"
#include "tests/bench/workload.h"
#include "tests/bench/yardsticks.h"

namespace taploom::bench {
namespace {

constexpr std::size_t kConnections = 10'000;

// One fabric of a curve, and what its packets have cost so far.
struct Point {
  double x = 0;
  std::unique_ptr<VpcLoad> load;
  BurstTimer established, first;
};

void Round(Point& point, Random& random) {
  VpcLoad& load = *point.load;
  for (int i = 0; i < 128; ++i) {
    std::vector<std::uint32_t> picks(kBurst);
    for (std::uint32_t& pick : picks)
      pick = static_cast<std::uint32_t>(random() % (kConnections * 2));
    const std::span<Packet> burst = load.Load(picks);
    point.established.Time(kBurst, [&] { load.pipeline().Process(burst, load.now()); });
  }
  for (int i = 0; i < 32; ++i) {
    const std::span<Packet> burst = load.LoadNew(kBurst);
    point.first.Time(kBurst, [&] { load.pipeline().Process(burst, load.now()); });
  }
  // Half-open connections end after 60 s; the established ones have just been used, and live on.
  for (std::uint32_t n = 0; n < kConnections; ++n) {
    const std::uint32_t pick = n * 2;
    load.pipeline().Process(load.Load({&pick, 1}), load.now());
  }
  load.Advance(std::chrono::seconds(62));
  const std::uint32_t stay = kConnections;
  while (load.pipeline().connections().size() > stay) load.pipeline().Expire(load.now());
}

// All points of the curve are measured in turns. Returns how much slower an established packet is
// at the last than at the first.
double MeasureCurve(const std::string& name, const std::string& x_label, std::vector<Point> points,
                    const Options& options, Report& report) {
  Random random(17);
  for (Point& point : points) {
    const std::string refused = point.load->Establish(0, kConnections);
    if (!refused.empty()) {
      report.AddFault(name + ": " + refused);
      return 0;
    }
  }
  for (int round = 0; round <= options.rounds; ++round) {
    for (Point& point : points) {
      Round(point, random);
      if (round == 0) point.established = BurstTimer(), point.first = BurstTimer();
      point.established.EndRound();
      point.first.EndRound();
    }
  }
  Curve curve{
      name, x_label, "cycles per packet", {{"established packet", {}}, {"first packet", {}}}};
  for (const Point& point : points) {
    curve.lines[0].points.emplace_back(point.x, point.established.figure().median);
    curve.lines[1].points.emplace_back(point.x, point.first.figure().median);
  }
  const double growth = curve.lines[0].points.back().second / curve.lines[0].points.front().second;
  report.Add(std::move(curve));
  return growth;
}

void RouteCurve(const Options& options, Report& report) {
  constexpr std::size_t kPerTurn = std::size_t{1} << 16;
  Curve curve{"lookup-by-routes",
              "routes",
              "cycles per lookup",
              {{"ours, bulk", {}}, {"rte_fib DIR24-8", {}}}};
  for (std::size_t count = 1; count <= (options.quick ? 10'000u : 1'000'000u); count *= 10) {
    const auto entries = BgpPrefixesV4(count, 21);
    const tables::Lpm lpm(entries);
    const auto fib = options.has_dpdk ? MakeFib(entries) : nullptr;
    const auto addresses = AnyAddressesV4(kPerTurn, 22);
    std::vector<std::uint32_t> ours(kPerTurn);
    std::vector<std::uint64_t> theirs(kPerTurn);
    if (fib && !fib->Select(true)) fib->Select(false);
    Contest contest(kPerTurn);
    contest.Add("ours", [&] { lpm.FindBulkV4(addresses, ours); });
    if (fib) contest.Add("fib", [&] { fib->Find(addresses, theirs); });
    contest.Run(options.rounds);
    curve.lines[0].points.emplace_back(static_cast<double>(count), contest.of("ours").median);
    if (fib)
      curve.lines[1].points.emplace_back(static_cast<double>(count), contest.of("fib").median);
  }
  report.Add(std::move(curve));
}

}  // namespace

void BenchScale(const Options& options, Report& report) {
  const auto add = [](std::vector<Point>& points, double x, const VpcOptions& vpc) {
    Point& point = points.emplace_back();
    point.x = x;
    point.load = std::make_unique<VpcLoad>(vpc);
  };
  std::vector<Point> by_rules, by_enis;
  for (const std::uint32_t rules : {3u, 10u, 100u, 1000u, 10'000u}) {
    if (options.quick && rules > 1000) continue;
    add(by_rules, rules, {.rules = rules});
  }
  const double growth = MeasureCurve("packet-by-rules", "rules in the security group",
                                     std::move(by_rules), options, report);
  report.Add(Row{.group = "scale",
                 .name = "established packet, most rules over fewest",
                 .value = growth,
                 .unit = "×",
                 .target = "<= 1.1",
                 .met = growth <= 1.1});
  for (const std::uint32_t enis : {2u, 10u, 100u, 1000u, 10'000u}) {
    if (options.quick && enis > 1000) continue;
    add(by_enis, enis, {.enis = enis});
  }
  const double by_eni = MeasureCurve("packet-by-interfaces", "network interfaces",
                                     std::move(by_enis), options, report);
  report.Add(Row{.group = "scale",
                 .name = "established packet, most interfaces over fewest",
                 .value = by_eni,
                 .unit = "×"});
  RouteCurve(options, report);
}

}  // namespace taploom::bench
