#include "cli/ring_session.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <charconv>

#include "control/did_you_mean.h"

namespace taploom::cli {
namespace {

// How long the reader sleeps when nothing waits, and how often it looks whether the fabric lives.
constexpr int kPauseMs = 10;
constexpr std::chrono::seconds kLookAround{2};

constexpr const char* kStopped = "stopped";
constexpr const char* kTimeIsOver = "the time is over";

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
                                                               api::ApiClient fabric) {
  process::UniqueFd owned(descriptor);
  std::string error;
  auto memory = observe::CaptureRingMemory::Map(descriptor, size, error);
  if (memory == nullptr) return absl::FailedPreconditionError(error);
  return std::unique_ptr<RingSession>(
      new RingSession(std::move(owned), std::move(memory), std::move(fabric)));
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
  const bool is_ours = !ring_.has_ended();
  if (is_ours) fabric_.Post("capture", {{"stop", true}});
  if (end == kStopped || end == kTimeIsOver) {
    stopped = 0;
    Drain(callbacks);
  }
  return end;
}

std::string RingSession::Wait(std::uint64_t seconds, const Callbacks& callbacks) {
  const Clock::time_point start = Clock::now();
  Clock::time_point last_look = start;
  while (true) {
    const std::string end = Drain(callbacks);
    if (!end.empty()) return end;
    if (!callbacks.flush()) return "nothing more can be written";
    if (ring_.has_ended())
      return "another capture or trace has begun, or nothing was read for too long";
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

std::string RingSession::Drain(const Callbacks& callbacks) {
  Entry entry;
  while (ring_.Next(entry)) {
    if (std::string end = callbacks.take(entry); !end.empty()) return end;
    if (stopped != 0) return kStopped;
  }
  return ring_.error();
}

}  // namespace taploom::cli
