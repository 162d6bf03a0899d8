#include "control/runtime/dataplane_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include <cerrno>

#include "control/process/host_error.h"
#include "control/process/spawn.h"

namespace taploom::runtime {

absl::Status DataplaneProcess::Start(process::ExitWatcher& watcher) {
  constexpr int kControlFd = 3;  // as its --control-fd says
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return process::HostError("make a socket pair", errno);
  }
  process::UniqueFd ours(ends[0]);
  const process::UniqueFd theirs(ends[1]);
  const process::UniqueFd log(open(log_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!log.valid()) return process::HostError(fmt::format("write {}", log_), errno);

  process::SpawnRequest request;
  request.argv = {executable_, "--control-fd", "3"};
  request.argv.insert(request.argv.end(), options_.begin(), options_.end());
  request.environment = process::EnvironmentWith({});
  request.working_directory = std::string("/");
  request.output = log.get();
  request.inherited = {{theirs.get(), kControlFd}};
  const absl::StatusOr<pid_t> pid = process::Spawn(request);
  if (!pid.ok()) return pid.status();
  identity_ = process::Identify(*pid).value_or(process::ProcessIdentity{*pid, 0});
  watcher.Watch(*pid);
  link_.Connect(std::move(ours));
  return absl::OkStatus();
}

void DataplaneProcess::NoteExit() {
  identity_ = {};
  link_.Disconnect();
}

}  // namespace taploom::runtime
