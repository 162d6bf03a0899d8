#include "dataplane/pipeline.h"

#include <cstring>
#include <utility>

#include "dataplane/flow/conntrack.h"
#include "dataplane/rewrite/apply_inl.h"
#include "dataplane/rewrite/rewrite.h"
#include "dataplane/slowpath/dropped.h"
#include "dataplane/slowpath/establish.h"
#include "dataplane/slowpath/neighbor.h"
#include "dataplane/wire/parse_inl.h"

namespace taploom {
namespace {

// Connections looked at per burst for having been idle too long.
constexpr std::uint32_t kExpireBudget = 64;

// How many packets before its own turn a packet's connection is fetched: long enough for memory to
// answer, short enough not to ask for more lines than a core can wait for.
constexpr std::size_t kLocateAhead = 8;

// The size by which a frame meets the MTU: of a superframe, that of each segment it will become.
std::uint32_t SizeForMtu(const Packet& packet) {
  if (!packet.vnet.is_gso()) return packet.headers.l3_size;
  const std::uint32_t l3_header = packet.headers.l4_offset - packet.headers.l3_offset;
  const std::uint32_t l4_header = packet.headers.is_tcp() ? packet.headers.tcp_header_size : 8;
  return l3_header + l4_header + packet.vnet.gso_size;
}

// A TCP superframe without DF is simply cut smaller: any segment size is a right one.
bool CutsSmaller(Packet& packet, std::uint16_t mtu) {
  if (!packet.vnet.is_gso() || !packet.headers.is_tcp() || packet.headers.dont_fragment)
    return false;
  const std::uint32_t headers = SizeForMtu(packet) - packet.vnet.gso_size;
  if (headers >= mtu) return false;
  packet.vnet.gso_size = static_cast<std::uint16_t>(mtu - headers);
  return true;
}

// Whether the headers alone name its flow.
bool IsPlain(const Packet& packet) {
  const wire::Headers& headers = packet.headers;
  return headers.kind == wire::FrameKind::kIp && !headers.is_icmp_error &&
         (!headers.is_fragment || headers.is_first_fragment) &&
         !(headers.protocol == wire::kProtocolIcmpv6 && slowpath::IsNeighborSolicitation(packet));
}

// A NAT gateway forwards fragments of UDP only (vpc-semantics §4).
bool IsRefusedFragment(const Packet& packet, const flow::Connection& connection) {
  return packet.headers.is_fragment && packet.headers.protocol != wire::kProtocolUdp &&
         connection.has(flow::Connection::kNat);
}

}  // namespace

Pipeline::Pipeline(observe::Counters& counters, const flow::ConnectionTable::Options& options,
                   WorkerPlace place)
    : place_(std::move(place)),
      counters_(counters),
      connections_(options, &Pipeline::OnFree, this),
      fragments_(options.seed),
      snapshot_(std::make_shared<tables::Snapshot>()),
      slow_path_(connections_, counters, place_.link_local_allowance) {}

void Pipeline::OnFree(void* self, const flow::Connection& connection) {
  if (!connection.has(flow::Connection::kNat) || !flow::IsOpen(connection.state)) return;
  Pipeline& pipeline = *static_cast<Pipeline*>(self);
  observe::NatGatewayCounters& counters = pipeline.slow_path_.nat_counters(connection.nat_gateway);
  counters.active_connections.Subtract();
  if (connection.IsExpired(pipeline.now_)) counters.idle_timeouts.Add();
}

std::shared_ptr<const tables::Snapshot> Pipeline::Publish(
    std::shared_ptr<const tables::Snapshot> snapshot) {
  slow_path_.Publish(*snapshot);
  connections_.set_capacity_per_port(snapshot->limits.connections_per_eni);
  std::vector<bool> unlimited;
  for (const tables::PortOwner& owner : snapshot->ports)
    unlimited.push_back(owner.internet_host.exists());
  connections_.set_unlimited_ports(std::move(unlimited));
  return std::exchange(snapshot_, std::move(snapshot));
}

std::uint32_t Pipeline::Adopt(Tick now) {
  now_ = now;
  const std::uint32_t adopted = connections_.Adopt(now, [this](flow::Connection& connection) {
    return slow_path_.TakeOver(connection, *snapshot_);
  });
  connections_.ForEach(
      [this](const flow::Connection& connection) { slow_path_.CountTakenOver(connection); });
  counters_.connections.Set(adopted);
  return adopted;
}

void Pipeline::Process(std::span<Packet> burst, Tick now) {
  now_ = now;
  for (; burst.size() > kBurst; burst = burst.subspan(kBurst))
    ProcessSome(burst.first(kBurst), now);
  ProcessSome(burst, now);
}

// The steps run staggered over the burst, so that memory is fetched while other packets are worked
// on. Only the last of them, Decide, changes anything but its own packet, and it takes the packets
// in their order: every verdict is what it would be if they had come one by one.
//
// Everything that an established packet meets is inlined here (a quarter less time than with
// calls); what first packets and special ones meet is not.
[[gnu::flatten]] void Pipeline::ProcessSome(std::span<Packet> burst, Tick now) {
  const std::size_t count = burst.size();
  for (std::size_t i = 0; i < count + 1; ++i) {
    if (i < count) Receive(burst[i]);
    // One packet behind: what Parse has just stored is not read back at once.
    if (i > 0) BeginSearch(burst[i - 1], i - 1);
  }
  for (std::size_t i = 0; i < count + kLocateAhead; ++i) {
    if (i < count) connections_.Locate(searches_[i]);
    if (i >= kLocateAhead / 2 && i - kLocateAhead / 2 < count)
      connections_.LocateAgain(searches_[i - kLocateAhead / 2]);
    if (i >= kLocateAhead) Decide(burst[i - kLocateAhead], i - kLocateAhead, now);
  }
}

// Without what Process gains by being one piece of code: this is a detour anyway, of first packets.
void Pipeline::ProcessHandedOver(std::span<Packet> burst, Tick now) {
  now_ = now;
  for (Packet& packet : burst) {
    constexpr std::size_t kPlace = 0;
    BeginSearch(packet, kPlace);
    connections_.Locate(searches_[kPlace]);
    connections_.LocateAgain(searches_[kPlace]);
    Decide(packet, kPlace, now);
  }
}

inline void Pipeline::Receive(Packet& packet) {
  wire::ParseInline(packet.head_bytes(), packet.size(), packet.headers);
  observe::PortCounters& port = counters_.port(packet.ingress_port);
  port.received_packets.Add();
  port.received_bytes.Add(packet.size());
}

inline void Pipeline::BeginSearch(const Packet& packet, std::size_t place) {
  is_plain_[place] = IsPlain(packet);
  connections_.Begin(flow::KeyView(packet.headers, packet.ingress_port), searches_[place]);
}

inline void Pipeline::Decide(Packet& packet, std::size_t place, Tick now) {
  if (is_plain_[place]) {
    DecideFlow(packet, connections_.Find(searches_[place], now), now);
  } else {
    DecideOther(packet, now);
  }
  if (packet.verdict.drop_reason == DropReason::kNone) return;
  observe::PortCounters& port = counters_.port(packet.ingress_port);
  port.drops[static_cast<std::size_t>(packet.verdict.drop_reason)].Add();
  if (slowpath::IsWorthRemembering(packet)) port.last_drop.Record(slowpath::DroppedOf(packet, now));
}

[[gnu::noinline]] void Pipeline::DecideOther(Packet& packet, Tick now) {
  switch (packet.headers.kind) {
    case wire::FrameKind::kMalformed:
      packet.verdict = Verdict::Drop(DropReason::kMalformed);
      return;
    case wire::FrameKind::kUnsupported:
      packet.verdict = Verdict::Drop(DropReason::kUnsupportedEtherType);
      return;
    case wire::FrameKind::kArp:
      packet.verdict = slowpath::AnswerArp(packet, *snapshot_);
      return;
    case wire::FrameKind::kIp:
      break;
  }
  if (slowpath::IsNeighborSolicitation(packet)) {
    packet.verdict = slowpath::AnswerNeighborSolicitation(packet, *snapshot_);
  } else if (packet.headers.is_icmp_error) {
    if (!HandsOverError(packet))
      packet.verdict = slow_path_.ForwardIcmpError(packet, *snapshot_, now);
  } else if (const std::optional<flow::FlowKey> key = KeyOf(packet, now)) {
    DecideFlow(packet, connections_.Find(*key, now), now);
  } else if (!HandsOver(packet)) {
    packet.verdict = Verdict::Drop(DropReason::kFragmentUnknown);
  }
}

std::optional<flow::FlowKey> Pipeline::KeyOf(const Packet& packet, Tick now) const {
  flow::FlowKey key{flow::TupleOf(packet.headers), packet.ingress_port};
  if (!packet.headers.is_fragment || packet.headers.is_first_fragment) return key;
  const auto ports = fragments_.Find(key, packet.headers.fragment_id, now);
  if (!ports) return std::nullopt;
  ports->ApplyTo(key.tuple);
  return key;
}

[[gnu::noinline]] bool Pipeline::HandsOver(Packet& packet) {
  return place_.workers > 1 && HandsOver(packet, packet.headers.source, packet.headers.destination);
}

bool Pipeline::HandsOverError(Packet& packet) {
  if (place_.workers == 1) return false;
  const wire::Headers quoted =
      wire::ParseQuoted(rewrite::QuotedPacket(packet), packet.headers.family);
  return quoted.kind == wire::FrameKind::kIp &&
         HandsOver(packet, quoted.source, quoted.destination);
}

bool Pipeline::HandsOver(Packet& packet, const wire::IpAddress& one, const wire::IpAddress& other) {
  const std::uint32_t owner = snapshot_->OwnerOf(one, other, place_.workers);
  if (owner == place_.self) return false;
  counters_.handed_over_packets.Add();
  packet.verdict = Verdict::HandOver(static_cast<std::uint16_t>(owner));
  return true;
}

[[gnu::noinline]] void Pipeline::DecideNew(Packet& packet, Tick now) {
  if (HandsOver(packet)) return;
  // Its connection is over, and a part without a header begins none.
  if (packet.headers.is_fragment && !packet.headers.is_first_fragment) {
    packet.verdict = Verdict::Drop(DropReason::kFragmentUnknown);
    return;
  }
  const flow::FlowKey key{flow::TupleOf(packet.headers), packet.ingress_port};
  const slowpath::SlowPathResult first = slow_path_.DecideFirst(packet, *snapshot_, key, now);
  if (first.flow) return ForwardFlow(packet, first.flow, now);
  packet.verdict = first.verdict;
}

void Pipeline::DecideFlow(Packet& packet, flow::ConnectionRef flow, Tick now) {
  if (!flow) return DecideNew(packet, now);
  if (flow::StartsAnew(*flow.connection, packet.headers)) {
    connections_.Remove(*flow.connection);
    return DecideNew(packet, now);
  }
  if (IsRefusedFragment(packet, *flow.connection)) {
    slow_path_.CountNatDrop(*flow.connection, flow.direction, packet.headers.l3_size);
    packet.verdict = Verdict::Drop(DropReason::kNatFragment);
    return;
  }
  if (!IsDecided(packet, flow)) {
    if (HandsOver(packet)) {
      // A new configuration has given it to another worker, where it begins anew.
      connections_.Remove(*flow.connection);
      return;
    }
    const slowpath::SlowPathResult again = slow_path_.DecideAgain(packet, *snapshot_, flow, now);
    packet.verdict = again.verdict;
    if (!again.flow) return;
    if (again.is_new) return ForwardFlow(packet, again.flow, now);
    flow = again.flow;
  }
  if (!AdvanceConnection(packet, flow, now)) {
    packet.verdict = Verdict::Drop(DropReason::kInvalidTcp);
    return;
  }
  ForwardFlow(packet, flow, now);
}

inline bool Pipeline::IsDecided(const Packet& packet, flow::ConnectionRef flow) const {
  const flow::FlowAction& action = flow.half().action;
  return action.generation == static_cast<std::uint32_t>(snapshot_->generation) &&
         std::memcmp(packet.head, &action.enters_with, sizeof action.enters_with) == 0;
}

inline bool Pipeline::AdvanceConnection(const Packet& packet, flow::ConnectionRef flow, Tick now) {
  flow::Connection& connection = *flow.connection;
  const flow::ConnectionState before = connection.state;
  switch (flow::AdvanceConnection(connection, flow.direction, packet.headers)) {
    case flow::Advance::kInvalid:
      return false;
    case flow::Advance::kKeep:
      return true;
    case flow::Advance::kNewState:
      break;
  }
  slow_path_.EnterState(connection, before, *snapshot_, now);
  return true;
}

void Pipeline::ForwardFlow(Packet& packet, flow::ConnectionRef flow, Tick now) {
  flow::Half& half = flow.half();
  const flow::FlowAction& action = half.action;
  bool fragments = false;
  if (SizeForMtu(packet) > action.mtu && !CutsSmaller(packet, action.mtu)) {
    if (packet.headers.dont_fragment || packet.vnet.is_gso()) {
      packet.verdict = slow_path_.AnswerTooBig(packet, *snapshot_, flow, now);
      return;
    }
    fragments = true;
  }
  if (packet.headers.ttl <= action.ttl_decrement && action.ttl_decrement != 0) {
    packet.verdict = slow_path_.AnswerTimeExceeded(packet, *snapshot_, flow, now);
    return;
  }
  if (packet.headers.is_first_fragment) {
    fragments_.Remember(flow.key(), packet.headers.fragment_id, now);
  }
  rewrite::ApplyInline(packet, action, flow.peer_key_view());
  flow.connection->last_seen = now;
  ++half.packets;
  half.bytes += packet.headers.l3_size;
  if (flow.connection->has(flow::Connection::kNat)) {
    slow_path_.CountNat(*flow.connection, flow.direction, packet.headers.l3_size, now);
  }
  packet.verdict = fragments ? Verdict::Fragment(action.egress_port, action.mtu)
                             : Verdict::Forward(action.egress_port);
}

void Pipeline::CountSent(std::uint16_t egress_port, std::uint32_t bytes) {
  observe::PortCounters& port = counters_.port(egress_port);
  port.sent_packets.Add();
  port.sent_bytes.Add(bytes);
}

void Pipeline::CountSendFailure(const Packet& packet, DropReason reason) {
  counters_.port(packet.ingress_port).drops[static_cast<std::size_t>(reason)].Add();
}

bool Pipeline::Expire(Tick now) {
  now_ = now;
  const bool has_expired_all = connections_.Expire(now, kExpireBudget);
  counters_.connections.Set(connections_.size());
  return has_expired_all;
}

}  // namespace taploom
