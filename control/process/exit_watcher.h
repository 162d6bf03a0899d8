// ExitWatcher: tells which of the caller's children have ended, as an event a poll loop can wait
// for.
//
// By pidfd and by name, never "any child": other code of the process may wait for children of its
// own.
#ifndef TAPLOOM_CONTROL_PROCESS_EXIT_WATCHER_H_
#define TAPLOOM_CONTROL_PROCESS_EXIT_WATCHER_H_

#include <sys/types.h>

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "control/process/unique_fd.h"

namespace taploom::process {

struct Exit {
  pid_t pid = 0;
  int wait_status = 0;  // as waitpid() reports it
};

// Thread-safe.
class ExitWatcher {
 public:
  ExitWatcher();

  // Readable while an ended child waits for Collect().
  int fd() const { return epoll_.get(); }

  // REQUIRES: `pid` is a child of this process that nobody has waited for.
  void Watch(pid_t pid);

  // Reaps the watched children that have ended and stops watching them. Does not block.
  std::vector<Exit> Collect();

 private:
  const UniqueFd epoll_;
  std::mutex mutex_;
  std::map<pid_t, UniqueFd> watched_;  // guarded by mutex_
};

// "exit 3" or "signal 9 (Killed)".
std::string DescribeExit(int wait_status);

}  // namespace taploom::process

#endif  // TAPLOOM_CONTROL_PROCESS_EXIT_WATCHER_H_
