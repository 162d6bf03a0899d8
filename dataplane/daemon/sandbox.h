// Sandbox: gives up everything that forwarding packets does not need. The packets are hostile; a
// bug in their handling must find a process that can do nothing.
#ifndef TAPLOOM_DATAPLANE_DAEMON_SANDBOX_H_
#define TAPLOOM_DATAPLANE_DAEMON_SANDBOX_H_

#include <span>
#include <string>
#include <vector>

namespace taploom::daemon {

// Afterwards the process, and every thread it starts,
//   - sees an empty read-only file system, no network interface and no IPC object of the host,
//   - is nobody:nogroup without supplementary groups, has no capability and cannot gain one,
//   - leaves no core file, and cannot be traced by other processes of nobody,
//   - can make only the system calls of syscall_filter.h,
//   - dies with the thread that started it,
//   - has no descriptor open but 0–2, `control_descriptor`, and `ring_descriptors`, each an
//   io_uring
//     (io/ring.h, which can do nothing but read and write).
//
// Needs root, or root of a user namespace, for the first two; a process that starts without
// privileges keeps its user and the view of its host, which the system call filter then makes
// unreachable. Returns a sentence for each thing that was left out for that reason. Throws
// std::runtime_error, with a sentence, when something that should be possible fails: the process
// must not go on. REQUIRES: the process has one thread.
std::vector<std::string> EnterSandbox(int control_descriptor,
                                      std::span<const int> ring_descriptors = {});

}  // namespace taploom::daemon

#endif  // TAPLOOM_DATAPLANE_DAEMON_SANDBOX_H_
