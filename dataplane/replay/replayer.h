// Replayer: captured frames through a fabric that exists as a snapshot only. No process, device or
// clock: time is the capture's.
//
//   Replayer replayer(snapshot, {});
//   while (source.Next(frame)) {
//     if (replayer.Replay(frame)) Use(replayer.last());
//   }
//
// The same frames, snapshot and options always give the same results.
#ifndef TAPLOOM_DATAPLANE_REPLAY_REPLAYER_H_
#define TAPLOOM_DATAPLANE_REPLAY_REPLAYER_H_

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/io/frame_source.h"
#include "dataplane/observe/counters.h"
#include "dataplane/observe/gateway_passage.h"
#include "dataplane/pipeline.h"
#include "dataplane/replay/arrival.h"
#include "dataplane/replay/decided_rules.h"
#include "dataplane/replay/port_names.h"
#include "dataplane/replay/prefix_map.h"
#include "dataplane/slowpath/sink.h"

namespace taploom::replay {

struct ReplayedPacket {
  std::uint64_t number = 0;  // from 1, over all captures
  std::int64_t time_ns = 0;  // as captured
  SkipReason skip = SkipReason::kNone;

  // Of a frame that entered:
  tables::PortId in_port = tables::kNoPort;
  wire::Headers headers;             // as it entered; kind tells whether there are tuples
  flow::FiveTuple captured, before;  // in the file; as it entered
  Verdict verdict;
  bool is_cut_short = false;  // not all of the frame was recorded; the rest is zeros
  std::uint32_t recorded_size = 0;
  std::uint32_t entered_size = 0;
  std::span<const std::uint8_t> entered_head, entered_tail;  // with Options::keeps_entering_frames

  // Of a frame that left: forwarded, or the fabric's answer to it.
  Packet* packet = nullptr;
  // As which it left; zeros when it is no IP packet. O(parsing it).
  flow::FiveTuple After() const;

  // With Options::listens:
  std::uint32_t way = DecidedRules::kNone;
  Stage drop_stage = Stage::kParse;
  const slowpath::StageReport* drop = nullptr;  // what the stage said, when it said something

  bool leaves() const { return skip == SkipReason::kNone && verdict.kind != Verdict::Kind::kDrop; }
  bool is_dropped() const {
    return skip == SkipReason::kNone && verdict.drop_reason != DropReason::kNone;
  }
  bool is_delivered() const {
    return skip == SkipReason::kNone &&
           (verdict.kind == Verdict::Kind::kForward || verdict.kind == Verdict::Kind::kFragment);
  }
};

struct ReplayTotals {
  std::uint64_t packets = 0, delivered = 0, answered = 0, cut_short = 0, bytes = 0;
  std::array<std::uint64_t, kDropReasonCount> drops{};
  std::array<std::uint64_t, kSkipReasonCount> skips{};

  std::uint64_t dropped() const;
  std::uint64_t skipped() const;
};

class Replayer {
 public:
  struct Options {
    tables::PortId in_port = tables::kNoPort;  // as Arrivals::Options
    PrefixMap map;
    bool listens = false;                // finds out which rules decided
    bool keeps_entering_frames = false;  // for those who write them down
  };

  Replayer(std::shared_ptr<const tables::Snapshot> snapshot, Options options);

  // False when the frame shows a packet that was replayed before, at a gateway of the fabric that
  // was recorded or where it left it: it is no packet of its own.
  bool Replay(const io::CapturedFrame& frame);

  // Good until the next Replay.
  const ReplayedPacket& last() const { return last_; }
  // The gateways that the last packet's decision names (see slowpath/passages.h), with
  // Options::listens. REQUIRES: it entered.
  void FindPassages(std::vector<observe::GatewayPassage>& passages) const;
  const ReplayTotals& totals() const { return totals_; }
  const PortNames& names() const { return arrivals_.names(); }
  const DecidedRules& rules() const { return rules_; }
  const tables::Snapshot& snapshot() const { return *snapshot_; }
  const flow::ConnectionTable& connections() const { return pipeline_.connections(); }

 private:
  Tick TickOf(std::int64_t time_ns);
  void NoteEntered();
  void Process(Tick now);
  void FindRules(bool decided, Tick now);
  void Remember(bool decided);
  void Count();

  const std::shared_ptr<const tables::Snapshot> snapshot_;
  const Options options_;
  Arrivals arrivals_;
  Tick now_{};  // of the last packet
  observe::Counters counters_;
  Pipeline pipeline_;
  slowpath::RecordingSink recorder_;
  DecidedRules rules_;
  std::vector<std::uint8_t> entered_head_, entered_tail_;
  std::optional<std::int64_t> last_time_ns_;
  std::int64_t now_ns_ = 0;
  ReplayedPacket last_;
  ReplayTotals totals_;
};

}  // namespace taploom::replay

#endif  // TAPLOOM_DATAPLANE_REPLAY_REPLAYER_H_
