#include <fmt/format.h>

#include <algorithm>

#include "cli/commands.h"
#include "cli/render.h"
#include "cli/select_fabric.h"
#include "cli/talk.h"
#include "control/runtime/rows.h"

namespace taploom::cli {

int Get(const Arguments& arguments) {
  const auto format = ParseFormat(arguments.Value("output"));
  if (!format) return Fail(kBadInput, "-o takes table or json");
  // Checked before looking for a fabric: a misspelt kind is wrong whatever runs.
  if (const std::string error = runtime::KindError(arguments.Word(0)); !error.empty()) {
    return Fail(kBadInput, error);
  }
  if (arguments.Has("hits") && arguments.Word(0) != "rules")
    return Fail(kBadInput, "--hits is about rules");
  const auto paths = SelectFabric(arguments.Value("name"));
  if (!paths.ok()) return Fail(paths.status());
  const api::Reply reply = ClientOf(*paths).Get(arguments.Word(0), arguments.Word(1));
  if (!reply.ok()) return Fail(reply);
  nlohmann::ordered_json rows = reply.body;
  if (arguments.Has("hits")) {
    std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
      return a.value("hits", std::uint64_t{0}) > b.value("hits", std::uint64_t{0});
    });
  }
  fmt::print("{}", Render(rows, *format));
  if (reply.body.empty()) Say(fmt::format("no {}", arguments.Word(0)));
  return kDone;
}

}  // namespace taploom::cli
