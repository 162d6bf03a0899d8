#include "control/process/process_identity.h"

#include <fmt/format.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

namespace taploom::process {

namespace {

// Fields of /proc/PID/stat, numbered as in proc(5), which starts from 1.
constexpr int kFlagsField = 9, kStartTimeField = 22;
constexpr std::uint64_t kExitingFlag = 0x4;  // PF_EXITING

std::optional<std::uint64_t> StatField(pid_t pid, int number) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  // The command name may hold spaces and parentheses; the fields after its last ')' do not.
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream fields(text.substr(name_end + 1));
  std::string skipped;
  for (int field = 3; field < number; ++field) fields >> skipped;
  std::uint64_t value = 0;
  if (!(fields >> value)) return std::nullopt;
  return value;
}

}  // namespace

std::optional<ProcessIdentity> Identify(pid_t pid) {
  const auto start_time = StatField(pid, kStartTimeField);
  if (!start_time) return std::nullopt;
  return ProcessIdentity{pid, *start_time};
}

bool IsExiting(pid_t pid) {
  return (StatField(pid, kFlagsField).value_or(kExitingFlag) & kExitingFlag) != 0;
}

UniqueFd OpenProcess(pid_t pid) {
  return UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
}

UniqueFd OpenProcess(const ProcessIdentity& identity) {
  UniqueFd pidfd = OpenProcess(identity.pid);
  // Compared after opening: from here on the descriptor cannot come to mean another process.
  if (pidfd.valid() && Identify(identity.pid) == identity) return pidfd;
  return UniqueFd();
}

bool SendSignal(const UniqueFd& pidfd, int signal_number) {
  return syscall(SYS_pidfd_send_signal, pidfd.get(), signal_number, nullptr, 0) == 0;
}

}  // namespace taploom::process
