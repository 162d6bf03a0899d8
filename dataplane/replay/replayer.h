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
#include "dataplane/pipeline.h"
#include "dataplane/replay/answer_memory.h"
#include "dataplane/replay/decided_rules.h"
#include "dataplane/replay/entrances.h"
#include "dataplane/replay/frame_buffer.h"
#include "dataplane/replay/port_names.h"
#include "dataplane/replay/prefix_map.h"
#include "dataplane/slowpath/sink.h"

namespace taploom::replay {

// Why a captured frame did not enter the fabric at all. One line per reason: identifier, name, and
// a plain sentence.
#define TAPLOOM_SKIP_REASONS(X)                                                                  \
  X(kNone, "NONE", "The frame entered the fabric.")                                              \
  X(kNotIp, "NOT_IP", "The frame carries no IP packet, and no interface of the fabric sent it.") \
  X(kCutShort, "CUT_SHORT", "The recording ends inside the link layer's header.")                \
  X(kUnknownLink, "UNKNOWN_LINK_TYPE", "Frames of this link type cannot be read.")               \
  X(kNoEntrance, "NO_ENTRANCE", "Nobody in the fabric sends from the source address.")

enum class SkipReason : std::uint8_t {
#define TAPLOOM_X(identifier, name, sentence) identifier,
  TAPLOOM_SKIP_REASONS(TAPLOOM_X)
#undef TAPLOOM_X
      kCount
};
inline constexpr std::size_t kSkipReasonCount = static_cast<std::size_t>(SkipReason::kCount);

struct SkipReasonText {
  const char* name;
  const char* sentence;
};
SkipReasonText TextOf(SkipReason reason);

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
  flow::FiveTuple after;

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
    tables::PortId in_port = tables::kNoPort;  // where everything enters; kNoPort = by addresses
    PrefixMap map;
    bool listens = false;                // finds out which rules decided
    bool keeps_entering_frames = false;  // for those who write them down
  };

  Replayer(std::shared_ptr<const tables::Snapshot> snapshot, Options options);

  // False when the frame shows a packet that was replayed before, where it left the fabric that was
  // recorded: it is no packet of its own.
  bool Replay(const io::CapturedFrame& frame);

  // Good until the next Replay.
  const ReplayedPacket& last() const { return last_; }
  const ReplayTotals& totals() const { return totals_; }
  const PortNames& names() const { return names_; }
  const DecidedRules& rules() const { return rules_; }
  const tables::Snapshot& snapshot() const { return *snapshot_; }
  const flow::ConnectionTable& connections() const { return pipeline_.connections(); }

 private:
  // A packet of a whole-fabric capture, by its id, until its leaving has been seen too.
  struct Departed {
    std::uint64_t packet_id = 0;
    AnswerMemory::Departure departure;
  };

  Tick TickOf(std::int64_t time_ns);
  void Learn(const io::CapturedFrame& frame);
  std::optional<Entrance> FindEntrance(const io::CapturedFrame& frame, bool is_ethernet);
  void EnterAs(const Entrance& entrance, bool keeps_macs);
  void TurnQuoted(Entrance& entrance);
  void Process(Tick now);
  void FindRules(bool decided, Tick now);
  void Remember(const io::CapturedFrame& frame, bool decided);
  void Count();

  const std::shared_ptr<const tables::Snapshot> snapshot_;
  const Options options_;
  const PortNames names_;
  Entrances entrances_;
  AnswerMemory answers_;
  FrameBuffer buffer_;
  observe::Counters counters_;
  Pipeline pipeline_;
  slowpath::RecordingSink recorder_;
  DecidedRules rules_;
  std::optional<flow::FiveTuple> quoted_;  // what the error at hand is to quote
  std::vector<std::uint8_t> entered_head_, entered_tail_;
  std::array<Departed, 1024> departed_{};
  std::optional<std::int64_t> last_time_ns_;
  std::int64_t now_ns_ = 0;
  ReplayedPacket last_;
  ReplayTotals totals_;
};

}  // namespace taploom::replay

#endif  // TAPLOOM_DATAPLANE_REPLAY_REPLAYER_H_
