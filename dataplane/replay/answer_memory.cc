#include "dataplane/replay/answer_memory.h"

namespace taploom::replay {

AnswerMemory::Place AnswerMemory::PlaceOf(const flow::FiveTuple& tuple) {
  const std::uint64_t hash = flow::Hash({tuple, 0}, 0);
  return {hash % kSets, static_cast<std::uint32_t>(hash >> 32) | 1u};
}

void AnswerMemory::Remember(const flow::FiveTuple& captured, const Departure& departure) {
  const flow::FlowKey key{captured, 0};
  const Place place = PlaceOf(captured);
  Entry* const ways = &entries_[place.set * kWays];
  std::size_t oldest = 0;
  for (std::size_t way = 0; way < kWays; ++way) {
    if (ways[way].age != 0 && ways[way].captured == key) {
      oldest = way;
      break;
    }
    if (ways[way].age < ways[oldest].age) oldest = way;
  }
  ways[oldest] = {key, departure, ++age_};
  tags_[place.set][oldest] = place.tag;
}

const AnswerMemory::Departure* AnswerMemory::Find(const flow::FiveTuple& captured) const {
  const flow::FlowKey key{captured, 0};
  const Place place = PlaceOf(captured);
  for (std::size_t way = 0; way < kWays; ++way) {
    if (tags_[place.set][way] != place.tag) continue;
    const Entry& entry = entries_[place.set * kWays + way];
    if (entry.captured == key) return &entry.departure;
  }
  return nullptr;
}

const AnswerMemory::Departure* AnswerMemory::FindQuestion(const flow::FiveTuple& captured) const {
  return Find(captured.Reversed());
}

}  // namespace taploom::replay
