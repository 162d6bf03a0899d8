// HostError: a failed system call as a Status that says what was being done and what the host
// answered.
#ifndef TAPLOOM_CONTROL_PROCESS_HOST_ERROR_H_
#define TAPLOOM_CONTROL_PROCESS_HOST_ERROR_H_

#include <string_view>

#include "absl/status/status.h"

namespace taploom::process {

// kPermissionDenied for EPERM and EACCES, kUnavailable otherwise: both mean "the host cannot do it"
// (exit code 3), never "the input is wrong". `doing` reads as the subject of "… : Operation not
// permitted", e.g. "create a network namespace".
absl::Status HostError(std::string_view doing, int error_number);

}  // namespace taploom::process

#endif  // TAPLOOM_CONTROL_PROCESS_HOST_ERROR_H_
