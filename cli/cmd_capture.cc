// `capture`: one pcapng of a whole running fabric, from a ring that the dataplane writes into.
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <set>
#include <string>
#include <vector>

#include "cli/capture_file_writer.h"
#include "cli/commands.h"
#include "cli/ring_session.h"
#include "cli/running_snapshot.h"
#include "cli/select_fabric.h"
#include "cli/talk.h"
#include "control/process/host_error.h"

namespace taploom::cli {
namespace {

constexpr std::uint64_t kMegabyte = 1'000'000;

// On a machine that is busy, frames are rather lost, which is counted, than the time of those who
// are watched.
constexpr int kNiceness = 5;

struct CaptureRequest {
  std::vector<std::string> on;
  std::string path, filter;
  std::uint64_t count = 0, seconds = 0, rotate_megabytes = 0;  // 0 = no limit
  std::uint64_t snap = 262'144, buffer_megabytes = 64;
};

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

io::AddressNames NamesOf(const nlohmann::ordered_json& body) {
  io::AddressNames names;
  for (const auto& row : body["names"]) {
    if (const auto address = wire::IpAddress::Parse(row["address"].get<std::string>()))
      names.emplace_back(*address, row["name"].get<std::string>());
  }
  return names;
}

// What --on names: ports and gateways.
struct Selection {
  std::vector<std::uint16_t> recorded;  // ports whose frames the dataplane is to record
  std::set<std::uint16_t> ports;        // those of them that are shown, when not all are
  std::set<std::string> gateways;
};

absl::StatusOr<Selection> SelectionOf(const std::vector<std::string>& on,
                                      const std::vector<CaptureInterface>& interfaces,
                                      const tables::Snapshot& snapshot) {
  Selection selection;
  const std::vector<replay::GatewayName> gateways = replay::GatewayHops(snapshot).gateways();
  std::vector<std::string> others;
  for (const std::string& name : on) {
    const std::size_t before = selection.gateways.size();
    for (const replay::GatewayName& gateway : gateways) {
      if (gateway.name == name || gateway.id == name) selection.gateways.insert(gateway.name);
    }
    if (selection.gateways.size() == before) others.push_back(name);
  }
  const auto ports = PortsOf(others, interfaces);
  if (!ports.ok()) return ports.status();
  if (!others.empty()) selection.ports.insert(ports->begin(), ports->end());
  // What passes a gateway is told by where it entered and left, which may be anywhere.
  selection.recorded = selection.gateways.empty() ? *ports : *PortsOf({}, interfaces);
  return selection;
}

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
  std::string config;
  if (const api::Reply reply = fabric.GetConfig(config); !reply.ok()) return Fail(reply);
  const auto snapshot = RunningSnapshot(config);
  if (!snapshot.ok()) return Fail(snapshot.status());
  const auto selection = SelectionOf(request->on, interfaces, **snapshot);
  if (!selection.ok()) return Fail(selection.status());
  CaptureFileWriter file({.path = request->path,
                          .rotate_bytes = request->rotate_megabytes * kMegabyte,
                          .interfaces = interfaces,
                          .names = NamesOf(about.body),
                          .snapshot = *snapshot,
                          .ports = selection->ports,
                          .gateways = selection->gateways,
                          .shows_all = request->on.empty(),
                          .most_frames = request->count});
  if (const absl::Status status = file.SetFilter(request->filter); !status.ok())
    return Fail(status);
  if (const absl::Status status = file.Open(); !status.ok()) return Fail(status);

  const std::size_t workers = WorkersOf(about.body);
  const std::size_t capacity = (request->buffer_megabytes << 20) / workers;
  const int descriptor = observe::CaptureRingMemory::Make(
      capacity, static_cast<std::uint32_t>(request->snap), selection->recorded, workers);
  if (descriptor < 0) return Fail(process::HostError("make the capture ring", errno));
  const auto session =
      RingSession::Open(descriptor, observe::CaptureRingMemory::SizeOf(capacity), workers, fabric);
  if (!session.ok()) return Fail(kHostCannot, std::string(session.status().message()));
  const api::Reply started = (*session)->Start();
  if (!started.ok()) return Fail(started);
  (void)nice(kNiceness);
  Say(fmt::format("capturing {} into {}; Ctrl-C ends it", paths->fabric,
                  request->path == "-" ? "standard output" : request->path));

  const std::string end = (*session)->Run(
      request->seconds, {.take = [&](const RingSession::Entry& entry) -> std::string {
                           if (!file.Write(entry)) return "nothing more can be written";
                           return file.is_complete() ? "the count is reached" : "";
                         },
                         .flush = [&] { return file.Flush(); }});
  const bool complete = file.Finish((*session)->lost());
  Say(fmt::format("{}: {} frames written, {} lost", end, file.written(), (*session)->lost()));
  return complete && !(*session)->is_broken() ? kDone : kHostCannot;
}

}  // namespace taploom::cli
