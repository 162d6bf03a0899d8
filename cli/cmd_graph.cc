// `graph` draws a topology file, or the one that a running fabric was started from with what was
// attached since, and with --live what flows.
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/select_fabric.h"
#include "cli/talk.h"
#include "cli/topology_file.h"
#include "control/graph/graph.h"
#include "control/lower.h"

namespace taploom::cli {
namespace {

using Drawer = std::string (*)(const control::Graph&);

Drawer DrawerFor(const std::string& format) {
  if (format.empty() || format == "svg") return control::ToSvg;
  if (format == "mermaid") return control::ToMermaid;
  if (format == "dot") return control::ToDot;
  return nullptr;
}

}  // namespace

int GraphOfTopology(const Arguments& arguments) {
  const std::string format = arguments.Value("output");
  const Drawer draw = DrawerFor(format);
  if (draw == nullptr) return Fail(kBadInput, "graph: -o takes svg, mermaid or dot");
  if (arguments.Has("live") && arguments.Has("file"))
    return Fail(kBadInput, "graph --live draws the traffic of a running fabric, not of a file");
  if (!arguments.Has("file")) {
    const auto paths = SelectFabric(arguments.Value("name"));
    if (!paths.ok()) return Fail(paths.status());
    const api::Reply reply = ClientOf(*paths).Post(
        "graph", {{"format", format.empty() ? "svg" : format}, {"live", arguments.Has("live")}});
    if (!reply.ok()) return Fail(reply);
    fmt::print("{}", reply.body["text"].get<std::string>());
    return kDone;
  }
  const auto file = ReadTopologyFile(arguments.Value("file"));
  if (!file.ok()) return Fail(file.status());
  const auto topology = Validated(*file);
  if (!topology.ok()) return Fail(topology.status());
  control::Allocations allocations;
  fmt::print("{}", draw(control::GraphOf(control::Lower(*topology, allocations))));
  return kDone;
}

}  // namespace taploom::cli
