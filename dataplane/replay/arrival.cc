#include "dataplane/replay/arrival.h"

#include <algorithm>
#include <utility>

#include "dataplane/rewrite/rewrite.h"
#include "dataplane/slowpath/next_hop.h"
#include "dataplane/wire/layout.h"

namespace taploom::replay {
namespace {

using Kind = io::NetworkLayer::Kind;

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

Arrivals::Arrivals(const tables::Snapshot& snapshot, Options options)
    : snapshot_(snapshot), options_(std::move(options)), names_(snapshot_), entrances_(snapshot_) {}

bool Arrivals::IsSeenAgain(const io::CapturedFrame& frame) const {
  if (frame.packet_id == 0) return false;
  if (names_.Find(frame.interface) != tables::kNoPort)
    return frame.direction == io::FrameDirection::kOutbound;
  return entered_ids_[frame.packet_id % entered_ids_.size()] == frame.packet_id;
}

void Arrivals::Learn(const io::CapturedFrame& frame) {
  const Departed& departed = departed_[frame.packet_id % departed_.size()];
  if (departed.packet_id != frame.packet_id || frame.direction != io::FrameDirection::kOutbound)
    return;
  if (departure_.Load(frame).kind != Kind::kIp || !departure_.packet().is_ip()) return;
  const flow::FiveTuple seen = flow::TupleOf(departure_.packet().headers);
  if (names_.Find(frame.interface) == departed.departure.port &&
      !(seen == departed.departure.tuple))
    answers_.Remember(seen, departed.departure);
}

bool Arrivals::Skip(SkipReason reason) {
  arrival_.skip = reason;
  return false;
}

bool Arrivals::Load(const io::CapturedFrame& frame) {
  arrival_ = Arrival();
  quoted_.reset();
  packet_id_ = frame.packet_id;
  if (packet_id_ != 0) entered_ids_[packet_id_ % entered_ids_.size()] = packet_id_;
  recorded_at_ = frame.direction == io::FrameDirection::kInbound && !frame.interface.empty()
                     ? names_.Find(frame.interface)
                     : tables::kNoPort;
  const io::NetworkLayer layer = buffer_.Load(frame, recorded_at_ != tables::kNoPort);
  is_ethernet_ = layer.is_ethernet;
  switch (layer.kind) {
    case Kind::kIp:
      break;
    case Kind::kOther:
      if (!is_ethernet_) return Skip(SkipReason::kNotIp);
      break;
    case Kind::kCutShort:
      return Skip(SkipReason::kCutShort);
    case Kind::kUnknownLink:
      return Skip(SkipReason::kUnknownLink);
  }
  if (packet().is_ip()) {
    arrival_.captured = options_.map.empty() ? flow::TupleOf(packet().headers)
                                             : options_.map.Map(flow::TupleOf(packet().headers));
  } else if (const auto addresses = AddressesOf(packet())) {
    arrival_.captured = *addresses;
  }
  is_ip_ = layer.kind == Kind::kIp;
  return true;
}

bool Arrivals::Enter() {
  sender_ = is_ethernet_ ? entrances_.OwnerOf(wire::SourceMac(packet().head)) : tables::kNoPort;
  Entrance entrance = FindEntrance();
  if (entrance.port == tables::kNoPort)
    return Skip(is_ip_ ? SkipReason::kNoEntrance : SkipReason::kNotIp);
  if (packet().headers.is_icmp_error) TurnQuoted(entrance);
  // A frame of the fabric's own goes where it went. MACs depend on the fabric's name, so those of
  // another run are not known; but that a frame went to a group is kept.
  const std::uint8_t* head = packet().head;
  const bool is_known = sender_ == entrance.port;
  const bool keeps_destination = is_known || (recorded_at_ != tables::kNoPort && is_ethernet_ &&
                                              wire::DestinationMac(head).is_group());
  EnterAs(entrance, keeps_destination);
  return true;
}

Entrance Arrivals::FindEntrance() {
  tables::PortId port = options_.in_port;
  if (port == tables::kNoPort) port = recorded_at_;
  if (port == tables::kNoPort) port = sender_;
  return port != tables::kNoPort ? entrances_.At(port, arrival_.captured, answers_)
                                 : entrances_.Find(arrival_.captured, answers_);
}

// An ICMP error is about a packet that its sender received: it must quote what that received here.
void Arrivals::TurnQuoted(Entrance& entrance) {
  const wire::Headers quoted =
      wire::ParseQuoted(rewrite::QuotedPacket(packet()), packet().headers.family);
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
void Arrivals::EnterAs(const Entrance& entrance, bool keeps_destination) {
  Packet& frame = packet();
  frame.ingress_port = entrance.port;
  arrival_.port = entrance.port;
  arrival_.before = entrance.tuple;

  flow::FlowAction change;
  // What was recorded under the MAC of another of the fabric's machines was sent under it.
  const bool is_foreign = recorded_at_ != tables::kNoPort && sender_ != tables::kNoPort;
  change.source_mac = is_foreign ? wire::SourceMac(frame.head) : snapshot_.MacOf(entrance.port);
  change.destination_mac = keeps_destination ? wire::DestinationMac(frame.head)
                                             : slowpath::NextHopMac(snapshot_, entrance.port,
                                                                    entrance.tuple.destination);
  if (frame.is_ip()) {
    rewrite::PrepareTranslation(flow::TupleOf(frame.headers), entrance.tuple, change);
    rewrite::Apply(frame, change, entrance.tuple);
    if (quoted_) rewrite::ApplyToQuoted(frame, *quoted_);
  } else {
    std::copy(change.destination_mac.bytes.begin(), change.destination_mac.bytes.end(), frame.head);
    std::copy(change.source_mac.bytes.begin(), change.source_mac.bytes.end(), frame.head + 6);
  }
}

void Arrivals::Remember(const Arrival& arrival, std::uint64_t packet_id,
                        const AnswerMemory::Departure& departure, bool is_new) {
  if (packet_id != 0) departed_[packet_id % departed_.size()] = {packet_id, departure};
  if (!is_new) return;
  answers_.Remember(arrival.captured, departure);
  // For later fragments, which have no ports.
  const flow::FiveTuple addresses = WithoutPorts(arrival.captured);
  if (!(addresses == arrival.captured))
    answers_.Remember(addresses, {departure.port, WithoutPorts(departure.tuple)});
}

}  // namespace taploom::replay
