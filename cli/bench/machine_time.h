#ifndef TAPLOOM_CLI_BENCH_MACHINE_TIME_H_
#define TAPLOOM_CLI_BENCH_MACHINE_TIME_H_

namespace taploom::bench {

// Seconds that the machine's CPUs have spent on anything since it started (proc(5), /proc/stat:
// user, nice, system, irq and softirq). The only fair cost of a kernel router: its work has no
// process.
double MachineBusySeconds();

}  // namespace taploom::bench

#endif  // TAPLOOM_CLI_BENCH_MACHINE_TIME_H_
