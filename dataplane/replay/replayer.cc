#include "dataplane/replay/replayer.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "dataplane/rewrite/rewrite.h"
#include "dataplane/slowpath/describe.h"
#include "dataplane/slowpath/next_hop.h"
#include "dataplane/wire/layout.h"

namespace taploom::replay {
namespace {

// Fixed, so that NAT ports are the same in every run. A running dataplane draws it at boot.
constexpr std::uint64_t kSeed = 1;

// A longer pause changes nothing: every idle timer has ended (the longest is five days), and the
// timing wheel need not step through the years of a clock that was set wrong.
constexpr std::int64_t kLongestPauseNs = std::int64_t{30} * 24 * 3600 * 1'000'000'000;

flow::FiveTuple WithoutPorts(flow::FiveTuple tuple) {
  tuple.source_port = tuple.destination_port = 0;
  return tuple;
}

// The addresses of a packet that does not parse, as far as they are there.
std::optional<flow::FiveTuple> AddressesOf(Packet& packet) {
  const std::span<const std::uint8_t> network = packet.head_bytes().subspan(wire::kEthernetSize);
  flow::FiveTuple tuple;
  if (network.size() >= wire::ipv4::kMinSize && network[0] >> 4 == 4) {
    tuple.source = wire::IpAddress::V4FromBytes(network.data() + wire::ipv4::kSource);
    tuple.destination = wire::IpAddress::V4FromBytes(network.data() + wire::ipv4::kDestination);
    return tuple;
  }
  if (network.size() >= wire::ipv6::kSize && network[0] >> 4 == 6) {
    tuple.source = wire::IpAddress::V6FromBytes(network.data() + wire::ipv6::kSource);
    tuple.destination = wire::IpAddress::V6FromBytes(network.data() + wire::ipv6::kDestination);
    return tuple;
  }
  return std::nullopt;
}

bool IsIp(const Packet& packet) { return packet.headers.kind == wire::FrameKind::kIp; }

}  // namespace

SkipReasonText TextOf(SkipReason reason) {
  constexpr SkipReasonText kTexts[] = {
#define TAPLOOM_X(identifier, name, sentence) {name, sentence},
      TAPLOOM_SKIP_REASONS(TAPLOOM_X)
#undef TAPLOOM_X
  };
  static_assert(sizeof kTexts / sizeof kTexts[0] == kSkipReasonCount);
  return kTexts[static_cast<std::size_t>(reason)];
}

std::uint64_t ReplayTotals::dropped() const {
  return std::accumulate(drops.begin(), drops.end(), std::uint64_t{0});
}

std::uint64_t ReplayTotals::skipped() const {
  return std::accumulate(skips.begin(), skips.end(), std::uint64_t{0});
}

Replayer::Replayer(std::shared_ptr<const tables::Snapshot> snapshot, Options options)
    : snapshot_(std::move(snapshot)),
      options_(std::move(options)),
      names_(*snapshot_),
      entrances_(*snapshot_),
      pipeline_(counters_, {.capacity = snapshot_->limits.connections,
                            .capacity_per_port = snapshot_->limits.connections_per_eni,
                            .seed = kSeed}) {
  for (std::size_t port = 0; port < snapshot_->ports.size(); ++port)
    counters_.AddPort(static_cast<std::uint16_t>(port));
  pipeline_.Publish(snapshot_);
  if (options_.listens) pipeline_.ListenWith(&recorder_);
}

// The first frame is at 0, and time never goes back.
Tick Replayer::TickOf(std::int64_t time_ns) {
  if (last_time_ns_ && time_ns > *last_time_ns_) {
    const std::uint64_t pause =
        static_cast<std::uint64_t>(time_ns) - static_cast<std::uint64_t>(*last_time_ns_);
    now_ns_ +=
        static_cast<std::int64_t>(std::min(pause, static_cast<std::uint64_t>(kLongestPauseNs)));
  }
  last_time_ns_ = last_time_ns_ ? std::max(*last_time_ns_, time_ns) : time_ns;
  return Tick(now_ns_ / 1'000'000);
}

bool Replayer::Replay(const io::CapturedFrame& frame) {
  const bool is_departure = frame.packet_id != 0 &&
                            frame.direction == io::FrameDirection::kOutbound &&
                            names_.Find(frame.interface) != tables::kNoPort;
  if (is_departure) {
    Learn(frame);
    return false;
  }
  const std::uint64_t number = last_.number + 1;
  last_ = ReplayedPacket();
  last_.number = number;
  last_.time_ns = frame.time_ns;
  const Tick now = TickOf(frame.time_ns);
  const bool is_from_a_port = frame.direction == io::FrameDirection::kInbound &&
                              names_.Find(frame.interface) != tables::kNoPort;
  const io::NetworkLayer layer = buffer_.Load(frame, is_from_a_port);
  using Kind = io::NetworkLayer::Kind;
  const bool is_loaded =
      layer.kind == Kind::kIp || (layer.kind == Kind::kOther && layer.is_ethernet);
  if (!is_loaded) {
    last_.skip = layer.kind == Kind::kCutShort      ? SkipReason::kCutShort
                 : layer.kind == Kind::kUnknownLink ? SkipReason::kUnknownLink
                                                    : SkipReason::kNotIp;
    Count();
    return true;
  }
  const std::optional<Entrance> entrance = FindEntrance(frame, layer.is_ethernet);
  if (!entrance) {
    last_.skip = layer.kind == Kind::kIp ? SkipReason::kNoEntrance : SkipReason::kNotIp;
    Count();
    return true;
  }
  // A frame of the fabric's own enters with the MACs that it had. MACs depend on the fabric's name,
  // so those of another run are not known; but that a frame went to a group is kept.
  const std::uint8_t* head = buffer_.packet().head;
  const bool is_known =
      layer.is_ethernet && entrances_.OwnerOf(wire::SourceMac(head)) == entrance->port;
  const bool keeps_macs =
      is_known || (is_from_a_port && layer.is_ethernet && wire::DestinationMac(head).is_group());
  EnterAs(*entrance, keeps_macs);
  const std::uint64_t decisions = counters_.slow_path_packets.value();
  Process(now);
  const bool decided = counters_.slow_path_packets.value() != decisions;
  if (options_.listens) FindRules(decided, now);
  Remember(frame, decided);
  Count();
  return true;
}

// A frame where it left the recorded fabric: as what its receiver knows the packet, so that the
// receiver's answer is known too.
void Replayer::Learn(const io::CapturedFrame& frame) {
  const Departed& departed = departed_[frame.packet_id % departed_.size()];
  if (departed.packet_id != frame.packet_id) return;
  FrameBuffer buffer;
  if (buffer.Load(frame).kind != io::NetworkLayer::Kind::kIp || !IsIp(buffer.packet())) return;
  const flow::FiveTuple seen = flow::TupleOf(buffer.packet().headers);
  if (names_.Find(frame.interface) == departed.departure.port &&
      !(seen == departed.departure.tuple))
    answers_.Remember(seen, departed.departure);
}

std::optional<Entrance> Replayer::FindEntrance(const io::CapturedFrame& frame, bool is_ethernet) {
  Packet& packet = buffer_.packet();
  quoted_.reset();
  if (IsIp(packet)) {
    last_.captured = options_.map.empty() ? flow::TupleOf(packet.headers)
                                          : options_.map.Map(flow::TupleOf(packet.headers));
  } else if (const auto addresses = AddressesOf(packet)) {
    last_.captured = *addresses;
  }
  tables::PortId port = options_.in_port;
  if (port == tables::kNoPort && !frame.interface.empty() &&
      frame.direction == io::FrameDirection::kInbound)
    port = names_.Find(frame.interface);
  if (port == tables::kNoPort && is_ethernet)
    port = entrances_.OwnerOf(wire::SourceMac(packet.head));
  Entrance entrance = port != tables::kNoPort ? entrances_.At(port, last_.captured, answers_)
                                              : entrances_.Find(last_.captured, answers_);
  if (entrance.port == tables::kNoPort) return std::nullopt;
  if (packet.headers.is_icmp_error) TurnQuoted(entrance);
  return entrance;
}

// An ICMP error is about a packet that its sender received: it must quote what that received here.
void Replayer::TurnQuoted(Entrance& entrance) {
  Packet& packet = buffer_.packet();
  const wire::Headers quoted =
      wire::ParseQuoted(rewrite::QuotedPacket(packet), packet.headers.family);
  if (quoted.kind != wire::FrameKind::kIp) return;
  const flow::FiveTuple about = options_.map.Map(flow::TupleOf(quoted));
  quoted_ = about;
  const AnswerMemory::Departure* question = answers_.Find(about);
  if (question == nullptr) return;
  if (options_.in_port != tables::kNoPort && question->port != options_.in_port) return;
  quoted_ = question->tuple;
  entrance.tuple.destination = question->tuple.source;
  if (entrance.tuple.source == about.destination) {
    entrance.port = question->port;
    entrance.tuple.source = question->tuple.destination;
  }
}

// Makes the frame what the machine at the entrance would send.
void Replayer::EnterAs(const Entrance& entrance, bool keeps_macs) {
  Packet& packet = buffer_.packet();
  packet.ingress_port = entrance.port;
  last_.in_port = entrance.port;
  last_.before = entrance.tuple;
  last_.is_cut_short = buffer_.is_cut_short();
  last_.recorded_size = buffer_.recorded_size();
  last_.entered_size = packet.size();

  flow::FlowAction change;
  if (keeps_macs) {
    change.source_mac = wire::SourceMac(packet.head);
    change.destination_mac = wire::DestinationMac(packet.head);
  } else {
    const tables::PortOwner owner = snapshot_->OwnerOf(entrance.port);
    change.source_mac =
        owner.eni.exists() ? (*snapshot_)[owner.eni].mac : (*snapshot_)[owner.internet_host].mac;
    change.destination_mac =
        slowpath::NextHopMac(*snapshot_, entrance.port, entrance.tuple.destination);
  }
  if (IsIp(packet)) {
    rewrite::PrepareTranslation(flow::TupleOf(packet.headers), entrance.tuple, change);
    rewrite::Apply(packet, change, entrance.tuple);
    if (quoted_) rewrite::ApplyToQuoted(packet, *quoted_);
  } else {
    std::copy(change.destination_mac.bytes.begin(), change.destination_mac.bytes.end(),
              packet.head);
    std::copy(change.source_mac.bytes.begin(), change.source_mac.bytes.end(), packet.head + 6);
  }
  if (options_.keeps_entering_frames) {
    entered_head_.assign(packet.head, packet.head + packet.head_size);
    entered_tail_.assign(packet.tail, packet.tail + packet.tail_size);
    const std::size_t in_head = std::min<std::size_t>(last_.recorded_size, entered_head_.size());
    last_.entered_head = std::span(entered_head_).first(in_head);
    last_.entered_tail = std::span(entered_tail_).first(last_.recorded_size - in_head);
  }
}

void Replayer::Process(Tick now) {
  Packet& packet = buffer_.packet();
  recorder_.reports.clear();
  pipeline_.Expire(now);
  pipeline_.Process({&packet, 1}, now);
  last_.verdict = packet.verdict;
  last_.headers = packet.headers;
  if (packet.verdict.kind == Verdict::Kind::kDrop) return;
  last_.packet = &packet;
  const wire::Headers left = wire::Parse(packet.head_bytes(), packet.size());
  if (left.kind == wire::FrameKind::kIp) last_.after = flow::TupleOf(left);
}

void Replayer::FindRules(bool decided, Tick now) {
  if (last_.is_dropped()) {
    const bool is_reported = !recorder_.reports.empty() && !recorder_.reports.back().passed;
    last_.drop = is_reported ? &recorder_.reports.back() : nullptr;
    last_.drop_stage =
        is_reported ? last_.drop->stage : slowpath::StageOf(last_.verdict.drop_reason);
  }
  if (decided) last_.way = rules_.Intern(recorder_.reports);
  if (!IsIp(buffer_.packet()) || last_.headers.is_icmp_error || !last_.is_delivered()) return;
  const std::optional<flow::FlowKey> key = pipeline_.KeyOf(buffer_.packet(), now);
  if (!key) return;
  const flow::Connection* connection = nullptr;
  const flow::Half* half = pipeline_.connections().Peek(*key, now, &connection);
  if (half == nullptr) return;
  const auto direction = half == &connection->half(flow::FlowDirection::kOriginal)
                             ? flow::FlowDirection::kOriginal
                             : flow::FlowDirection::kReply;
  if (decided) {
    rules_.Keep(*connection, direction, last_.way);
  } else {
    last_.way = rules_.Find(*connection, direction);
  }
}

void Replayer::Remember(const io::CapturedFrame& frame, bool decided) {
  if (!last_.is_delivered() || !IsIp(buffer_.packet())) return;
  const AnswerMemory::Departure departure{last_.verdict.port, last_.after};
  if (frame.packet_id != 0)
    departed_[frame.packet_id % departed_.size()] = {frame.packet_id, departure};
  if (!decided || last_.headers.is_icmp_error) return;
  answers_.Remember(last_.captured, departure);
  // For later fragments, which have no ports.
  const flow::FiveTuple addresses = WithoutPorts(last_.captured);
  if (!(addresses == last_.captured))
    answers_.Remember(addresses, {departure.port, WithoutPorts(departure.tuple)});
}

void Replayer::Count() {
  ++totals_.packets;
  if (last_.skip != SkipReason::kNone) {
    ++totals_.skips[static_cast<std::size_t>(last_.skip)];
    return;
  }
  totals_.bytes += last_.entered_size;
  if (last_.is_cut_short) ++totals_.cut_short;
  if (last_.is_dropped()) {
    ++totals_.drops[static_cast<std::size_t>(last_.verdict.drop_reason)];
  } else if (last_.is_delivered()) {
    ++totals_.delivered;
  } else {
    ++totals_.answered;
  }
}

}  // namespace taploom::replay
