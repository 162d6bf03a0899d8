#include "dataplane/worker/command_queue.h"

#include <sys/eventfd.h>

#include <cerrno>
#include <semaphore>
#include <system_error>
#include <utility>

namespace taploom::worker {

struct CommandQueue::Entry {
  const std::function<void()>& command;
  std::binary_semaphore done{0};
};

CommandQueue::CommandQueue() : event_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (!event_.valid())
    throw std::system_error(errno, std::generic_category(), "cannot make an eventfd");
}

void CommandQueue::Execute(const std::function<void()>& command) {
  Entry entry{command};
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(&entry);
  }
  eventfd_write(event_.get(), 1);
  entry.done.acquire();
}

void CommandQueue::RunAll() {
  // Reset first: a command queued after the swap below raises the event again.
  eventfd_t ignored;
  eventfd_read(event_.get(), &ignored);
  std::vector<Entry*> entries;
  {
    const std::lock_guard lock(mutex_);
    entries.swap(waiting_);
  }
  for (Entry* entry : entries) {
    entry->command();
    entry->done.release();
  }
}

}  // namespace taploom::worker
