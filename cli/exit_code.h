// What the exit status of every verb means.
#ifndef TAPLOOM_CLI_EXIT_CODE_H_
#define TAPLOOM_CLI_EXIT_CODE_H_

namespace taploom::cli {

enum ExitCode : int {
  kDone = 0,
  kNegative = 1,    // the answer is no: a verdict, a test
  kBadInput = 2,    // usage, or a topology that is not valid
  kHostCannot = 3,  // privileges, missing programs, a fabric that is broken
  kTimeout = 4,
};

}  // namespace taploom::cli

#endif  // TAPLOOM_CLI_EXIT_CODE_H_
