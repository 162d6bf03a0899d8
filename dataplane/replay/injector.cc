#include "dataplane/replay/injector.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>

namespace taploom::replay {
namespace {

// A window of small frames with the kernel's overhead for each, and several superframes.
constexpr int kSocketRoom = 4 << 20;

}  // namespace

Injector::Ends Injector::MakeEnds() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) return {};
  for (const int end : ends) {
    // The first is not bounded by the host's limit, and not everybody may.
    if (setsockopt(end, SOL_SOCKET, SO_SNDBUFFORCE, &kSocketRoom, sizeof kSocketRoom) != 0)
      setsockopt(end, SOL_SOCKET, SO_SNDBUF, &kSocketRoom, sizeof kSocketRoom);
  }
  return {io::UniqueFd(ends[0]), io::UniqueFd(ends[1])};
}

bool Injector::Send(const Packet& packet, const Injected& injected) {
  if (is_gone_ || in_flight_.size() >= kWindow) return false;
  worker::InjectedFrame header{.port = packet.ingress_port, .vnet = packet.vnet};
  iovec parts[] = {
      {&header, sizeof header}, {packet.head, packet.head_size}, {packet.tail, packet.tail_size}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 3;
  if (sendmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
    is_gone_ = errno != EAGAIN && errno != EINTR && errno != ENOBUFS;
    return false;
  }
  in_flight_.push_back(injected);
  ++flows_[PlaceOf(injected.arrival.captured)];
  return true;
}

bool Injector::Receive() {
  const ssize_t size = recv(socket_.get(), &report_, sizeof report_, MSG_DONTWAIT);
  taken_ = 0;
  const bool is_report = size >= static_cast<ssize_t>(sizeof report_ - sizeof report_.outcomes) &&
                         report_.count >= 1 && report_.count <= report_.kMost &&
                         static_cast<std::size_t>(size) == report_.size();
  if (is_report) return true;
  report_.count = 0;
  is_gone_ |= size >= 0 || (errno != EAGAIN && errno != EINTR);
  return false;
}

bool Injector::Collect(Injected& injected, Outcome& outcome) {
  if (in_flight_.empty()) return false;
  if (taken_ == report_.count && !Receive()) return false;
  injected = in_flight_.front();
  in_flight_.pop_front();
  --flows_[PlaceOf(injected.arrival.captured)];
  const bool is_told = first_in_flight_++ >= report_.first + taken_;
  outcome.reset();
  if (is_told) outcome = report_.outcomes[taken_++];
  return true;
}

void Injector::Wait(std::chrono::nanoseconds timeout, bool for_room) {
  if (is_gone_) return;
  const bool has_room = in_flight_.size() < kWindow;
  pollfd ready{socket_.get(), POLLIN, 0};
  if (for_room && has_room) ready.events |= POLLOUT;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(timeout);
  const timespec limit{static_cast<time_t>(seconds.count()),
                       static_cast<long>((timeout - seconds).count())};
  if (ppoll(&ready, 1, &limit, nullptr) > 0 && (ready.revents & (POLLHUP | POLLERR)) != 0 &&
      (ready.revents & POLLIN) == 0)
    is_gone_ = true;
}

}  // namespace taploom::replay
