#include <fmt/format.h>

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
  const auto paths = SelectFabric(arguments.Value("name"));
  if (!paths.ok()) return Fail(paths.status());
  const api::Reply reply = ClientOf(*paths).Get(arguments.Word(0), arguments.Word(1));
  if (!reply.ok()) return Fail(reply);
  fmt::print("{}", Render(reply.body, *format));
  if (reply.body.empty()) Say(fmt::format("no {}", arguments.Word(0)));
  return kDone;
}

}  // namespace taploom::cli
