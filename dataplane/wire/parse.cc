#include "dataplane/wire/parse.h"

#include "dataplane/wire/parse_inl.h"

namespace taploom::wire {

void Parse(std::span<const std::uint8_t> head, std::size_t frame_size, Headers& headers) {
  ParseInline(head, frame_size, headers);
}

Headers ParseQuoted(std::span<const std::uint8_t> quoted, Family family) {
  Headers headers;
  headers.l3_offset = 0;
  // The quote may be cut anywhere behind the IP header, so its own length says nothing about what
  // is here.
  constexpr std::size_t kAny = 65'575;
  const bool read = family == Family::kIpv4 ? internal::ReadIpv4(quoted, kAny, headers)
                                            : internal::ReadIpv6(quoted, kAny, headers);
  if (!read || headers.l4_offset > quoted.size()) return headers;
  if (!internal::HasTransportHeader(headers)) return headers;
  const auto l4 = quoted.subspan(headers.l4_offset);
  switch (headers.protocol) {
    case kProtocolTcp:
    case kProtocolUdp:
      if (l4.size() < 4) return headers;
      headers.source_port = internal::Read16(l4, tcp::kSourcePort);
      headers.destination_port = internal::Read16(l4, tcp::kDestinationPort);
      headers.has_transport = true;
      break;
    case kProtocolIcmp:
    case kProtocolIcmpv6:
      if ((headers.protocol == kProtocolIcmp) != (family == Family::kIpv4) ||
          l4.size() < icmp::kSize)
        return headers;
      internal::ReadIcmp(l4, headers);
      headers.has_transport = true;
      break;
    default:
      break;
  }
  headers.kind = FrameKind::kIp;
  return headers;
}

}  // namespace taploom::wire
