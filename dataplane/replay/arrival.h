// Arrivals: makes a captured frame into what its sender in the fabric would hand to its device.
//
//   Arrivals arrivals(snapshot, {});
//   while (source.Next(frame)) {
//     if (arrivals.IsSeenAgain(frame)) { arrivals.Learn(frame); continue; }
//     arrivals.Load(frame);
//     if (!arrivals.Enter()) continue;              // arrival().skip says why
//     … arrivals.packet() enters at arrival().port, and leaves …
//     arrivals.Remember({port, tuple it left as});  // so that its answer enters there
//   }
#ifndef TAPLOOM_DATAPLANE_REPLAY_ARRIVAL_H_
#define TAPLOOM_DATAPLANE_REPLAY_ARRIVAL_H_

#include <array>
#include <cstdint>
#include <optional>

#include "dataplane/flow/five_tuple.h"
#include "dataplane/io/frame_source.h"
#include "dataplane/packet.h"
#include "dataplane/replay/answer_memory.h"
#include "dataplane/replay/entrances.h"
#include "dataplane/replay/frame_buffer.h"
#include "dataplane/replay/port_names.h"
#include "dataplane/replay/prefix_map.h"
#include "dataplane/tables/snapshot.h"

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

struct Arrival {
  SkipReason skip = SkipReason::kNone;
  tables::PortId port = tables::kNoPort;  // where it enters
  flow::FiveTuple captured, before;       // as captured, mapped; as it enters
};

class Arrivals {
 public:
  struct Options {
    tables::PortId in_port = tables::kNoPort;  // where everything enters; kNoPort = by addresses
    PrefixMap map;
  };

  // `snapshot` must outlive it.
  Arrivals(const tables::Snapshot& snapshot, Options options);

  // Whether the frame shows a packet that was given before, at a gateway of the fabric that was
  // recorded or where it left it: it is no packet of its own.
  bool IsSeenAgain(const io::CapturedFrame& frame) const;
  // What such a frame tells, when it is where the packet left: as what its receiver knows the
  // packet, so that the receiver's answer is known too.
  void Learn(const io::CapturedFrame& frame);

  // First half: takes the frame in; arrival().captured is known afterwards. False when there is
  // nothing in it that could enter: arrival().skip says why.
  bool Load(const io::CapturedFrame& frame);
  // Second half: finds the entrance and makes packet() what enters there. False as above. REQUIRES:
  // Load returned true.
  bool Enter();

  // What is known of the frame at hand, and its bytes: both good until the next Load.
  const Arrival& arrival() const { return arrival_; }
  FrameBuffer& buffer() { return buffer_; }
  Packet& packet() { return buffer_.packet(); }
  const Packet& packet() const { return buffer_.packet(); }
  // Whether it is an answer to something that is remembered.
  bool IsKnownAnswer() const { return answers_.FindQuestion(arrival_.captured) != nullptr; }

  // How a packet that entered has left; it need not be the one at hand. `is_new`: its flow may have
  // left otherwise before, or never.
  void Remember(const Arrival& arrival, std::uint64_t packet_id,
                const AnswerMemory::Departure& departure, bool is_new);
  std::uint64_t packet_id() const { return packet_id_; }  // of the frame at hand
  const PortNames& names() const { return names_; }

 private:
  // A packet of a whole-fabric capture, by its id, until its leaving has been seen too.
  struct Departed {
    std::uint64_t packet_id = 0;
    AnswerMemory::Departure departure;
  };

  bool Skip(SkipReason reason);
  Entrance FindEntrance();
  void TurnQuoted(Entrance& entrance);
  void EnterAs(const Entrance& entrance, bool keeps_destination);

  const tables::Snapshot& snapshot_;
  const Options options_;
  const PortNames names_;
  const Entrances entrances_;
  AnswerMemory answers_;
  FrameBuffer buffer_, departure_;
  Arrival arrival_;
  bool is_ethernet_ = false, is_ip_ = false;
  tables::PortId sender_ = tables::kNoPort;       // whose MAC the frame at hand comes from
  tables::PortId recorded_at_ = tables::kNoPort;  // whose device received the frame at hand
  std::uint64_t packet_id_ = 0;
  std::optional<flow::FiveTuple> quoted_;  // what the error at hand is to quote
  std::array<Departed, 1024> departed_{};
  std::array<std::uint64_t, 1024> entered_ids_{};
};

}  // namespace taploom::replay

#endif  // TAPLOOM_DATAPLANE_REPLAY_ARRIVAL_H_
