// OutcomeDesk: where workers leave word of what became of injected frames that were handed over to
// them, for the worker that the frames were injected into.
#ifndef TAPLOOM_DATAPLANE_WORKER_OUTCOME_DESK_H_
#define TAPLOOM_DATAPLANE_WORKER_OUTCOME_DESK_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "dataplane/worker/injection_format.h"

namespace taploom::worker {

// Frames are known by a tag, which is never 0 and never the same again.
class OutcomeDesk {
 public:
  // Of the frames whose outcome has not been taken, no two may have tags further apart.
  static constexpr std::size_t kPlaces = 1024;

  // The worker that has decided the frame.
  void Put(std::uint64_t tag, const InjectionOutcome& outcome) {
    Place& place = places_[tag % kPlaces];
    place.outcome = outcome;
    place.tag.store(tag, std::memory_order_release);
  }

  // The worker that waits for it; nothing when it is not known yet.
  std::optional<InjectionOutcome> Find(std::uint64_t tag) const {
    const Place& place = places_[tag % kPlaces];
    if (place.tag.load(std::memory_order_acquire) != tag) return std::nullopt;
    return place.outcome;
  }

 private:
  struct Place {
    std::atomic<std::uint64_t> tag{0};
    InjectionOutcome outcome;
  };
  std::array<Place, kPlaces> places_;
};

}  // namespace taploom::worker

#endif  // TAPLOOM_DATAPLANE_WORKER_OUTCOME_DESK_H_
