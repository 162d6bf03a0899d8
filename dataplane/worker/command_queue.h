// CommandQueue: work that other threads ask a worker to do between two bursts.
#ifndef TAPLOOM_DATAPLANE_WORKER_COMMAND_QUEUE_H_
#define TAPLOOM_DATAPLANE_WORKER_COMMAND_QUEUE_H_

#include <functional>
#include <mutex>
#include <vector>

#include "dataplane/io/unique_fd.h"

namespace taploom::worker {

// The worker polls the descriptor among its ports and takes the lock only when it is readable, so
// an idle queue costs the packet path nothing.
class CommandQueue {
 public:
  // Throws std::system_error when the kernel has no more descriptors.
  CommandQueue();

  // Polls readable while commands wait.
  int descriptor() const { return event_.get(); }

  // Any thread but the worker's: has the worker run `command`, and returns when it has. What the
  // command did is visible afterwards. REQUIRES: the worker calls RunAll when the descriptor is
  // readable; `command` does not throw.
  void Execute(const std::function<void()>& command);

  // The worker's thread: runs what waits, in order.
  void RunAll();

 private:
  struct Entry;

  io::UniqueFd event_;
  std::mutex mutex_;
  std::vector<Entry*> waiting_;  // guarded by mutex_; each lives on the stack of its Execute
};

}  // namespace taploom::worker

#endif  // TAPLOOM_DATAPLANE_WORKER_COMMAND_QUEUE_H_
