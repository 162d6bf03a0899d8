// Decision: everything the slow path finds out about one packet, before anything is changed.
#ifndef TAPLOOM_DATAPLANE_SLOWPATH_DECISION_H_
#define TAPLOOM_DATAPLANE_SLOWPATH_DECISION_H_

#include <array>
#include <cstdint>
#include <optional>

#include "dataplane/flow/connection.h"
#include "dataplane/flow/five_tuple.h"
#include "dataplane/tables/snapshot.h"
#include "dataplane/tick.h"
#include "dataplane/verdict.h"
#include "dataplane/wire/mac_address.h"
#include "dataplane/wire/parse.h"

namespace taploom::slowpath {

// What the stages look at: a real packet's headers, or a question that looks like one.
struct PacketView {
  tables::PortId ingress_port = tables::kNoPort;
  flow::FiveTuple tuple;
  wire::MacAddress source_mac, destination_mac;
  std::uint8_t icmp_type = 0, icmp_code = 0;
  std::uint8_t tcp_flags = 0;
  bool is_fragment = false;
  bool is_icmp_error = false;
};

// A security group's admission at one end of a connection.
struct Admission {
  bool filtered = false;   // the end has security groups
  bool tracked = false;    // replies pass without a rule (vpc-semantics §5)
  std::uint64_t rule = 0;  // config::RuleDigest of the rule that admitted it, 0 = none
};

struct NatBinding {
  tables::NatGatewayIndex gateway;
  std::uint32_t address = 0;  // the gateway's private address, memory order
  std::uint16_t port = 0;
};

// Where the time to live ends when it is as small as the hop's number, and from which address the
// sender hears of it.
inline constexpr std::size_t kMaxHops = 8;

struct Decision {
  enum class Outcome : std::uint8_t {
    kDrop,
    kDeliver,
    kAnswerDns,    // the query is answered by the fabric's resolver
    kResetSender,  // a NAT gateway answers a segment of a connection it has forgotten with RST
                   // (vpc-semantics §4)
  };
  Outcome outcome = Outcome::kDrop;
  DropReason reason = DropReason::kNone;

  // kDeliver:
  tables::PortId egress_port = tables::kNoPort;
  flow::FiveTuple tuple;  // as the receiver sees it
  wire::MacAddress source_mac, destination_mac;
  std::uint16_t mtu = 9001;                    // the smallest on the path
  wire::IpAddress mtu_router;                  // whose ICMP tells that a packet is too large
  std::uint8_t hop_count = 0;                  // routers that decrement the TTL
  std::array<wire::IpAddress, kMaxHops> hops;  // their addresses
  Admission source, destination;
  // The destination's security group lets it in, without a rule, as an answer within a connection
  // that is not its own: the one with the key (tuple.Reversed(), egress_port).
  bool is_admitted_by_other = false;
  std::optional<NatBinding> nat;
  // The last NAT gateway that the packet came to, and whether it went on from there.
  struct NatPassage {
    tables::NatGatewayIndex gateway;
    bool is_from_source = false;  // from inside
    bool has_left = false;
  };
  std::optional<NatPassage> passage;
  // Passes a NAT or egress-only gateway or the like: tracked whatever the rules say (§5).
  bool is_always_tracked = false;
  bool is_through_egress_only = false;  // leaves through an egress-only gateway, which remembers it
  bool is_through_endpoint = false;     // the receiver sees an address that is private to one VPC

  // kDrop: the ENI at whose edge it happened, when it was at one.
  tables::EniIndex where;
};

}  // namespace taploom::slowpath

#endif  // TAPLOOM_DATAPLANE_SLOWPATH_DECISION_H_
