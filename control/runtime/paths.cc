#include "control/runtime/paths.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "control/object_name.h"

namespace taploom::runtime {

std::string RunRoot() {
  const char* const root = std::getenv("TAPLOOM_RUN_DIR");
  return root != nullptr && *root != '\0' ? root : "/run/taploom";
}

FabricPaths PathsOf(std::string_view fabric) {
  const std::string folder = fmt::format("{}/{}", RunRoot(), fabric);
  return {.fabric = std::string(fabric),
          .folder = folder,
          .api_socket = folder + "/api.sock",
          .pid_file = folder + "/control.pid",
          .journal = folder + "/journal.json",
          .control_log = folder + "/control.log",
          .dataplane_log = folder + "/dataplane.log",
          .logs = folder + "/logs",
          .instances = folder + "/instances",
          .ca = folder + "/ca.pem"};
}

std::vector<std::string> KnownFabrics() {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(RunRoot(), error)) {
    const std::string name = entry.path().filename().string();
    if (entry.is_directory(error) && control::IsObjectName(name)) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string FlatName(std::string_view name) {
  std::string flat(name);
  std::replace(flat.begin(), flat.end(), '/', '.');
  return flat;
}

std::string NamespaceName(std::string_view fabric, std::string_view instance) {
  return fmt::format("tl-{}-{}", fabric, FlatName(instance));
}

}  // namespace taploom::runtime
