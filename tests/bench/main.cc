// The engine's benchmarks: everything a packet meets in process, beside its yardsticks.
// scripts/bench runs this and draws what it prints.
#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "tests/bench/benchmarks.h"
#include "tests/bench/cycle_clock.h"
#include "tests/bench/yardsticks.h"

namespace taploom::bench {
namespace {

struct Benchmark {
  const char* name;
  const char* what;
  void (*run)(const Options&, Report&);
};
constexpr Benchmark kBenchmarks[] = {
    {"lookup", "connection lookup against rte_hash and absl", BenchConnectionLookup},
    {"packet", "established packets, whole VPC path with SNAT", BenchEstablishedPackets},
    {"new", "new connections, with 10 and 1,000 rules", BenchNewConnections},
    {"routes", "route lookup against rte_fib, rte_lpm and rte_fib6", BenchRoutes},
    {"rules", "security group match against rte_acl and a linear scan", BenchRules},
    {"swap", "configuration swaps under load", BenchSwap},
    {"scale", "cost as rules, routes and interfaces grow", BenchScale},
};

int Usage(std::FILE* out, int code) {
  fmt::print(out, "Usage: taploom_engine_bench [--quick] [--rounds N] [--json FILE] [NAME]...\n\n");
  for (const Benchmark& benchmark : kBenchmarks)
    fmt::print(out, "  {:<8} {}\n", benchmark.name, benchmark.what);
  fmt::print(out, "\nExit: 0 measured · 1 something was computed wrongly · 2 usage\n");
  return code;
}

// One core, so that the caches and the counter are the same throughout.
void StayOnThisCore() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET(static_cast<std::size_t>(sched_getcpu()), &cores);
  sched_setaffinity(0, sizeof cores, &cores);
}

int Run(const std::vector<std::string>& arguments) {
  Options options;
  std::string json;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--quick") {
      options.quick = true;
      options.rounds = 3;
    } else if (arguments[i] == "--rounds" && i + 1 < arguments.size()) {
      options.rounds = std::max(1, std::atoi(arguments[++i].c_str()));
    } else if (arguments[i] == "--json" && i + 1 < arguments.size()) {
      json = arguments[++i];
    } else if (arguments[i] == "--help" || arguments[i] == "-h") {
      return Usage(stdout, 0);
    } else {
      names.push_back(arguments[i]);
    }
  }
  std::vector<Benchmark> chosen;
  for (const Benchmark& benchmark : kBenchmarks) {
    if (names.empty()) chosen.push_back(benchmark);
  }
  for (const std::string& name : names) {
    const std::size_t before = chosen.size();
    for (const Benchmark& benchmark : kBenchmarks) {
      if (benchmark.name == name) chosen.push_back(benchmark);
    }
    if (chosen.size() == before) {
      fmt::print(stderr, "taploom_engine_bench: there is no benchmark \"{}\"\n", name);
      return Usage(stderr, 2);
    }
  }

  StayOnThisCore();
  Report report;
  report.AddFact("tsc", fmt::format("{:.2f} GHz", CyclesPerSecond() / 1e9));
  std::string problem;
  options.has_dpdk = StartDpdk(problem);
  report.AddFact("dpdk", options.has_dpdk ? "in the run" : "absent: " + problem);
  for (const Benchmark& benchmark : chosen) {
    fmt::print(stderr, "{} …\n", benchmark.what);
    benchmark.run(options, report);
  }
  for (const std::string& fault : report.faults()) fmt::print(stderr, "WRONG: {}\n", fault);
  if (json.empty()) {
    report.WriteJson(std::cout);
  } else {
    std::ofstream file(json);
    report.WriteJson(file);
    if (!file) {
      fmt::print(stderr, "taploom_engine_bench: cannot write {}\n", json);
      return 2;
    }
  }
  return report.faults().empty() ? 0 : 1;
}

}  // namespace
}  // namespace taploom::bench

int main(int argc, char** argv) {
  return taploom::bench::Run(std::vector<std::string>(argv + 1, argv + argc));
}
