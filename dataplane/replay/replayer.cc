#include "dataplane/replay/replayer.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "dataplane/slowpath/describe.h"
#include "dataplane/slowpath/passages.h"

namespace taploom::replay {
namespace {

// Fixed, so that NAT ports are the same in every run. A running dataplane draws it at boot.
constexpr std::uint64_t kSeed = 1;

// A longer pause changes nothing: every idle timer has ended (the longest is five days), and the
// timing wheel need not step through the years of a clock that was set wrong.
constexpr std::int64_t kLongestPauseNs = std::int64_t{30} * 24 * 3600 * 1'000'000'000;

}  // namespace

flow::FiveTuple ReplayedPacket::After() const {
  if (packet == nullptr) return {};
  const wire::Headers left = wire::Parse(packet->head_bytes(), packet->size());
  return left.kind == wire::FrameKind::kIp ? flow::TupleOf(left) : flow::FiveTuple();
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
      arrivals_(*snapshot_, {.in_port = options_.in_port, .map = options_.map}),
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
  if (arrivals_.IsSeenAgain(frame)) {
    arrivals_.Learn(frame);
    return false;
  }
  const std::uint64_t number = last_.number + 1;
  last_ = ReplayedPacket();
  last_.number = number;
  last_.time_ns = frame.time_ns;
  const Tick now = now_ = TickOf(frame.time_ns);
  const bool enters = arrivals_.Load(frame) && arrivals_.Enter();
  last_.skip = arrivals_.arrival().skip;
  last_.captured = arrivals_.arrival().captured;
  if (!enters) {
    Count();
    return true;
  }
  NoteEntered();
  const std::uint64_t decisions = counters_.slow_path_packets.value();
  Process(now);
  const bool decided = counters_.slow_path_packets.value() != decisions;
  if (options_.listens) FindRules(decided, now);
  Remember(decided);
  Count();
  return true;
}

void Replayer::FindPassages(std::vector<observe::GatewayPassage>& passages) const {
  Packet packet = arrivals_.packet();
  slowpath::FindPassages(recorder_.reports, packet, pipeline_.connections(), now_, passages);
}

void Replayer::NoteEntered() {
  const Packet& packet = arrivals_.packet();
  last_.in_port = arrivals_.arrival().port;
  last_.before = arrivals_.arrival().before;
  last_.is_cut_short = arrivals_.buffer().is_cut_short();
  last_.recorded_size = arrivals_.buffer().recorded_size();
  last_.entered_size = packet.size();
  if (!options_.keeps_entering_frames) return;
  entered_head_.assign(packet.head, packet.head + packet.head_size);
  entered_tail_.assign(packet.tail, packet.tail + packet.tail_size);
  const std::size_t in_head = std::min<std::size_t>(last_.recorded_size, entered_head_.size());
  last_.entered_head = std::span(entered_head_).first(in_head);
  last_.entered_tail = std::span(entered_tail_).first(last_.recorded_size - in_head);
}

void Replayer::Process(Tick now) {
  Packet& packet = arrivals_.packet();
  recorder_.reports.clear();
  pipeline_.Expire(now);
  pipeline_.Process({&packet, 1}, now);
  last_.verdict = packet.verdict;
  last_.headers = packet.headers;
  if (packet.verdict.kind == Verdict::Kind::kDrop) return;
  last_.packet = &packet;
}

void Replayer::FindRules(bool decided, Tick now) {
  if (last_.is_dropped()) {
    const bool is_reported = !recorder_.reports.empty() && !recorder_.reports.back().passed;
    last_.drop = is_reported ? &recorder_.reports.back() : nullptr;
    last_.drop_stage =
        is_reported ? last_.drop->stage : slowpath::StageOf(last_.verdict.drop_reason);
  }
  if (decided) last_.way = rules_.Intern(recorder_.reports);
  if (!arrivals_.packet().is_ip() || last_.headers.is_icmp_error || !last_.is_delivered()) return;
  const std::optional<flow::FlowKey> key = pipeline_.KeyOf(arrivals_.packet(), now);
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

void Replayer::Remember(bool decided) {
  if (!last_.is_delivered() || !arrivals_.packet().is_ip()) return;
  const bool is_new = decided && !last_.headers.is_icmp_error;
  if (!is_new && arrivals_.packet_id() == 0) return;
  arrivals_.Remember(arrivals_.arrival(), arrivals_.packet_id(),
                     {last_.verdict.port, last_.After()}, is_new);
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
