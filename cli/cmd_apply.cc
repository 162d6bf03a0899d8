#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/select_fabric.h"
#include "cli/talk.h"
#include "cli/topology_file.h"

namespace taploom::cli {

int Apply(const Arguments& arguments) {
  const auto file = ReadTopologyFile(arguments.Word(0));
  if (!file.ok()) return Fail(file.status());
  const auto topology = Validated(*file);
  if (!topology.ok()) return Fail(topology.status());
  const std::string& written = topology->topology().name.value;
  const auto paths = SelectFabric(arguments.Has("name") ? arguments.Value("name") : written);
  if (!paths.ok()) return Fail(paths.status());

  const api::Reply reply = ClientOf(*paths).Post("apply", {{"topology", file->text},
                                                           {"file", file->path},
                                                           {"folder", file->folder},
                                                           {"dry_run", arguments.Has("dry-run")}});
  if (!reply.ok()) return Fail(reply);
  for (const auto& change : reply.body["changes"]) fmt::print("{}\n", change.get<std::string>());
  if (reply.body["changes"].empty()) Say("no changes");
  for (const auto& note : reply.body["notes"]) Say(note.get<std::string>());
  return kDone;
}

}  // namespace taploom::cli
