#ifndef TAPLOOM_DATAPLANE_SLOWPATH_SPECIAL_ADDRESSES_H_
#define TAPLOOM_DATAPLANE_SLOWPATH_SPECIAL_ADDRESSES_H_

#include "dataplane/wire/ip_address.h"

namespace taploom::slowpath {

// 10/8, 172.16/12, 192.168/16: private addresses (RFC 1918 §3).
inline bool IsRfc1918(const wire::IpAddress& address) {
  if (!address.is_v4()) return false;
  const std::uint32_t value = address.v4_host_order();
  return value >> 24 == 10 || value >> 20 == 0xac1 || value >> 16 == 0xc0a8;
}

// 100.64/10: addresses shared by carrier-grade NAT (RFC 6598 §7).
inline bool IsRfc6598(const wire::IpAddress& address) {
  return address.is_v4() && address.v4_host_order() >> 22 == 0x64400000u >> 22;
}

// fd00:ec2::/32: addresses of Amazon's own services, which no route leads to (vpc-semantics §2).
inline bool IsAmazonService(const wire::IpAddress& address) {
  if (address.is_v4()) return false;
  const auto bytes = address.bytes();
  return bytes[0] == 0xfd && bytes[1] == 0 && bytes[2] == 0x0e && bytes[3] == 0xc2;
}

}  // namespace taploom::slowpath

#endif  // TAPLOOM_DATAPLANE_SLOWPATH_SPECIAL_ADDRESSES_H_
