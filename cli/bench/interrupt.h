// Ctrl-C during a benchmark: noted, so that what was made is taken away before the program ends.
#ifndef TAPLOOM_CLI_BENCH_INTERRUPT_H_
#define TAPLOOM_CLI_BENCH_INTERRUPT_H_

#include <signal.h>

namespace taploom::bench {

// While it lives, SIGINT and SIGTERM are blocked in the calling thread and those it starts, and
// readable from fd().
class InterruptWatch {
 public:
  InterruptWatch();
  ~InterruptWatch();
  InterruptWatch(const InterruptWatch&) = delete;
  InterruptWatch& operator=(const InterruptWatch&) = delete;

  // Of the watch that lives; -1 when none does. Readable once a signal has come, and from then on.
  static int fd();

 private:
  sigset_t before_;
};

}  // namespace taploom::bench

#endif  // TAPLOOM_CLI_BENCH_INTERRUPT_H_
