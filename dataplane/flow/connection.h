// Connection: one object, two directions, one lifetime.
//
// Theory of operation. A → B through a NAT gateway N with elastic IP E, A on port 1 and B on port
// 9:
//
//   original: key = (port 1, A:a → B:b)    leaves port 9 as  E:n → B:b
//   reply:    key = (port 9, B:b → E:n)    leaves port 1 as  B:b → A:a
//
// What one direction leaves as is the other direction's key reversed, so the translation needs no
// storage of its own: each half rewrites its packets to the reverse of its peer's key. Both halves
// are inserted when the first packet is decided. The reply's own decision (its ACLs, its route) is
// taken when the first reply comes; until then its generation is 0.
#ifndef TAPLOOM_DATAPLANE_FLOW_CONNECTION_H_
#define TAPLOOM_DATAPLANE_FLOW_CONNECTION_H_

#include <cstddef>
#include <cstdint>

#include "dataplane/flow/five_tuple.h"
#include "dataplane/flow/key_view.h"
#include "dataplane/tick.h"
#include "dataplane/wire/mac_address.h"

namespace taploom::flow {

// Where a connection stands. What moves it is written beside each state; its idle timer is chosen
// by TimeoutOf (conntrack.h).
enum class ConnectionState : std::uint8_t {
  kTcpSynSent,      // SYN from the originator. → SynReceived on the reply's SYN-ACK
  kTcpSynReceived,  // → Established on the originator's ACK
  kTcpEstablished,  // also where a connection picked up in mid-stream starts. → FinWait on a FIN of
                    // either side
  kTcpFinWait,   // one side has closed. → TimeWait on the other side's FIN
  kTcpTimeWait,  // both have closed. A new SYN starts a new connection (RFC 6191)
  kTcpReset,     // a valid RST was seen. A new SYN starts a new connection
  kUdpOneWay,    // no reply yet. → UdpReplied on a reply
  kUdpReplied,   // one request and its reply. → UdpStream on another request
  kUdpStream,
  kIcmp,
  kOther,  // tracked by addresses and protocol only
};

constexpr const char* ToText(ConnectionState state) {
  switch (state) {
    case ConnectionState::kTcpSynSent:
      return "SYN_SENT";
    case ConnectionState::kTcpSynReceived:
      return "SYN_RECEIVED";
    case ConnectionState::kTcpEstablished:
      return "ESTABLISHED";
    case ConnectionState::kTcpFinWait:
      return "FIN_WAIT";
    case ConnectionState::kTcpTimeWait:
      return "TIME_WAIT";
    case ConnectionState::kTcpReset:
      return "RESET";
    case ConnectionState::kUdpOneWay:
      return "UDP_ONE_WAY";
    case ConnectionState::kUdpReplied:
      return "UDP_REPLIED";
    case ConnectionState::kUdpStream:
      return "UDP_STREAM";
    case ConnectionState::kIcmp:
      return "ICMP";
    case ConnectionState::kOther:
      return "OTHER";
  }
  return "?";
}

// Unanswered so far: the first to go when the table is full.
constexpr bool IsEmbryonic(ConnectionState state) {
  return state == ConnectionState::kTcpSynSent || state == ConnectionState::kTcpSynReceived ||
         state == ConnectionState::kUdpOneWay;
}
// What CloudWatch calls an active connection.
constexpr bool IsOpen(ConnectionState state) {
  return state == ConnectionState::kTcpEstablished || state == ConnectionState::kTcpFinWait;
}
// Over: a SYN with the same tuple is a new connection.
constexpr bool IsClosed(ConnectionState state) {
  return state == ConnectionState::kTcpTimeWait || state == ConnectionState::kTcpReset;
}

enum class FlowDirection : std::uint8_t { kOriginal = 0, kReply = 1 };
constexpr FlowDirection Opposite(FlowDirection direction) {
  return direction == FlowDirection::kOriginal ? FlowDirection::kReply : FlowDirection::kOriginal;
}

// The addresses that a frame begins with, as they stand there.
struct FrameMacs {
  wire::MacAddress destination, source;
};
static_assert(sizeof(FrameMacs) == 12);

// What is done to every packet of one direction: the cached outcome of the slow path.
struct FlowAction {
  static constexpr std::uint8_t kTranslates = 1;  // addresses or ports change
  // Set in `generation`: the next packet is decided anew, though no other configuration has come.
  static constexpr std::uint32_t kOutdated = 1u << 31;

  std::uint32_t generation = 0;  // of the snapshot that decided; 0 = not decided yet
  std::uint16_t egress_port = 0;
  std::uint16_t mtu = 0;            // the smallest on the path, bytes of IP packet
  std::uint16_t address_delta = 0;  // checksum effect of the address changes (wire/checksum.h)
  std::uint16_t l4_delta = 0;       // of addresses and ports, as the transport checksum sees them
  std::uint8_t flags = 0;
  std::uint8_t ttl_decrement = 0;
  wire::MacAddress destination_mac, source_mac;  // written into leaving frames
  FrameMacs enters_with;  // decided for frames with these; one with others is decided again

  std::uint32_t decided_in() const { return generation & ~kOutdated; }
};
static_assert(sizeof(FlowAction) == 40);

// What belongs to one direction, besides its key. One cache line.
struct alignas(64) Half {
  FlowAction action;
  // TCP: one past the highest sequence number this side sent, and the highest acknowledgment it
  // sent.
  std::uint32_t tcp_end = 0, tcp_acknowledged = 0;
  std::uint64_t packets = 0, bytes = 0;
};
static_assert(sizeof(Half) == 64);

// Four cache lines, in an order that lets a packet of IPv4 touch two of them: the first, with both
// keys and what every packet reads or writes, and that of its own half.
struct alignas(64) Connection {
  // Admitted statefully: the security group of that ENI lets the opposite direction pass without a
  // rule.
  static constexpr std::uint8_t kTrackedAtSource = 1;
  static constexpr std::uint8_t kTrackedAtDestination = 2;
  static constexpr std::uint8_t kNat = 4;  // holds a NAT gateway port
  static constexpr std::uint8_t kReplyInTable =
      8;  // the reply half could be inserted (see ConnectionTable::Insert)
  static constexpr std::uint8_t kOriginalSequenceKnown = 16;
  static constexpr std::uint8_t kReplySequenceKnown = 32;
  static constexpr std::uint8_t kLive = 64;  // not on the free list
  static constexpr std::uint8_t kIpv6 = 128;
  // The same in `marks`.
  // kNat: the interfaces have forgotten it, the NAT gateway has not (see ConnectionTable).
  static constexpr std::uint8_t kMappingOnly = 1;
  // The originator's packets leave through an egress-only gateway, which therefore knows it.
  static constexpr std::uint8_t kThroughEgressOnly = 2;

  PackedKey keys[2];  // by FlowDirection
  Tick last_seen{};
  std::uint32_t timeout_ms = 0;   // idle for longer = gone
  std::uint32_t nat_address = 0;  // kNat: the gateway's private address, memory order
  std::uint32_t wheel_next = 0,
                wheel_previous = 0;  // links of the timing wheel, or of the free list
  std::uint16_t nat_gateway = 0;     // kNat: slot of its counters
  std::uint16_t nat_port = 0;        // kNat: host order
  ConnectionState state = ConnectionState::kOther;
  std::uint8_t flags = 0;
  FlowDirection first_fin = FlowDirection::kOriginal;  // kTcpFinWait: the side that has closed
  std::uint8_t marks = 0;

  // kIpv6: source and destination of the original key. Nothing translates IPv6, so the reply's are
  // the same the other way round.
  alignas(64) wire::IpAddress v6_addresses[2];
  Tick created{};
  // Of the place: odd while a connection is being made here, even when it is complete, and never
  // the same again. 0: none has been here. Readers without the worker go by it
  // (connection_reader.h).
  std::uint32_t version = 0;
  // By FlowDirection: RuleDigest of what admitted the connection at the end that sends this way; 0
  // = no filter there.
  std::uint64_t rules[2] = {};

  Half halves[2];  // by FlowDirection

  Half& half(FlowDirection direction) { return halves[static_cast<std::size_t>(direction)]; }
  const Half& half(FlowDirection direction) const {
    return halves[static_cast<std::size_t>(direction)];
  }
  const PackedKey& packed_key(FlowDirection direction) const {
    return keys[static_cast<std::size_t>(direction)];
  }
  KeyView key_view(FlowDirection direction) const {
    if (!has(kIpv6)) return {packed_key(direction), nullptr, nullptr};
    const auto source = static_cast<std::size_t>(direction);
    return {packed_key(direction), &v6_addresses[source], &v6_addresses[1 - source]};
  }
  FlowKey key(FlowDirection direction) const;
  bool has(std::uint8_t flag) const { return (flags & flag) != 0; }
  bool is_marked(std::uint8_t mark) const { return (marks & mark) != 0; }
  bool IsExpired(Tick now) const { return now - last_seen > Tick(timeout_ms); }
};
static_assert(offsetof(Connection, v6_addresses) == 64 && offsetof(Connection, halves) == 128);
static_assert(sizeof(Connection) == 256, "the budget of design §2");

inline FlowKey Connection::key(FlowDirection direction) const {
  const KeyView view = key_view(direction);
  const auto address = [](const wire::IpAddress* v6, wire::be32 v4) {
    return v6 != nullptr ? *v6 : wire::IpAddress::V4(v4.value());
  };
  const PackedKey& packed = view.packed;
  return {{address(view.v6_source, packed.v4_source()),
           address(view.v6_destination, packed.v4_destination()), packed.source_port(),
           packed.destination_port(), packed.protocol(), packed.icmp_query()},
          packed.ingress_port()};
}

}  // namespace taploom::flow

#endif  // TAPLOOM_DATAPLANE_FLOW_CONNECTION_H_
