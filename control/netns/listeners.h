// Who listens inside a namespace: what `ss -ltun` would show there.
#ifndef TAPLOOM_CONTROL_NETNS_LISTENERS_H_
#define TAPLOOM_CONTROL_NETNS_LISTENERS_H_

#include <cstdint>
#include <string_view>

#include "absl/status/statusor.h"
#include "dataplane/wire/ip_address.h"

namespace taploom::netns {

// True when a socket of the namespace accepts what is sent to `address`:`port` by TCP (6) or UDP
// (17): bound to that address, or to all. A UDP socket that is connected to one peer does not
// count. An error when the namespace cannot be entered or its tables not be read.
absl::StatusOr<bool> Listens(int namespace_fd, std::uint8_t protocol,
                             const wire::IpAddress& address, std::uint16_t port);

// The same for the text of one of the kernel's tables (proc(5), /proc/net/{tcp,udp}{,6}).
bool TableListens(std::string_view table, std::uint8_t protocol, const wire::IpAddress& address,
                  std::uint16_t port);

}  // namespace taploom::netns

#endif  // TAPLOOM_CONTROL_NETNS_LISTENERS_H_
