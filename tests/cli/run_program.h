// Runs a program and keeps what it said.
#ifndef TAPLOOM_TESTS_CLI_RUN_PROGRAM_H_
#define TAPLOOM_TESTS_CLI_RUN_PROGRAM_H_

#include <string>
#include <vector>

namespace taploom::testing {

struct Outcome {
  int exit_code = -1;  // -1: ended by a signal
  std::string out, err;
};

// argv[0] is looked up in PATH unless it has a slash. `folder`: where it runs; empty = here.
Outcome RunProgram(const std::vector<std::string>& argv, const std::string& folder = "");

// TAPLOOM_BINARY with `words`.
Outcome Taploom(std::vector<std::string> words, const std::string& folder = "");

}  // namespace taploom::testing

#endif  // TAPLOOM_TESTS_CLI_RUN_PROGRAM_H_
