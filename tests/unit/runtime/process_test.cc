// Starting programs and ending them.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "control/process/exit_watcher.h"
#include "control/process/process_identity.h"
#include "control/process/spawn.h"
#include "control/process/terminate.h"

namespace taploom::process {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

struct Pipe {
  Pipe() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) == 0) {
      in.reset(ends[0]);
      out.reset(ends[1]);
    }
  }
  // Everything until every writer has closed it.
  std::string ReadAll() {
    out.reset();
    std::string text;
    char chunk[512];
    for (ssize_t count; (count = read(in.get(), chunk, sizeof chunk)) > 0;) {
      text.append(chunk, static_cast<std::size_t>(count));
    }
    return text;
  }
  UniqueFd in, out;
};

SpawnRequest Shell(const std::string& script, int output) {
  SpawnRequest request;
  request.argv = {"sh", "-c", script};
  request.environment = EnvironmentWith({});
  request.output = output;
  return request;
}

TEST(Spawn, RunsInItsFolderWithItsEnvironmentAndASessionOfItsOwn) {
  Pipe output;
  SpawnRequest request = Shell("echo $COLOUR; pwd; ps -o sid= -p $$ | tr -d ' '", output.out.get());
  request.environment = EnvironmentWith({"COLOUR=blue"});
  request.working_directory = std::string("/proc");
  const auto pid = Spawn(request);
  ASSERT_TRUE(pid.ok()) << pid.status();
  EXPECT_EQ(output.ReadAll(), "blue\n/proc\n" + std::to_string(*pid) + "\n");
  waitpid(*pid, nullptr, 0);
}

TEST(Spawn, PassesOnlyTheDescriptorsItIsTold) {
  Pipe output, passed;
  const UniqueFd secret(
      open("/dev/zero", O_RDONLY));  // without close-on-exec, as a careless library leaves it
  SpawnRequest request =
      Shell("ls /proc/self/fd | sort -n | tr '\\n' ' '; echo hello >&7", output.out.get());
  request.inherited = {{passed.out.get(), 7}};
  const auto pid = Spawn(request);
  ASSERT_TRUE(pid.ok()) << pid.status();
  EXPECT_EQ(output.ReadAll(), "0 1 2 3 7 ");  // 3 is ls's own
  EXPECT_EQ(passed.ReadAll(), "hello\n");
  waitpid(*pid, nullptr, 0);
}

TEST(Spawn, SignalsAreAsAProgramExpectsThem) {
  sigset_t blocked, before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  sigprocmask(SIG_BLOCK, &blocked, &before);
  signal(SIGPIPE, SIG_IGN);
  const auto pid = Spawn(Shell("kill -TERM $$; echo survived", -1));
  sigprocmask(SIG_SETMASK, &before, nullptr);
  signal(SIGPIPE, SIG_DFL);
  ASSERT_TRUE(pid.ok());
  int wait_status = 0;
  waitpid(*pid, &wait_status, 0);
  EXPECT_TRUE(WIFSIGNALED(wait_status));
}

TEST(Spawn, SaysWhichStepFailed) {
  SpawnRequest request = Shell("true", -1);
  request.argv = {"/no/such/program"};
  EXPECT_THAT(std::string(Spawn(request).status().message()),
              HasSubstr("start /no/such/program: execute it: No such file or directory"));
  request = Shell("true", -1);
  request.working_directory = std::string("/no/such/folder");
  EXPECT_THAT(std::string(Spawn(request).status().message()),
              HasSubstr("enter the working directory"));
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1) << "a failed child is reaped";
}

TEST(Environment, TheExtraWins) {
  setenv("TAPLOOM_TEST_VARIABLE", "old", 1);
  const auto environment = EnvironmentWith({"TAPLOOM_TEST_VARIABLE=new"});
  EXPECT_EQ(std::count(environment.begin(), environment.end(), "TAPLOOM_TEST_VARIABLE=new"), 1);
  EXPECT_EQ(std::count(environment.begin(), environment.end(), "TAPLOOM_TEST_VARIABLE=old"), 0);
  unsetenv("TAPLOOM_TEST_VARIABLE");
}

TEST(ExitWatcher, TellsWhichChildEndedAndHow) {
  ExitWatcher watcher;
  const auto quick = Spawn(Shell("exit 7", -1));
  const auto slow = Spawn(Shell("exec sleep 1000", -1));
  ASSERT_TRUE(quick.ok() && slow.ok());
  watcher.Watch(*quick);
  watcher.Watch(*slow);
  pollfd event{watcher.fd(), POLLIN, 0};
  ASSERT_EQ(poll(&event, 1, 5000), 1);
  auto exits = watcher.Collect();
  ASSERT_EQ(exits.size(), 1u);
  EXPECT_EQ(exits[0].pid, *quick);
  EXPECT_EQ(DescribeExit(exits[0].wait_status), "exit 7");
  EXPECT_EQ(poll(&event, 1, 0), 0) << "nothing more to collect";

  kill(*slow, SIGKILL);
  ASSERT_EQ(poll(&event, 1, 5000), 1);
  exits = watcher.Collect();
  ASSERT_EQ(exits.size(), 1u);
  EXPECT_EQ(DescribeExit(exits[0].wait_status), "signal 9 (Killed)");
}

TEST(Terminate, AsksFirstAndKillsWhatDoesNotListen) {
  Pipe output;
  const auto polite = Spawn(
      Shell("trap 'exit 5' TERM; echo ready; while :; do sleep 0.01; done", output.out.get()));
  const auto deaf =
      Spawn(Shell("trap '' TERM; echo ready; while :; do sleep 0.01; done", output.out.get()));
  ASSERT_TRUE(polite.ok() && deaf.ok());
  char lines[12];
  for (std::size_t got = 0; got < sizeof lines;) {
    const ssize_t count = read(output.in.get(), lines + got, sizeof lines - got);
    ASSERT_GT(count, 0);
    got += static_cast<std::size_t>(count);
  }
  EXPECT_TRUE(TerminateProcesses({*Identify(*polite), *Identify(*deaf)}, 500ms).ok());
  int wait_status = 0;
  waitpid(*polite, &wait_status, 0);
  EXPECT_EQ(DescribeExit(wait_status), "exit 5");
  waitpid(*deaf, &wait_status, 0);
  EXPECT_EQ(DescribeExit(wait_status), "signal 9 (Killed)");
}

TEST(Terminate, ARecycledPidIsAnotherProcess) {
  const auto pid = Spawn(Shell("exec sleep 1000", -1));
  ASSERT_TRUE(pid.ok());
  ProcessIdentity earlier = *Identify(*pid);
  --earlier.start_time;
  EXPECT_FALSE(OpenProcess(earlier).valid());
  EXPECT_TRUE(TerminateProcesses({earlier}, 100ms).ok());
  EXPECT_FALSE(IsExiting(*pid));
  kill(*pid, SIGKILL);
  waitpid(*pid, nullptr, 0);
  EXPECT_TRUE(IsExiting(*pid)) << "gone";
}

}  // namespace
}  // namespace taploom::process
