// AnswerMemory: how each captured flow left the replayed fabric, so that its answers can enter
// there.
//
// A capture shows a conversation as one machine saw it. Recorded on web-1, behind a NAT gateway:
//
//   captured   10.0.2.50:40000 → 5.6.7.8:80        replayed: leaves at api as 203.0.113.10:9000 → …
//   captured   5.6.7.8:80 → 10.0.2.50:40000        must enter at api as 5.6.7.8:80 →
//   203.0.113.10:9000
//
// The second is the reverse of the first, so it enters where the first left, reversed.
#ifndef TAPLOOM_DATAPLANE_REPLAY_ANSWER_MEMORY_H_
#define TAPLOOM_DATAPLANE_REPLAY_ANSWER_MEMORY_H_

#include <array>
#include <cstdint>

#include "dataplane/flow/five_tuple.h"
#include "dataplane/flow/key_view.h"
#include "dataplane/flow/mapped_array.h"
#include "dataplane/tables/snapshot.h"

namespace taploom::replay {

class AnswerMemory {
 public:
  struct Departure {
    tables::PortId port = tables::kNoPort;
    flow::FiveTuple tuple;  // as it left
  };

  AnswerMemory() : tags_(kSets), entries_(kSets * kWays) {}

  void Remember(const flow::FiveTuple& captured, const Departure& departure);
  // Where the flow left whose answer this is; nullptr when it is nobody's.
  const Departure* FindQuestion(const flow::FiveTuple& captured) const;
  const Departure* Find(const flow::FiveTuple& captured) const;

 private:
  // Fixed: 262,144 flows; the oldest of a set gives way.
  static constexpr std::size_t kSets = 65'536, kWays = 4;
  struct Entry {
    flow::FlowKey captured;  // at port 0: compared without a branch
    Departure departure;
    std::uint64_t age = 0;  // 0 = empty
  };
  // Which set, and a tag that is never 0: looked at first, because most packets are no answer to a
  // question that is remembered here, and entries are far apart in memory.
  struct Place {
    std::size_t set;
    std::uint32_t tag;
  };
  static Place PlaceOf(const flow::FiveTuple& tuple);

  // Most captures hold few flows: memory is touched as they come.
  flow::MappedArray<std::array<std::uint32_t, kWays>> tags_;
  flow::MappedArray<Entry> entries_;
  std::uint64_t age_ = 0;
};

}  // namespace taploom::replay

#endif  // TAPLOOM_DATAPLANE_REPLAY_ANSWER_MEMORY_H_
