// `exec` becomes the command, inside the instance, with the environment and /etc that its programs
// have.
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/select_fabric.h"
#include "cli/talk.h"
#include "control/netns/network_namespace.h"
#include "control/netns/resolver_files.h"
#include "control/process/host_error.h"
#include "control/process/namespace_entry.h"

namespace taploom::cli {
namespace {

// As a shell reports a command that cannot be run (POSIX.1-2017, Shell & Utilities §2.8.2).
constexpr int kNotFound = 127, kNotExecutable = 126;

}  // namespace

int Exec(const Arguments& arguments) {
  const auto paths = SelectFabric(arguments.Value("name"));
  if (!paths.ok()) return Fail(paths.status());
  const api::Reply reply = ClientOf(*paths).Get("namespaces", arguments.Word(0));
  if (!reply.ok()) return Fail(reply);
  const nlohmann::ordered_json& row = reply.body.front();
  const auto text = [&](const char* key) { return row.value(key, std::string()); };

  const auto netns = netns::OpenNamespace(text("netns"));
  if (!netns.ok()) return Fail(netns.status());
  process::NamespaceEntry entry{netns->get(), {}};
  // An attached container has its files inside its own mount namespace, where the host's view does
  // not reach.
  const std::string resolver = text("resolver_folder");
  if (!resolver.empty()) entry.covered = netns::CoveredBy(resolver);
  const process::EntryFailure failure = process::EnterNamespaces(entry);
  if (failure.error_number != 0) {
    return Fail(process::HostError(failure.step, failure.error_number));
  }
  const std::string addresses = text("addresses");
  setenv("TAPLOOM_FABRIC", paths->fabric.c_str(), 1);
  setenv("TAPLOOM_INSTANCE", text("name").c_str(), 1);
  setenv("TAPLOOM_STATE_DIR", text("state_folder").c_str(), 1);
  setenv("TAPLOOM_CA", paths->ca.c_str(), 1);
  setenv("TAPLOOM_PRIVATE_IP", addresses.substr(0, addresses.find(',')).c_str(), 1);

  std::vector<char*> argv;
  for (const std::string& word : arguments.command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  execvp(argv.front(), argv.data());
  const int error_number = errno;
  fmt::print(stderr, "taploom: cannot run {}: {}\n", arguments.command.front(),
             std::strerror(error_number));
  return error_number == ENOENT ? kNotFound : kNotExecutable;
}

}  // namespace taploom::cli
