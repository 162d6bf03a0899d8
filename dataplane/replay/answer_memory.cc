#include "dataplane/replay/answer_memory.h"

namespace taploom::replay {

std::size_t AnswerMemory::SetOf(const flow::FiveTuple& tuple) {
  return flow::Hash({tuple, 0}, 0) % kSets * kWays;
}

void AnswerMemory::Remember(const flow::FiveTuple& captured, const Departure& departure) {
  const std::size_t set = SetOf(captured);
  Entry* oldest = &entries_[set];
  for (std::size_t i = set; i < set + kWays; ++i) {
    Entry& entry = entries_[i];
    if (entry.age != 0 && entry.captured == captured) {
      oldest = &entry;
      break;
    }
    if (entry.age < oldest->age) oldest = &entry;
  }
  *oldest = {captured, departure, ++age_};
}

const AnswerMemory::Departure* AnswerMemory::Find(const flow::FiveTuple& captured) const {
  const std::size_t set = SetOf(captured);
  for (std::size_t i = set; i < set + kWays; ++i) {
    if (entries_[i].age != 0 && entries_[i].captured == captured) return &entries_[i].departure;
  }
  return nullptr;
}

const AnswerMemory::Departure* AnswerMemory::FindQuestion(const flow::FiveTuple& captured) const {
  return Find(captured.Reversed());
}

}  // namespace taploom::replay
