// Which addresses AWS hands out, reserves or refuses.
#ifndef TAPLOOM_CONTROL_ADDRESS_RANGES_H_
#define TAPLOOM_CONTROL_ADDRESS_RANGES_H_

#include <cstdint>
#include <string_view>

#include "dataplane/wire/ip_address.h"

namespace taploom::control {

inline wire::IpPrefix PrefixLiteral(std::string_view text) { return *wire::IpPrefix::Parse(text); }

// RFC 1918 and RFC 6598: never seen on the internet (vpc-semantics §3).
bool IsPrivate(const wire::IpAddress& address);
// A unicast address that routers of the internet forward: what an elastic IP or an internet host
// may have.
bool IsPublic(const wire::IpAddress& address);

// Why AWS keeps an address of a subnet for itself ("the VPC router"), or empty: the first four and
// the last (vpc-semantics §1).
std::string_view ReservedFor(const wire::IpPrefix& subnet, const wire::IpAddress& address);

// How many IPv4 addresses of a subnet instances can have. REQUIRES: an IPv4 prefix of /28 or
// shorter.
inline std::uint32_t UsableAddresses(const wire::IpPrefix& subnet) {
  return (1u << (32 - subnet.length)) - 5;
}

}  // namespace taploom::control

#endif  // TAPLOOM_CONTROL_ADDRESS_RANGES_H_
