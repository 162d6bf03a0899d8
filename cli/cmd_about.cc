// Verbs that tell about taploom itself.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/commands.h"
#include "cli/talk.h"
#include "control/did_you_mean.h"
#include "control/topology_schema.h"

namespace taploom::cli {

int Schema(const Arguments&) {
  fmt::print("{}", control::TopologySchema());
  return kDone;
}

int Version(const Arguments&) {
  fmt::print("taploom {}\n", TAPLOOM_VERSION);
  return kDone;
}

int Help(const Arguments& arguments) {
  if (arguments.words.empty()) {
    fmt::print("{}", HelpText());
    return kDone;
  }
  const std::string& name = arguments.words.front();
  const VerbSpec* const verb = FindVerb(name);
  if (verb == nullptr) {
    return Fail(kBadInput,
                fmt::format("no verb \"{}\"{}", name, control::DidYouMean(name, VerbNames())));
  }
  fmt::print("{}", HelpText(*verb));
  return kDone;
}

}  // namespace taploom::cli
