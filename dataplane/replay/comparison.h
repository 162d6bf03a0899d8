// Comparison: the same packets through two fabrics, and what differs, by flow and rule.
//
//   Comparison comparison;
//   while (source.Next(frame)) {
//     if (old_replayer.Replay(frame) && new_replayer.Replay(frame))
//       comparison.Add(old_replayer, new_replayer);
//   }
#ifndef TAPLOOM_DATAPLANE_REPLAY_COMPARISON_H_
#define TAPLOOM_DATAPLANE_REPLAY_COMPARISON_H_

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "dataplane/flow/five_tuple.h"
#include "dataplane/flow/key_view.h"
#include "dataplane/replay/replayer.h"

namespace taploom::replay {

enum class Change : std::uint8_t { kNewlyAllowed, kNewlyDropped, kDifferentlyRouted };
constexpr const char* ToText(Change change) {
  switch (change) {
    case Change::kNewlyAllowed:
      return "newly allowed";
    case Change::kNewlyDropped:
      return "newly dropped";
    case Change::kDifferentlyRouted:
      return "differently routed";
  }
  return "?";
}

// A conversation that goes on otherwise than before, by its first packet that does.
struct ChangedFlow {
  flow::FiveTuple captured;  // of that packet
  std::uint64_t first_packet = 0, packets = 0;
};

// All that changed in the same way because of the same rules.
struct ChangedGroup {
  Change change;
  std::string before, after;  // what decided: rules, a drop, or where it went
  std::vector<ChangedFlow> flows;
};

// Memory: one entry per changed conversation; what stays the same is not kept.
class Comparison {
 public:
  // Compares what became of the packet that both replayed last. REQUIRES: both listen.
  void Add(const Replayer& before, const Replayer& after);

  // Ordered by kind of change, then by rules; flows in the order of the capture.
  const std::map<std::string, ChangedGroup>& groups() const { return groups_; }
  bool has_changes() const { return !groups_.empty(); }
  std::uint64_t packets() const { return packets_; }

 private:
  struct Hash {
    std::size_t operator()(const flow::FiveTuple& tuple) const { return flow::Hash({tuple, 0}, 0); }
  };
  struct Place {
    ChangedGroup* group;
    std::size_t flow;
  };
  std::map<std::string, ChangedGroup> groups_;
  std::unordered_map<flow::FiveTuple, Place, Hash> by_conversation_;
  std::uint64_t packets_ = 0;
};

}  // namespace taploom::replay

#endif  // TAPLOOM_DATAPLANE_REPLAY_COMPARISON_H_
