// ProcessIdentity: a process named so that a recycled pid is never mistaken for it.
#ifndef TAPLOOM_CONTROL_PROCESS_PROCESS_IDENTITY_H_
#define TAPLOOM_CONTROL_PROCESS_PROCESS_IDENTITY_H_

#include <sys/types.h>

#include <cstdint>
#include <optional>

#include "control/process/unique_fd.h"

namespace taploom::process {

struct ProcessIdentity {
  pid_t pid = 0;
  std::uint64_t start_time = 0;  // clock ticks since boot, field 22 of /proc/PID/stat

  friend bool operator==(const ProcessIdentity&, const ProcessIdentity&) = default;
};

// nullopt when no such process exists.
std::optional<ProcessIdentity> Identify(pid_t pid);

// Whether the process has ended and the kernel is still taking it apart, or it is gone altogether.
bool IsExiting(pid_t pid);

// A pidfd of exactly that process; invalid when it is gone.
UniqueFd OpenProcess(const ProcessIdentity& identity);
// The same by number only, for a process just seen.
UniqueFd OpenProcess(pid_t pid);
bool SendSignal(const UniqueFd& pidfd, int signal_number);

}  // namespace taploom::process

#endif  // TAPLOOM_CONTROL_PROCESS_PROCESS_IDENTITY_H_
