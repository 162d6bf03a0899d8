#include "dataplane/slowpath/icmp_error.h"

#include <cstring>

#include "dataplane/wire/byte_order.h"
#include "dataplane/wire/checksum.h"
#include "dataplane/wire/layout.h"

namespace taploom::slowpath {
namespace {

using wire::be16;
using wire::be32;

constexpr std::size_t kMaxIpv4Error = 576, kMaxIpv6Error = 1280;
constexpr std::uint8_t kTtl = 64;

void WriteIpv4Header(std::uint8_t* ip, const wire::IpAddress& source,
                     const wire::IpAddress& destination, std::size_t total) {
  std::memset(ip, 0, wire::ipv4::kMinSize);
  ip[wire::ipv4::kVersionAndSize] = 0x45;
  ip[1] = 0xc0;  // precedence "internetwork control" (RFC 1812 §4.3.2.5)
  wire::Store(ip + wire::ipv4::kTotalLength, be16(static_cast<std::uint16_t>(total)));
  ip[wire::ipv4::kTtl] = kTtl;
  ip[wire::ipv4::kProtocol] = wire::kProtocolIcmp;
  std::memcpy(ip + wire::ipv4::kSource, source.bytes().data(), 4);
  std::memcpy(ip + wire::ipv4::kDestination, destination.bytes().data(), 4);
  wire::Store(ip + wire::ipv4::kChecksum, wire::InternetChecksum({ip, wire::ipv4::kMinSize}));
}

void WriteIpv6Header(std::uint8_t* ip, const wire::IpAddress& source,
                     const wire::IpAddress& destination, std::size_t payload) {
  std::memset(ip, 0, wire::ipv6::kSize);
  ip[0] = 0x60;
  wire::Store(ip + wire::ipv6::kPayloadLength, be16(static_cast<std::uint16_t>(payload)));
  ip[wire::ipv6::kNextHeader] = wire::kProtocolIcmpv6;
  ip[wire::ipv6::kHopLimit] = kTtl;
  std::memcpy(ip + wire::ipv6::kSource, source.bytes().data(), 16);
  std::memcpy(ip + wire::ipv6::kDestination, destination.bytes().data(), 16);
}

}  // namespace

IcmpTypeAndCode TypeOf(ErrorKind kind, wire::Family family) {
  if (family == wire::Family::kIpv4) {
    return kind == ErrorKind::kTooBig
               ? IcmpTypeAndCode{wire::icmp::kUnreachable, wire::icmp::kFragmentationNeeded}
               : IcmpTypeAndCode{wire::icmp::kTimeExceeded, 0};
  }
  return {kind == ErrorKind::kTooBig ? wire::icmp::kV6PacketTooBig : wire::icmp::kV6TimeExceeded,
          0};
}

bool MayCauseError(const wire::Headers& headers) {
  const bool is_later_fragment = headers.is_fragment && !headers.is_first_fragment;
  return !headers.is_icmp_error && !is_later_fragment && !headers.source.is_multicast() &&
         !headers.source.is_unspecified();
}

void TurnIntoError(Packet& packet, ErrorKind kind, const wire::IpAddress& router,
                   std::uint16_t mtu) {
  const bool v4 = packet.headers.family == wire::Family::kIpv4;
  const wire::IpAddress sender = packet.headers.source;
  const std::size_t ip_size = v4 ? wire::ipv4::kMinSize : wire::ipv6::kSize;
  const std::size_t headers_size = ip_size + wire::icmp::kSize;
  const std::size_t original_in_head =
      std::min<std::size_t>(packet.headers.l3_size, packet.head_size - wire::kEthernetSize);
  const std::size_t quoted_size =
      std::min((v4 ? kMaxIpv4Error : kMaxIpv6Error) - headers_size, original_in_head);

  wire::TurnEthernetRound(packet.head);
  std::uint8_t* ip = packet.head + wire::kEthernetSize;
  std::memmove(ip + headers_size, ip, quoted_size);
  const std::size_t icmp_size = wire::icmp::kSize + quoted_size;
  std::uint8_t* icmp = ip + ip_size;
  std::memset(icmp, 0, wire::icmp::kSize);
  const IcmpTypeAndCode type = TypeOf(kind, packet.headers.family);
  icmp[wire::icmp::kType] = type.type;
  icmp[wire::icmp::kCode] = type.code;
  std::uint64_t sum = 0;
  if (v4) {
    if (kind == ErrorKind::kTooBig)
      wire::Store(icmp + wire::icmp::kMtu4, be16(mtu));  // RFC 1191 §4
    WriteIpv4Header(ip, router, sender, ip_size + icmp_size);
  } else {
    if (kind == ErrorKind::kTooBig)
      wire::Store(icmp + wire::icmp::kMtu6, be32(mtu));  // RFC 4443 §3.2
    WriteIpv6Header(ip, router, sender, icmp_size);
    sum = wire::PseudoHeaderSum(router, sender, wire::kProtocolIcmpv6,
                                static_cast<std::uint32_t>(icmp_size));
  }
  sum += wire::SumBytes({icmp, icmp_size});
  wire::Store(icmp + wire::icmp::kChecksum, static_cast<std::uint16_t>(~wire::Fold(sum)));
  packet.head_size = static_cast<std::uint32_t>(wire::kEthernetSize + ip_size + icmp_size);
  packet.tail_size = 0;
  packet.vnet = {};
}

}  // namespace taploom::slowpath
