// The benchmarks, in the order in which a packet meets what they measure.
#ifndef TAPLOOM_TESTS_BENCH_BENCHMARKS_H_
#define TAPLOOM_TESTS_BENCH_BENCHMARKS_H_

#include "tests/bench/options.h"
#include "tests/bench/report.h"

namespace taploom::bench {

void BenchConnectionLookup(const Options& options, Report& report);
void BenchEstablishedPackets(const Options& options, Report& report);
void BenchNewConnections(const Options& options, Report& report);
void BenchRoutes(const Options& options, Report& report);
void BenchRules(const Options& options, Report& report);
void BenchSwap(const Options& options, Report& report);
void BenchScale(const Options& options, Report& report);

}  // namespace taploom::bench

#endif  // TAPLOOM_TESTS_BENCH_BENCHMARKS_H_
