// Verdict: what is to become of a packet, and the single list of reasons for which one is dropped.
#ifndef TAPLOOM_DATAPLANE_VERDICT_H_
#define TAPLOOM_DATAPLANE_VERDICT_H_

#include <cstddef>
#include <cstdint>

namespace taploom {

// One line per reason: identifier, the name shown to people and counters, the AWS Reachability
// Analyzer code ("" where AWS has none), and a plain sentence. Every consumer (enum, counters,
// explain, metrics) is generated from this list.
// clang-format off
#define TAPLOOM_DROP_REASONS(X)                                                                                         \
  X(kNone, "NONE", "", "The packet was not dropped.")                                                                   \
  X(kMalformed, "MALFORMED", "", "A header is truncated, inconsistent or has a bad checksum.")                         \
  X(kUnsupportedEtherType, "UNSUPPORTED_ETHERTYPE", "", "A VPC carries IPv4, IPv6 and ARP only.")                       \
  X(kNotUnicast, "NOT_UNICAST", "", "A VPC forwards unicast only; broadcast and multicast are dropped.")                \
  X(kUnknownDestinationMac, "UNKNOWN_DESTINATION_MAC", "", "The frame is addressed to a MAC that is not in this subnet.") \
  X(kForeignSourceMac, "FOREIGN_SOURCE_MAC", "", "The frame's source MAC is not that of the network interface that sent it.") \
  X(kNoSuchNeighbor, "NO_SUCH_NEIGHBOR", "", "An address nobody owns was asked for; the fabric gives no answer.")       \
  X(kPortNotInUse, "PORT_NOT_IN_USE", "", "The frame entered through a port without a network interface.")             \
  X(kZoneDown, "AZ_DOWN", "BAD_STATE", "The availability zone of a network interface on the way has failed.")           \
  X(kSourceCheck, "SOURCE_DEST_CHECK_SOURCE", "ENI_SOURCE_DEST_CHECK_RESTRICTION",                                      \
    "The source address is not an address of the sending network interface.")                                          \
  X(kDestinationCheck, "SOURCE_DEST_CHECK_DESTINATION", "ENI_SOURCE_DEST_CHECK_RESTRICTION",                            \
    "The destination address is not an address of the receiving network interface.")                                   \
  X(kLinkLocalServiceAbsent, "LINK_LOCAL_SERVICE_ABSENT", "", "No service answers at this link-local or reserved address.") \
  X(kLinkLocalAllowance, "LINK_LOCAL_ALLOWANCE_EXCEEDED", "",                                                           \
    "The network interface sent more than 1024 packets in a second to link-local services.")                           \
  X(kSecurityGroupEgress, "SG_EGRESS_DENIED", "ENI_SG_RULES_MISMATCH",                                                  \
    "No egress rule of the sender's security groups allows the packet.")                                               \
  X(kSecurityGroupIngress, "SG_INGRESS_DENIED", "ENI_SG_RULES_MISMATCH",                                                \
    "No ingress rule of the receiver's security groups allows the packet.")                                            \
  X(kNetworkAclOutbound, "ACL_OUTBOUND_DENIED", "SUBNET_ACL_RESTRICTION",                                               \
    "The network ACL of the subnet denies the packet on its way out.")                                                 \
  X(kNetworkAclInbound, "ACL_INBOUND_DENIED", "SUBNET_ACL_RESTRICTION",                                                 \
    "The network ACL of the subnet denies the packet on its way in.")                                                  \
  X(kNoRoute, "NO_ROUTE", "NO_ROUTE_TO_DESTINATION", "The route table has no route to the destination.")               \
  X(kBlackhole, "BLACKHOLE_ROUTE", "BAD_STATE_ROUTE", "The longest matching route is in state blackhole.")              \
  X(kNoSuchAddress, "NO_SUCH_ADDRESS", "NO_POSSIBLE_DESTINATION", "No network interface in the VPC has the destination address.") \
  X(kNotAttached, "NOT_ATTACHED", "BAD_STATE_ATTACHMENT", "The destination's network interface is not attached to a running instance.") \
  X(kNoPublicAddress, "NO_PUBLIC_ADDRESS", "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS",                                      \
    "The source has no public address at the internet gateway.")                                                       \
  X(kIgwPrivateDestination, "IGW_PRIVATE_DESTINATION", "IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS",                 \
    "The internet gateway does not forward to private (RFC 1918) addresses.")                                          \
  X(kIgwSharedDestination, "IGW_SHARED_DESTINATION", "IGW_DESTINATION_ADDRESS_NOT_IN_RFC6598_EGRESS",                   \
    "The internet gateway does not forward to shared (RFC 6598) addresses.")                                           \
  X(kIgwPrivateSource, "IGW_PRIVATE_SOURCE", "IGW_SOURCE_ADDRESS_NOT_IN_RFC1918_INGRESS",                               \
    "The internet gateway does not accept private (RFC 1918) sources.")                                                \
  X(kIgwSharedSource, "IGW_SHARED_SOURCE", "IGW_SOURCE_ADDRESS_NOT_IN_RFC6598_INGRESS",                                 \
    "The internet gateway does not accept shared (RFC 6598) sources.")                                                 \
  X(kSpoofedInternetSource, "SPOOFED_INTERNET_SOURCE", "GATEWAY_REJECTS_SPOOFED_TRAFFIC",                               \
    "An internet host sent from an address that is not its own.")                                                      \
  X(kIngressRedirected, "INGRESS_REDIRECTED", "INGRESS_RTB_TRAFFIC_REDIRECTION",                                         \
    "The internet gateway's route table leads this subnet's traffic through an appliance; the subnet may not use the gateway directly.") \
  X(kNoInternetDestination, "NO_INTERNET_DESTINATION", "NO_POSSIBLE_DESTINATION",                                       \
    "Nobody on the simulated internet has the destination address.")                                                   \
  X(kEgressOnlyUnsolicited, "EIGW_UNSOLICITED_INBOUND", "",                                                             \
    "The packet comes in through an egress-only internet gateway and belongs to no connection opened from inside.")     \
  X(kPeeringOutsideVpc, "PEERING_OUTSIDE_VPC", "PCX_REQUIRES_ADDRESS_IN_VPC_CIDR",                                      \
    "A peering connection carries only what comes from one VPC's blocks and goes to the other's.")                      \
  X(kEndpointProtocol, "ENDPOINT_PROTOCOL", "VPCE_GATEWAY_PROTOCOL_RESTRICTION",                                        \
    "A gateway endpoint carries TCP and ICMP echo only.")                                                               \
  X(kEndpointSource, "ENDPOINT_SOURCE_OUTSIDE_VPC", "VPCE_GATEWAY_EGRESS_SOURCE_ADDRESS_RESTRICTION",                   \
    "A gateway endpoint serves network interfaces of its own VPC only.")                                                \
  X(kEndpointAddressInUse, "ENDPOINT_ADDRESS_IN_USE", "",                                                               \
    "Another VPC's instance with the same address and port talks to this service already.")                             \
  X(kNatGatewayDown, "NAT_GATEWAY_DOWN", "BAD_STATE",                                                                   \
    "The NAT gateway has failed; the routes that lead to it stay active, and what follows them is lost.")               \
  X(kNatUnsupportedProtocol, "NAT_UNSUPPORTED_PROTOCOL", "PROTOCOL_RESTRICTION",                                        \
    "A NAT gateway translates TCP, UDP and ICMP only.")                                                                \
  X(kNatFragment, "NAT_FRAGMENT", "", "A NAT gateway does not forward TCP or ICMP fragments.")                          \
  X(kNatUnsolicited, "NAT_UNSOLICITED_INBOUND", "",                                                                     \
    "The packet is addressed to a NAT gateway and belongs to no connection opened from inside.")                       \
  X(kNatPortAllocation, "NAT_PORT_ALLOCATION", "",                                                                      \
    "All ports of the NAT gateway towards this destination are in use (ErrorPortAllocation).")                         \
  X(kNatSourceOutsideVpc, "NAT_SOURCE_OUTSIDE_VPC", "NGW_REQUIRES_SOURCE_IN_VPC",                                       \
    "A NAT gateway serves network interfaces of its own VPC only.")                                                    \
  X(kNatSameSubnet, "NAT_LOOP", "CANNOT_ROUTE", "The packet returns to a gateway it has already passed.")               \
  X(kConnectionTableFull, "CONNECTION_TABLE_FULL", "", "The connection table is full.")                                 \
  X(kConnectionQuota, "CONNECTION_QUOTA", "",                                                                           \
    "The network interface tracks as many connections as it may (conntrack_allowance_exceeded).")                      \
  X(kFragmentUnknown, "FRAGMENT_UNKNOWN", "", "The first fragment of this datagram was not seen or not allowed.")       \
  X(kInvalidTcp, "INVALID_TCP", "", "The TCP segment does not fit its connection (RST outside the window).")            \
  X(kMtuExceeded, "MTU_EXCEEDED", "", "The packet is larger than the MTU and may not be fragmented; the sender was told.") \
  X(kTtlExceeded, "TTL_EXCEEDED", "", "The time to live ended at the internet gateway; the sender was told.")          \
  X(kIcmpErrorUnrelated, "ICMP_ERROR_UNRELATED", "", "The ICMP error quotes a packet of no known connection.")          \
  X(kErrorRateLimited, "ERROR_RATE_LIMITED", "", "An ICMP error was due, but its rate is limited.")                     \
  X(kWorkerBusy, "WORKER_BUSY", "",                                                                                     \
    "The packet came to another worker than its connection's, and that one was too busy to take it over.")              \
  X(kSendBufferFull, "SEND_BUFFER_FULL", "", "The receiving TAP's queue is full.")                                      \
  X(kSendFailed, "SEND_FAILED", "", "The kernel refused the frame on the receiving TAP.")
// clang-format on

enum class DropReason : std::uint8_t {
#define TAPLOOM_X(identifier, name, aws_code, sentence) identifier,
  TAPLOOM_DROP_REASONS(TAPLOOM_X)
#undef TAPLOOM_X
      kCount
};
inline constexpr std::size_t kDropReasonCount = static_cast<std::size_t>(DropReason::kCount);

struct DropReasonText {
  const char* name;      // "SG_EGRESS_DENIED"
  const char* aws_code;  // "ENI_SG_RULES_MISMATCH", or ""
  const char* sentence;
};

constexpr DropReasonText TextOf(DropReason reason) {
  constexpr DropReasonText kTexts[] = {
#define TAPLOOM_X(identifier, name, aws_code, sentence) {name, aws_code, sentence},
      TAPLOOM_DROP_REASONS(TAPLOOM_X)
#undef TAPLOOM_X
  };
  static_assert(sizeof kTexts / sizeof kTexts[0] == kDropReasonCount);
  return kTexts[static_cast<std::size_t>(reason)];
}

// The answer of the pipeline for one packet. The pipeline never transmits: its caller does what the
// verdict says.
struct Verdict {
  enum class Kind : std::uint8_t {
    kDrop,     // count `drop_reason` at the ingress port
    kForward,  // send the packet, as it now is, out of `port`
    kReply,    // the buffer now holds an answer the fabric made (ARP, ND, ICMP error, RST): send it
               // out of `port`. When `drop_reason` is not kNone the original packet was dropped for
               // it, and is to be counted
    kFragment,  // send out of `port` in IPv4 fragments of at most `mtu` bytes
    kHandOver,  // give the packet, which is as it came, to worker `port`, which owns its connection
  };
  Kind kind = Kind::kDrop;
  DropReason drop_reason = DropReason::kNone;
  std::uint16_t port = 0;
  std::uint16_t mtu = 0;  // kFragment: bytes of IP packet

  static constexpr Verdict Drop(DropReason reason) { return {Kind::kDrop, reason, 0, 0}; }
  static constexpr Verdict Forward(std::uint16_t port) {
    return {Kind::kForward, DropReason::kNone, port, 0};
  }
  static constexpr Verdict Reply(std::uint16_t port, DropReason original = DropReason::kNone) {
    return {Kind::kReply, original, port, 0};
  }
  static constexpr Verdict Fragment(std::uint16_t port, std::uint16_t mtu) {
    return {Kind::kFragment, DropReason::kNone, port, mtu};
  }
  static constexpr Verdict HandOver(std::uint16_t worker) {
    return {Kind::kHandOver, DropReason::kNone, worker, 0};
  }
};

// As people and programs are told of it.
constexpr const char* ToText(Verdict::Kind kind) {
  switch (kind) {
    case Verdict::Kind::kDrop:
      return "drop";
    case Verdict::Kind::kForward:
      return "forward";
    case Verdict::Kind::kReply:
      return "answer";
    case Verdict::Kind::kFragment:
      return "fragment";
    case Verdict::Kind::kHandOver:
      return "hand over";
  }
  return "?";
}

}  // namespace taploom

#endif  // TAPLOOM_DATAPLANE_VERDICT_H_
