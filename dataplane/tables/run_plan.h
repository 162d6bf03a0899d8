// RunPlanner: which runs the slots of a node form, from a sorted list of routes.
//
// No intermediate tree is needed: the routes below a slot are a contiguous part of the list, and a
// covering route stands before those it covers.
#ifndef TAPLOOM_DATAPLANE_TABLES_RUN_PLAN_H_
#define TAPLOOM_DATAPLANE_TABLES_RUN_PLAN_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace taploom::tables {

template <typename Word>
struct PrefixRoute {
  Word key = 0;  // bits after the first `length` are zero
  std::uint32_t value = 0;
  std::uint8_t length = 0;
};

// The `count` bits of `key` after the first `offset`, as a number. Bits past the end of the key are
// zero. REQUIRES: offset < the width of Word; 0 < count <= 32.
template <typename Word>
[[gnu::always_inline]] inline std::uint32_t BitsOf(Word key, unsigned offset, unsigned count) {
  constexpr unsigned kWidth = sizeof(Word) * 8;
  return static_cast<std::uint32_t>(static_cast<Word>(key << offset) >> (kWidth - count));
}

template <typename Word>
struct PlannedRun {
  std::uint32_t start;  // its first slot
  std::uint32_t value;  // of the longest route that covers all of it; kNotFound without one
  std::span<const PrefixRoute<Word>>
      routes;  // longer ones: a single slot that needs a node below it

  bool needs_node() const { return !routes.empty(); }
};

template <typename Word>
class RunPlanner {
 public:
  // Spreads `routes` over the 2^bits slots of a node at `depth`: all of them have at least `depth`
  // bits and are equal in these. `inherited` is what the slots say without them.
  // Fills `plan` with at least one run, in the order of slots, none saying what its predecessor
  // says. Returns false, with an unusable plan, when there are more than `limit` runs.
  bool Plan(std::span<const PrefixRoute<Word>> routes, unsigned depth, unsigned bits,
            std::uint32_t inherited, std::size_t limit, std::vector<PlannedRun<Word>>& plan) {
    const std::uint32_t slot_count = std::uint32_t{1} << bits;
    const unsigned next_depth = depth + bits;
    plan.clear();
    covering_.assign(1, {slot_count, inherited});
    Begin(plan, 0, inherited);
    while (!routes.empty()) {
      const PrefixRoute<Word>& route = routes.front();
      const std::uint32_t slot = BitsOf(route.key, depth, bits);
      Leave(plan, slot);
      std::size_t taken = 1;
      if (route.length <= next_depth) {
        const std::uint32_t width = std::uint32_t{1} << (next_depth - route.length);
        Begin(plan, slot, route.value);
        covering_.push_back({slot + width, route.value});
      } else {
        taken = BelowSlot(routes, slot, depth, bits);
        const std::uint32_t around = covering_.back().value;
        if (SaySomethingElse(routes.first(taken), around)) {
          Begin(plan, slot, around, routes.first(taken));
          if (slot + 1 < slot_count) Begin(plan, slot + 1, around);
        }
      }
      routes = routes.subspan(taken);
      if (plan.size() > limit + 1) return false;  // the last one may yet be replaced
    }
    Leave(plan, slot_count);
    return plan.size() <= limit;
  }

 private:
  // A route that covers the slots up to `end`, exclusive.
  struct Covering {
    std::uint32_t end, value;
  };

  static std::size_t BelowSlot(std::span<const PrefixRoute<Word>> routes, std::uint32_t slot,
                               unsigned depth, unsigned bits) {
    std::size_t count = 1;
    while (count < routes.size() && BitsOf(routes[count].key, depth, bits) == slot) ++count;
    return count;
  }

  static bool SaySomethingElse(std::span<const PrefixRoute<Word>> routes, std::uint32_t value) {
    for (const PrefixRoute<Word>& route : routes) {
      if (route.value != value) return true;
    }
    return false;
  }

  // From slot `start` on, `value` is said. A run of no slots gives way; equal neighbours are one.
  static void Begin(std::vector<PlannedRun<Word>>& plan, std::uint32_t start, std::uint32_t value,
                    std::span<const PrefixRoute<Word>> routes = {}) {
    if (!plan.empty() && plan.back().start == start) plan.pop_back();
    const bool continues =
        routes.empty() && !plan.empty() && !plan.back().needs_node() && plan.back().value == value;
    if (!continues) plan.push_back({start, value, routes});
  }

  // The routes that end before `slot` cover nothing any more.
  void Leave(std::vector<PlannedRun<Word>>& plan, std::uint32_t slot) {
    while (covering_.size() > 1 && covering_.back().end <= slot) {
      const std::uint32_t end = covering_.back().end;
      covering_.pop_back();
      if (end < covering_.front().end) Begin(plan, end, covering_.back().value);
    }
  }

  std::vector<Covering> covering_;  // around the current slot, widest first
};

}  // namespace taploom::tables

#endif  // TAPLOOM_DATAPLANE_TABLES_RUN_PLAN_H_
