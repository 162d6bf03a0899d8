#include "dataplane/io/ring.h"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>
#include <vector>

#include "dataplane/io/tap_port.h"
#include "dataplane/io/unique_fd.h"

namespace taploom::io {
namespace {

std::string Problem(const char* what, int error) {
  return std::string(what) + ": " + std::strerror(error);
}

// Debian 12's liburing declares functions for these that it does not export.
int Register(int ring, unsigned what, const void* argument, unsigned count) {
  const long result = syscall(SYS_io_uring_register, ring, what, argument, count);
  return result < 0 ? -errno : 0;
}

// Reading and writing of vectors, by descriptor number.
int Restrict(io_uring& ring) {
  std::array<io_uring_restriction, 3> allowed{};
  allowed[0].opcode = IORING_RESTRICTION_SQE_OP;
  allowed[0].sqe_op = IORING_OP_READV;
  allowed[1].opcode = IORING_RESTRICTION_SQE_OP;
  allowed[1].sqe_op = IORING_OP_WRITEV;
  allowed[2].opcode = IORING_RESTRICTION_SQE_FLAGS_ALLOWED;
  allowed[2].sqe_flags = 0;
  return Register(ring.ring_fd, IORING_REGISTER_RESTRICTIONS, allowed.data(), allowed.size());
}

// Before Linux 438b406055cd a TAP cannot be asked not to wait (RWF_NOWAIT).
bool ServesTaps() {
  utsname kernel{};
  uname(&kernel);
  int major = 0, minor = 0;
  std::sscanf(kernel.release, "%d.%d", &major, &minor);
  return major > 6 || (major == 6 && minor >= 4);
}

// What was read into the parts of a packet.
void SetSize(Packet& packet, std::size_t read) {
  const std::size_t size = read - std::min(read, sizeof packet.vnet);
  packet.head_size = static_cast<std::uint32_t>(std::min(size, Packet::kHeadCapacity));
  packet.tail_size = static_cast<std::uint32_t>(size - packet.head_size);
}

}  // namespace

Ring::~Ring() {
  if (exists_) io_uring_queue_exit(&ring_);
}

std::unique_ptr<Ring> Ring::Make(std::string& problem) {
  if (!ServesTaps()) {
    problem = "io_uring serves TAPs from Linux 6.4 on";
    return nullptr;
  }
  {
    const std::unique_ptr<Ring> tested = MakeUntested(problem);
    if (tested == nullptr) return nullptr;
    if (!tested->CarriesFrames()) {
      problem = "frames did not get through it";
      return nullptr;
    }
  }
  return MakeUntested(problem);
}

std::unique_ptr<Ring> Ring::MakeUntested(std::string& problem) {
  std::unique_ptr<Ring> made(new Ring);
  // Disabled, so that it can be restricted first. The thread that enables it is its only user,
  // which the kernel is told to save itself locks; kernels before 6.0 do not know that.
  for (const unsigned hints :
       {IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER, unsigned{IORING_SETUP_SUBMIT_ALL}}) {
    const int error = io_uring_queue_init(kEntries, &made->ring_, hints | IORING_SETUP_R_DISABLED);
    if (error == -EINVAL && hints != IORING_SETUP_SUBMIT_ALL) continue;
    if (error != 0) {
      problem = Problem("io_uring_setup", -error);
      return nullptr;
    }
    made->exists_ = true;
    break;
  }
  if (const int error = Restrict(made->ring_); error != 0) {
    problem = Problem("io_uring_register", -error);
    return nullptr;
  }
  return made;
}

// Frames of each shape through a socket that keeps message boundaries, as a TAP does.
bool Ring::CarriesFrames() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0)
    return false;
  TapPort near_end{UniqueFd(ends[0])}, far_end{UniqueFd(ends[1])};
  constexpr std::uint32_t kSizes[] = {60, 1514, 20'000};
  std::vector<std::uint8_t> sent(Packet::kHeadCapacity + Packet::kTailCapacity), memory;
  for (std::size_t i = 0; i < sent.size(); ++i)
    sent[i] = static_cast<std::uint8_t>(i * 7 + i / 256);

  std::array<Packet, std::size(kSizes)> frames;
  std::array<Delivery, std::size(kSizes)> deliveries;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    frames[i].head = sent.data();
    frames[i].head_size = std::min(kSizes[i], static_cast<std::uint32_t>(Packet::kHeadCapacity));
    frames[i].tail = sent.data() + Packet::kHeadCapacity;
    frames[i].tail_size = kSizes[i] - frames[i].head_size;
    deliveries[i] = {&near_end, &frames[i]};
  }
  Send(deliveries);

  std::array<Packet, std::size(kSizes) + 1> room;  // one more: there is an end
  constexpr std::size_t kStride = Packet::kHeadCapacity + Packet::kTailCapacity;
  memory.resize(room.size() * kStride);
  for (std::size_t i = 0; i < room.size(); ++i) {
    room[i].head = memory.data() + i * kStride;
    room[i].tail = room[i].head + Packet::kHeadCapacity;
  }
  Reception reception{&far_end, room};
  Receive({&reception, 1});

  if (broken_ || reception.count != frames.size()) return false;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    if (deliveries[i].result != SendResult::kSent || room[i].size() != kSizes[i] ||
        !std::equal(sent.begin(), sent.begin() + kSizes[i], room[i].head)) {
      return false;
    }
  }
  return true;
}

void Ring::Queue(io_uring_sqe* entry) {
  io_uring_sqe_set_data64(entry, queued_);
  ++queued_;
}

void Ring::QueueRead(int descriptor, Packet& packet) {
  Operation& operation = NextOperation();
  operation.parts = {iovec{&packet.vnet, sizeof packet.vnet},
                     iovec{packet.head, Packet::kHeadCapacity},
                     iovec{packet.tail, Packet::kTailCapacity}};
  io_uring_sqe* const entry = io_uring_get_sqe(&ring_);
  io_uring_prep_readv2(entry, descriptor, operation.parts.data(), 3, 0, RWF_NOWAIT);
  Queue(entry);
}

void Ring::QueueWrite(int descriptor, const Packet& packet) {
  Operation& operation = NextOperation();
  operation.parts = {iovec{const_cast<VnetHeader*>(&packet.vnet), sizeof packet.vnet},
                     iovec{packet.head, packet.head_size}, iovec{packet.tail, packet.tail_size}};
  io_uring_sqe* const entry = io_uring_get_sqe(&ring_);
  io_uring_prep_writev2(entry, descriptor, operation.parts.data(), packet.tail_size == 0 ? 2 : 3, 0,
                        RWF_NOWAIT);
  Queue(entry);
}

void Ring::Complete() {
  if (!std::exchange(enabled_, true) &&
      Register(ring_.ring_fd, IORING_REGISTER_ENABLE_RINGS, nullptr, 0) != 0)
    broken_ = true;
  for (std::size_t i = 0; i < queued_; ++i) operations_[i].result = -EAGAIN;
  std::size_t left = std::exchange(queued_, 0);
  while (left > 0 && !broken_) {
    const int submitted = io_uring_submit_and_wait(&ring_, static_cast<unsigned>(left));
    if (submitted < 0 && submitted != -EINTR && submitted != -EAGAIN) broken_ = true;
    io_uring_cqe* done = nullptr;
    while (io_uring_peek_cqe(&ring_, &done) == 0) {
      operations_[io_uring_cqe_get_data64(done)].result = done->res;
      io_uring_cqe_seen(&ring_, done);
      --left;
    }
  }
}

void Ring::Receive(std::span<Reception> receptions) {
  for (Reception& each : receptions) each.count = 0;
  if (broken_) return ReadWrite().Receive(receptions);
  // What each port was asked for, in the order of the operations.
  std::size_t first = 0;
  const auto finish = [&](std::size_t end) {
    Complete();
    std::size_t place = 0;
    for (Reception& each : receptions.subspan(first, end - first)) {
      if (each.port->descriptor() < 0) continue;
      for (Packet& packet : each.room) {
        const std::int32_t result = operations_[place++].result;
        if (result <= 0) continue;
        SetSize(packet, static_cast<std::size_t>(result));
        // A frame that came just after a read that found none.
        Packet& next = each.room[each.count++];
        if (&next != &packet) std::swap(next, packet);
      }
    }
    first = end;
  };
  for (std::size_t i = 0; i < receptions.size(); ++i) {
    Reception& each = receptions[i];
    if (each.port->descriptor() < 0) {
      each.count = each.port->Receive(each.room);
      continue;
    }
    if (queued_ + each.room.size() > kEntries) finish(i);
    each.room = each.room.first(std::min<std::size_t>(each.room.size(), kEntries));
    for (Packet& packet : each.room) QueueRead(each.port->descriptor(), packet);
  }
  finish(receptions.size());
}

void Ring::SendQueued(std::span<Delivery> deliveries) {
  Complete();
  for (std::size_t i = 0; i < deliveries.size(); ++i) {
    Delivery& each = deliveries[i];
    const std::int32_t result = operations_[i].result;
    // A superframe that is refused is cut; what a broken ring has not done is done without it.
    const bool is_refused = result == -EINVAL && each.frame->vnet.is_gso();
    each.result = is_refused || (broken_ && result == -EAGAIN)
                      ? each.port->Send(*each.frame)
                      : SendResultOf(result < 0 ? -result : 0);
  }
}

void Ring::Send(std::span<Delivery> deliveries) {
  if (broken_) return ReadWrite().Send(deliveries);
  std::size_t first = 0;
  for (std::size_t i = 0; i < deliveries.size(); ++i) {
    Delivery& each = deliveries[i];
    const bool is_alone = !each.port->TakesAsItIs(*each.frame);
    if (is_alone || queued_ == kEntries) {
      SendQueued(deliveries.subspan(first, i - first));
      first = is_alone ? i + 1 : i;
    }
    if (is_alone) {
      each.result = each.port->Send(*each.frame);
    } else {
      QueueWrite(each.port->descriptor(), *each.frame);
    }
  }
  SendQueued(deliveries.subspan(first));
}

}  // namespace taploom::io
