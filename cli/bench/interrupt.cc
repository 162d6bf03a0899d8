#include "cli/bench/interrupt.h"

#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <utility>

namespace taploom::bench {
namespace {

int watched = -1;

}  // namespace

InterruptWatch::InterruptWatch() {
  sigset_t interrupts;
  sigemptyset(&interrupts);
  sigaddset(&interrupts, SIGINT);
  sigaddset(&interrupts, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &interrupts, &before_);
  watched = signalfd(-1, &interrupts, SFD_CLOEXEC | SFD_NONBLOCK);
}

InterruptWatch::~InterruptWatch() {
  // What came has been obeyed; delivered now it would end the program before its last words.
  signalfd_siginfo ignored;
  while (read(watched, &ignored, sizeof ignored) > 0) continue;
  close(std::exchange(watched, -1));
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

int InterruptWatch::fd() { return watched; }

}  // namespace taploom::bench
