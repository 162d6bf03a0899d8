#include "dataplane/worker/trace.h"

#include <limits>
#include <string>

#include "dataplane/slowpath/describe.h"
#include "dataplane/slowpath/slow_path.h"
#include "dataplane/slowpath/walk.h"

namespace taploom::worker {
namespace {

// A record's text is counted by 16 bits; a packet with more to say than that is told without the
// words of its stages.
constexpr std::size_t kLongestText = std::numeric_limits<std::uint16_t>::max();

template <typename Bytes>
std::string TextOfBytes(const Bytes& bytes) {
  return {bytes.begin(), bytes.end()};
}

void SetTuple(const flow::FiveTuple& tuple, config::TracedTuple& traced) {
  traced.set_source(TextOfBytes(tuple.source.bytes()));
  traced.set_destination(TextOfBytes(tuple.destination.bytes()));
  traced.set_source_port(tuple.source_port);
  traced.set_destination_port(tuple.destination_port);
  traced.set_protocol(tuple.protocol);
}

const char* KindText(wire::FrameKind kind) {
  switch (kind) {
    case wire::FrameKind::kIp:
      return "ip";
    case wire::FrameKind::kArp:
      return "arp";
    case wire::FrameKind::kMalformed:
      return "malformed";
    case wire::FrameKind::kUnsupported:
      break;
  }
  return "unsupported";
}

config::TracedHeaders HeadersOf(const Packet& packet, const wire::Headers& headers) {
  config::TracedHeaders traced;
  traced.set_kind(KindText(headers.kind));
  traced.set_size(packet.size());
  if (packet.head_size >= wire::kEthernetSize) {
    traced.set_source_mac(TextOfBytes(wire::SourceMac(packet.head).bytes));
    traced.set_destination_mac(TextOfBytes(wire::DestinationMac(packet.head).bytes));
  }
  if (packet.vnet.is_gso()) traced.set_segment_size(packet.vnet.gso_size);
  if (headers.kind != wire::FrameKind::kIp) return traced;
  SetTuple(flow::TupleOf(headers), *traced.mutable_tuple());
  traced.set_ttl(headers.ttl);
  traced.set_tcp_flags(headers.tcp_flags);
  traced.set_icmp_type(headers.icmp_type);
  traced.set_icmp_code(headers.icmp_code);
  traced.set_is_fragment(headers.is_fragment);
  return traced;
}

// One outside of the walk: the packet is as it was at the stage before.
config::TracedStage& AddStage(config::TracedPacket& packet, Stage stage) {
  const int count = packet.stages_size();
  config::TracedTuple tuple =
      count > 0 ? packet.stages(count - 1).after() : packet.entered().tuple();
  config::TracedStage& traced = *packet.add_stages();
  traced.set_stage(static_cast<std::uint32_t>(stage));
  if (!packet.entered().has_tuple()) return traced;
  *traced.mutable_before() = tuple;
  *traced.mutable_after() = std::move(tuple);
  return traced;
}

void AddReport(const slowpath::StageReport& report, config::TracedPacket& packet) {
  config::TracedStage& traced = *packet.add_stages();
  traced.set_stage(static_cast<std::uint32_t>(report.stage));
  if (!report.passed) traced.set_reason(static_cast<std::uint32_t>(report.reason));
  traced.set_component_id(report.component_id);
  traced.set_component_name(report.component_name);
  traced.set_rule_id(report.rule_id);
  traced.set_detail(report.detail);
  SetTuple(report.before, *traced.mutable_before());
  SetTuple(report.after, *traced.mutable_after());
}

bool EndsInDrop(const slowpath::RecordingSink& recorder) {
  return !recorder.reports.empty() && !recorder.reports.back().passed;
}

}  // namespace

Trace::Sighting Trace::See(Packet& packet, Tick now) const {
  Sighting sighting;
  wire::Parse(packet.head_bytes(), packet.size(), packet.headers);
  sighting.headers = HeadersOf(packet, packet.headers);
  if (packet.headers.kind != wire::FrameKind::kIp) return sighting;
  sighting.view = slowpath::ViewOf(packet);
  sighting.key = pipeline_.KeyOf(packet, now);
  if (!sighting.key) return sighting;
  sighting.view.tuple = sighting.key->tuple;
  const flow::Connection* connection = nullptr;
  const flow::Half* half = pipeline_.connections().Peek(*sighting.key, now, &connection);
  if (half == nullptr) return sighting;
  sighting.connection_state = flow::ToText(connection->state);
  sighting.direction = half == &connection->half(flow::FlowDirection::kOriginal)
                           ? flow::FlowDirection::kOriginal
                           : flow::FlowDirection::kReply;
  return sighting;
}

void Trace::Process(Packet& packet, Tick tick, Clock::time_point now, Origin origin) {
  EndPacket();
  BeginPacket(now);
  if (!ring_.wants(packet.ingress_port)) {
    Decide(packet, tick, origin);
    return;
  }
  const Sighting sighting = See(packet, tick);
  bool matches = Matches(packet);
  if (!Decide(packet, tick, origin)) return;
  matches |= packet.verdict.kind != Verdict::Kind::kDrop && Matches(packet);
  if (matches && matches_++ % sample_every_ == 0) Tell(sighting, packet, tick);
}

void Trace::Tell(const Sighting& sighting, const Packet& packet, Tick now) {
  traced_.emplace();
  entered_port_ = packet.ingress_port;
  *traced_->mutable_entered() = sighting.headers;
  traced_->set_verdict(ToText(packet.verdict.kind));
  traced_->set_drop_reason(static_cast<std::uint32_t>(packet.verdict.drop_reason));
  if (sighting.connection_state != nullptr) {
    const bool is_reply = sighting.direction == flow::FlowDirection::kReply;
    AddStage(*traced_, Stage::kConnection)
        .set_detail(std::string("of a known connection, ") + sighting.connection_state +
                    (is_reply ? ", reply" : ", original direction"));
  }
  if (recorder_.reports.empty()) TellAgain(sighting, packet, now);
  for (const slowpath::StageReport& report : recorder_.reports) AddReport(report, *traced_);
  // What is found behind the walk: its connection's state, its size, its time to live.
  const DropReason reason = packet.verdict.drop_reason;
  if (reason != DropReason::kNone && !EndsInDrop(recorder_))
    AddStage(*traced_, slowpath::StageOf(reason)).set_reason(static_cast<std::uint32_t>(reason));
}

void Trace::TellAgain(const Sighting& sighting, const Packet& packet, Tick now) {
  if (!sighting.key || packet.headers.is_icmp_error) return;
  const flow::ConnectionTable& connections = pipeline_.connections();
  const flow::Connection* connection = nullptr;
  if (connections.Peek(*sighting.key, now, &connection) == nullptr) return;
  // The walk only reads; a ConnectionRef is also what the fast path writes through.
  const flow::ConnectionRef flow{const_cast<flow::Connection*>(connection), sighting.direction};
  constexpr std::uint64_t kNoPort = 0;  // of a new binding, which a known connection needs none of
  slowpath::Walk<slowpath::RecordingSink>(pipeline_.snapshot(), connections, flow, now, kNoPort,
                                          recorder_)
      .Run(sighting.view);
}

void Trace::NoteSent(std::uint16_t port, const Packet& frame) {
  if (!traced_) return;
  traced_->set_left_frames(traced_->left_frames() + 1);
  if (traced_->left_frames() > 1) return;
  traced_->set_left_port(port);
  *traced_->mutable_left() =
      HeadersOf(frame, wire::Parse({frame.head, frame.head_size}, frame.size()));
}

void Trace::NoteFailure(DropReason reason, std::uint16_t /*port*/, const Packet& /*frame*/) {
  if (!traced_) return;
  traced_->set_drop_reason(static_cast<std::uint32_t>(reason));
  AddStage(*traced_, Stage::kDeliver).set_reason(static_cast<std::uint32_t>(reason));
}

void Trace::EndPacket() {
  if (!traced_) return;
  std::string text = traced_->SerializeAsString();
  if (text.size() > kLongestText) {
    traced_->clear_stages();
    text = traced_->SerializeAsString();
  }
  observe::CaptureRecord* record =
      ring_.Add(entered_port_, false, packet_id_, time_ns_, Packet(), text.size());
  if (record != nullptr) ring_.SetText(*record, text);
  traced_.reset();
}

}  // namespace taploom::worker
