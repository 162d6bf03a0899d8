#include "tests/cli/run_program.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

namespace taploom::testing {
namespace {

// Both streams are read as they come, so that a program that says much on one never waits for the
// other.
void ReadBoth(std::array<int, 2> fds, std::array<std::string*, 2> texts) {
  std::array<pollfd, 2> open = {pollfd{fds[0], POLLIN, 0}, pollfd{fds[1], POLLIN, 0}};
  while (open[0].fd >= 0 || open[1].fd >= 0) {
    if (poll(open.data(), open.size(), -1) < 0) return;
    for (std::size_t i = 0; i < open.size(); ++i) {
      if (open[i].revents == 0) continue;
      std::array<char, 4096> chunk;
      const ssize_t count = read(open[i].fd, chunk.data(), chunk.size());
      if (count > 0) {
        texts[i]->append(chunk.data(), static_cast<std::size_t>(count));
      } else {
        close(open[i].fd);
        open[i].fd = -1;
      }
    }
  }
}

}  // namespace

Outcome RunProgram(const std::vector<std::string>& argv, const std::string& folder) {
  Outcome outcome;
  int out[2], err[2];
  if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) return outcome;
  const pid_t pid = fork();
  if (pid == 0) {
    dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
    dup2(out[1], STDOUT_FILENO);
    dup2(err[1], STDERR_FILENO);
    if (!folder.empty() && chdir(folder.c_str()) != 0) _exit(126);
    std::vector<char*> pointers;
    for (const std::string& word : argv) pointers.push_back(const_cast<char*>(word.c_str()));
    pointers.push_back(nullptr);
    execvp(pointers.front(), pointers.data());
    _exit(127);
  }
  close(out[1]);
  close(err[1]);
  ReadBoth({out[0], err[0]}, {&outcome.out, &outcome.err});
  int wait_status = 0;
  waitpid(pid, &wait_status, 0);
  if (WIFEXITED(wait_status)) outcome.exit_code = WEXITSTATUS(wait_status);
  return outcome;
}

Outcome Taploom(std::vector<std::string> words, const std::string& folder) {
  words.insert(words.begin(), TAPLOOM_BINARY);
  return RunProgram(words, folder);
}

}  // namespace taploom::testing
