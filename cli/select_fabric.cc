#include "cli/select_fabric.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "control/did_you_mean.h"
#include "control/runtime/cleanup.h"

namespace taploom::cli {

std::vector<std::string> RunningFabrics() {
  std::vector<std::string> names = runtime::KnownFabrics();
  std::erase_if(
      names, [](const std::string& name) { return !runtime::IsRunning(runtime::PathsOf(name)); });
  return names;
}

absl::StatusOr<runtime::FabricPaths> SelectFabric(const std::string& name) {
  const std::vector<std::string> running = RunningFabrics();
  if (running.empty()) {
    return absl::NotFoundError(name.empty() ? "no fabric runs"
                                            : fmt::format("no fabric \"{}\"; none runs", name));
  }
  if (name.empty()) {
    if (running.size() == 1) return runtime::PathsOf(running.front());
    return absl::InvalidArgumentError(
        fmt::format("several fabrics run; choose one with --name: {}", fmt::join(running, ", ")));
  }
  if (std::find(running.begin(), running.end(), name) == running.end()) {
    return absl::NotFoundError(fmt::format("no fabric \"{}\"{}; running: {}", name,
                                           control::DidYouMean(name, running),
                                           fmt::join(running, ", ")));
  }
  return runtime::PathsOf(name);
}

}  // namespace taploom::cli
