#ifndef TAPLOOM_TESTS_BENCH_OPTIONS_H_
#define TAPLOOM_TESTS_BENCH_OPTIONS_H_

namespace taploom::bench {

struct Options {
  bool quick = false;     // a tenth of everything: to see that it works, not how fast
  bool has_dpdk = false;  // its yardsticks take part
  int rounds = 31;
};

}  // namespace taploom::bench

#endif  // TAPLOOM_TESTS_BENCH_OPTIONS_H_
