#include "dataplane/worker/worker.h"

#include <pthread.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "dataplane/worker/transmit.h"

namespace taploom::worker {
namespace {

// Connections expire while no packet comes, too.
constexpr int kIdleTimeoutMs = 1000;

// A port's turn is bounded in frames and in bytes, so that bulk traffic of one cannot hold up the
// others. Of superframes it has four. Where every read is a system call of its own, each is sent
// on before the next is read, while it is still in the core's L2 cache; where many are read by one,
// two at a time are the better bargain.
constexpr std::size_t kBurstSize = BurstBuffers::kCount;
constexpr std::size_t kSuperframesInTurn = 4;
constexpr std::size_t kSuperframesInRing = 2;

// In one round; the kernel offers the others first in the next.
constexpr std::size_t kMaxEvents = 64;

// Asking for a frame more than there are costs a system call that brings nothing, and the kernel
// says for free that there are more: so as many are asked for as came last time, and twice as many
// after all of them came.
std::size_t NextBurstSize(std::size_t asked, std::size_t received, std::size_t most) {
  return std::clamp<std::size_t>(received == asked ? 2 * asked : received, 1, most);
}

}  // namespace

Worker::Worker(Pipeline& pipeline, const Options& options, std::unique_ptr<io::FrameIo> frame_io,
               Seat seat)
    : pipeline_(pipeline),
      options_(options),
      frame_io_(std::move(frame_io)),
      seat_(seat),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      buffers_(frame_io_->ports_at_once()),
      outbox_(*frame_io_, pipeline, buffers_.count()) {
  ready_.reserve(kMaxEvents);
  receptions_.reserve(frame_io_->ports_at_once());
  const bool is_watched =
      epoll_.valid() && Watch(commands_.descriptor(), EPOLLIN, nullptr) &&
      (seat.handover == nullptr ||
       Watch(seat.handover->bell(seat.self).descriptor(), EPOLLIN, &bell_slot_));
  if (!is_watched) {
    throw std::system_error(errno, std::generic_category(), "cannot make an epoll instance");
  }
  thread_ = std::thread([this] { Run(); });
}

void Worker::Stop() {
  if (!thread_.joinable()) return;
  Execute([this] { stopping_ = true; });
  thread_.join();
}

bool Worker::Watch(int descriptor, std::uint32_t events, PortSlot* slot) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = slot;
  return epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, descriptor, &event) == 0;
}

bool Worker::AddPort(std::uint16_t id, std::unique_ptr<io::Port> port) {
  if (ports_.Find(id) != nullptr) return false;
  const int descriptor = port->descriptor();
  PortSlot& slot = ports_.Add(id, std::move(port));
  slot.burst_size = kBurstSize;
  // Level-triggered: a port with more frames than it was asked for is offered again, so that no
  // read has to find out that there are none.
  if (Watch(descriptor, EPOLLIN, &slot)) return true;
  ports_.Take(id);
  return false;
}

std::unique_ptr<io::Port> Worker::RemovePort(std::uint16_t id) {
  if (ports_.Find(id) == nullptr) return nullptr;
  const std::unique_ptr<PortSlot> slot = ports_.Take(id);
  // Explicitly: other processes may hold the same open file, so closing ours would not end the
  // watch. A port that hung up is not watched any more, and the error says just that.
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, slot->port->descriptor(), nullptr);
  std::erase(ready_, slot.get());
  recent_.Forget(slot.get());
  return std::move(slot->port);
}

bool Worker::SetInjection(std::unique_ptr<Injection> injection) {
  if (injection_ != nullptr) return false;
  if (!Watch(injection->descriptor(), EPOLLIN, &injection_slot_)) return false;
  injection_ = std::move(injection);
  return true;
}

void Worker::EndInjection() {
  injection_.reset();  // which ends the watch: nobody else has this end of the pair
  std::erase(ready_, &injection_slot_);
}

void Worker::Run() {
  pthread_setname_np(pthread_self(), "worker");
  Clock::time_point last_packet = Clock::now();
  Clock::time_point now = last_packet;
  bool has_expired_all = true;
  while (!stopping_) {
    const bool stay_awake = !has_expired_all || now - last_packet < options_.spin ||
                            (injection_ != nullptr && injection_->is_waiting());
    const bool may_block = !stay_awake && (seat_.handover == nullptr || MayFallAsleep());
    FindReadyPorts(may_block);
    now = poll_time_ = Clock::now();
    const Tick tick = std::chrono::duration_cast<Tick>(now - options_.start);
    bool has_packets = ServeReadyPorts(tick);
    if (seat_.handover != nullptr && !seat_.handover->HasNothingFor(seat_.self)) {
      has_packets = true;
      ServeHandedOver(tick);
    }
    if (has_packets) last_packet = now;
    if (injection_ != nullptr && injection_->is_waiting())
      injection_->Report(&seat_.handover->desk());
    if (has_packets || !stay_awake || !has_expired_all) has_expired_all = pipeline_.Expire(tick);
  }
}

void Worker::FindReadyPorts(bool may_block) {
  if (!may_block) {
    const std::span<PortSlot* const> recent = recent_.Next();
    ready_.assign(recent.begin(), recent.end());
    if (!ready_.empty()) return;
  }
  Poll(may_block ? kIdleTimeoutMs : 0);
}

void Worker::Poll(int timeout_ms) {
  std::array<epoll_event, kMaxEvents> events;
  const int count = epoll_wait(epoll_.get(), events.data(), kMaxEvents, timeout_ms);
  if (timeout_ms != 0 && seat_.handover != nullptr) seat_.handover->bell(seat_.self).Wake();
  bool has_commands = false;
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    auto* slot = static_cast<PortSlot*>(event.data.ptr);
    if (slot == nullptr) {
      has_commands = true;
    } else if (slot == &bell_slot_) {
      seat_.handover->bell(seat_.self).Silence();
    } else if ((event.events & (EPOLLERR | EPOLLHUP)) != 0 && slot != &injection_slot_) {
      // The device is gone, usually with its namespace. It would be reported for ever.
      epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, slot->port->descriptor(), nullptr);
      recent_.Forget(slot);
    } else {
      ready_.push_back(slot);
    }
  }
  recent_.Note(ready_);
  recent_.Forget(&injection_slot_);  // whose socket says itself when there is something
  // Last, because a command may remove a port that one of the events points at.
  if (has_commands) commands_.RunAll();
}

// One burst for each port that is ready.
bool Worker::ServeReadyPorts(Tick now) {
  bool has_packets = false;
  if (std::erase(ready_, &injection_slot_) != 0) {
    has_packets = true;
    ServeInjection(now);
  }
  for (std::span<PortSlot* const> left = ready_; !left.empty();) {
    const auto slots = left.first(std::min(left.size(), frame_io_->ports_at_once()));
    left = left.subspan(slots.size());
    has_packets |= ServeTogether(slots, now);
    if (frame_io_->ports_at_once() > 1) continue;
    for (std::size_t i = 1; i < kSuperframesInTurn && slots.front()->sends_superframes; ++i)
      ServeTogether(slots, now);
  }
  ready_.clear();
  return has_packets;
}

bool Worker::ServeTogether(std::span<PortSlot* const> slots, Tick now) {
  std::span<Packet> room = buffers_.First(buffers_.count());
  receptions_.clear();
  for (const PortSlot* slot : slots) {
    receptions_.push_back({slot->port.get(), room.first(slot->burst_size)});
    room = room.subspan(slot->burst_size);
  }
  frame_io_->Receive(receptions_);
  bool has_packets = false;
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const std::span<Packet> burst = receptions_[i].room.first(receptions_[i].count);
    NoteReceived(*slots[i], burst);
    if (burst.empty()) continue;
    has_packets = true;
    Forward(burst, now);
  }
  outbox_.Flush(nullptr);
  return has_packets;
}

// A burst of what is injected, which names its ports itself. One may have been taken away since.
void Worker::ServeInjection(Tick now) {
  const OutcomeDesk* const desk = seat_.handover == nullptr ? nullptr : &seat_.handover->desk();
  injection_->Report(desk);
  if (!injection_->has_room()) return;  // others are behind; the socket stays readable
  const std::span<Packet> room = buffers_.First(kBurstSize);
  const std::span<Packet> burst = room.first(injection_->Receive(room));
  is_elsewhere_.fill(false);
  for (std::size_t i = 0; desk != nullptr && i < burst.size(); ++i) tags_[i] = next_tag_++;
  const auto has_port = [this](const Packet& packet) {
    return ports_.Find(packet.ingress_port) != nullptr;
  };
  for (auto at = burst.begin(); at != burst.end();) {
    const auto end = std::find_if_not(at, burst.end(), has_port);
    if (at != end)
      Forward({at, end}, now, Origin::kPort, static_cast<std::size_t>(at - burst.begin()));
    at = end;
    if (at != burst.end()) (at++)->verdict = Verdict::Drop(DropReason::kPortNotInUse);
  }
  outbox_.Flush(nullptr);
  for (std::size_t i = 0; i < burst.size(); ++i) {
    is_elsewhere_[i] ? injection_->NoteHandedOver(tags_[i]) : injection_->Note(OutcomeOf(burst[i]));
  }
  tags_.fill(0);
  injection_->Report(desk);
  if (injection_->has_ended()) injection_.reset();
}

void Worker::NoteReceived(PortSlot& slot, std::span<Packet> burst) const {
  bool has_superframe = false;
  for (Packet& packet : burst) {
    packet.ingress_port = slot.id;
    has_superframe |= packet.tail_size != 0;
  }
  slot.sends_superframes = has_superframe;
  const std::size_t superframes = frame_io_->ports_at_once() > 1 ? kSuperframesInRing : 1;
  slot.burst_size =
      NextBurstSize(slot.burst_size, burst.size(), has_superframe ? superframes : kBurstSize);
}

void Worker::Forward(std::span<Packet> burst, Tick now, Origin origin, std::size_t first) {
  if (observer_ != nullptr) [[unlikely]] {
    outbox_.Flush(nullptr);
    ForwardObserved(burst, now, origin, first);
    return;
  }
  origin == Origin::kPort ? pipeline_.Process(burst, now) : pipeline_.ProcessHandedOver(burst, now);
  if (seat_.handover == nullptr) {
    for (Packet& packet : burst) Transmit(packet, ports_, pipeline_, outbox_, nullptr);
    return;
  }
  for (Packet& packet : burst) TransmitOrHandOver(packet, first++, nullptr);
  seat_.handover->Deliver(seat_.self);
}

void Worker::ForwardObserved(std::span<Packet> burst, Tick now, Origin origin, std::size_t first) {
  for (Packet& packet : burst) {
    observer_->Process(packet, now, poll_time_, origin);
    TransmitOrHandOver(packet, first++, observer_.get());
    outbox_.Flush(observer_.get());
  }
  if (seat_.handover != nullptr) seat_.handover->Deliver(seat_.self);
  if (!observer_->EndBurst(poll_time_)) observer_.reset();
}

void Worker::TransmitOrHandOver(Packet& packet, std::size_t place, RingObserver* observer) {
  if (packet.verdict.kind != Verdict::Kind::kHandOver)
    return Transmit(packet, ports_, pipeline_, outbox_, observer);
  if (seat_.handover->Give(seat_.self, packet.verdict.port, packet, tags_[place])) {
    is_elsewhere_[place] = true;
    return;
  }
  if (observer != nullptr)
    observer->NoteFailure(DropReason::kWorkerBusy, packet.verdict.port, packet);
  pipeline_.CountSendFailure(packet, DropReason::kWorkerBusy);
  packet.verdict = Verdict::Drop(DropReason::kWorkerBusy);
}

bool Worker::MayFallAsleep() {
  return seat_.handover->bell(seat_.self).MayFallAsleep([this] {
    return seat_.handover->HasNothingFor(seat_.self);
  });
}

// One burst from each worker, in turn. The packets stay in the ring's buffers until they are sent.
void Worker::ServeHandedOver(Tick now) {
  for (std::uint16_t from = 0; from < seat_.handover->workers(); ++from) {
    if (from == seat_.self) continue;
    HandoverRing& ring = seat_.handover->ring(from, seat_.self);
    const std::span<Packet> burst = ring.Front(kBurstSize);
    if (burst.empty()) continue;
    is_elsewhere_.fill(false);
    for (std::size_t i = 0; i < burst.size(); ++i) tags_[i] = ring.TagOf(i);
    Forward(burst, now, Origin::kWorker);
    outbox_.Flush(nullptr);
    TellOutcomes(burst);
    tags_.fill(0);
    ring.Release(burst.size());
  }
}

void Worker::TellOutcomes(std::span<const Packet> burst) {
  for (std::size_t i = 0; i < burst.size(); ++i) {
    const bool is_known = tags_[i] != 0 && !is_elsewhere_[i];
    if (is_known) seat_.handover->desk().Put(tags_[i], OutcomeOf(burst[i]));
  }
}

}  // namespace taploom::worker
