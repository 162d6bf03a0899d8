// Finding the connection of a key: 1 M connections, asked for in random order.
#include <absl/container/flat_hash_map.h>
#include <fmt/format.h>

#include <algorithm>

#include "dataplane/flow/connection_table.h"
#include "tests/bench/benchmarks.h"
#include "tests/bench/workload.h"
#include "tests/bench/yardsticks.h"

namespace taploom::bench {
namespace {

using flow::FlowKey;

constexpr std::uint64_t kSeed = 0x5eed;

struct KeyHash {
  std::size_t operator()(const FlowKey& key) const { return flow::Hash(key, kSeed); }
};

FlowKey OriginalKey(std::uint32_t n) {
  return {
      {wire::IpAddress::V4(0x0a000004u + n % 1000), wire::IpAddress::V4(0xc6120000u + n / 50'000),
       static_cast<std::uint16_t>(1024 + n % 50'000), 443, wire::kProtocolTcp, 0},
      static_cast<std::uint16_t>(1 + n % 1000)};
}

void MeasureAt(std::uint32_t count, double target, const Options& options, Report& report) {
  flow::ConnectionTable table(
      {.capacity = count + count / 4, .capacity_per_port = count + count / 4, .seed = kSeed});
  absl::flat_hash_map<FlowKey, std::uint32_t, KeyHash> map;
  map.reserve(count);
  std::vector<FlowKey> keys(count);
  for (std::uint32_t n = 0; n < count; ++n) {
    keys[n] = OriginalKey(n);
    flow::InsertError error;
    flow::Connection* connection =
        table.Insert(keys[n], {keys[n].tuple.Reversed(), 9999}, Tick(), error);
    if (connection == nullptr) return report.AddFault("the connection table refused a connection");
    connection->nat_address = n;  // what a lookup must come to
    table.SetTimeout(*connection, 1'000'000);
    map.emplace(keys[n], n);
  }
  const auto hash = options.has_dpdk ? MakeHash(keys) : nullptr;

  Random random(11);
  std::vector<std::uint32_t> order(count);
  for (std::uint32_t& n : order) n = static_cast<std::uint32_t>(random() % count);
  std::vector<FlowKey> asked(count);
  for (std::uint32_t i = 0; i < count; ++i) asked[i] = keys[order[i]];

  constexpr std::size_t kPerTurn = 65'536;
  std::vector<flow::ConnectionRef> found(kPerTurn), found_singly(kPerTurn);
  std::vector<std::uint32_t> mapped(kPerTurn);
  std::vector<std::int32_t> positions(kPerTurn);
  std::size_t at = 0;
  const auto chunk = [&] { return std::span(asked).subspan(at, kPerTurn); };
  Contest contest(kPerTurn);
  contest.SetLoop([&] {
    at = (at + kPerTurn) % (count - kPerTurn);
    const auto some = chunk();
    for (std::size_t i = 0; i < kPerTurn; ++i) mapped[i] = some[i].ingress_port;
  });
  contest.Add("rte_hash bulk", [&] {
    if (hash) hash->Find(chunk(), positions);
  });
  contest.Add("absl::flat_hash_map", [&] {
    const auto some = chunk();
    for (std::size_t i = 0; i < kPerTurn; ++i) mapped[i] = map.find(some[i])->second;
  });
  contest.Add("one by one", [&] {
    const auto some = chunk();
    for (std::size_t i = 0; i < kPerTurn; ++i) found_singly[i] = table.Find(some[i], Tick());
  });
  contest.Add("bulk", [&] { table.FindBulk(chunk(), Tick(), found); });
  contest.Run(options.rounds);

  const auto last = chunk();
  for (std::size_t i = 0; i < kPerTurn; ++i) {
    const std::uint32_t expected = order[at + i];
    const bool is_right = found[i] && found[i].connection->nat_address == expected &&
                          found_singly[i].connection == found[i].connection &&
                          mapped[i] == expected && table.Find(last[i], Tick()) &&
                          (!hash || positions[i] >= 0);
    if (!is_right) return report.AddFault(fmt::format("lookup {} found the wrong connection", i));
  }
  const std::string name = fmt::format("connection lookup, {} connections, random order", count);
  const Figure& ours = contest.of("bulk");
  if (hash)
    report.AddRatio("lookup", name, ours, "rte_hash bulk", contest.of("rte_hash bulk"), target);
  report.AddRatio("lookup", name, ours, "absl::flat_hash_map", contest.of("absl::flat_hash_map"),
                  target);
  report.AddRatio("lookup", name, ours, "our own lookup, one by one", contest.of("one by one"));
}

}  // namespace

void BenchConnectionLookup(const Options& options, Report& report) {
  MeasureAt(options.quick ? 200'000 : 1'000'000, 2, options, report);
}

}  // namespace taploom::bench
