// Doorbell: wakes a worker that sleeps, and costs nobody a system call while it does not.
//
//   the sleeper                                 who has something for it
//   if (!bell.MayFallAsleep([] { return …nothing waits…; })) …go on…
//   epoll_wait(…, bell.descriptor(), …)         make it visible, sequentially consistent
//   bell.Wake()                                 bell.Ring()
//   when the descriptor was readable: bell.Silence()
//
// The sleeper first says that it sleeps and then looks again; the other first gives and then looks
// whether it sleeps. Whatever the order, one of them sees the other (Dekker's argument), so nothing
// is left lying.
#ifndef TAPLOOM_DATAPLANE_WORKER_DOORBELL_H_
#define TAPLOOM_DATAPLANE_WORKER_DOORBELL_H_

#include <atomic>

#include "dataplane/io/unique_fd.h"

namespace taploom::worker {

class Doorbell {
 public:
  // Throws std::system_error when the kernel has no more descriptors.
  Doorbell();

  // Polls readable after a Ring that met a sleeper, until Silence.
  int descriptor() const { return event_.get(); }

  // The sleeper: true when it may block until the descriptor is readable. `is_idle` is asked after
  // others know that it sleeps, and must read sequentially consistently what they make visible.
  template <typename IsIdle>
  bool MayFallAsleep(IsIdle is_idle) {
    is_asleep_.store(true, std::memory_order_seq_cst);
    if (is_idle()) return true;
    is_asleep_.store(false, std::memory_order_relaxed);
    return false;
  }
  // The sleeper, after it has slept or could have.
  void Wake() { is_asleep_.store(false, std::memory_order_relaxed); }
  // The sleeper, when the descriptor polls readable, which it may do a little after Wake.
  void Silence();

  // Any thread.
  void Ring();

 private:
  io::UniqueFd event_;
  std::atomic<bool> is_asleep_{false};
};

}  // namespace taploom::worker

#endif  // TAPLOOM_DATAPLANE_WORKER_DOORBELL_H_
