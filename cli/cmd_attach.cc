#include <fmt/format.h>

#include <charconv>
#include <filesystem>
#include <optional>
#include <string>

#include "cli/commands.h"
#include "cli/select_fabric.h"
#include "cli/talk.h"
#include "control/netns/network_namespace.h"

namespace taploom::cli {
namespace {

using nlohmann::ordered_json;

std::optional<int> ParsePid(const std::string& text) {
  int pid = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, pid);
  if (error != std::errc() || rest != end || pid <= 0) return std::nullopt;
  return pid;
}

}  // namespace

int Attach(const Arguments& arguments) {
  if (arguments.Has("netns") == arguments.Has("pid")) {
    return Fail(kBadInput, "attach needs either --netns PATH or --pid PID");
  }
  ordered_json body = {{"subnet", arguments.Word(0)},
                       {"ip", arguments.Value("ip")},
                       {"security_groups", arguments.Values("sg")}};
  std::string name;
  if (arguments.Has("pid")) {
    const auto pid = ParsePid(arguments.Value("pid"));
    if (!pid)
      return Fail(kBadInput, fmt::format("\"{}\" is no process id", arguments.Value("pid")));
    body["pid"] = *pid;
    name = fmt::format("pid-{}", *pid);
  } else {
    std::string path = arguments.Value("netns");
    // A bare word is a name of `ip netns`.
    if (path.find('/') == std::string::npos) path = netns::NamespacePath(path);
    path = std::filesystem::absolute(path).string();
    body["netns"] = path;
    name = std::filesystem::path(path).filename().string();
  }
  if (arguments.Has("as")) name = arguments.Value("as");
  body["name"] = name;
  if (arguments.Has("device")) body["device"] = arguments.Value("device");

  const auto paths = SelectFabric(arguments.Value("name"));
  if (!paths.ok()) return Fail(paths.status());
  const api::ApiClient client = ClientOf(*paths);
  const api::Reply reply = client.Post("attach", body);
  if (!reply.ok()) return Fail(reply);
  for (const auto& note : reply.body["notes"]) Say(note.get<std::string>());
  const api::Reply attached = client.Get("instances", name);
  if (!attached.ok()) return Fail(attached);
  fmt::print("{}\n", attached.body.front().value("private_ip", ""));
  Say(fmt::format("\"{}\" is in {}", name, attached.body.front().value("subnet", "")));
  return kDone;
}

int Detach(const Arguments& arguments) {
  const auto paths = SelectFabric(arguments.Value("name"));
  if (!paths.ok()) return Fail(paths.status());
  const api::Reply reply = ClientOf(*paths).Post("detach", {{"name", arguments.Word(0)}});
  if (!reply.ok()) return Fail(reply);
  Say(fmt::format("\"{}\" is detached", arguments.Word(0)));
  return kDone;
}

}  // namespace taploom::cli
