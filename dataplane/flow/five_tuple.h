// FiveTuple and FlowKey: what identifies one direction of a connection.
#ifndef TAPLOOM_DATAPLANE_FLOW_FIVE_TUPLE_H_
#define TAPLOOM_DATAPLANE_FLOW_FIVE_TUPLE_H_

#include <cstdint>
#include <cstring>

#include "dataplane/wire/ip_address.h"
#include "dataplane/wire/layout.h"
#include "dataplane/wire/parse.h"

namespace taploom::flow {

// Addresses, ports and protocol as they stand in one packet. Ports of an ICMP query are
// (identifier, 0), of its reply (0, identifier); of protocols without ports (0, 0), so those are
// tracked by address and protocol only (vpc-semantics §5). An allowed echo must not open the way
// for other ICMP, so the type is part of it: a reply has its request's.
struct FiveTuple {
  wire::IpAddress source, destination;
  std::uint16_t source_port = 0, destination_port = 0;
  std::uint8_t protocol = 0;
  std::uint8_t icmp_query = 0;  // QueryTypeOf the ICMP type; 0 for other protocols

  FiveTuple Reversed() const {
    return {destination, source, destination_port, source_port, protocol, icmp_query};
  }
  friend bool operator==(const FiveTuple&, const FiveTuple&) = default;
};
static_assert(sizeof(FiveTuple) == 38 && std::has_unique_object_representations_v<FiveTuple>);

// The type of the request that a reply answers; any other type is its own.
constexpr std::uint8_t QueryTypeOf(std::uint8_t protocol, std::uint8_t icmp_type) {
  if (protocol == wire::kProtocolIcmpv6)
    return icmp_type == wire::icmp::kV6EchoReply ? wire::icmp::kV6Echo : icmp_type;
  if (protocol != wire::kProtocolIcmp) return 0;
  if (icmp_type == wire::icmp::kEchoReply) return wire::icmp::kEcho;
  return icmp_type == wire::icmp::kTimestampReply ? wire::icmp::kTimestamp : icmp_type;
}

// Written field by field into its place: a temporary would be read back by wide loads that wait for
// the narrow stores before them.
inline void SetTuple(const wire::Headers& headers, FiveTuple& tuple) {
  tuple.source = headers.source;
  tuple.destination = headers.destination;
  tuple.source_port = headers.source_port;
  tuple.destination_port = headers.destination_port;
  tuple.protocol = headers.protocol;
  tuple.icmp_query = QueryTypeOf(headers.protocol, headers.icmp_type);
}
inline FiveTuple TupleOf(const wire::Headers& headers) {
  FiveTuple tuple;
  SetTuple(headers, tuple);
  return tuple;
}

// A tuple as it enters the fabric at a port. The port makes overlapping address spaces distinct:
// two VPCs with the same CIDR never share a key.
struct FlowKey {
  FiveTuple tuple;
  std::uint16_t ingress_port = 0;

  // Five words, compared without a branch between them.
  friend bool operator==(const FlowKey& a, const FlowKey& b) {
    const auto* bytes_of_a = reinterpret_cast<const std::uint8_t*>(&a);
    const auto* bytes_of_b = reinterpret_cast<const std::uint8_t*>(&b);
    const auto difference = [&](std::size_t at) {
      return wire::Load<std::uint64_t>(bytes_of_a + at) ^
             wire::Load<std::uint64_t>(bytes_of_b + at);
    };
    return (difference(0) | difference(8) | difference(16) | difference(24) | difference(32)) == 0;
  }
};
static_assert(sizeof(FlowKey) == 40 && std::has_unique_object_representations_v<FlowKey>);

}  // namespace taploom::flow

#endif  // TAPLOOM_DATAPLANE_FLOW_FIVE_TUPLE_H_
