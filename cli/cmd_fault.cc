#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/select_fabric.h"
#include "cli/talk.h"

namespace taploom::cli {

int Fault(const Arguments& arguments) {
  if (arguments.Has("down") == arguments.Has("up"))
    return Fail(kBadInput, "fault needs either --down or --up");
  const auto paths = SelectFabric(arguments.Value("name"));
  if (!paths.ok()) return Fail(paths.status());
  const bool down = arguments.Has("down");
  const api::Reply reply = ClientOf(*paths).Post(
      "fault", {{"kind", arguments.Word(0)}, {"name", arguments.Word(1)}, {"down", down}});
  if (!reply.ok()) return Fail(reply);
  for (const auto& change : reply.body["changes"]) fmt::print("{}\n", change.get<std::string>());
  if (reply.body["changes"].empty())
    Say(fmt::format("{} {} is {} already", arguments.Word(0), arguments.Word(1),
                    down ? "down" : "up"));
  for (const auto& note : reply.body["notes"]) Say(note.get<std::string>());
  return kDone;
}

}  // namespace taploom::cli
