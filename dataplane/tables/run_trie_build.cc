// How a RunTrie is built: from the root, a node at a time.
#include <algorithm>
#include <bit>
#include <cassert>
#include <limits>

#include "dataplane/tables/run_trie.h"

namespace taploom::tables {
namespace {

// A root table has at most a node for so many routes: 20 bytes a route.
constexpr std::size_t kRoutesPerRootNode = 2;
constexpr unsigned kMostRootBits = 16;
constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max() - 1;

// What stays in a core's own caches, beside everything else that a packet needs.
constexpr std::size_t kLargeBytes = std::size_t{256} << 10;

}  // namespace

template <typename Word>
class RunTrie<Word>::Builder {
 public:
  explicit Builder(RunTrie& trie) : trie_(trie) {}

  void Build(std::span<const PrefixRoute<Word>> routes) {
    std::uint32_t inherited = kNotFound;
    if (!routes.empty() && routes.front().length == 0) {
      inherited = routes.front().value;
      routes = routes.subspan(1);
    }
    trie_.outside_ = static_cast<Run>(inherited);
    trie_.inside_ = static_cast<Run>(inherited);
    if (routes.empty()) return;

    SkipBits(SharedBits(routes), routes.front().key);
    if (routes.size() == 1) {
      trie_.inside_ = static_cast<Run>(routes.front().value);
    } else if (Plan plan; planner_.Plan(routes, trie_.skipped_bits_, ListNode::kBits, inherited,
                                        ListNode::kMostRuns, plan)) {
      trie_.inside_ = AddList(plan, trie_.skipped_bits_);
    } else {
      AddRootTable(routes, inherited);
    }
    StoreRuns();
    trie_.bitmap_nodes_.shrink_to_fit();
    trie_.list_nodes_.shrink_to_fit();
    trie_.is_large_ = trie_.memory_bytes() > kLargeBytes;
  }

 private:
  using Plan = std::vector<PlannedRun<Word>>;
  static constexpr unsigned kWidth = sizeof(Word) * 8;
  // A root table looks at bits of one register.
  static constexpr unsigned kLeadingBits = std::min(kWidth, 64u);

  // How many of the first bits all routes have, and have in common.
  static unsigned SharedBits(std::span<const PrefixRoute<Word>> routes) {
    unsigned shared = kWidth;
    for (const PrefixRoute<Word>& route : routes) shared = std::min<unsigned>(shared, route.length);
    const Word differing = routes.front().key ^ routes.back().key;
    while (shared > 0 && static_cast<Word>(differing >> (kWidth - shared)) != 0) --shared;
    return shared;
  }

  void SkipBits(unsigned count, Word key) {
    trie_.skipped_bits_ = static_cast<std::uint8_t>(count);
    trie_.span_ = count == 0 ? ~Word{0} : static_cast<Word>((Word{1} << (kWidth - count)) - 1);
    trie_.first_ = key & ~trie_.span_;
  }

  // As many bits as the routes pay for, such that the bits behind begin with a whole byte, where
  // most prefixes end.
  static unsigned RootBits(std::size_t route_count, unsigned skipped_bits) {
    unsigned bits = (0u - skipped_bits) % 8;
    unsigned chosen = 0;
    for (; bits <= kMostRootBits; bits += 8) {
      if (skipped_bits + bits + BitmapNode::kBits > kLeadingBits) break;
      if (std::size_t{1} << bits > route_count / kRoutesPerRootNode) break;
      chosen = bits;
    }
    return chosen;
  }

  void AddRootTable(std::span<const PrefixRoute<Word>> routes, std::uint32_t inherited) {
    const unsigned skipped =
        std::min<unsigned>(trie_.skipped_bits_, kLeadingBits - BitmapNode::kBits);
    SkipBits(skipped, routes.front().key);
    const unsigned bits = RootBits(routes.size(), skipped);
    trie_.root_bits_ = static_cast<std::uint8_t>(bits);
    trie_.root_shift_ = static_cast<std::uint8_t>(kLeadingBits - trie_.root_depth());
    const std::size_t count = std::size_t{1} << bits;
    trie_.root_nodes_.resize(count + 1);
    Plan plan;
    planner_.Plan(routes, skipped, bits + BitmapNode::kBits, inherited, kNoLimit, plan);
    AddRuns(plan, trie_.root_depth(), trie_.root_nodes_, 0, count);
    trie_.root_nodes_.back().first = static_cast<std::uint32_t>(runs_.size());
    runs_.push_back(trie_.outside_);
  }

  Run RunOf(const PlannedRun<Word>& planned, unsigned depth) {
    if (!planned.needs_node()) return static_cast<Run>(planned.value);
    Plan plan;
    if (planner_.Plan(planned.routes, depth, ListNode::kBits, planned.value, ListNode::kMostRuns,
                      plan)) {
      return AddList(plan, depth);
    }
    planner_.Plan(planned.routes, depth, BitmapNode::kBits, planned.value, kNoLimit, plan);
    const std::size_t index = trie_.bitmap_nodes_.size();
    trie_.bitmap_nodes_.emplace_back();
    AddRuns(plan, depth + BitmapNode::kBits, trie_.bitmap_nodes_, index, 1);
    return ChildRun(NodeKind::kBitmap, index);
  }

  Run AddList(const Plan& plan, unsigned depth) {
    const std::size_t index = trie_.list_nodes_.size();
    trie_.list_nodes_.emplace_back();
    ListNode node;
    std::fill(std::begin(node.starts), std::end(node.starts), std::uint16_t{0xffff});
    for (std::size_t i = 0; i < plan.size(); ++i) {
      node.starts[i] = static_cast<std::uint16_t>(plan[i].start);
      node.runs[i] = RunOf(plan[i], depth + ListNode::kBits);
    }
    std::fill(std::begin(node.runs) + plan.size(), std::end(node.runs), node.runs[plan.size() - 1]);
    trie_.list_nodes_[index] = node;
    return ChildRun(NodeKind::kList, index);
  }

  // Gives the `count` nodes from `nodes[begin]` on, which stand side by side, the runs of `plan`.
  void AddRuns(const Plan& plan, unsigned child_depth, std::vector<BitmapNode>& nodes,
               std::size_t begin, std::size_t count) {
    const std::size_t first = runs_.size();
    runs_.resize(first + plan.size());
    for (const PlannedRun<Word>& planned : std::span(plan).subspan(1)) {
      BitmapNode& node = nodes[begin + (planned.start >> BitmapNode::kBits)];
      node.starts[planned.start / 64 % 4] |= std::uint64_t{1} << (planned.start % 64);
    }
    std::size_t position = first;
    for (BitmapNode& node : std::span(nodes).subspan(begin, count)) {
      node.first = static_cast<std::uint32_t>(position);
      for (std::size_t word = 0; word < 4; ++word) {
        node.earlier[word] = static_cast<std::uint8_t>(position - node.first);
        position += static_cast<std::size_t>(std::popcount(node.starts[word]));
      }
    }
    // Children may move the nodes and the runs.
    for (std::size_t i = 0; i < plan.size(); ++i) {
      const Run run = RunOf(plan[i], child_depth);
      runs_[first + i] = run;
    }
  }

  void StoreRuns() {
    using Narrow = std::numeric_limits<std::int16_t>;
    const bool all_fit = std::all_of(runs_.begin(), runs_.end(), [](Run run) {
      return run >= Narrow::min() && run <= Narrow::max();
    });
    if (all_fit) {
      trie_.narrow_runs_.reserve(runs_.size());
      for (const Run run : runs_) trie_.narrow_runs_.push_back(static_cast<std::int16_t>(run));
    } else {
      trie_.wide_runs_.assign(runs_.begin(), runs_.end());
    }
  }

  RunTrie& trie_;
  RunPlanner<Word> planner_;
  std::vector<Run> runs_;
};

template <typename Word>
RunTrie<Word>::RunTrie(std::span<const PrefixRoute<Word>> routes) {
  assert(std::all_of(routes.begin(), routes.end(),
                     [](const PrefixRoute<Word>& route) { return route.value <= kLargestValue; }));
  Builder(*this).Build(routes);
}

template RunTrie<std::uint32_t>::RunTrie(std::span<const PrefixRoute<std::uint32_t>>);
template RunTrie<unsigned __int128>::RunTrie(std::span<const PrefixRoute<unsigned __int128>>);

}  // namespace taploom::tables
