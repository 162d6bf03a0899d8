#include "dataplane/worker/injection.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>

namespace taploom::worker {

InjectionOutcome OutcomeOf(const Packet& packet) {
  InjectionOutcome outcome;
  outcome.drop_reason = static_cast<std::uint8_t>(packet.verdict.drop_reason);
  outcome.port = packet.verdict.port;
  switch (packet.verdict.kind) {
    case Verdict::Kind::kDrop:
      outcome.kind = InjectionOutcome::Kind::kLost;
      return outcome;
    case Verdict::Kind::kReply:
      outcome.kind = InjectionOutcome::Kind::kAnswered;
      return outcome;
    case Verdict::Kind::kForward:
    case Verdict::Kind::kFragment:
    case Verdict::Kind::kHandOver:  // what becomes of it is told by its owner
      break;
  }
  outcome.kind = InjectionOutcome::Kind::kSent;
  // Headers are those with which it entered; the head has been rewritten since.
  const wire::Headers left = wire::Parse({packet.head, packet.head_size}, packet.size());
  if (left.kind == wire::FrameKind::kIp) outcome.after = flow::TupleOf(left);
  return outcome;
}

std::size_t Injection::Receive(std::span<Packet> packets) {
  std::array<iovec, 3 * InjectionReport::kMost> parts;
  std::array<mmsghdr, InjectionReport::kMost> messages{};
  for (std::size_t i = 0; i < packets.size(); ++i) {
    iovec* const part = &parts[3 * i];
    part[0] = {&frames_[i], sizeof frames_[i]};
    part[1] = {packets[i].head, Packet::kHeadCapacity};
    part[2] = {packets[i].tail, Packet::kTailCapacity};
    messages[i].msg_hdr.msg_iov = part;
    messages[i].msg_hdr.msg_iovlen = 3;
  }
  const int count = recvmmsg(socket_.get(), messages.data(), static_cast<unsigned>(packets.size()),
                             MSG_DONTWAIT, nullptr);
  if (count < 0) {
    has_ended_ = errno != EAGAIN && errno != EINTR;
    return 0;
  }
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    // Nobody sends an empty message: the peer has closed its end. One too short to name a port is
    // a peer that does not know how to talk to us.
    if (messages[i].msg_len < sizeof(InjectedFrame)) {
      has_ended_ = true;
      return i;
    }
    Packet& packet = packets[i];
    const std::size_t size = messages[i].msg_len - sizeof(InjectedFrame);
    packet.head_size = static_cast<std::uint32_t>(std::min(size, Packet::kHeadCapacity));
    packet.tail_size = static_cast<std::uint32_t>(size - packet.head_size);
    packet.vnet = frames_[i].vnet;
    packet.ingress_port = frames_[i].port;
  }
  return static_cast<std::size_t>(count);
}

bool Injection::IsKnown(Waiting& waiting, const OutcomeDesk* desk) const {
  if (waiting.tag == 0) return true;
  const std::optional<InjectionOutcome> outcome = desk->Find(waiting.tag);
  if (outcome) waiting = {0, *outcome};
  return outcome.has_value();
}

void Injection::Report(const OutcomeDesk* desk) {
  while (!waiting_.empty() && IsKnown(waiting_.front(), desk)) {
    InjectionReport report;
    report.first = reported_;
    while (report.count < InjectionReport::kMost && !waiting_.empty() &&
           IsKnown(waiting_.front(), desk)) {
      report.outcomes[report.count++] = waiting_.front().outcome;
      waiting_.pop_front();
    }
    reported_ += report.count;
    // Not sent when the peer does not read, or has gone, which the next Receive will tell.
    (void)send(socket_.get(), &report, report.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  }
}

}  // namespace taploom::worker
