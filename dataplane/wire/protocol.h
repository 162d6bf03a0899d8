// Transport protocols by the numbers that IP headers carry (IANA "Assigned Internet Protocol
// Numbers"), and what kind of header follows.
#ifndef TAPLOOM_DATAPLANE_WIRE_PROTOCOL_H_
#define TAPLOOM_DATAPLANE_WIRE_PROTOCOL_H_

#include <cstdint>

namespace taploom::wire {

inline constexpr std::uint8_t kProtocolIcmp = 1, kProtocolTcp = 6, kProtocolUdp = 17,
                              kProtocolIcmpv6 = 58;

// Whether a rule can name ports of it. VPCs know no other protocol by its ports.
constexpr bool HasPorts(int protocol) {
  return protocol == kProtocolTcp || protocol == kProtocolUdp;
}
constexpr bool IsIcmp(int protocol) {
  return protocol == kProtocolIcmp || protocol == kProtocolIcmpv6;
}

}  // namespace taploom::wire

#endif  // TAPLOOM_DATAPLANE_WIRE_PROTOCOL_H_
