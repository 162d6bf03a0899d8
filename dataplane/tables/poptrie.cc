#include "dataplane/tables/poptrie.h"

#include <algorithm>
#include <array>
#include <bit>

namespace taploom::tables {
namespace {

constexpr unsigned kStride = 6;
constexpr unsigned kSlots = 1u << kStride;

// In a root entry. The value below it has 31 bits; all ones is kNotFound itself.
constexpr std::uint32_t kLeafFlag = 0x80000000u;
constexpr std::uint32_t kLargestRootValue = 0x7ffffffeu;

// More nodes than this do not stay in a core's own caches, and are prefetched.
constexpr std::size_t kNodesInCache = 16'384;

// In a 16-bit leaf.
constexpr std::uint16_t kNarrowNotFound = 0xffffu;

// Multiples of the stride, so that node boundaries do not depend on the size of the table. Every
// step pays for itself only when the 2^bits entries are not many more than the routes.
unsigned RootBits(std::size_t route_count) {
  if (route_count < 64) return 0;
  if (route_count < 32'768) return 2 * kStride;
  return 3 * kStride;
}

// `count` bits of `key` after the first `offset`, as a number. Bits past the end of the key are
// zero. REQUIRES: count < 64, offset < the width of Word. Two shifts, because one by the full width
// (count = 0) is undefined.
template <typename Word>
[[gnu::always_inline]] inline std::uint32_t Bits(Word key, unsigned offset, unsigned count) {
  constexpr unsigned kWidth = sizeof(Word) * 8;
  return static_cast<std::uint32_t>(((key << offset) >> 1) >> (kWidth - 1 - count));
}

// The slot of a node at depth `offset`. Nearly every IPv6 prefix ends in the first half of the
// address, which is one register.
template <typename Word>
[[gnu::always_inline]] inline unsigned SlotOf(Word key, unsigned offset) {
  if constexpr (sizeof(Word) == 16) {
    if (offset <= 64 - kStride) return Bits(static_cast<std::uint64_t>(key >> 64), offset, kStride);
  }
  return Bits(key, offset, kStride);
}

// How many of the bits below `slot` are set in `vector`. One bzhi and one popcnt.
[[gnu::always_inline]] inline std::uint32_t Rank(std::uint64_t vector, unsigned slot) {
  const std::uint64_t below_slot = (std::uint64_t{1} << slot) - 1;
  return static_cast<std::uint32_t>(__builtin_popcountll(vector & below_slot));
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

}  // namespace

// Fills a Poptrie from the top. A sorted list needs no intermediate tree: the routes below a slot
// are a contiguous part of it, and a covering route stands before those it covers.
template <typename Word>
class Poptrie<Word>::Builder {
 public:
  explicit Builder(Poptrie& trie) : trie_(trie) {}

  void Build(std::span<const Route> routes) {
    if (routes.empty()) return;
    const unsigned bits = RootBits(routes.size());
    std::vector<std::uint32_t> values(std::size_t{1} << bits, kNotFound);
    std::vector<Child> children(std::min(values.size(), routes.size()));
    children.resize(Expand(routes, 0, bits, values, children));

    trie_.root_bits_ = bits;
    trie_.root_ = values;
    for (std::uint32_t& entry : trie_.root_) {
      if (entry > kLargestRootValue && entry != kNotFound) {
        // A value of 32 bits has no room beside the flag; a node that is one long leaf has.
        const std::uint32_t value = entry;
        entry = AddNodes(1);
        FillNode(entry, {}, bits, value);
      } else {
        entry |= kLeafFlag;
      }
    }
    for (const Child& child : children) {
      const std::uint32_t node = AddNodes(1);
      trie_.root_[child.slot] = node;
      FillNode(node, {child.begin, child.end}, bits, values[child.slot]);
    }
    StoreLeaves();
    trie_.nodes_.shrink_to_fit();
  }

 private:
  // The routes of one slot that are longer than the slot's own prefix.
  struct Child {
    std::uint32_t slot;
    const Route* begin;
    const Route* end;
  };

  // Spreads `routes`, all longer than `depth` (or of length 0 at depth 0) and equal in the first
  // `depth` bits, over the 2^bits slots there. `values` holds the inherited value on entry and, per
  // slot, that of its longest route up to depth + bits on return. Returns the number of `children`
  // written, in the order of slots.
  std::size_t Expand(std::span<const Route> routes, unsigned depth, unsigned bits,
                     std::span<std::uint32_t> values, std::span<Child> children) {
    const unsigned next_depth = depth + bits;
    std::size_t count = 0;
    for (const Route* route = routes.data(); route != routes.data() + routes.size();) {
      const std::uint32_t slot = Bits(route->key, depth, bits);
      if (route->length <= next_depth) {
        const std::size_t width = std::size_t{1} << (next_depth - route->length);
        std::fill_n(values.begin() + slot, width, route->value);
        ++route;
        continue;
      }
      const Route* const begin = route;
      bool decides = false;
      do {
        decides = decides || route->value != values[slot];
        ++route;
      } while (route != routes.data() + routes.size() && Bits(route->key, depth, bits) == slot);
      // Routes that say what the slot says already need no node.
      if (decides) children[count++] = {slot, begin, route};
    }
    return count;
  }

  void FillNode(std::uint32_t position, std::span<const Route> routes, unsigned depth,
                std::uint32_t inherited) {
    std::array<std::uint32_t, kSlots> values;
    values.fill(inherited);
    std::array<Child, kSlots> children;
    const std::size_t child_count = Expand(routes, depth, kStride, values, children);

    Node node;
    for (std::size_t i = 0; i < child_count; ++i) {
      node.vectors[kChild] |= std::uint64_t{1} << children[i].slot;
    }
    node.bases[kLeaf] = static_cast<std::uint32_t>(leaves_.size());
    for (unsigned slot = 0; slot < kSlots; ++slot) {
      if ((node.vectors[kChild] >> slot & 1) != 0) continue;
      const bool is_first = leaves_.size() == node.bases[kLeaf];
      if (!is_first && leaves_.back() == values[slot]) continue;
      // The first run begins at slot 0, whatever lies there: children never ask.
      if (!is_first) node.vectors[kLeaf] |= std::uint64_t{1} << (slot - 1);
      leaves_.push_back(values[slot]);
    }
    node.bases[kChild] = AddNodes(child_count);
    trie_.nodes_[position] = node;
    for (std::size_t i = 0; i < child_count; ++i) {
      FillNode(node.bases[kChild] + static_cast<std::uint32_t>(i),
               {children[i].begin, children[i].end}, depth + kStride, values[children[i].slot]);
    }
  }

  std::uint32_t AddNodes(std::size_t count) {
    const auto first = static_cast<std::uint32_t>(trie_.nodes_.size());
    trie_.nodes_.resize(trie_.nodes_.size() + count);
    return first;
  }

  void StoreLeaves() {
    leaves_.push_back(kNotFound);  // so that there is a first leaf, which WalkBatch may read for
                                   // keys that have none
    const bool all_fit = std::all_of(leaves_.begin(), leaves_.end(), [](std::uint32_t value) {
      return value < kNarrowNotFound || value == kNotFound;
    });
    if (!all_fit) {
      trie_.wide_leaves_.assign(leaves_.begin(), leaves_.end());
      return;
    }
    trie_.narrow_leaves_.reserve(leaves_.size());
    for (const std::uint32_t value : leaves_) {
      trie_.narrow_leaves_.push_back(static_cast<std::uint16_t>(value));  // kNotFound → 0xffff
    }
  }

  Poptrie& trie_;
  std::vector<std::uint32_t> leaves_;
};

template <typename Word>
Poptrie<Word>::Poptrie(std::span<const Route> routes) {
  Builder(*this).Build(routes);
}

template <typename Word>
inline std::uint32_t Poptrie<Word>::Leaf(std::uint32_t position) const {
  if (!wide_leaves_.empty()) return wide_leaves_[position];
  const std::uint16_t leaf = narrow_leaves_[position];
  return leaf == kNarrowNotFound ? kNotFound : leaf;
}

template <typename Word>
[[gnu::always_inline]] inline std::uint32_t Poptrie<Word>::Walk(Word key) const {
  if (root_.empty()) return kNotFound;
  const std::uint32_t entry = root_[Bits(key, 0, root_bits_)];
  if ((entry & kLeafFlag) != 0) return entry == kNotFound ? kNotFound : entry & ~kLeafFlag;
  const Node* node = &nodes_[entry];
  for (unsigned offset = root_bits_;; offset += kStride) {
    const unsigned slot = Bits(key, offset, kStride);
    if ((node->vectors[kChild] >> slot & 1) == 0)
      return Leaf(node->bases[kLeaf] + Rank(node->vectors[kLeaf], slot));
    node = &nodes_[node->bases[kChild] + Rank(node->vectors[kChild], slot)];
  }
}

template <typename Word>
TAPLOOM_TARGET_POPCNT std::uint32_t Poptrie<Word>::WalkWithPopcnt(Word key) const {
  return Walk(key);
}

template <typename Word>
std::uint32_t Poptrie<Word>::Find(Word key) const {
  static const bool has_popcnt = CpuHasPopcnt();
  return has_popcnt ? WalkWithPopcnt(key) : Walk(key);
}

// Every key has a place in `entry`: what the root says of it, then the positions of nodes, in the
// end that of its leaf. `walking` lists the keys that have not come to their leaf.
template <typename Word>
template <bool kIsLarge, typename LeafType>
[[gnu::always_inline]] inline void Poptrie<Word>::WalkBatch(const Word* keys, std::uint32_t* values,
                                                            std::size_t count,
                                                            const LeafType* leaves) const {
  std::array<std::uint32_t, kBatch> entry;
  std::array<std::uint8_t, kBatch> walking;
  std::size_t walking_count = 0;
  const std::uint32_t* const root = root_.data();
  const Node* const nodes = nodes_.data();
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t found = root[Bits(keys[i], 0, root_bits_)];
    const std::uint32_t is_node = (found & kLeafFlag) == 0 ? 1 : 0;
    entry[i] = found;
    walking[walking_count] = static_cast<std::uint8_t>(i);
    walking_count += is_node;
    if constexpr (kIsLarge) __builtin_prefetch(&nodes[found & (0 - is_node)]);
  }
  for (unsigned offset = root_bits_; walking_count > 0; offset += kStride) {
    const std::size_t step_count = walking_count;
    walking_count = 0;
    for (std::size_t k = 0; k < step_count; ++k) {
      const std::uint8_t i = walking[k];
      const Node& node = nodes[entry[i]];
      const unsigned slot = SlotOf(keys[i], offset);
      const std::size_t kind = node.vectors[kChild] >> slot & 1;
      const std::uint32_t next = node.bases[kind] + Rank(node.vectors[kind], slot);
      entry[i] = next;
      walking[walking_count] = i;
      walking_count += kind;
      if constexpr (kIsLarge) {
        __builtin_prefetch(kind == kChild ? static_cast<const void*>(&nodes[next]) : &leaves[next]);
      }
    }
  }
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint32_t found = entry[i];
    const bool is_decided = (found & kLeafFlag) != 0;
    const LeafType leaf = leaves[is_decided ? 0 : found];
    const std::uint32_t from_leaf = leaf == static_cast<LeafType>(kNotFound) ? kNotFound : leaf;
    const std::uint32_t from_root = found == kNotFound ? kNotFound : found & ~kLeafFlag;
    values[i] = is_decided ? from_root : from_leaf;
  }
}

template <typename Word>
[[gnu::always_inline]] inline void Poptrie<Word>::WalkBatches(
    std::span<const Word> keys, std::span<std::uint32_t> values) const {
  if (root_.empty()) {
    std::fill_n(values.begin(), keys.size(), kNotFound);
    return;
  }
  for (std::size_t at = 0; at < keys.size(); at += kBatch) {
    const std::size_t count = std::min(kBatch, keys.size() - at);
    const Word* const some = keys.data() + at;
    std::uint32_t* const theirs = values.data() + at;
    if (!wide_leaves_.empty()) {
      WalkBatch<true>(some, theirs, count, wide_leaves_.data());
    } else if (nodes_.size() > kNodesInCache) {
      WalkBatch<true>(some, theirs, count, narrow_leaves_.data());
    } else {
      WalkBatch<false>(some, theirs, count, narrow_leaves_.data());
    }
  }
}

template <typename Word>
TAPLOOM_TARGET_POPCNT void Poptrie<Word>::WalkBatchesWithPopcnt(
    std::span<const Word> keys, std::span<std::uint32_t> values) const {
  WalkBatches(keys, values);
}

template <typename Word>
void Poptrie<Word>::FindBulk(std::span<const Word> keys, std::span<std::uint32_t> values) const {
  static const bool has_popcnt = CpuHasPopcnt();
  return has_popcnt ? WalkBatchesWithPopcnt(keys, values) : WalkBatches(keys, values);
}

template <typename Word>
std::size_t Poptrie<Word>::memory_bytes() const {
  return root_.capacity() * sizeof(root_[0]) + nodes_.capacity() * sizeof(nodes_[0]) +
         narrow_leaves_.capacity() * sizeof(narrow_leaves_[0]) +
         wide_leaves_.capacity() * sizeof(wide_leaves_[0]);
}

template class Poptrie<std::uint64_t>;
template class Poptrie<unsigned __int128>;

}  // namespace taploom::tables
