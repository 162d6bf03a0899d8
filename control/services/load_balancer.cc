#include "control/services/load_balancer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <optional>
#include <sstream>
#include <system_error>
#include <thread>

#include "control/services/haproxy_config.h"
#include "control/services/haproxy_socket.h"

namespace taploom::control {
namespace {

namespace fs = std::filesystem;

// Debian's package. By path, because /usr/sbin is not in everyone's PATH.
constexpr const char* kHaproxy = "/usr/sbin/haproxy";
// Debian's package makes this account for the worker, which parses what strangers send.
constexpr const char* kWorkerUser = "haproxy";
// A certificate is renewed when an update finds that it has less than this left.
constexpr std::chrono::hours kRenewBefore{24};
// haproxy is up some 20 ms after it was started; more on a busy machine.
constexpr std::chrono::seconds kStartPatience{3};

absl::Status ErrnoStatus(const fs::path& path, std::string_view what) {
  return absl::InternalError(fmt::format("{}: {}: {}", path.string(), what, std::strerror(errno)));
}

std::optional<std::string> ReadFile(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

// Readable by the owner only from the first byte on: it may hold a private key.
absl::Status WritePrivateFile(const fs::path& path, std::string_view text) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return ErrnoStatus(path, "cannot write");
  while (!text.empty()) {
    const ssize_t size = ::write(fd, text.data(), text.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) {
      const absl::Status status = ErrnoStatus(path, "cannot write");
      ::close(fd);
      return status;
    }
    text.remove_prefix(static_cast<std::size_t>(size));
  }
  if (::close(fd) != 0) return ErrnoStatus(path, "cannot write");
  return absl::OkStatus();
}

absl::Status Rename(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return ErrnoStatus(to, "cannot replace");
  return absl::OkStatus();
}

fs::path NextTo(const fs::path& path) { return path.string() + ".new"; }

absl::Status ReplacePrivateFile(const fs::path& path, std::string_view text) {
  const fs::path next = NextTo(path);
  if (absl::Status status = WritePrivateFile(next, text); !status.ok()) return status;
  return Rename(next, path);
}

// Whether this process may become any user: root of the whole host, not of a user namespace that
// maps itself only.
bool MayChangeUser() {
  if (::geteuid() != 0) return false;
  std::ifstream map("/proc/self/uid_map");
  std::uint64_t inside = 0, outside = 0, count = 0;
  while (map >> inside >> outside >> count) {
    if (inside == 0 && count > 65535) return true;
  }
  return false;
}

std::optional<std::string> WorkerUser() {
  passwd entry{};
  passwd* found = nullptr;
  char buffer[4096];
  if (!MayChangeUser() || ::getpwnam_r(kWorkerUser, &entry, buffer, sizeof buffer, &found) != 0 ||
      found == nullptr) {
    return std::nullopt;
  }
  return kWorkerUser;
}

absl::StatusOr<std::string> Render(const NodeFiles& files, const LoadBalancerPlan& plan,
                                   const LoadBalancerNodePlan& node) {
  return RenderHaproxyConfig(plan, node,
                             {.stats_socket = files.stats_socket.string(),
                              .server_state = files.server_state.string(),
                              .certificate = files.certificate.string(),
                              .worker_user = WorkerUser()});
}

bool NeedsCertificate(const LoadBalancerPlan& plan) {
  return std::any_of(plan.listeners.begin(), plan.listeners.end(),
                     [](const ListenerPlan& listener) { return listener.protocol == "https"; });
}

// Keeps a certificate that is still good, so that applying the same plan again changes nothing.
// True when it wrote one.
absl::StatusOr<bool> RefreshCertificate(const NodeFiles& files, const LoadBalancerPlan& plan,
                                        const CertificateAuthority& ca) {
  if (!NeedsCertificate(plan)) return false;
  const auto now = std::chrono::system_clock::now();
  const std::optional<std::string> present = ReadFile(files.certificate);
  if (present && ca.Covers(*present, plan.dns_name, now + kRenewBefore)) return false;
  const absl::StatusOr<std::string> pem = ca.IssueServerCertificate(plan.dns_name, now);
  if (!pem.ok()) return pem.status();
  if (absl::Status status = ReplacePrivateFile(files.certificate, *pem); !status.ok()) {
    return status;
  }
  return true;
}

// True when the file changed. haproxy's verdict comes before the rename: what is in use stays until
// there is better.
absl::StatusOr<bool> RefreshConfig(const NodeFiles& files, const LoadBalancerPlan& plan,
                                   const LoadBalancerNodePlan& node) {
  const absl::StatusOr<std::string> text = Render(files, plan, node);
  if (!text.ok()) return text.status();
  if (ReadFile(files.config) == *text) return false;
  const fs::path next = NextTo(files.config);
  if (absl::Status status = WritePrivateFile(next, *text); !status.ok()) return status;
  if (absl::Status status = ValidateConfig(next); !status.ok()) {
    ::unlink(next.c_str());
    return status;
  }
  if (absl::Status status = Rename(next, files.config); !status.ok()) return status;
  return true;
}

// True when a file changed.
absl::StatusOr<bool> RefreshFiles(const NodeFiles& files, const LoadBalancerPlan& plan,
                                  const LoadBalancerNodePlan& node,
                                  const CertificateAuthority& ca) {
  // The certificate first: haproxy refuses a configuration whose certificate does not exist.
  const absl::StatusOr<bool> certificate_changed = RefreshCertificate(files, plan, ca);
  if (!certificate_changed.ok()) return certificate_changed.status();
  const absl::StatusOr<bool> config_changed = RefreshConfig(files, plan, node);
  if (!config_changed.ok()) return config_changed.status();
  return *certificate_changed || *config_changed;
}

// What a server-state file says when there is no state: its version alone.
constexpr std::string_view kNoServerState = "1\n";

// The state for the next worker to start from. A master that was started a moment ago would die of
// the reload signal, because it does not catch it yet; one whose worker answers does.
absl::StatusOr<std::string> AskServerStateOnceUp(const NodeFiles& files) {
  const auto deadline = std::chrono::steady_clock::now() + kStartPatience;
  while (true) {
    absl::StatusOr<std::string> state =
        AskHaproxy(files.stats_socket.string(), "show servers state");
    if (state.ok() || std::chrono::steady_clock::now() > deadline) return state;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

// Runs `argv` with stdout and stderr into one pipe, and waits. The program's words and its wait
// status.
struct Outcome {
  int wait_status = 0;
  std::string output;
};
absl::StatusOr<Outcome> Run(const std::vector<std::string>& argv) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return ErrnoStatus(argv[0], "cannot make a pipe");
  std::vector<char*> pointers;
  for (const std::string& argument : argv) pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
  pid_t pid = -1;
  const int error =
      ::posix_spawn(&pid, argv[0].c_str(), &actions, nullptr, pointers.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  if (error != 0) {
    ::close(ends[0]);
    return absl::FailedPreconditionError(
        fmt::format("cannot run {}: {}", argv[0], std::strerror(error)));
  }
  Outcome outcome;
  char buffer[4096];
  for (ssize_t size; (size = ::read(ends[0], buffer, sizeof buffer)) != 0;) {
    if (size < 0 && errno != EINTR) break;
    if (size > 0) outcome.output.append(buffer, static_cast<std::size_t>(size));
  }
  ::close(ends[0]);
  while (::waitpid(pid, &outcome.wait_status, 0) < 0) {
    if (errno != EINTR) return ErrnoStatus(argv[0], "cannot wait");
  }
  return outcome;
}

}  // namespace

NodeFiles FilesIn(const fs::path& directory) {
  return {.config = directory / "haproxy.cfg",
          .certificate = directory / "certificate.pem",
          .stats_socket = directory / "stats.sock",
          .server_state = directory / "server-state",
          .pid_file = directory / "haproxy.pid"};
}

absl::StatusOr<std::vector<std::string>> PrepareNode(const fs::path& directory,
                                                     const LoadBalancerPlan& plan,
                                                     const LoadBalancerNodePlan& node,
                                                     const CertificateAuthority& ca) {
  if (!directory.is_absolute()) {
    return absl::InvalidArgumentError(directory.string() + ": must be an absolute path");
  }
  std::error_code error;
  fs::create_directories(directory, error);
  if (!error) fs::permissions(directory, fs::perms::owner_all, error);
  if (error) {
    return absl::InternalError(fmt::format("{}: {}", directory.string(), error.message()));
  }
  const NodeFiles files = FilesIn(directory);
  if (absl::Status status = ReplacePrivateFile(files.server_state, kNoServerState); !status.ok()) {
    return status;
  }
  const absl::StatusOr<bool> changed = RefreshFiles(files, plan, node, ca);
  if (!changed.ok()) return changed.status();
  return std::vector<std::string>{
      kHaproxy, "-W", "-db", "-f", files.config.string(), "-p", files.pid_file.string()};
}

absl::StatusOr<bool> UpdateNode(const fs::path& directory, const LoadBalancerPlan& plan,
                                const LoadBalancerNodePlan& node, const CertificateAuthority& ca) {
  const NodeFiles files = FilesIn(directory);
  const absl::StatusOr<std::string> state = AskServerStateOnceUp(files);
  if (!state.ok()) return state.status();
  const absl::StatusOr<bool> changed = RefreshFiles(files, plan, node, ca);
  if (!changed.ok() || !*changed) return changed;
  if (absl::Status status = ReplacePrivateFile(files.server_state, *state); !status.ok()) {
    return status;
  }
  return true;
}

absl::Status ValidateConfig(const fs::path& config) {
  if (::access(kHaproxy, X_OK) != 0) {
    return absl::FailedPreconditionError(
        fmt::format("{} is missing: load balancers need the package haproxy", kHaproxy));
  }
  const absl::StatusOr<Outcome> outcome = Run({kHaproxy, "-c", "-f", config.string()});
  if (!outcome.ok()) return outcome.status();
  if (WIFEXITED(outcome->wait_status) && WEXITSTATUS(outcome->wait_status) == 0) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      fmt::format("haproxy refuses {}:\n{}", config.string(), outcome->output));
}

}  // namespace taploom::control
