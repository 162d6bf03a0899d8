// AskHaproxy: one command to the runtime API of a running haproxy, over its stats socket.
#ifndef TAPLOOM_CONTROL_SERVICES_HAPROXY_SOCKET_H_
#define TAPLOOM_CONTROL_SERVICES_HAPROXY_SOCKET_H_

#include <string>

#include "absl/status/statusor.h"

namespace taploom::control {

// Sends `command` ("show stat"; one line, no line end) and returns all that haproxy answers. Blocks
// for a second at most: Unavailable when nothing listens at `stats_socket` or no whole answer comes
// in that time.
absl::StatusOr<std::string> AskHaproxy(const std::string& stats_socket, const std::string& command);

}  // namespace taploom::control

#endif  // TAPLOOM_CONTROL_SERVICES_HAPROXY_SOCKET_H_
