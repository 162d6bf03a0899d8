#include "dataplane/slowpath/tcp_reset.h"

#include <cstring>

#include "dataplane/wire/byte_order.h"
#include "dataplane/wire/checksum.h"
#include "dataplane/wire/layout.h"

namespace taploom::slowpath {

void TurnIntoReset(Packet& packet) {
  using wire::be16;
  using wire::be32;
  const wire::Headers& segment = packet.headers;
  const bool acknowledges = (segment.tcp_flags & wire::kTcpAck) != 0;
  const std::uint32_t payload =
      segment.l3_size - (segment.l4_offset - segment.l3_offset) - segment.tcp_header_size;
  const std::uint32_t next = segment.tcp_sequence + payload +
                             ((segment.tcp_flags & wire::kTcpSyn) != 0 ? 1u : 0u) +
                             ((segment.tcp_flags & wire::kTcpFin) != 0 ? 1u : 0u);

  wire::TurnEthernetRound(packet.head);
  constexpr std::size_t kTotal = wire::ipv4::kMinSize + wire::tcp::kMinSize;
  std::uint8_t* ip = packet.head + wire::kEthernetSize;
  std::uint8_t* tcp = ip + wire::ipv4::kMinSize;
  std::memset(ip, 0, kTotal);
  ip[wire::ipv4::kVersionAndSize] = 0x45;
  wire::Store(ip + wire::ipv4::kTotalLength, be16(kTotal));
  wire::Store(ip + wire::ipv4::kFragment, be16(wire::ipv4::kDontFragment));
  ip[wire::ipv4::kTtl] = 64;
  ip[wire::ipv4::kProtocol] = wire::kProtocolTcp;
  std::memcpy(ip + wire::ipv4::kSource, segment.destination.bytes().data(), 4);
  std::memcpy(ip + wire::ipv4::kDestination, segment.source.bytes().data(), 4);
  wire::Store(ip + wire::ipv4::kChecksum, wire::InternetChecksum({ip, wire::ipv4::kMinSize}));

  wire::Store(tcp + wire::tcp::kSourcePort, be16(segment.destination_port));
  wire::Store(tcp + wire::tcp::kDestinationPort, be16(segment.source_port));
  wire::Store(tcp + wire::tcp::kSequence, be32(acknowledges ? segment.tcp_acknowledgment : 0));
  wire::Store(tcp + wire::tcp::kAcknowledgment, be32(acknowledges ? 0 : next));
  tcp[wire::tcp::kDataOffset] = 0x50;
  tcp[wire::tcp::kFlags] = acknowledges ? wire::kTcpRst : wire::kTcpRst | wire::kTcpAck;
  const std::uint64_t sum = wire::PseudoHeaderSum(segment.destination, segment.source,
                                                  wire::kProtocolTcp, wire::tcp::kMinSize) +
                            wire::SumBytes({tcp, wire::tcp::kMinSize});
  wire::Store(tcp + wire::tcp::kChecksum, static_cast<std::uint16_t>(~wire::Fold(sum)));
  packet.head_size = wire::kEthernetSize + kTotal;
  packet.tail_size = 0;
  packet.vnet = {};
}

}  // namespace taploom::slowpath
