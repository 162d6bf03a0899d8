#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/talk.h"
#include "cli/topology_file.h"

namespace taploom::cli {

int Validate(const Arguments& arguments) {
  const auto file = ReadTopologyFile(arguments.Word(0));
  if (!file.ok()) return Fail(file.status());
  const auto topology = Validated(*file);
  if (!topology.ok()) return Fail(topology.status());
  Say(fmt::format("{} is valid", file->path));
  return kDone;
}

}  // namespace taploom::cli
