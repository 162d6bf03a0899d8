// Matching one packet against the rules of a security group.
#include <fmt/format.h>

#include <chrono>

#include "dataplane/tables/rule_set.h"
#include "tests/bench/benchmarks.h"
#include "tests/bench/workload.h"
#include "tests/bench/yardsticks.h"

namespace taploom::bench {
namespace {

using tables::Rule;
using tables::RuleSet;

constexpr std::size_t kPerTurn = 8192;

std::vector<AclRule> MakeRules(std::size_t count, Random& random) {
  std::vector<AclRule> rules(count);
  for (AclRule& rule : rules) {
    rule.source_length = static_cast<std::uint32_t>(16 + random() % 17);
    rule.source = (0x0a000000u | (static_cast<std::uint32_t>(random()) & 0xffffffu)) &
                  ~std::uint32_t{0} << (32 - rule.source_length);
    rule.first_port = static_cast<std::uint16_t>(random() % 60'000);
    rule.last_port = static_cast<std::uint16_t>(rule.first_port + (random() % 4 == 0 ? 500 : 0));
  }
  return rules;
}

RuleSet Compiled(std::span<const AclRule> rules) {
  std::vector<Rule> compiled;
  for (const AclRule& rule : rules) {
    compiled.push_back(
        {.id = fmt::format("sgr-{:017x}", compiled.size()),
         .protocol = wire::kProtocolTcp,
         .from_port = rule.first_port,
         .to_port = rule.last_port,
         .peers = {wire::IpPrefix::Of(wire::IpAddress::V4(rule.source),
                                      static_cast<std::uint8_t>(rule.source_length))}});
  }
  return RuleSet(std::move(compiled));
}

bool Matches(const AclRule& rule, const AclQuery& query) {
  const std::uint64_t mask = ~std::uint64_t{0} << (32 - rule.source_length);
  return ((query.source ^ rule.source) & static_cast<std::uint32_t>(mask)) == 0 &&
         query.port >= rule.first_port && query.port <= rule.last_port;
}

std::uint32_t LinearScan(std::span<const AclRule> rules, const AclQuery& query) {
  for (std::size_t i = 0; i < rules.size(); ++i) {
    if (Matches(rules[i], query)) return static_cast<std::uint32_t>(i + 1);
  }
  return 0;
}

void MeasureAt(std::size_t count, const Options& options, Report& report, Curve& curve) {
  Random random(count);
  const std::vector<AclRule> rules = MakeRules(count, random);
  const RuleSet set = Compiled(rules);
  const auto acl = options.has_dpdk ? MakeAcl(rules) : nullptr;
  std::vector<AclQuery> queries(kPerTurn);
  std::vector<tables::RuleQuery> ours_queries;
  for (AclQuery& query : queries) {
    const AclRule& near = rules[random() % rules.size()];
    const std::uint64_t host_bits = (std::uint64_t{1} << (32 - near.source_length)) - 1;
    query.source = near.source | static_cast<std::uint32_t>(random() & host_bits);
    query.port = random() % 2 == 0 ? near.first_port : static_cast<std::uint16_t>(random());
    ours_queries.push_back(
        {wire::IpAddress::V4(query.source), wire::kProtocolTcp, query.port, 0, 0});
  }
  std::vector<std::uint32_t> ours(kPerTurn), linear(kPerTurn), theirs(kPerTurn);
  Contest contest(kPerTurn);
  if (acl) contest.Add("rte_acl", [&] { acl->Match(queries, theirs); });
  contest.Add("linear", [&] {
    for (std::size_t i = 0; i < kPerTurn; ++i) linear[i] = LinearScan(rules, queries[i]);
  });
  contest.Add("ours", [&] {
    for (std::size_t i = 0; i < kPerTurn; ++i) ours[i] = set.Match(ours_queries[i]) + 1;
  });
  contest.Run(options.rounds);
  for (std::size_t i = 0; i < kPerTurn; ++i) {
    if (ours[i] != linear[i] || (acl && theirs[i] != linear[i]))
      return report.AddFault(fmt::format("{} rules, query {}: {}, linear {}, rte_acl {}", count, i,
                                         ours[i], linear[i], theirs[i]));
  }
  const std::string name = fmt::format("security group match, {} rules", count);
  if (acl)
    report.AddRatio("rules", name, contest.of("ours"), "rte_acl bulk", contest.of("rte_acl"));
  report.AddRatio("rules", name, contest.of("ours"), "linear scan", contest.of("linear"));
  const double x = static_cast<double>(count);
  curve.lines[0].points.emplace_back(x, contest.of("ours").median);
  curve.lines[1].points.emplace_back(x, contest.of("linear").median);
  if (acl) curve.lines[2].points.emplace_back(x, contest.of("rte_acl").median);
}

}  // namespace

void BenchRules(const Options& options, Report& report) {
  Curve curve{"match-by-rules",
              "rules in the security group",
              "cycles per match",
              {{"ours", {}}, {"linear scan", {}}, {"rte_acl bulk", {}}}};
  for (const std::size_t count : {10u, 100u, 1000u, 10'000u}) {
    if (options.quick && count > 1000) continue;
    MeasureAt(count, options, report, curve);
  }
  report.Add(std::move(curve));

  Random random(99);
  const std::vector<AclRule> rules = MakeRules(1000, random);
  const int sets = options.quick ? 10 : 1000;
  const auto begin = std::chrono::steady_clock::now();
  std::size_t bytes = 0;
  for (int i = 0; i < sets; ++i) bytes += Compiled(rules).memory_bytes();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  if (bytes == 0) report.AddFault("rule sets without memory");
  report.Add(Row{.group = "rules",
                 .name = fmt::format("build of {} different rule sets of 1,000 rules", sets),
                 .value = seconds.count(),
                 .unit = "s",
                 .target = "< 1",
                 .met = seconds.count() < 1});
}

}  // namespace taploom::bench
