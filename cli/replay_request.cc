#include "cli/replay_request.h"

#include <fmt/format.h>

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

}  // namespace

absl::StatusOr<ReplayRequest> ReplayRequestOf(const Arguments& arguments) {
  ReplayRequest request{.captures = arguments.words,
                        .topology = arguments.Value("file"),
                        .against = arguments.Value("against"),
                        .verdicts = arguments.Value("verdicts"),
                        .out = arguments.Value("out"),
                        .bench = arguments.Has("bench")};
  if (request.topology.empty())
    return absl::InvalidArgumentError("replay needs a topology: -f FILE");
  const bool writes = !request.verdicts.empty() || !request.out.empty();
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
  return std::make_unique<replay::MergedSource>(std::move(sources));
}

absl::StatusOr<std::shared_ptr<const tables::Snapshot>> SnapshotFor(const ReplayRequest& request,
                                                                    const std::string& topology) {
  auto config = ConfigOf(topology);
  if (!config.ok()) return config.status();
  auto captures = OpenAll(request);
  if (!captures.ok()) return captures.status();
  replay::PublicAddresses addresses(*config);
  replay::CollectAddresses(**captures, request.map, addresses);
  if (addresses.overflowed())
    Say(fmt::format("the captures hold more than {} public addresses; the others reach nobody",
                    replay::PublicAddresses::kMost));
  replay::AddInternet(addresses.addresses(), *config);
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
