#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/render.h"
#include "cli/select_fabric.h"
#include "cli/talk.h"
#include "control/runtime/cleanup.h"

namespace taploom::cli {
namespace {

using nlohmann::ordered_json;

// A fabric that cannot be asked is listed all the same, with the columns it would have had.
ordered_json SilentFabric(const std::string& name, std::string_view state) {
  return {{"name", name},
          {"state", state},
          {"vpcs", nullptr},
          {"instances", nullptr},
          {"generation", nullptr},
          {"dataplane_restarts", nullptr},
          {"adopted_connections", nullptr},
          {"io", nullptr},
          {"workers", nullptr},
          {"uptime_seconds", nullptr},
          {"control_pid", nullptr},
          {"dataplane_pid", nullptr},
          {"file", nullptr}};
}

}  // namespace

int Ls(const Arguments& arguments) {
  const auto format = ParseFormat(arguments.Value("output"));
  if (!format) return Fail(kBadInput, "-o takes table or json");
  ordered_json rows = ordered_json::array();
  for (const std::string& name : runtime::KnownFabrics()) {
    const runtime::FabricPaths paths = runtime::PathsOf(name);
    if (!runtime::IsRunning(paths)) {
      rows.push_back(SilentFabric(name, "crashed"));
      continue;
    }
    const api::Reply reply = ClientOf(paths).Get("fabric");
    rows.push_back(reply.ok() ? reply.body : SilentFabric(name, "silent"));
  }
  fmt::print("{}", Render(rows, *format));
  if (rows.empty()) Say("no fabric runs");
  return kDone;
}

}  // namespace taploom::cli
