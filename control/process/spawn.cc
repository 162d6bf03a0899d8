#include "control/process/spawn.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>

#include "control/process/host_error.h"
#include "control/process/unique_fd.h"

namespace taploom::process {
namespace {

// Above every number a program is told to expect, so that moving one descriptor never overwrites
// another.
constexpr int kParkingLot = 100;

// What this process was started with, once it has raised it.
std::optional<rlimit> own_descriptor_limit;

struct ChildFailure {
  int error_number;
  char step[60];
};

[[noreturn]] void Fail(int report_fd, int error_number, const char* step) {
  ChildFailure failure{};
  failure.error_number = error_number;
  std::strncpy(failure.step, step, sizeof failure.step - 1);
  [[maybe_unused]] const ssize_t written = write(report_fd, &failure, sizeof failure);
  _exit(127);
}

std::vector<char*> Pointers(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (const std::string& string : strings) pointers.push_back(const_cast<char*>(string.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// Runs in the child of a process that has threads: system calls only, no allocation.
[[noreturn]] void BecomeProgram(const SpawnRequest& request, char* const* argv, char* const* envp,
                                int* parked, int report_fd) {
  setsid();
  struct sigaction defaults {};
  defaults.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) sigaction(number, &defaults, nullptr);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  if (own_descriptor_limit) setrlimit(RLIMIT_NOFILE, &*own_descriptor_limit);

  if (request.entry) {
    const EntryFailure failure = EnterNamespaces(*request.entry);
    if (failure.error_number != 0) Fail(report_fd, failure.error_number, failure.step);
  }
  if (!request.working_directory.empty() && chdir(request.working_directory.c_str()) != 0) {
    Fail(report_fd, errno, "enter the working directory");
  }

  const int report = fcntl(report_fd, F_DUPFD_CLOEXEC, kParkingLot);
  const int output = request.output < 0 ? -1 : fcntl(request.output, F_DUPFD, kParkingLot);
  for (std::size_t i = 0; i < request.inherited.size(); ++i) {
    parked[i] = fcntl(request.inherited[i].from, F_DUPFD, kParkingLot);
    if (parked[i] < 0) Fail(report_fd, errno, "pass a descriptor on");
  }
  close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0 || dup2(null, STDIN_FILENO) < 0) Fail(report, errno, "open /dev/null");
  if (output >= 0 && (dup2(output, STDOUT_FILENO) < 0 || dup2(output, STDERR_FILENO) < 0)) {
    Fail(report, errno, "redirect the output");
  }
  for (std::size_t i = 0; i < request.inherited.size(); ++i) {
    if (dup2(parked[i], request.inherited[i].to) < 0) Fail(report, errno, "pass a descriptor on");
  }
  execvpe(argv[0], argv, envp);
  Fail(report, errno, "execute it");
}

}  // namespace

void RaiseDescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  own_descriptor_limit = limit;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

absl::StatusOr<pid_t> Spawn(const SpawnRequest& request) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return HostError("make a pipe", errno);
  UniqueFd report_in(ends[0]);
  UniqueFd report_out(ends[1]);

  const std::vector<char*> argv = Pointers(request.argv);
  const std::vector<char*> envp = Pointers(request.environment);
  std::vector<int> parked(request.inherited.size() + 1, -1);

  const pid_t pid = fork();
  if (pid < 0) return HostError("fork", errno);
  if (pid == 0) BecomeProgram(request, argv.data(), envp.data(), parked.data(), report_out.get());

  report_out.reset();
  ChildFailure failure{};
  ssize_t received;
  do {
    received = read(report_in.get(), &failure, sizeof failure);
  } while (received < 0 && errno == EINTR);
  if (received == 0) return pid;  // exec closed the pipe
  waitpid(pid, nullptr, 0);
  return HostError(fmt::format("start {}: {}", request.argv.front(), failure.step),
                   failure.error_number);
}

std::vector<std::string> EnvironmentWith(const std::vector<std::string>& extra) {
  const auto name_of = [](std::string_view entry) { return entry.substr(0, entry.find('=')); };
  std::vector<std::string> result;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    bool replaced = false;
    for (const std::string& own : extra) replaced |= name_of(own) == name_of(*entry);
    if (!replaced) result.emplace_back(*entry);
  }
  result.insert(result.end(), extra.begin(), extra.end());
  return result;
}

}  // namespace taploom::process
