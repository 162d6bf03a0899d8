// Options: argv → a verb and its Arguments. Boost.Program_options does the work and stays inside
// options.cc.
#ifndef TAPLOOM_CLI_OPTIONS_H_
#define TAPLOOM_CLI_OPTIONS_H_

#include <string>
#include <vector>

#include "cli/verbs.h"

namespace taploom::cli {

struct ParsedCommand {
  const VerbSpec* verb = nullptr;
  Arguments arguments;
  bool help = false;  // help was asked for: of `verb`, or of everything when there is none
  std::string error;  // one sentence; empty when the line makes sense
};

// `words`: the command line without the program's name.
ParsedCommand ParseCommandLine(const std::vector<std::string>& words);

}  // namespace taploom::cli

#endif  // TAPLOOM_CLI_OPTIONS_H_
