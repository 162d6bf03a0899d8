#include "control/services/haproxy_socket.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <string_view>

namespace taploom::control {
namespace {

class Socket {
 public:
  Socket() : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {}
  ~Socket() {
    if (fd_ >= 0) ::close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

absl::Status Unavailable(const std::string& stats_socket, std::string_view what) {
  return absl::UnavailableError(
      fmt::format("{}: {}: {}", stats_socket, what, std::strerror(errno)));
}

}  // namespace

absl::StatusOr<std::string> AskHaproxy(const std::string& stats_socket,
                                       const std::string& command) {
  const std::string line = command + "\n";
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (stats_socket.size() >= sizeof address.sun_path) {
    return absl::InvalidArgumentError(stats_socket + ": longer than a socket's path can be");
  }
  std::memcpy(address.sun_path, stats_socket.data(), stats_socket.size());
  const Socket socket;
  if (socket.fd() < 0) return Unavailable(stats_socket, "cannot make a socket");
  if (::connect(socket.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return Unavailable(stats_socket, "cannot connect");
  }
  // A command is far shorter than an empty socket buffer: it is sent at once or not at all.
  if (::send(socket.fd(), line.data(), line.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(line.size())) {
    return Unavailable(stats_socket, "cannot send");
  }
  std::string answer;
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    pollfd readable{socket.fd(), POLLIN, 0};
    const int ready = left.count() > 0 ? ::poll(&readable, 1, static_cast<int>(left.count())) : 0;
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) {
      errno = ETIMEDOUT;
      return Unavailable(stats_socket, "no answer");
    }
    char buffer[16 * 1024];
    const ssize_t size = ::read(socket.fd(), buffer, sizeof buffer);
    if (size == 0) return answer;  // haproxy closes after answering
    if (size < 0 && errno != EINTR && errno != EAGAIN) {
      return Unavailable(stats_socket, "cannot read");
    }
    if (size > 0) answer.append(buffer, static_cast<std::size_t>(size));
  }
}

}  // namespace taploom::control
