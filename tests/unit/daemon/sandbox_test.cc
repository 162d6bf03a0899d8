#include "dataplane/daemon/sandbox.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "dataplane/io/ring.h"

namespace taploom::daemon {
namespace {

constexpr int kRefused = 10, kSucceeded = 11, kOtherError = 12;

// What becomes of a process that enters the sandbox and then tries `attempt`, which returns
// negative for an error.
int StatusAfter(const std::function<long()>& attempt) {
  const pid_t child = fork();
  if (child == 0) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) _exit(1);
    try {
      EnterSandbox(ends[0]);
    } catch (...) {
      _exit(2);
    }
    const long result = attempt();
    _exit(result >= 0 ? kSucceeded : errno == EPERM ? kRefused : kOtherError);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return status;
}

TEST(Sandbox, ASystemCallThatForwardingDoesNotNeedEndsTheProcess) {
  const struct {
    const char* what;
    std::function<long()> attempt;
  } kAttempts[] = {
      {"make a socket", [] { return socket(AF_INET, SOCK_STREAM, 0); }},
      {"connect", [] { return connect(0, nullptr, 0); }},
      {"run a program", [] { return execl("/bin/true", "true", nullptr); }},
      {"start a process", [] { return fork(); }},
      {"signal another process", [] { return kill(getppid(), SIGTERM); }},
      {"signal a thread of another process", [] { return syscall(SYS_tgkill, 1, 1, SIGTERM); }},
      {"trace", [] { return ptrace(PTRACE_TRACEME, 0, nullptr, nullptr); }},
      {"read another process's memory",
       [] { return syscall(SYS_process_vm_readv, 1, nullptr, 0, nullptr, 0, 0); }},
      {"become root", [] { return setuid(0); }},
      {"make a user namespace", [] { return unshare(CLONE_NEWUSER); }},
      {"mount", [] { return mount("x", "/", "tmpfs", 0, nullptr); }},
      {"leave the root", [] { return chroot("/"); }},
      {"use io_uring", [] { return syscall(SYS_io_uring_setup, 1, nullptr); }},
      {"load a BPF program", [] { return syscall(SYS_bpf, 0, nullptr, 0); }},
      {"map memory that is executable",
       [] {
         return mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
                        MAP_FAILED
                    ? -1L
                    : 0L;
       }},
      {"lock itself into memory", [] { return syscall(SYS_mlockall, MCL_CURRENT); }},
      {"change a descriptor's flags", [] { return fcntl(0, F_SETFL, 0); }},
  };
  for (const auto& [what, attempt] : kAttempts) {
    const int status = StatusAfter(attempt);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) << what << ": status " << status;
  }
}

TEST(Sandbox, APathIsRefused) {
  for (const char* path : {"/", "/etc/passwd", "/proc/self/mem", "/dev/net/tun"}) {
    const int status = StatusAfter([path] { return open(path, O_RDONLY); });
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == kRefused)
        << path << ": status " << status;
  }
}

TEST(Sandbox, ThreadsAndMemoryRemain) {
  const int status = StatusAfter([] {
    long sum = 0;
    std::thread([&sum] {
      const auto memory = std::make_unique<char[]>(std::size_t{64} << 20);
      sum = memory[12'345'678];
    }).join();
    return sum;
  });
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == kSucceeded) << status;
}

TEST(Sandbox, AbortStillAborts) {
  const int status = StatusAfter([]() -> long { std::abort(); });
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT) << status;
}

// A filter of system calls does not see what a ring does, so the ring itself must refuse.
TEST(Sandbox, TheRingThatIsKeptReadsAndWritesAndOpensNothing) {
  std::string problem;
  if (io::Ring::Make(problem) == nullptr) GTEST_SKIP() << problem;
  const auto status_after = [](const std::function<long(io::Ring&)>& attempt) {
    const pid_t child = fork();
    if (child == 0) {
      std::string ignored;
      const auto ring = io::Ring::Make(ignored);
      int ends[2];
      if (ring == nullptr || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) _exit(1);
      try {
        EnterSandbox(ends[0], std::array{ring->descriptor()});
      } catch (...) {
        _exit(2);
      }
      const long result = attempt(*ring);
      _exit(result >= 0 ? kSucceeded : result == -EACCES ? kRefused : kOtherError);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return status;
  };

  const int opened = status_after([](io::Ring& ring) -> long {
    ring.Send({});  // the first use puts the restriction into force
    io_uring& raw = ring.raw();
    io_uring_prep_openat(io_uring_get_sqe(&raw), AT_FDCWD, "/", O_RDONLY, 0);
    if (const int submitted = io_uring_submit_and_wait(&raw, 1); submitted < 0) return submitted;
    io_uring_cqe* done = nullptr;
    return io_uring_peek_cqe(&raw, &done) == 0 ? done->res : -EIO;
  });
  EXPECT_TRUE(WIFEXITED(opened) && WEXITSTATUS(opened) == kRefused) << opened;

  const int another =
      status_after([](io::Ring&) { return syscall(SYS_io_uring_setup, 1, nullptr); });
  EXPECT_TRUE(WIFSIGNALED(another) && WTERMSIG(another) == SIGSYS) << another;
  const int lifted = status_after([](io::Ring& ring) -> long {
    ring.Send({});
    return io_uring_register_eventfd(&ring.raw(), 0);
  });
  EXPECT_TRUE(WIFEXITED(lifted) && WEXITSTATUS(lifted) == kRefused) << lifted;
}

TEST(Sandbox, InheritedDescriptorsAreClosed) {
  const int leaked = open("/dev/null", O_RDONLY);
  const int status = StatusAfter([leaked] { return fcntl(leaked, F_GETFL); });
  close(leaked);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == kOtherError)
      << "EBADF expected, status " << status;
}

}  // namespace
}  // namespace taploom::daemon
