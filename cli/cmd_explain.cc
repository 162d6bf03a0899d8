// `explain` asks a running fabric, or walks a topology file down to the same plan and asks that.
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/render.h"
#include "cli/select_fabric.h"
#include "cli/talk.h"
#include "cli/topology_file.h"
#include "control/explain.h"
#include "control/lower.h"

namespace taploom::cli {
namespace {

int Show(const nlohmann::ordered_json& answer, const std::string& text, bool passes,
         Format format) {
  fmt::print("{}", format == Format::kJson ? Render(answer, format) : text);
  return passes ? kDone : kNegative;
}

int ExplainFile(const std::string& path, const std::string& source, const std::string& destination,
                Format format) {
  const auto file = ReadTopologyFile(path);
  if (!file.ok()) return Fail(file.status());
  const auto topology = Validated(*file);
  if (!topology.ok()) return Fail(topology.status());
  control::Allocations allocations;
  const control::ExplainAnswer answer =
      control::ExplainPath(control::Lower(*topology, allocations), source, destination);
  if (!answer.error.empty()) return Fail(kBadInput, answer.error);
  return Show(answer.json, answer.text, answer.passes, format);
}

}  // namespace

int Explain(const Arguments& arguments) {
  const auto format = ParseFormat(arguments.Value("output"));
  if (!format) return Fail(kBadInput, "-o takes table or json");
  const std::string source = arguments.Word(0), destination = arguments.Word(1);
  if (arguments.Has("file")) {
    return ExplainFile(arguments.Value("file"), source, destination, *format);
  }
  const auto paths = SelectFabric(arguments.Value("name"));
  if (!paths.ok()) return Fail(paths.status());
  const api::Reply reply =
      ClientOf(*paths).Post("explain", {{"source", source}, {"destination", destination}});
  if (!reply.ok()) return Fail(reply);
  return Show(reply.body["answer"], reply.body["text"].get<std::string>(),
              reply.body["passes"].get<bool>(), *format);
}

}  // namespace taploom::cli
