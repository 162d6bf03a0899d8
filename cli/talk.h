// Everything that is not data goes to standard error, and looks the same whatever the verb.
#ifndef TAPLOOM_CLI_TALK_H_
#define TAPLOOM_CLI_TALK_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "cli/exit_code.h"
#include "control/api/client.h"

namespace taploom::cli {

void Say(std::string_view line);  // progress and notes

// "taploom: MESSAGE", in red on a terminal unless NO_COLOR is set. Returns `code`.
int Fail(ExitCode code, std::string_view message);

// The same for an answer of the API, findings first. REQUIRES: !reply.ok().
int Fail(const api::Reply& reply);
int Fail(const absl::Status& status);

// "; try it as root (sudo)" when that may be what is missing.
std::string RootHint();

}  // namespace taploom::cli

#endif  // TAPLOOM_CLI_TALK_H_
