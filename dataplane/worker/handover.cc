#include "dataplane/worker/handover.h"

namespace taploom::worker {

Handover::Handover(std::uint16_t workers) {
  for (std::uint16_t from = 0; from < workers; ++from) {
    bells_.push_back(std::make_unique<Doorbell>());
    for (std::uint16_t to = 0; to < workers; ++to)
      rings_.push_back(from == to ? nullptr : std::make_unique<HandoverRing>());
  }
}

void Handover::Deliver(std::uint16_t from) {
  for (std::uint16_t to = 0; to < workers(); ++to) {
    if (to != from && ring(from, to).Publish()) bell(to).Ring();
  }
}

}  // namespace taploom::worker
