// `explain` asks a running fabric, or walks a topology file down to the same plan and asks that.
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/render.h"
#include "cli/select_fabric.h"
#include "cli/talk.h"
#include "cli/topology_file.h"
#include "control/explain/explain.h"
#include "control/lower.h"

namespace taploom::cli {
namespace {

struct Shown {
  nlohmann::ordered_json answer;
  std::string text, brief;
  bool passes = false;
};

int Show(const Shown& shown, const Arguments& arguments, Format format) {
  if (format == Format::kJson) {
    fmt::print("{}", Render(shown.answer, format));
  } else {
    fmt::print("{}", arguments.Has("short") ? shown.brief : shown.text);
  }
  return shown.passes ? kDone : kNegative;
}

int ExplainFile(const Arguments& arguments, Format format) {
  const auto file = ReadTopologyFile(arguments.Value("file"));
  if (!file.ok()) return Fail(file.status());
  const auto topology = Validated(*file);
  if (!topology.ok()) return Fail(topology.status());
  control::Allocations allocations;
  const control::ExplainAnswer answer = control::ExplainPath(control::Lower(*topology, allocations),
                                                             arguments.Word(0), arguments.Word(1));
  if (!answer.error.empty()) return Fail(kBadInput, answer.error);
  return Show({answer.json, answer.text, answer.brief, answer.passes}, arguments, format);
}

}  // namespace

int Explain(const Arguments& arguments) {
  const auto format = ParseFormat(arguments.Value("output"));
  if (!format) return Fail(kBadInput, "-o takes table or json");
  const bool is_last_drop = arguments.Has("last-drop");
  if (is_last_drop && (arguments.Has("file") || !arguments.words.empty()))
    return Fail(kBadInput,
                "explain --last-drop INSTANCE is about a running fabric: no FILE, SRC or DST");
  if (!is_last_drop && arguments.words.size() < 2)
    return Fail(kBadInput, "explain needs SRC DST[:PORT[/PROTO]], or --last-drop INSTANCE");
  if (arguments.Has("file")) return ExplainFile(arguments, *format);
  const auto paths = SelectFabric(arguments.Value("name"));
  if (!paths.ok()) return Fail(paths.status());
  const api::Reply reply =
      is_last_drop ? ClientOf(*paths).Post("last-drop", {{"name", arguments.Value("last-drop")}})
                   : ClientOf(*paths).Post("explain", {{"source", arguments.Word(0)},
                                                       {"destination", arguments.Word(1)}});
  if (!reply.ok()) return Fail(reply);
  return Show({reply.body["answer"], reply.body["text"].get<std::string>(),
               reply.body["brief"].get<std::string>(), reply.body["passes"].get<bool>()},
              arguments, *format);
}

}  // namespace taploom::cli
