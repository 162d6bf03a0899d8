#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/render.h"
#include "cli/select_fabric.h"
#include "cli/talk.h"
#include "cli/topology_file.h"
#include "control/explain.h"
#include "control/lower.h"
#include "control/validate.h"

namespace taploom::cli {
namespace {

int Show(const nlohmann::ordered_json& answer, const std::string& text, bool passes, Format format) {
  fmt::print("{}", format == Format::kJson ? answer.dump(2) + "\n" : text);
  return passes ? kDone : kNegative;
}

// The plan that `up` would make of the file: nothing has to run, and no right is needed.
int ExplainFile(const std::string& path, const std::string& source, const std::string& destination, Format format) {
  const auto file = ReadTopologyFile(path);
  if (!file.ok()) return Fail(file.status());
  const control::LoadResult loaded = control::LoadTopology(file->text);
  if (!loaded.valid) return Fail(ValidatedName(*file).status());
  control::Allocations allocations;
  const control::ExplainAnswer answer =
      control::ExplainPath(control::Lower(*loaded.valid, allocations), source, destination);
  if (!answer.error.empty()) return Fail(kBadInput, answer.error);
  return Show(answer.json, answer.text, answer.passes, format);
}

}  // namespace

int Explain(const Arguments& arguments) {
  const auto format = ParseFormat(arguments.Value("output"));
  if (!format) return Fail(kBadInput, "-o takes table or json");
  if (arguments.Has("file")) {
    return ExplainFile(arguments.Value("file"), arguments.Word(0), arguments.Word(1), *format);
  }
  const auto paths = SelectFabric(arguments.Value("name"));
  if (!paths.ok()) return Fail(paths.status());
  const api::Reply reply =
      ClientOf(*paths).Post("explain", {{"source", arguments.Word(0)}, {"destination", arguments.Word(1)}});
  if (!reply.ok()) return Fail(reply);
  return Show(reply.body["answer"], reply.body["text"].get<std::string>(), reply.body["passes"].get<bool>(), *format);
}

}  // namespace taploom::cli
