#include "dataplane/daemon/control_socket.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace taploom::daemon {
namespace {

using Count = std::array<std::uint8_t, 4>;

std::size_t ToSize(const Count& count) {
  return count[0] | std::size_t{count[1]} << 8 | std::size_t{count[2]} << 16 |
         std::size_t{count[3]} << 24;
}

Count ToCount(std::size_t size) {
  return {static_cast<std::uint8_t>(size), static_cast<std::uint8_t>(size >> 8),
          static_cast<std::uint8_t>(size >> 16), static_cast<std::uint8_t>(size >> 24)};
}

std::string ErrnoText() { return std::generic_category().message(errno); }

// Takes ownership of every descriptor in `message`. Throws when there are too many, or one too many
// for the kernel.
void TakeDescriptors(const msghdr& message, std::vector<io::UniqueFd>& descriptors) {
  for (const cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
       part = CMSG_NXTHDR(const_cast<msghdr*>(&message), const_cast<cmsghdr*>(part))) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int received = -1;
      std::memcpy(&received, CMSG_DATA(part) + i * sizeof received, sizeof received);
      descriptors.emplace_back(received);
    }
  }
  if ((message.msg_flags & MSG_CTRUNC) != 0 ||
      descriptors.size() > ControlSocket::kMostDescriptors) {
    throw ProtocolError(
        fmt::format("A control message carries more than {} descriptors, or one that this process "
                    "has no room for.",
                    ControlSocket::kMostDescriptors));
  }
}

}  // namespace

bool ControlSocket::Receive(ControlMessage& message) {
  std::size_t size = 0;
  message.descriptors.clear();
  if (!ReceiveSize(size, message.descriptors)) return false;
  if (size > kMaxMessageSize) {
    throw ProtocolError(fmt::format("A control message says it has {} bytes; the limit is {}.",
                                    size, kMaxMessageSize));
  }
  std::string payload;
  ReceivePayload(size, payload);
  if (!message.request.ParseFromString(payload)) {
    throw ProtocolError(
        fmt::format("A control message of {} bytes is not a ToDataplane message.", size));
  }
  return true;
}

bool ControlSocket::ReceiveSize(std::size_t& size, std::vector<io::UniqueFd>& descriptors) {
  Count count{};
  for (std::size_t received = 0; received < count.size();) {
    iovec data{count.data() + received, count.size() - received};
    // Room for one more, so that it is seen and closed.
    alignas(cmsghdr) char ancillary[CMSG_SPACE((kMostDescriptors + 1) * sizeof(int))];
    msghdr header{};
    header.msg_iov = &data;
    header.msg_iovlen = 1;
    header.msg_control = ancillary;
    header.msg_controllen = sizeof ancillary;
    const ssize_t got = recvmsg(socket_.get(), &header, MSG_CMSG_CLOEXEC);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == ECONNRESET) return false;
    if (got < 0)
      throw ProtocolError(fmt::format("Cannot read from the control socket: {}.", ErrnoText()));
    if (got == 0 && received == 0) return false;
    if (got == 0) throw ProtocolError("Control closed the connection in the middle of a message.");
    TakeDescriptors(header, descriptors);
    received += static_cast<std::size_t>(got);
  }
  size = ToSize(count);
  return true;
}

void ControlSocket::ReceivePayload(std::size_t size, std::string& payload) {
  // Grows with what arrives: a size is only a claim.
  constexpr std::size_t kStep = std::size_t{1} << 20;
  for (std::size_t received = 0; received < size;) {
    if (received == payload.size()) payload.resize(std::min(size, received + kStep));
    const ssize_t got =
        recv(socket_.get(), payload.data() + received, payload.size() - received, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0)
      throw ProtocolError(fmt::format("Cannot read from the control socket: {}.", ErrnoText()));
    if (got == 0) throw ProtocolError("Control closed the connection in the middle of a message.");
    received += static_cast<std::size_t>(got);
  }
}

bool ControlSocket::Send(const config::FromDataplane& reply) {
  std::string bytes(sizeof(Count), '\0');
  reply.AppendToString(&bytes);
  const Count count = ToCount(bytes.size() - sizeof(Count));
  std::copy(count.begin(), count.end(), bytes.begin());
  for (std::size_t sent = 0; sent < bytes.size();) {
    const ssize_t written =
        send(socket_.get(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    sent += static_cast<std::size_t>(written);
  }
  return true;
}

}  // namespace taploom::daemon
