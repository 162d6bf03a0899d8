#include "cli/replay_request.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <utility>

#include "cli/talk.h"
#include "cli/topology_file.h"
#include "control/did_you_mean.h"
#include "control/lower.h"
#include "dataplane/replay/flow_log_source.h"
#include "dataplane/replay/internet.h"
#include "dataplane/replay/merged_source.h"
#include "dataplane/replay/port_names.h"
#include "dataplane/tables/compile.h"

namespace taploom::cli {
namespace {

absl::StatusOr<config::FabricConfig> ConfigOf(const std::string& path) {
  const auto file = ReadTopologyFile(path);
  if (!file.ok()) return file.status();
  const auto topology = Validated(*file);
  if (!topology.ok()) return topology.status();
  control::Allocations allocations;
  config::FabricConfig config = control::Lower(*topology, allocations).config;
  config.set_generation(1);
  return config;
}

absl::Status ReadPositive(const Arguments& arguments, const char* option, double& number) {
  const std::string text = arguments.Value(option);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size() && std::isfinite(number) &&
      number > 0)
    return absl::OkStatus();
  return absl::InvalidArgumentError(
      fmt::format("--{} is \"{}\", expected a number above 0", option, text));
}

// How a live replay keeps time, and how often.
absl::Status ReadPace(const Arguments& arguments, ReplayRequest& request) {
  const int paces = arguments.Has("rate") + arguments.Has("speed") + arguments.Has("topspeed");
  if (request.live.empty() && (paces > 0 || arguments.Has("loop")))
    return absl::InvalidArgumentError(
        "--rate, --speed, --topspeed and --loop are for --live; offline, time is the capture's");
  if (paces > 1)
    return absl::InvalidArgumentError("only one of --rate, --speed and --topspeed can hold");
  double number = 0;
  if (arguments.Has("topspeed")) request.pace = replay::Pace::TopSpeed();
  for (const char* option : {"rate", "speed"}) {
    if (!arguments.Has(option)) continue;
    if (const absl::Status status = ReadPositive(arguments, option, number); !status.ok())
      return status;
    request.pace =
        arguments.Has("rate") ? replay::Pace::AtRate(number) : replay::Pace::AsCaptured(number);
  }
  if (!arguments.Has("loop")) return absl::OkStatus();
  const std::string text = arguments.Value("loop");
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), request.loops);
  if (error == std::errc() && end == text.data() + text.size() && request.loops > 0)
    return absl::OkStatus();
  return absl::InvalidArgumentError(
      fmt::format("--loop is \"{}\", expected a number from 1 on", text));
}

}  // namespace

absl::StatusOr<ReplayRequest> ReplayRequestOf(const Arguments& arguments) {
  ReplayRequest request{.captures = arguments.words,
                        .topology = arguments.Value("file"),
                        .against = arguments.Value("against"),
                        .verdicts = arguments.Value("verdicts"),
                        .out = arguments.Value("out"),
                        .bench = arguments.Has("bench"),
                        .live = arguments.Value("live")};
  const bool writes = !request.verdicts.empty() || !request.out.empty();
  if (arguments.Has("live")) {
    if (!request.topology.empty() || !request.against.empty() || writes || request.bench)
      return absl::InvalidArgumentError(
          "--live asks the running fabric; leave --file, --against, --verdicts, --out and --bench "
          "away");
  } else if (request.topology.empty()) {
    return absl::InvalidArgumentError(
        "replay needs a topology (-f FILE) or a running fabric (--live NAME)");
  }
  if (const absl::Status status = ReadPace(arguments, request); !status.ok()) return status;
  if (!request.against.empty() && (writes || request.bench))
    return absl::InvalidArgumentError(
        "--against prints what differs; leave --verdicts, --out and --bench away");
  if (request.bench && writes)
    return absl::InvalidArgumentError("--bench writes nothing; leave --verdicts and --out away");
  if (arguments.Has("in")) request.in = arguments.Value("in");
  for (const std::string& pair : arguments.Values("map")) {
    if (const std::string error = request.map.Add(pair); !error.empty())
      return absl::InvalidArgumentError(fmt::format("--map: {}", error));
  }
  const auto format = ParseFormat(arguments.Value("output"));
  if (!format) return absl::InvalidArgumentError("-o takes table or json");
  request.format = *format;
  return request;
}

absl::StatusOr<std::unique_ptr<io::FrameSource>> OpenAll(const ReplayRequest& request) {
  std::vector<std::unique_ptr<io::FrameSource>> sources;
  for (const std::string& path : request.captures) {
    std::string error;
    sources.push_back(replay::OpenRecording(path, error));
    if (sources.back() == nullptr) return absl::InvalidArgumentError(error);
  }
  if (sources.size() == 1) return std::move(sources.front());
  return std::make_unique<replay::MergedSource>(std::move(sources));
}

absl::StatusOr<std::shared_ptr<const tables::Snapshot>> SnapshotFor(const std::string& topology) {
  auto config = ConfigOf(topology);
  if (!config.ok()) return config.status();
  replay::AddInternet(*config);
  tables::CompileResult compiled = tables::Compile(*config);
  if (!compiled.snapshot) return absl::InvalidArgumentError(compiled.error);
  return std::move(compiled.snapshot);
}

absl::StatusOr<tables::PortId> EntranceOf(const ReplayRequest& request,
                                          const tables::Snapshot& snapshot) {
  if (request.in == "auto") return tables::kNoPort;
  const replay::PortNames names(snapshot);
  const tables::PortId port = names.Find(request.in);
  if (port != tables::kNoPort) return port;
  return absl::InvalidArgumentError(
      fmt::format("--in: no instance, interface or internet host is called \"{}\"{}", request.in,
                  control::DidYouMean(request.in, names.names())));
}

}  // namespace taploom::cli
