// `capture`: one pcapng of a whole running fabric, from a ring that the dataplane writes into.
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/capture_file_writer.h"
#include "cli/commands.h"
#include "cli/select_fabric.h"
#include "cli/talk.h"
#include "control/did_you_mean.h"
#include "control/process/host_error.h"
#include "control/process/unique_fd.h"

namespace taploom::cli {
namespace {

using Clock = std::chrono::steady_clock;

// How long the reader sleeps when nothing waits, and how often it looks whether the fabric lives.
constexpr int kPauseMs = 10;
constexpr std::chrono::seconds kLookAround{2};
constexpr std::uint64_t kMegabyte = 1'000'000;

volatile sig_atomic_t stopped = 0;
void Stop(int) { stopped = 1; }

struct CaptureRequest {
  std::vector<std::string> on;
  std::string path, filter;
  std::uint64_t count = 0, seconds = 0, rotate_megabytes = 0;  // 0 = no limit
  std::uint64_t snap = 262'144, buffer_megabytes = 64;
};

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

absl::StatusOr<CaptureRequest> CaptureRequestOf(const Arguments& arguments) {
  CaptureRequest request{.on = arguments.Values("on"),
                         .path = arguments.Value("write"),
                         .filter = arguments.Value("filter")};
  absl::Status status;
  status.Update(ReadNumber(arguments, "count", 1, UINT64_MAX, request.count));
  status.Update(ReadNumber(arguments, "seconds", 1, 1'000'000'000, request.seconds));
  status.Update(ReadNumber(arguments, "rotate", 1, 1'000'000, request.rotate_megabytes));
  status.Update(ReadNumber(arguments, "snap", 64, 262'144, request.snap));
  status.Update(ReadNumber(arguments, "buffer", 1, 1024, request.buffer_megabytes));
  if (!status.ok()) return status;
  if (request.path == "-" && request.rotate_megabytes != 0)
    return absl::InvalidArgumentError("--rotate needs a file: -w FILE");
  return request;
}

std::vector<CaptureInterface> InterfacesOf(const nlohmann::ordered_json& body) {
  std::vector<CaptureInterface> interfaces;
  for (const auto& row : body["interfaces"]) {
    interfaces.push_back({row["port"].get<std::uint16_t>(), row["name"].get<std::string>(),
                          row["id"].get<std::string>(), row["description"].get<std::string>()});
  }
  return interfaces;
}

io::AddressNames NamesOf(const nlohmann::ordered_json& body) {
  io::AddressNames names;
  for (const auto& row : body["names"]) {
    if (const auto address = wire::IpAddress::Parse(row["address"].get<std::string>()))
      names.emplace_back(*address, row["name"].get<std::string>());
  }
  return names;
}

// The ports of the interfaces that --on names; every port there can be without it, so that what is
// attached later is recorded too.
absl::StatusOr<std::vector<std::uint16_t>> PortsOf(
    const CaptureRequest& request, const std::vector<CaptureInterface>& interfaces) {
  std::vector<std::uint16_t> ports;
  if (request.on.empty()) {
    for (std::uint32_t port = 0; port < 65'536; ++port)
      ports.push_back(static_cast<std::uint16_t>(port));
    return ports;
  }
  for (const std::string& name : request.on) {
    const std::size_t before = ports.size();
    std::vector<std::string> names;
    for (const CaptureInterface& interface : interfaces) {
      names.push_back(interface.name);
      // "front" means every node of the load balancer, "web-1" every interface of the instance.
      if (interface.name == name || interface.id == name || interface.name.starts_with(name + "/"))
        ports.push_back(interface.port);
    }
    if (ports.size() == before)
      return absl::InvalidArgumentError(
          fmt::format("--on: no instance, interface or internet host is called \"{}\"{}", name,
                      control::DidYouMean(name, names)));
  }
  return ports;
}

// Moves records from the ring into the file until something ends it. Returns why it ended, for
// people.
class Pump {
 public:
  Pump(const CaptureRequest& request, observe::CaptureRingReader& ring, CaptureFileWriter& file,
       const api::ApiClient& fabric)
      : request_(request), ring_(ring), file_(file), fabric_(fabric) {}

  std::string Run() {
    while (true) {
      const std::string end = Drain();
      if (!end.empty()) return end;
      if (!file_.Flush()) return "nothing more can be written";
      if (ring_.has_ended()) return "another capture has begun, or nothing was read for too long";
      if (stopped != 0) return "stopped";
      const Clock::time_point now = Clock::now();
      if (request_.seconds != 0 && now - start_ >= std::chrono::seconds(request_.seconds))
        return "the time is over";
      if (now - last_look_ >= kLookAround) {
        last_look_ = now;
        if (!fabric_.Get("fabric").ok()) return "the fabric is gone";
      }
      poll(nullptr, 0, kPauseMs);
    }
  }

  // What waits now; a sentence when that ends the capture.
  std::string Drain() {
    observe::CaptureRingReader::Entry entry;
    while (ring_.Next(entry)) {
      if (!file_.Write(entry)) return "nothing more can be written";
      if (request_.count != 0 && file_.written() >= request_.count) return "the count is reached";
      if (stopped != 0) return "stopped";
    }
    return ring_.error();
  }

 private:
  const CaptureRequest& request_;
  observe::CaptureRingReader& ring_;
  CaptureFileWriter& file_;
  const api::ApiClient& fabric_;
  const Clock::time_point start_ = Clock::now();
  Clock::time_point last_look_ = start_;
};

}  // namespace

int Capture(const Arguments& arguments) {
  auto request = CaptureRequestOf(arguments);
  if (!request.ok()) return Fail(request.status());
  const auto paths = SelectFabric(arguments.Value("name"));
  if (!paths.ok()) return Fail(paths.status());
  const api::ApiClient fabric = ClientOf(*paths);
  const api::Reply about = fabric.Get("capture");
  if (!about.ok()) return Fail(about);
  if (request->path.empty()) request->path = paths->fabric + ".pcapng";

  const std::vector<CaptureInterface> interfaces = InterfacesOf(about.body);
  const auto ports = PortsOf(*request, interfaces);
  if (!ports.ok()) return Fail(ports.status());
  CaptureFileWriter file({.path = request->path,
                          .rotate_bytes = request->rotate_megabytes * kMegabyte,
                          .interfaces = interfaces,
                          .names = NamesOf(about.body)});
  if (const absl::Status status = file.SetFilter(request->filter); !status.ok())
    return Fail(status);
  if (const absl::Status status = file.Open(); !status.ok()) return Fail(status);

  const process::UniqueFd descriptor(observe::CaptureRingMemory::Make(
      request->buffer_megabytes << 20, static_cast<std::uint32_t>(request->snap), *ports));
  if (!descriptor.valid()) return Fail(process::HostError("make the capture ring", errno));
  std::string error;
  auto memory = observe::CaptureRingMemory::Map(
      descriptor.get(), observe::CaptureRingMemory::SizeOf(request->buffer_megabytes << 20), error);
  if (memory == nullptr) return Fail(kHostCannot, error);
  observe::CaptureRingReader ring(std::move(memory));

  signal(SIGINT, Stop);
  signal(SIGTERM, Stop);
  signal(SIGPIPE, SIG_IGN);
  const api::Reply started =
      fabric.Post("capture", {{"ring", fmt::format("/proc/{}/fd/{}", getpid(), descriptor.get())}});
  if (!started.ok()) return Fail(started);
  Say(fmt::format("capturing {} into {}; Ctrl-C ends it", paths->fabric,
                  request->path == "-" ? "standard output" : request->path));

  Pump pump(*request, ring, file, fabric);
  const std::string end = pump.Run();
  const bool is_ours = !ring.has_ended();
  if (is_ours) fabric.Post("capture", {{"stop", true}});
  if (end == "stopped" || end == "the time is over") {
    stopped = 0;
    pump.Drain();
  }
  const bool complete = file.Finish(ring.lost());
  Say(fmt::format("{}: {} frames written, {} lost", end, file.written(), ring.lost()));
  return complete && ring.error().empty() ? kDone : kHostCannot;
}

}  // namespace taploom::cli
