// The system calls that remain once the dataplane serves.
#ifndef TAPLOOM_DATAPLANE_DAEMON_SYSCALL_FILTER_H_
#define TAPLOOM_DATAPLANE_DAEMON_SYSCALL_FILTER_H_

#include <span>

namespace taploom::daemon {

// From now on the process can read and write the descriptors it has, receive further ones, wait,
// keep time, take and give back memory that is not executable, and start threads of its own. A
// file-system path is answered with EPERM, because the C library looks for some on its own;
// anything else kills the process, and the kernel's audit log says what it was. Holds for every
// thread, and cannot be undone. `ring_descriptors`: the io_urings that may be used, and no other
// may be made. What they do is not seen by this filter: they must have been restricted before.
// Throws std::runtime_error when the kernel refuses.
void InstallSyscallFilter(std::span<const int> ring_descriptors = {});

}  // namespace taploom::daemon

#endif  // TAPLOOM_DATAPLANE_DAEMON_SYSCALL_FILTER_H_
