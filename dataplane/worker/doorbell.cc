#include "dataplane/worker/doorbell.h"

#include <sys/eventfd.h>

#include <cerrno>
#include <system_error>

namespace taploom::worker {

Doorbell::Doorbell() : event_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (!event_.valid())
    throw std::system_error(errno, std::generic_category(), "cannot make an eventfd");
}

void Doorbell::Silence() {
  eventfd_t ignored;
  eventfd_read(event_.get(), &ignored);
}

void Doorbell::Ring() {
  if (!is_asleep_.load(std::memory_order_seq_cst)) return;
  // Of many who ring at once, one makes the system call.
  if (is_asleep_.exchange(false, std::memory_order_seq_cst)) eventfd_write(event_.get(), 1);
}

}  // namespace taploom::worker
