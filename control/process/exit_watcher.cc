#include "control/process/exit_watcher.h"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#include <cstring>

#include "control/process/process_identity.h"

namespace taploom::process {

ExitWatcher::ExitWatcher() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {}

void ExitWatcher::Watch(pid_t pid) {
  UniqueFd pidfd = OpenProcess(pid);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = pidfd.get();
  epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, pidfd.get(), &event);
  const std::lock_guard lock(mutex_);
  watched_[pid] = std::move(pidfd);
}

std::vector<Exit> ExitWatcher::Collect() {
  std::vector<Exit> exits;
  const std::lock_guard lock(mutex_);
  for (auto entry = watched_.begin(); entry != watched_.end();) {
    Exit exit{entry->first, 0};
    if (waitpid(exit.pid, &exit.wait_status, WNOHANG) == exit.pid) {
      exits.push_back(exit);
      entry = watched_.erase(entry);
    } else {
      ++entry;
    }
  }
  return exits;
}

std::string DescribeExit(int wait_status) {
  if (WIFSIGNALED(wait_status)) {
    const int number = WTERMSIG(wait_status);
    return fmt::format("signal {} ({})", number, strsignal(number));
  }
  return fmt::format("exit {}", WEXITSTATUS(wait_status));
}

}  // namespace taploom::process
