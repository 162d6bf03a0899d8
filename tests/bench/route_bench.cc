// Longest prefix match at internet size and at VPC size.
#include <fmt/format.h>

#include <chrono>
#include <functional>
#include <memory>

#include "tests/bench/benchmarks.h"
#include "tests/bench/workload.h"
#include "tests/bench/yardsticks.h"

namespace taploom::bench {
namespace {

using tables::Lpm;
using Entries = std::vector<Lpm::Entry>;

constexpr std::size_t kPerTurn = std::size_t{1} << 17;
constexpr std::size_t kColdPerTurn = 64;

// What a yardstick says for "no route".
bool Agrees(std::uint32_t ours, std::uint64_t theirs) {
  return ours == Lpm::kNotFound ? theirs == RouteYardstick::kNone >> 1 : theirs == ours;
}

struct Yardsticks {
  std::unique_ptr<RouteYardstick> fib, lpm;
};

std::string Disagreement(std::span<const std::uint32_t> ours,
                         std::span<const std::uint64_t> theirs) {
  for (std::size_t i = 0; i < ours.size(); ++i) {
    if (!Agrees(ours[i], theirs[i]))
      return fmt::format("route lookup {}: {} and {} differ", i, ours[i], theirs[i]);
  }
  return {};
}

void MeasureV4(const std::string& name, const Lpm& lpm, const Yardsticks& yardsticks,
               const std::vector<std::uint32_t>& addresses, std::optional<double> target, bool cold,
               const Options& options, Report& report) {
  const std::size_t per_turn = cold ? kColdPerTurn : kPerTurn;
  std::vector<std::uint32_t> ours(per_turn), singly(per_turn);
  std::vector<std::uint64_t> scalar(per_turn), vector(per_turn), by_lpm(per_turn);
  std::size_t at = 0;
  const auto chunk = [&] { return std::span(addresses).subspan(at, per_turn); };
  Contest contest(per_turn);
  contest.SetLoop([&] {
    at = (at + per_turn) % (addresses.size() - per_turn);
    const auto some = chunk();
    for (std::size_t i = 0; i < per_turn; ++i) ours[i] = some[i];
  });
  if (cold) contest.SetBeforeTurn(EvictCaches);
  const bool has_vector = yardsticks.fib && yardsticks.fib->Select(true);
  if (yardsticks.fib) {
    contest.Add("scalar", [&] {
      yardsticks.fib->Select(false);
      yardsticks.fib->Find(chunk(), scalar);
    });
  }
  if (has_vector) {
    contest.Add("vector", [&] {
      yardsticks.fib->Select(true);
      yardsticks.fib->Find(chunk(), vector);
    });
  }
  if (yardsticks.lpm) contest.Add("lpm", [&] { yardsticks.lpm->Find(chunk(), by_lpm); });
  contest.Add("one by one", [&] {
    const auto some = chunk();
    for (std::size_t i = 0; i < per_turn; ++i) singly[i] = lpm.Find(wire::IpAddress::V4(some[i]));
  });
  contest.Add("bulk", [&] { lpm.FindBulkV4(chunk(), ours); });
  contest.Run(options.rounds);

  std::string fault = ours == singly ? "" : "bulk and single route lookup differ";
  if (fault.empty() && yardsticks.fib) fault = Disagreement(ours, scalar);
  if (fault.empty() && has_vector) fault = Disagreement(ours, vector);
  if (!fault.empty()) report.AddFault(name + ": " + fault);

  const Figure& bulk = contest.of("bulk");
  if (contest.has("scalar")) {
    const bool vector_wins =
        contest.has("vector") && contest.of("vector").median < contest.of("scalar").median;
    report.AddRatio("routes", name, bulk,
                    vector_wins ? "rte_fib DIR24-8, AVX-512" : "rte_fib DIR24-8",
                    contest.of(vector_wins ? "vector" : "scalar"), target);
  }
  if (contest.has("lpm")) report.AddRatio("routes", name, bulk, "rte_lpm bulk", contest.of("lpm"));
  report.AddRatio("routes", name, bulk, "our own lookup, one by one", contest.of("one by one"));
}

void MeasureV6(const std::string& name, const Lpm& lpm, const Entries& entries,
               const std::vector<wire::IpAddress>& addresses, std::optional<double> target,
               const Options& options, Report& report) {
  const auto fib = options.has_dpdk ? MakeFib6(entries) : nullptr;
  const bool has_vector = fib && fib->Select(true);
  std::vector<std::uint32_t> ours(kPerTurn), singly(kPerTurn);
  std::vector<std::uint64_t> by_scalar(kPerTurn), by_vector(kPerTurn);
  std::size_t at = 0;
  const auto chunk = [&] { return std::span(addresses).subspan(at, kPerTurn); };
  Contest contest(kPerTurn);
  contest.SetLoop([&] {
    at = (at + kPerTurn) % (addresses.size() - kPerTurn);
    const auto some = chunk();
    for (std::size_t i = 0; i < kPerTurn; ++i) ours[i] = some[i].mapped()[0];
  });
  if (fib) {
    contest.Add("scalar", [&] {
      fib->Select(false);
      fib->FindV6(chunk(), by_scalar);
    });
  }
  if (has_vector) {
    contest.Add("vector", [&] {
      fib->Select(true);
      fib->FindV6(chunk(), by_vector);
    });
  }
  contest.Add("one by one", [&] {
    const auto some = chunk();
    for (std::size_t i = 0; i < kPerTurn; ++i) singly[i] = lpm.Find(some[i]);
  });
  contest.Add("bulk", [&] { lpm.FindBulkV6(chunk(), ours); });
  contest.Run(options.rounds);
  std::string fault = ours == singly ? "" : "bulk and single route lookup differ";
  if (fault.empty() && fib) fault = Disagreement(ours, by_scalar);
  if (fault.empty() && has_vector) fault = Disagreement(ours, by_vector);
  if (!fault.empty()) report.AddFault(name + ": " + fault);
  const Figure& bulk = contest.of("bulk");
  if (fib) {
    const bool vector_wins =
        has_vector && contest.of("vector").median < contest.of("scalar").median;
    report.AddRatio("routes", name, bulk, vector_wins ? "rte_fib6 trie, AVX-512" : "rte_fib6 trie",
                    contest.of(vector_wins ? "vector" : "scalar"), target);
  }
  report.AddRatio("routes", name, bulk, "our own lookup, one by one", contest.of("one by one"));
}

Yardsticks MakeYardsticks(const Entries& entries, const Options& options) {
  if (!options.has_dpdk) return {};
  return {MakeFib(entries), entries.size() <= 10'000 ? MakeLpm(entries) : nullptr};
}

void AddMemory(const std::string& name, const Lpm& lpm, const Yardsticks& yardsticks,
               Report& report) {
  Row row{.group = "routes",
          .name = name + ": memory",
          .value = static_cast<double>(lpm.memory_bytes()) / (1 << 20),
          .unit = "MiB"};
  if (yardsticks.fib) {
    row.yardstick = "rte_fib DIR24-8, 2-byte next hops";
    row.yardstick_value = static_cast<double>(yardsticks.fib->memory_bytes()) / (1 << 20);
    row.ratio = row.yardstick_value / row.value;
    row.target = "ratio >= 8";
    row.met = *row.ratio >= 8;
  }
  report.Add(std::move(row));
}

}  // namespace

void BenchRoutes(const Options& options, Report& report) {
  const std::size_t large = options.quick ? 100'000 : 1'000'000;
  {
    const Entries entries = BgpPrefixesV4(large, 1);
    const auto begin = std::chrono::steady_clock::now();
    const Lpm lpm(entries);
    const std::chrono::duration<double> building = std::chrono::steady_clock::now() - begin;
    const Yardsticks yardsticks = MakeYardsticks(entries, options);
    const std::string name = fmt::format("IPv4 routes, {} BGP prefixes", large);
    const auto any = AnyAddressesV4(std::size_t{1} << 21, 2);
    MeasureV4(name + ", random destinations", lpm, yardsticks, any, 1.3, false, options, report);
    MeasureV4(name + ", inside the prefixes", lpm, yardsticks,
              AddressesInsideV4(entries, any.size(), false, 3), std::nullopt, false, options,
              report);
    MeasureV4(name + ", Zipf over the prefixes", lpm, yardsticks,
              AddressesInsideV4(entries, any.size(), true, 3), std::nullopt, false, options,
              report);
    MeasureV4(name + ", cold caches", lpm, yardsticks, any, std::nullopt, true, options, report);
    AddMemory(name, lpm, yardsticks, report);
    report.Add(Row{.group = "routes",
                   .name = name + ": build",
                   .value = building.count(),
                   .unit = "s",
                   .target = "< 1",
                   .met = building.count() < 1});
  }
  for (const std::size_t count : {100u, 1000u}) {
    const Entries entries = VpcRoutes(count, 4);
    const Lpm lpm(entries);
    const Yardsticks yardsticks = MakeYardsticks(entries, options);
    const std::string name = fmt::format("IPv4 routes, {} of a VPC", count);
    MeasureV4(name + ", random destinations", lpm, yardsticks,
              AnyAddressesV4(std::size_t{1} << 20, 5), 1.5, false, options, report);
    MeasureV4(name + ", inside the routes", lpm, yardsticks,
              AddressesInsideV4(entries, std::size_t{1} << 20, false, 5), std::nullopt, false,
              options, report);
    report.Add(Row{.group = "routes",
                   .name = name + ": memory",
                   .value = static_cast<double>(lpm.memory_bytes()) / 1024,
                   .unit = "KiB"});
  }
  {
    const Entries entries = BgpPrefixesV6(options.quick ? 20'000 : 200'000, 6);
    const Lpm lpm(entries);
    const std::string name = fmt::format("IPv6 routes, {} BGP prefixes", entries.size());
    MeasureV6(name + ", random destinations", lpm, entries,
              AddressesInsideV6(entries, std::size_t{1} << 19, 7), 2, options, report);
    report.Add(Row{.group = "routes",
                   .name = name + ": memory",
                   .value = static_cast<double>(lpm.memory_bytes()) / (1 << 20),
                   .unit = "MiB"});
  }
}

}  // namespace taploom::bench
