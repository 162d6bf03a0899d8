#include "cli/ring_session.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "control/did_you_mean.h"

namespace taploom::cli {
namespace {

// How long the reader sleeps when nothing waits, and how often it looks whether the fabric lives.
constexpr int kPauseMs = 10;
constexpr std::chrono::seconds kLookAround{2};
// A worker publishes what it has recorded behind each burst, so that after this long it has nothing
// earlier to tell.
constexpr std::chrono::milliseconds kBurstTime{20};

constexpr const char* kStopped = "stopped";
constexpr const char* kTimeIsOver = "the time is over";
constexpr const char* kEnded =
    "another capture or trace has begun, or nothing was read for too long";

volatile sig_atomic_t stopped = 0;
void Stop(int) { stopped = 1; }

}  // namespace

std::vector<CaptureInterface> InterfacesOf(const nlohmann::ordered_json& body) {
  std::vector<CaptureInterface> interfaces;
  for (const auto& row : body["interfaces"]) {
    interfaces.push_back({row["port"].get<std::uint16_t>(), row["name"].get<std::string>(),
                          row["id"].get<std::string>(), row["description"].get<std::string>()});
  }
  return interfaces;
}

std::size_t WorkersOf(const nlohmann::ordered_json& body) {
  return body["workers"].get<std::size_t>();
}

absl::StatusOr<std::vector<std::uint16_t>> PortsOf(
    const std::vector<std::string>& names, const std::vector<CaptureInterface>& interfaces) {
  std::vector<std::uint16_t> ports;
  if (names.empty()) {
    for (std::uint32_t port = 0; port < 65'536; ++port)
      ports.push_back(static_cast<std::uint16_t>(port));
    return ports;
  }
  for (const std::string& name : names) {
    const std::size_t before = ports.size();
    std::vector<std::string> known;
    for (const CaptureInterface& interface : interfaces) {
      known.push_back(interface.name);
      // "front" means every node of the load balancer, "web-1" every interface of the instance.
      if (interface.name == name || interface.id == name || interface.name.starts_with(name + "/"))
        ports.push_back(interface.port);
    }
    if (ports.size() == before)
      return absl::InvalidArgumentError(
          fmt::format("--on: no instance, interface or internet host is called \"{}\"{}", name,
                      control::DidYouMean(name, known)));
  }
  return ports;
}

absl::Status ReadNumber(const Arguments& arguments, const char* option, std::uint64_t least,
                        std::uint64_t most, std::uint64_t& number) {
  if (!arguments.Has(option)) return absl::OkStatus();
  const std::string text = arguments.Value(option);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least || value > most)
    return absl::InvalidArgumentError(
        fmt::format("--{} is \"{}\", expected {}-{}", option, text, least, most));
  number = value;
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<RingSession>> RingSession::Open(int descriptor, std::size_t size,
                                                               std::size_t workers,
                                                               api::ApiClient fabric) {
  process::UniqueFd owned(descriptor);
  std::vector<Ring> rings;
  for (std::size_t worker = 0; worker < workers; ++worker) {
    std::string error;
    auto memory = observe::CaptureRingMemory::Map(descriptor, size, error, worker);
    if (memory == nullptr) return absl::FailedPreconditionError(error);
    rings.push_back({observe::CaptureRingReader(std::move(memory))});
  }
  return std::unique_ptr<RingSession>(
      new RingSession(std::move(owned), std::move(rings), std::move(fabric)));
}

std::uint64_t RingSession::lost() const {
  std::uint64_t sum = 0;
  for (const Ring& ring : rings_) sum += ring.reader.lost();
  return sum;
}

bool RingSession::has_ended() const {
  return std::any_of(rings_.begin(), rings_.end(),
                     [](const Ring& ring) { return ring.reader.has_ended(); });
}

std::string RingSession::error() const {
  for (const Ring& ring : rings_) {
    if (!ring.reader.error().empty()) return ring.reader.error();
  }
  return "";
}

api::Reply RingSession::Start() {
  signal(SIGINT, Stop);
  signal(SIGTERM, Stop);
  signal(SIGPIPE, SIG_IGN);
  return fabric_.Post("capture",
                      {{"ring", fmt::format("/proc/{}/fd/{}", getpid(), descriptor_.get())}});
}

std::string RingSession::Run(std::uint64_t seconds, const Callbacks& callbacks) {
  const std::string end = Wait(seconds, callbacks);
  const bool is_ours = !has_ended();
  if (is_ours) fabric_.Post("capture", {{"stop", true}});
  if (end == kStopped || end == kTimeIsOver || end == kEnded) {
    stopped = 0;
    Drain(callbacks, true);
  }
  return end;
}

std::string RingSession::Wait(std::uint64_t seconds, const Callbacks& callbacks) {
  const Clock::time_point start = Clock::now();
  Clock::time_point last_look = start;
  while (true) {
    const std::string end = Drain(callbacks, false);
    if (!end.empty()) return end;
    if (!callbacks.flush()) return "nothing more can be written";
    if (has_ended()) return kEnded;
    if (stopped != 0) return kStopped;
    const Clock::time_point now = Clock::now();
    if (seconds != 0 && now - start >= std::chrono::seconds(seconds)) return kTimeIsOver;
    if (now - last_look >= kLookAround) {
      last_look = now;
      if (!fabric_.Get("fabric").ok()) return "the fabric is gone";
    }
    poll(nullptr, 0, kPauseMs);
  }
}

std::string RingSession::Drain(const Callbacks& callbacks, bool takes_all) {
  while (Ring* const ring = EarliestRing(takes_all)) {
    std::string end = callbacks.take(*ring->next);
    ring->next.reset();
    if (!end.empty()) return end;
    if (stopped != 0) return kStopped;
  }
  return error();
}

RingSession::Ring* RingSession::EarliestRing(bool takes_all) {
  Ring* earliest = nullptr;
  bool has_empty = false;
  for (Ring& ring : rings_) {
    Entry entry;
    if (!ring.next && ring.reader.Next(entry)) ring.next = entry;
    has_empty |= !ring.next.has_value();
    if (!ring.next) continue;
    if (earliest == nullptr || ring.next->record.time_ns < earliest->next->record.time_ns)
      earliest = &ring;
  }
  if (earliest == nullptr || takes_all || !has_empty) return earliest;
  const auto time = std::chrono::nanoseconds(earliest->next->record.time_ns);
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return now - time >= kBurstTime ? earliest : nullptr;
}

}  // namespace taploom::cli
