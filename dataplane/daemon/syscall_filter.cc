#include "dataplane/daemon/syscall_filter.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if_tun.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <system_error>

namespace taploom::daemon {
namespace {

class Filter {
 public:
  Filter() : context_(seccomp_init(SCMP_ACT_KILL_PROCESS), &seccomp_release) {
    if (context_ == nullptr) throw std::runtime_error("Cannot make a system call filter.");
  }

  void Allow(int syscall) { Add(SCMP_ACT_ALLOW, syscall, {}); }
  void AllowWhen(int syscall, std::initializer_list<scmp_arg_cmp> conditions) {
    Add(SCMP_ACT_ALLOW, syscall, conditions);
  }
  void Refuse(int syscall, int error) {
    Add(SCMP_ACT_ERRNO(static_cast<unsigned>(error)), syscall, {});
  }

  void Load() {
    Check(seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_LOG, 1));
    Check(seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_TSYNC, 1));
    Check(seccomp_load(context_.get()));
  }

 private:
  static void Check(int result) {
    if (result == 0) return;
    throw std::runtime_error(fmt::format("Cannot install the system call filter: {}.",
                                         std::generic_category().message(-result)));
  }

  void Add(std::uint32_t action, int syscall, std::initializer_list<scmp_arg_cmp> conditions) {
    const int result =
        seccomp_rule_add_array(context_.get(), action, syscall,
                               static_cast<unsigned>(conditions.size()), conditions.begin());
    // EDOM: a system call that this architecture does not have (`open` on arm64) needs no rule.
    if (result != -EDOM) Check(result);
  }

  std::unique_ptr<void, decltype(&seccomp_release)> context_;
};

scmp_arg_cmp Equals(unsigned argument, std::uint64_t value) {
  return {argument, SCMP_CMP_EQ, value, 0};
}
scmp_arg_cmp HasBits(unsigned argument, std::uint64_t mask) {
  return {argument, SCMP_CMP_MASKED_EQ, mask, mask};
}
scmp_arg_cmp LacksBits(unsigned argument, std::uint64_t mask) {
  return {argument, SCMP_CMP_MASKED_EQ, mask, 0};
}

void AllowFrames(Filter& filter) {
  for (const int syscall :
       {SCMP_SYS(readv), SCMP_SYS(writev), SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait),
        SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl), SCMP_SYS(eventfd2), SCMP_SYS(recvmmsg)}) {
    filter.Allow(syscall);
  }
  for (const std::uint64_t request : {TUNGETIFF, TUNGETVNETHDRSZ}) {
    filter.AllowWhen(SCMP_SYS(ioctl), {Equals(1, request)});
  }
}

// To have it read and write, and to switch it on, once.
void AllowRing(Filter& filter, int descriptor) {
  for (const int syscall : {SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register)})
    filter.AllowWhen(syscall, {Equals(0, static_cast<std::uint64_t>(descriptor))});
}

void AllowControl(Filter& filter) {
  for (const int syscall : {SCMP_SYS(recvmsg), SCMP_SYS(recvfrom), SCMP_SYS(sendto), SCMP_SYS(read),
                            SCMP_SYS(write), SCMP_SYS(close)}) {
    filter.Allow(syscall);
  }
  filter.AllowWhen(SCMP_SYS(fcntl), {Equals(1, F_GETFL)});
}

void AllowMemory(Filter& filter) {
  for (const int syscall : {SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),
                            SCMP_SYS(memfd_create), SCMP_SYS(ftruncate), SCMP_SYS(lseek)}) {
    filter.Allow(syscall);
  }
  filter.AllowWhen(SCMP_SYS(mmap), {LacksBits(2, PROT_EXEC)});
  filter.AllowWhen(SCMP_SYS(mprotect), {LacksBits(2, PROT_EXEC)});
}

void AllowThreadsAndTime(Filter& filter) {
  for (const int syscall :
       {SCMP_SYS(futex), SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(gettid),
        SCMP_SYS(getpid), SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity),
        SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigreturn),
        SCMP_SYS(sigaltstack), SCMP_SYS(clock_gettime), SCMP_SYS(clock_nanosleep),
        SCMP_SYS(restart_syscall), SCMP_SYS(getrandom), SCMP_SYS(membarrier), SCMP_SYS(exit),
        SCMP_SYS(exit_group)}) {
    filter.Allow(syscall);
  }
  // A thread, never a process. clone3 hides its flags behind a pointer; without it the C library
  // uses clone.
  filter.AllowWhen(SCMP_SYS(clone), {HasBits(0, CLONE_THREAD | CLONE_VM)});
  filter.Refuse(SCMP_SYS(clone3), ENOSYS);
  filter.AllowWhen(SCMP_SYS(prctl), {Equals(0, PR_SET_NAME)});
  // To read its own limits, which say how large its stack is.
  filter.AllowWhen(SCMP_SYS(prlimit64), {Equals(0, 0), Equals(2, 0)});
  // abort() signals its own process and nobody else.
  filter.AllowWhen(SCMP_SYS(tgkill), {Equals(0, static_cast<std::uint64_t>(getpid()))});
}

void RefusePaths(Filter& filter) {
  for (const int syscall : {SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(stat), SCMP_SYS(newfstatat),
                            SCMP_SYS(access), SCMP_SYS(readlink), SCMP_SYS(readlinkat)}) {
    filter.Refuse(syscall, EPERM);
  }
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
// The sanitizers' own runtime: it probes memory through a pipe.
void AllowSanitizers(Filter& filter) { filter.Allow(SCMP_SYS(pipe2)); }
#else
void AllowSanitizers(Filter&) {}
#endif

}  // namespace

void InstallSyscallFilter(std::span<const int> ring_descriptors) {
  Filter filter;
  AllowFrames(filter);
  for (const int descriptor : ring_descriptors) AllowRing(filter, descriptor);
  AllowControl(filter);
  AllowMemory(filter);
  AllowThreadsAndTime(filter);
  RefusePaths(filter);
  AllowSanitizers(filter);
  filter.Load();
}

}  // namespace taploom::daemon
