#include "cli/talk.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>

namespace taploom::cli {
namespace {

ExitCode CodeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kAlreadyExists:
      return kBadInput;
    case absl::StatusCode::kDeadlineExceeded:
      return kTimeout;
    default:
      return kHostCannot;
  }
}

bool Colored() {
  const char* const no_color = std::getenv("NO_COLOR");
  return isatty(STDERR_FILENO) != 0 && (no_color == nullptr || *no_color == '\0');
}

}  // namespace

void Say(std::string_view line) { fmt::print(stderr, "{}\n", line); }

int Fail(ExitCode code, std::string_view message) {
  const std::string_view who = Colored() ? "\x1b[31mtaploom:\x1b[0m" : "taploom:";
  fmt::print(stderr, "{} {}\n", who, message);
  return code;
}

int Fail(const api::Reply& reply) {
  if (reply.body.is_object() && reply.body.contains("findings")) {
    for (const auto& finding : reply.body["findings"]) Say(finding.get<std::string>());
  }
  constexpr int kTooLate = 504, kServerSide = 500, kForbidden = 403;
  const ExitCode code = reply.status == kTooLate     ? kTimeout
                        : reply.status == 0          ? kHostCannot
                        : reply.status == kForbidden ? kHostCannot
                        : reply.status < kServerSide ? kBadInput
                                                     : kHostCannot;
  return Fail(code, reply.error + (reply.status == 0 ? RootHint() : ""));
}

int Fail(const absl::Status& status) {
  const bool denied = absl::IsPermissionDenied(status);
  return Fail(CodeOf(status), std::string(status.message()) + (denied ? RootHint() : ""));
}

std::string RootHint() { return geteuid() == 0 ? "" : "; try it as root (sudo)"; }

}  // namespace taploom::cli
