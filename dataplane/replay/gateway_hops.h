// GatewayHops: by which gateways a packet went, told from where and how it entered and left.
//
//   web-1          nat-a                          igw                            api
//   10.0.2.50 ─►   10.0.2.50 ─► 10.0.1.5 ─►       10.0.1.5 ─► 203.0.113.10 ─►    203.0.113.10
//
// A fabric translates a packet once, for all gateways together; for captures that show each gateway
// as an interface of its own, the steps are found again: by routes on the way out, by bindings on
// the way in. A path that does not lead to exactly what left is not told at all, because the
// configuration was another when the packet passed. Of packets that were dropped and of ICMP
// errors, the decision itself tells the way (slowpath/passages.h).
#ifndef TAPLOOM_DATAPLANE_REPLAY_GATEWAY_HOPS_H_
#define TAPLOOM_DATAPLANE_REPLAY_GATEWAY_HOPS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/flow/connection.h"
#include "dataplane/flow/five_tuple.h"
#include "dataplane/observe/gateway_passage.h"
#include "dataplane/packet.h"
#include "dataplane/rewrite/rewrite.h"
#include "dataplane/tables/snapshot.h"
#include "dataplane/wire/parse.h"

namespace taploom::replay {

struct GatewayName {
  std::string name;         // "nat-a"; its id when something at a port has that name
  std::string id;           // "nat-…"
  std::string description;  // "NAT gateway nat-…"
};

struct GatewayHop {
  std::size_t gateway = 0;  // which of GatewayHops::gateways()
  flow::FiveTuple after;    // as the packet left it; it came as it left the one before
  std::uint8_t ttl_decrement = 0;
  bool has_left = true;                        // else its way ended here
  std::optional<flow::FiveTuple> quoted = {};  // by an ICMP error that left
};

class GatewayHops {
 public:
  struct End {
    tables::PortId port = tables::kNoPort;
    wire::Headers headers;
  };

  // `snapshot` must outlive it.
  explicit GatewayHops(const tables::Snapshot& snapshot);

  const std::vector<GatewayName>& gateways() const { return gateways_; }

  // In the order of the way; good until the next call. Empty when there were none or when they
  // cannot be told: not an IP packet, an ICMP error, another configuration.
  const std::vector<GatewayHop>& Find(const End& entered, const End& left);
  // The same of a packet whose way was told, by somebody who may lie: what cannot be is left out,
  // with what follows.
  const std::vector<GatewayHop>& Find(const wire::Headers& entered,
                                      std::span<const observe::GatewayPassage> passages);

 private:
  void FollowRoutes(tables::SubnetIndex subnet, const flow::FiveTuple& after);
  void CrossInternet(const flow::FiveTuple& after);
  void Add(std::size_t gateway, std::uint8_t ttl_decrement = 0);
  void EnterNatGateway(tables::EniIndex eni, const flow::FiveTuple& after);
  std::optional<tables::VpcIndex> VpcOfPublicV6(const wire::IpAddress& address) const;
  bool ComesThroughEgressOnlyGateway(const tables::Vpc& vpc) const;

  const tables::Snapshot& snapshot_;
  std::vector<GatewayName> gateways_;
  // Where in gateways_ each kind begins.
  std::size_t first_egress_only_ = 0, first_nat_ = 0, first_peering_ = 0, first_endpoint_ = 0;
  std::vector<GatewayHop> hops_;
  flow::FiveTuple tuple_;  // of the packet on its way
};

// Calls visit(hop, is_outbound) with `packet`, which holds the frame as it entered, being what came
// to each gateway and then what left it. REQUIRES: packet.headers describes it.
template <typename Visitor>
void ForEachHop(Packet& packet, const std::vector<GatewayHop>& hops, Visitor visit) {
  for (const GatewayHop& hop : hops) {
    visit(hop, false);
    if (!hop.has_left) return;
    flow::FlowAction change;
    change.source_mac = wire::SourceMac(packet.head);
    change.destination_mac = wire::DestinationMac(packet.head);
    change.ttl_decrement = hop.ttl_decrement;
    rewrite::PrepareTranslation(flow::TupleOf(packet.headers), hop.after, change);
    rewrite::Apply(packet, change, hop.after);
    if (hop.quoted) rewrite::ApplyToQuoted(packet, *hop.quoted);
    packet.headers = wire::Parse(packet.head_bytes(), packet.size());
    visit(hop, true);
  }
}

}  // namespace taploom::replay

#endif  // TAPLOOM_DATAPLANE_REPLAY_GATEWAY_HOPS_H_
