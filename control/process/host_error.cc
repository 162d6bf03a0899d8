#include "control/process/host_error.h"

#include <fmt/format.h>

#include <cerrno>
#include <system_error>

namespace taploom::process {

absl::Status HostError(std::string_view doing, int error_number) {
  const bool denied = error_number == EPERM || error_number == EACCES;
  return absl::Status(
      denied ? absl::StatusCode::kPermissionDenied : absl::StatusCode::kUnavailable,
      fmt::format("cannot {}: {}", doing, std::generic_category().message(error_number)));
}

}  // namespace taploom::process
