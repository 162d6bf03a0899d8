#include "dataplane/tables/run_trie.h"

#include <algorithm>
#include <array>
#include <type_traits>

namespace taploom::tables {
namespace {

// The first bits of a key, in one register: all that a root table looks at.
template <typename Word>
using Leading = std::conditional_t<(sizeof(Word) > 8), std::uint64_t, Word>;

template <typename Word>
[[gnu::always_inline]] inline Leading<Word> LeadingOf(Word key) {
  return static_cast<Leading<Word>>(key >> (sizeof(Word) - sizeof(Leading<Word>)) * 8);
}

// The slot of a node at `depth`. Nearly every IPv6 walk ends in the first half of the address.
template <typename Node, typename Word>
[[gnu::always_inline]] inline unsigned SlotIn(Word key, unsigned depth) {
  if constexpr (sizeof(Word) > 8) {
    if (depth + Node::kBits <= 64) return BitsOf(LeadingOf(key), depth, Node::kBits);
  }
  return BitsOf(key, depth, Node::kBits);
}

#if defined(__x86_64__)
// Without -march, popcount compiles to a library call; every x86-64 of the last decade has popcnt.
#define TAPLOOM_TARGET_POPCNT [[gnu::target("popcnt,bmi,bmi2")]]
bool CpuHasPopcnt() {
  return __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("bmi") &&
         __builtin_cpu_supports("bmi2");
}
#else
#define TAPLOOM_TARGET_POPCNT
bool CpuHasPopcnt() { return false; }
#endif

constexpr std::size_t kBatch = 64;

}  // namespace

template <typename Word>
[[gnu::always_inline]] inline std::uint32_t RunTrie<Word>::RootSlot(Word key) const {
  // Subtraction wraps: keys on either side of those inside come out behind them.
  const auto offset = static_cast<Leading<Word>>(LeadingOf(key) - LeadingOf(first_));
  const Leading<Word> behind = Leading<Word>{1} << (root_bits_ + BitmapNode::kBits);
  return static_cast<std::uint32_t>(
      std::min(static_cast<Leading<Word>>(offset >> root_shift_), behind));
}

template <typename Word>
[[gnu::always_inline]] inline Run RunTrie<Word>::RunAt(std::uint32_t position) const {
  return wide_runs_.empty() ? narrow_runs_[position] : wide_runs_[position];
}

template <typename Word>
[[gnu::always_inline]] inline std::uint32_t RunTrie<Word>::Walk(Word key) const {
  Run run;
  unsigned depth = skipped_bits_;
  if (has_root_table()) {
    const std::uint32_t slot = RootSlot(key);
    run = RunAt(root_nodes_[slot >> BitmapNode::kBits].PositionOf(slot % 256));
    depth = root_depth();
  } else {
    run = static_cast<Word>(key - first_) > span_ ? outside_ : inside_;
  }
  while (IsChild(run)) {
    if (IsList(run)) {
      run = list_nodes_[NodeIndex(run)].RunOf(SlotIn<ListNode>(key, depth));
      depth += ListNode::kBits;
    } else {
      const BitmapNode& node = bitmap_nodes_[NodeIndex(run)];
      run = RunAt(node.PositionOf(SlotIn<BitmapNode>(key, depth)));
      depth += BitmapNode::kBits;
    }
  }
  return static_cast<std::uint32_t>(run);
}

template <typename Word>
TAPLOOM_TARGET_POPCNT std::uint32_t RunTrie<Word>::WalkWithPopcnt(Word key) const {
  return Walk(key);
}

template <typename Word>
std::uint32_t RunTrie<Word>::Find(Word key) const {
  static const bool has_popcnt = CpuHasPopcnt();
  return has_popcnt ? WalkWithPopcnt(key) : Walk(key);
}

// Up to kBatch keys on their way. values[i] is what was last said about key i: in the end its
// value. `walking` lists those that a child has yet to decide, `depths` has how many bits they have
// spent.
template <typename Word>
struct RunTrie<Word>::Batch {
  Batch(std::span<const Word> all_keys, std::span<std::uint32_t> all_values, std::size_t at)
      : keys(&all_keys[at]),
        values(&all_values[at]),
        count(std::min(kBatch, all_keys.size() - at)) {}

  const Word* keys;
  std::uint32_t* values;
  std::size_t count;
  std::size_t walking_count = 0;
  std::array<std::uint8_t, kBatch> walking;  // left as they are until they are written
  std::array<std::uint8_t, kBatch> depths;

  [[gnu::always_inline]] void Settle(std::size_t i, Run run) {
    values[i] = static_cast<std::uint32_t>(run);
    walking[walking_count] = static_cast<std::uint8_t>(i);
    walking_count += IsChild(run) ? 1 : 0;
  }
};

template <typename Word>
template <bool kIsLarge, typename StoredRun>
[[gnu::always_inline]] inline void RunTrie<Word>::WalkRootTable(Batch& batch,
                                                                const StoredRun* runs) const {
  const BitmapNode* const nodes = root_nodes_.data();
  if constexpr (!kIsLarge) {
    for (std::size_t i = 0; i < batch.count; ++i) {
      const std::uint32_t slot = RootSlot(batch.keys[i]);
      batch.Settle(i, runs[nodes[slot >> BitmapNode::kBits].PositionOf(slot % 256)]);
    }
    return;
  }
  std::array<std::uint32_t, kBatch> places;
  for (std::size_t i = 0; i < batch.count; ++i) {
    places[i] = RootSlot(batch.keys[i]);
    __builtin_prefetch(&nodes[places[i] >> BitmapNode::kBits]);
  }
  for (std::size_t i = 0; i < batch.count; ++i) {
    places[i] = nodes[places[i] >> BitmapNode::kBits].PositionOf(places[i] % 256);
    __builtin_prefetch(&runs[places[i]]);
  }
  for (std::size_t i = 0; i < batch.count; ++i) batch.Settle(i, runs[places[i]]);
}

template <typename Word>
template <bool kIsLarge, typename StoredRun>
[[gnu::always_inline]] inline void RunTrie<Word>::WalkLevel(Batch& batch,
                                                            const StoredRun* runs) const {
  const BitmapNode* const bitmap_nodes = bitmap_nodes_.data();
  const ListNode* const list_nodes = list_nodes_.data();
  std::array<std::uint8_t, kBatch> at_bitmap, at_list;
  std::array<std::uint32_t, kBatch> places;
  std::size_t bitmap_count = 0, list_count = 0;
  for (std::size_t k = 0; k < batch.walking_count; ++k) {
    const std::uint8_t i = batch.walking[k];
    const auto run = static_cast<Run>(batch.values[i]);
    const std::uint32_t node = NodeIndex(run);
    const bool is_list = IsList(run);
    places[i] = node;
    at_bitmap[bitmap_count] = i;
    bitmap_count += is_list ? 0 : 1;
    at_list[list_count] = i;
    list_count += is_list ? 1 : 0;
    if constexpr (kIsLarge) {
      __builtin_prefetch(is_list ? static_cast<const void*>(&list_nodes[node])
                                 : static_cast<const void*>(&bitmap_nodes[node]));
    }
  }
  batch.walking_count = 0;
  for (std::size_t k = 0; k < bitmap_count; ++k) {
    const std::uint8_t i = at_bitmap[k];
    const unsigned depth = batch.depths[i];
    const BitmapNode& node = bitmap_nodes[places[i]];
    places[i] = node.PositionOf(SlotIn<BitmapNode>(batch.keys[i], depth));
    batch.depths[i] = static_cast<std::uint8_t>(depth + BitmapNode::kBits);
    if constexpr (kIsLarge) __builtin_prefetch(&runs[places[i]]);
  }
  for (std::size_t k = 0; k < list_count; ++k) {
    const std::uint8_t i = at_list[k];
    const unsigned depth = batch.depths[i];
    const ListNode& node = list_nodes[places[i]];
    batch.depths[i] = static_cast<std::uint8_t>(depth + ListNode::kBits);
    batch.Settle(i, node.RunOf(SlotIn<ListNode>(batch.keys[i], depth)));
  }
  for (std::size_t k = 0; k < bitmap_count; ++k) {
    const std::uint8_t i = at_bitmap[k];
    batch.Settle(i, runs[places[i]]);
  }
}

template <typename Word>
template <bool kIsLarge, typename StoredRun>
[[gnu::always_inline]] inline void RunTrie<Word>::WalkBatch(Batch& batch,
                                                            const StoredRun* runs) const {
  unsigned depth = skipped_bits_;
  if (has_root_table()) {
    WalkRootTable<kIsLarge>(batch, runs);
    depth = root_depth();
  } else {
    for (std::size_t i = 0; i < batch.count; ++i) {
      batch.Settle(i, static_cast<Word>(batch.keys[i] - first_) > span_ ? outside_ : inside_);
    }
  }
  for (std::size_t k = 0; k < batch.walking_count; ++k) {
    batch.depths[batch.walking[k]] = static_cast<std::uint8_t>(depth);
  }
  while (batch.walking_count > 0) WalkLevel<kIsLarge>(batch, runs);
}

template <typename Word>
[[gnu::always_inline]] inline void RunTrie<Word>::WalkBatches(
    std::span<const Word> keys, std::span<std::uint32_t> values) const {
  for (std::size_t at = 0; at < keys.size(); at += kBatch) {
    Batch batch(keys, values, at);
    if (!wide_runs_.empty()) {
      WalkBatch<true>(batch, wide_runs_.data());
    } else if (is_large_) {
      WalkBatch<true>(batch, narrow_runs_.data());
    } else {
      WalkBatch<false>(batch, narrow_runs_.data());
    }
  }
}

template <typename Word>
TAPLOOM_TARGET_POPCNT void RunTrie<Word>::WalkBatchesWithPopcnt(
    std::span<const Word> keys, std::span<std::uint32_t> values) const {
  WalkBatches(keys, values);
}

template <typename Word>
void RunTrie<Word>::FindBulk(std::span<const Word> keys, std::span<std::uint32_t> values) const {
  static const bool has_popcnt = CpuHasPopcnt();
  return has_popcnt ? WalkBatchesWithPopcnt(keys, values) : WalkBatches(keys, values);
}

template <typename Word>
std::size_t RunTrie<Word>::memory_bytes() const {
  const auto bytes = [](const auto& items) { return items.capacity() * sizeof(items[0]); };
  return bytes(root_nodes_) + bytes(bitmap_nodes_) + bytes(list_nodes_) + bytes(narrow_runs_) +
         bytes(wide_runs_);
}

template class RunTrie<std::uint32_t>;
template class RunTrie<unsigned __int128>;

}  // namespace taploom::tables
