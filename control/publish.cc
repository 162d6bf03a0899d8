#include "control/publish.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <utility>

#include "control/process/host_error.h"
#include "dataplane/config/worker_limit.h"
#include "dataplane/observe/counter_report.h"

namespace taploom::control {
namespace {

// Far more than the largest configuration takes to compile: only a dataplane that hangs is cut off.
constexpr time_t kPatienceSeconds = 30;
constexpr std::uint32_t kLargestAnswer = 256u << 20;  // bytes
static_assert(std::endian::native == std::endian::little,
              "byte counts go over the wire as they are");

absl::Status NoDataplane() { return absl::UnavailableError("the dataplane is not running"); }

}  // namespace

void DataplaneLink::Connect(process::UniqueFd socket) {
  const timeval patience{kPatienceSeconds, 0};
  setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  socket_ = std::move(socket);
}

absl::Status DataplaneLink::Send(const std::string& message, std::span<const int> descriptors) {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(config::kMostWorkers * sizeof(int))> control{};
  std::size_t sent = 0;
  while (sent < message.size()) {
    iovec part{const_cast<char*>(message.data()) + sent, message.size() - sent};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    if (!descriptors.empty() && sent == 0) {
      header.msg_control = control.data();
      header.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
      cmsghdr* const rights = CMSG_FIRSTHDR(&header);
      rights->cmsg_level = SOL_SOCKET;
      rights->cmsg_type = SCM_RIGHTS;
      rights->cmsg_len = CMSG_LEN(descriptors.size_bytes());
      std::memcpy(CMSG_DATA(rights), descriptors.data(), descriptors.size_bytes());
    }
    const ssize_t count = sendmsg(socket_.get(), &header, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return NoDataplane();
    sent += static_cast<std::size_t>(count);
  }
  return absl::OkStatus();
}

absl::Status DataplaneLink::Receive(void* bytes, std::size_t size) {
  char* at = static_cast<char*>(bytes);
  while (size > 0) {
    const ssize_t count = recv(socket_.get(), at, size, 0);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      return absl::DeadlineExceededError("the dataplane does not answer");
    }
    if (count <= 0) return NoDataplane();
    at += count;
    size -= static_cast<std::size_t>(count);
  }
  return absl::OkStatus();
}

absl::StatusOr<config::FromDataplane> DataplaneLink::Ask(config::ToDataplane request,
                                                         std::span<const int> descriptors) {
  if (!socket_.valid()) return NoDataplane();
  request.set_sequence(++sequence_);
  const std::string body = request.SerializeAsString();
  const auto size = static_cast<std::uint32_t>(body.size());
  std::string message(reinterpret_cast<const char*>(&size), sizeof size);
  message += body;

  config::FromDataplane answer;
  std::uint32_t answer_size = 0;
  absl::Status status = Send(message, descriptors);
  if (status.ok()) status = Receive(&answer_size, sizeof answer_size);
  if (status.ok()) {
    std::string bytes(std::min(answer_size, kLargestAnswer), '\0');
    status = Receive(bytes.data(), bytes.size());
    if (status.ok() && (answer_size > kLargestAnswer || !answer.ParseFromString(bytes) ||
                        answer.sequence() != sequence_)) {
      status = absl::InternalError("the dataplane answers something else than was asked");
    }
  }
  if (!status.ok()) {
    // The stream cannot be picked up in the middle of a message.
    Disconnect();
    return status;
  }
  if (!answer.error().empty()) {
    return absl::InvalidArgumentError(fmt::format("the dataplane refuses: {}", answer.error()));
  }
  return answer;
}

absl::Status DataplaneLink::AddPort(std::uint16_t port, const std::string& name,
                                    std::span<const int> queues, std::uint32_t superframes_to_cut) {
  if (queues.size() > config::kMostWorkers)
    return absl::InvalidArgumentError(fmt::format("{} queues are too many", queues.size()));
  config::ToDataplane request;
  request.mutable_add_port()->set_port(port);
  request.mutable_add_port()->set_name(name);
  request.mutable_add_port()->set_superframes_to_cut(superframes_to_cut);
  return Ask(std::move(request), queues).status();
}

absl::Status DataplaneLink::RemovePort(std::uint16_t port) {
  config::ToDataplane request;
  request.mutable_remove_port()->set_port(port);
  return Ask(std::move(request)).status();
}

absl::StatusOr<config::Applied> DataplaneLink::Publish(config::FabricConfig config) {
  config::ToDataplane request;
  config.set_generation(generation_ + 1);
  *request.mutable_apply() = std::move(config);
  const auto answer = Ask(std::move(request));
  if (!answer.ok()) return answer.status();
  ++generation_;
  return answer->applied();
}

absl::Status DataplaneLink::StartCapture(int ring, std::uint64_t size,
                                         std::chrono::nanoseconds clock_offset) {
  config::ToDataplane request;
  request.mutable_start_capture()->set_clock_offset_ns(clock_offset.count());
  request.mutable_start_capture()->set_size(size);
  return Ask(std::move(request), std::array{ring}).status();
}

absl::Status DataplaneLink::StopCapture() {
  config::ToDataplane request;
  request.mutable_stop_capture();
  return Ask(std::move(request)).status();
}

absl::Status DataplaneLink::StartInjection(int socket) {
  config::ToDataplane request;
  request.mutable_start_injection();
  return Ask(std::move(request), std::array{socket}).status();
}

absl::Status DataplaneLink::ShareCounters(std::size_t workers) {
  const process::UniqueFd memory(observe::CounterMemory::Make(workers));
  if (!memory.valid()) return process::HostError("make memory for counters", errno);
  constexpr bool kReadOnly = false;
  auto counters = std::make_unique<const observe::CounterMemory>(memory.get(), kReadOnly, workers);
  config::ToDataplane request;
  request.mutable_share_counters()->set_size(observe::CounterMemory::SizeFor(workers));
  const absl::Status status = Ask(std::move(request), std::array{memory.get()}).status();
  if (status.ok()) counters_ = std::move(counters);
  return status;
}

absl::StatusOr<DataplaneLink::ConnectionMemory> DataplaneLink::MakeConnectionMemory(
    std::size_t workers) {
  ConnectionMemory memory;
  memory.clock_start = std::chrono::steady_clock::now();
  if (getrandom(&memory.seed, sizeof memory.seed, 0) != sizeof memory.seed)
    return process::HostError("get random numbers", errno);
  for (std::size_t worker = 0; worker < workers; ++worker) {
    memory.by_worker.emplace_back(memfd_create("taploom-connections", MFD_CLOEXEC));
    if (!memory.by_worker.back().valid())
      return process::HostError("make memory for connections", errno);
  }
  return memory;
}

absl::Status DataplaneLink::ShareConnections(std::size_t workers) {
  if (workers > config::kMostWorkers)
    return absl::InvalidArgumentError(fmt::format("{} workers are too many", workers));
  if (!connections_ || connections_->by_worker.size() != workers) {
    auto memory = MakeConnectionMemory(workers);
    if (!memory.ok()) return memory.status();
    connections_ = *std::move(memory);
  }
  config::ToDataplane request;
  request.mutable_share_connections()->set_seed(connections_->seed);
  request.mutable_share_connections()->set_clock_start_ns(
      std::chrono::nanoseconds(connections_->clock_start.time_since_epoch()).count());
  std::vector<int> descriptors;
  for (const process::UniqueFd& memory : connections_->by_worker)
    descriptors.push_back(memory.get());
  return Ask(std::move(request), descriptors).status();
}

absl::StatusOr<config::Counters> DataplaneLink::GetCounters() {
  if (!socket_.valid() || counters_ == nullptr) return NoDataplane();
  config::Counters counters;
  observe::ReportCounters(counters_->blocks(), counters);
  counters.set_generation(generation_);
  return counters;
}

absl::StatusOr<config::Counters> DataplaneLink::AskCounters() {
  config::ToDataplane request;
  request.mutable_get_counters();
  auto answer = Ask(std::move(request));
  if (!answer.ok()) return answer.status();
  return std::move(*answer->mutable_counters());
}

absl::StatusOr<config::Connections> DataplaneLink::GetConnections(std::uint32_t limit,
                                                                  std::uint32_t first_place) {
  config::ToDataplane request;
  request.mutable_get_connections()->set_limit(limit);
  request.mutable_get_connections()->set_first_place(first_place);
  auto answer = Ask(std::move(request));
  if (!answer.ok()) return answer.status();
  return std::move(*answer->mutable_connections());
}

absl::StatusOr<std::uint32_t> DataplaneLink::ForgetConnections(
    config::ForgetConnections connections) {
  config::ToDataplane request;
  *request.mutable_forget_connections() = std::move(connections);
  const auto answer = Ask(std::move(request));
  if (!answer.ok()) return answer.status();
  return answer->connections_forgotten().count();
}

}  // namespace taploom::control
