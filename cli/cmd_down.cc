// `down` asks control to go and waits until it is gone; what a dead control left behind it clears
// away itself.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/select_fabric.h"
#include "cli/talk.h"
#include "control/did_you_mean.h"
#include "control/process/process_identity.h"
#include "control/process/terminate.h"
#include "control/runtime/cleanup.h"

namespace taploom::cli {
namespace {

constexpr std::chrono::seconds kPatience{60};

int TakeDown(const runtime::FabricPaths& paths) {
  if (!runtime::IsRunning(paths)) {
    Say(fmt::format("fabric \"{}\" has crashed; removing what it left behind", paths.fabric));
    const absl::Status status = runtime::CleanUpCrashed(paths);
    return status.ok() ? int{kDone} : Fail(status);
  }
  pid_t pid = 0;
  std::ifstream(paths.pid_file) >> pid;
  std::vector<process::UniqueFd> control;
  control.push_back(process::OpenProcess(pid));  // before asking: afterwards it may be gone

  const api::Reply reply = ClientOf(paths).Post("down", nlohmann::ordered_json::object());
  // A control that is still starting has no socket yet, but knows the signal.
  if (!reply.ok() && !process::SendSignal(control.front(), SIGTERM)) return Fail(reply);
  if (!process::WaitForExit(control, kPatience)) {
    return Fail(kTimeout, fmt::format("fabric \"{}\" is still going down", paths.fabric));
  }
  if (const auto left = runtime::KnownFabrics();
      std::find(left.begin(), left.end(), paths.fabric) != left.end()) {
    const absl::Status status = runtime::CleanUpCrashed(paths);
    if (!status.ok() && !absl::IsNotFound(status)) return Fail(status);
  }
  Say(fmt::format("fabric \"{}\" is down", paths.fabric));
  return kDone;
}

}  // namespace

int Down(const Arguments& arguments) {
  const std::vector<std::string> known = runtime::KnownFabrics();
  const std::string name =
      arguments.words.empty() ? arguments.Value("name") : arguments.words.front();
  if (arguments.Has("all")) {
    int code = kDone;
    for (const std::string& each : known) code = std::max(code, TakeDown(runtime::PathsOf(each)));
    return code;
  }
  if (known.empty()) {
    return Fail(kBadInput,
                name.empty() ? "no fabric runs" : fmt::format("no fabric \"{}\"; none runs", name));
  }
  if (name.empty() && known.size() > 1) {
    return Fail(kBadInput,
                fmt::format("several fabrics run; name one, or --all: {}", fmt::join(known, ", ")));
  }
  if (!name.empty() && std::find(known.begin(), known.end(), name) == known.end()) {
    return Fail(kBadInput, fmt::format("no fabric \"{}\"{}; running: {}", name,
                                       control::DidYouMean(name, known), fmt::join(known, ", ")));
  }
  return TakeDown(runtime::PathsOf(name.empty() ? known.front() : name));
}

}  // namespace taploom::cli
