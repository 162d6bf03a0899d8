// taploom: the command line. argv → verb → exit code.
#include <fmt/format.h>

#include <exception>
#include <string>
#include <vector>

#include "cli/options.h"
#include "cli/talk.h"

int main(int argc, char** argv) {
  using namespace taploom::cli;  // NOLINT(google-build-using-namespace): this file is the program
  const ParsedCommand command = ParseCommandLine({argv + 1, argv + argc});
  if (command.help) {
    fmt::print("{}", command.verb == nullptr ? HelpText() : HelpText(*command.verb));
    return kDone;
  }
  if (!command.error.empty()) {
    const int code = Fail(kBadInput, command.error);
    Say(command.verb == nullptr
            ? "`taploom help` lists the verbs"
            : fmt::format("`taploom {} --help` explains it", command.verb->name));
    return code;
  }
  try {
    return command.verb->run(command.arguments);
  } catch (const std::exception& error) {
    return Fail(kHostCannot, error.what());
  }
}
