// Where the fields of each header lie, in bytes from the header's start, and their sizes. One
// place, so that parser, rewriter and builders cannot disagree.
#ifndef TAPLOOM_DATAPLANE_WIRE_LAYOUT_H_
#define TAPLOOM_DATAPLANE_WIRE_LAYOUT_H_

#include <cstddef>
#include <cstdint>

namespace taploom::wire {

namespace ethernet {  // IEEE 802.3
inline constexpr std::size_t kDestination = 0, kSource = 6, kType = 12;
}

namespace ipv4 {  // RFC 791 §3.1
inline constexpr std::size_t kMinSize = 20;
inline constexpr std::size_t kVersionAndSize = 0, kTotalLength = 2, kId = 4, kFragment = 6,
                             kTtl = 8, kProtocol = 9, kChecksum = 10, kSource = 12,
                             kDestination = 16;
inline constexpr std::uint16_t kDontFragment = 0x4000, kMoreFragments = 0x2000,
                               kOffsetMask = 0x1fff;
}  // namespace ipv4

namespace ipv6 {  // RFC 8200 §3
inline constexpr std::size_t kSize = 40;
inline constexpr std::size_t kPayloadLength = 4, kNextHeader = 6, kHopLimit = 7, kSource = 8,
                             kDestination = 24;
inline constexpr std::uint8_t kHopByHop = 0, kRouting = 43, kFragmentHeader = 44,
                              kDestinationOptions = 60;
}  // namespace ipv6

namespace tcp {  // RFC 9293 §3.1
inline constexpr std::size_t kMinSize = 20;
inline constexpr std::size_t kSourcePort = 0, kDestinationPort = 2, kSequence = 4,
                             kAcknowledgment = 8, kDataOffset = 12, kFlags = 13, kWindow = 14,
                             kChecksum = 16;
}  // namespace tcp

namespace udp {  // RFC 768
inline constexpr std::size_t kSize = 8;
inline constexpr std::size_t kSourcePort = 0, kDestinationPort = 2, kLength = 4, kChecksum = 6;
}  // namespace udp

namespace icmp {  // RFC 792, RFC 4443 §2.1
inline constexpr std::size_t kSize = 8;
inline constexpr std::size_t kType = 0, kCode = 1, kChecksum = 2, kId = 4, kMtu4 = 6, kMtu6 = 4;
inline constexpr std::uint8_t kEchoReply = 0, kUnreachable = 3, kSourceQuench = 4, kRedirect = 5,
                              kEcho = 8, kTimeExceeded = 11, kParameterProblem = 12,
                              kTimestamp = 13, kTimestampReply = 14;
inline constexpr std::uint8_t kFragmentationNeeded = 4;  // code of kUnreachable
inline constexpr std::uint8_t kV6Unreachable = 1, kV6PacketTooBig = 2, kV6TimeExceeded = 3,
                              kV6ParameterProblem = 4, kV6Echo = 128, kV6EchoReply = 129,
                              kV6RouterSolicitation = 133, kV6NeighborSolicitation = 135,
                              kV6NeighborAdvertisement = 136, kV6Redirect = 137;
}  // namespace icmp

namespace arp {  // RFC 826, Ethernet and IPv4
inline constexpr std::size_t kSize = 28;
inline constexpr std::size_t kHardwareType = 0, kProtocolType = 2, kHardwareSize = 4,
                             kProtocolSize = 5, kOperation = 6, kSenderMac = 8, kSenderIp = 14,
                             kTargetMac = 18, kTargetIp = 24;
}  // namespace arp

}  // namespace taploom::wire

#endif  // TAPLOOM_DATAPLANE_WIRE_LAYOUT_H_
