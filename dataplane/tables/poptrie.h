// Poptrie: the compressed trie behind Lpm, for one address family. (Asai, Ohara: SIGCOMM 2015, §3.)
//
// A node looks at 6 bits of the key, so it has 64 slots. Each slot is either a child or a leaf:
//
//   vector   bit i set: slot i is a child, the popcount(vector below i)-th of those that lie
//            contiguously from nodes[base1].
//   leafvec  bit i set: slot i + 1 begins another run of leaf slots with one value, so that the
//   value
//            of a slot is the popcount(leafvec below it)-th from leaves[base0]. Children in between
//            do not end a run: they never ask for it.
//
// The first bits of the key index `root_` directly. How many depends on the number of routes: none
// for the handful of a VPC route table, which then fits in a few cache lines, up to 18 for a table
// of internet size, where they save three dependent loads.
#ifndef TAPLOOM_DATAPLANE_TABLES_POPTRIE_H_
#define TAPLOOM_DATAPLANE_TABLES_POPTRIE_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace taploom::tables {

// `Word` is an unsigned integer that holds a key in its highest bits: std::uint64_t for IPv4 (the
// lower half is zero), unsigned __int128 for IPv6.
template <typename Word>
class Poptrie {
 public:
  static constexpr std::uint32_t kNotFound = 0xffffffffu;

  struct Route {
    Word key = 0;  // bits after the first `length` are zero
    std::uint32_t value = 0;
    std::uint8_t length = 0;
  };

  Poptrie() = default;
  // REQUIRES: sorted by key, then length; no (key, length) twice.
  explicit Poptrie(std::span<const Route> routes);

  // The value of the longest route that contains `key`, or kNotFound.
  std::uint32_t Find(Word key) const;

  // The same for many keys: values[i] = Find(keys[i]). A step of the walk is taken for a batch of
  // keys before the next step, so their cache misses overlap, and where a key's walk ends is no
  // branch that the processor has to guess. REQUIRES: as many values as keys.
  void FindBulk(std::span<const Word> keys, std::span<std::uint32_t> values) const;

  std::size_t memory_bytes() const;

 private:
  // vectors[kChild] and bases[kChild] are the paper's vector and base1, vectors[kLeaf] and
  // bases[kLeaf] its leafvec and base0: what a slot is then chooses by an index, not by a branch.
  static constexpr std::size_t kLeaf = 0, kChild = 1;
  struct Node {
    std::uint64_t vectors[2] = {};
    std::uint32_t bases[2] = {};
  };
  static_assert(sizeof(Node) == 24, "§3.3: a node is 24 bytes, so 1 M routes stay in the cache");

  class Builder;

  // The same walk, compiled with and without the processor's popcnt instruction.
  std::uint32_t Walk(Word key) const;
  std::uint32_t WalkWithPopcnt(Word key) const;

  static constexpr std::size_t kBatch = 64;
  template <bool kIsLarge, typename LeafType>
  void WalkBatch(const Word* keys, std::uint32_t* values, std::size_t count,
                 const LeafType* leaves) const;
  void WalkBatches(std::span<const Word> keys, std::span<std::uint32_t> values) const;
  void WalkBatchesWithPopcnt(std::span<const Word> keys, std::span<std::uint32_t> values) const;

  std::uint32_t Leaf(std::uint32_t position) const;

  unsigned root_bits_ = 0;
  // 2^root_bits_ entries: a node's position, or kLeafFlag with a value. Empty: no routes at all.
  std::vector<std::uint32_t> root_;
  std::vector<Node> nodes_;
  // Exactly one of the two is in use: 16-bit leaves whenever every value fits.
  std::vector<std::uint16_t> narrow_leaves_;
  std::vector<std::uint32_t> wide_leaves_;
};

extern template class Poptrie<std::uint64_t>;
extern template class Poptrie<unsigned __int128>;

}  // namespace taploom::tables

#endif  // TAPLOOM_DATAPLANE_TABLES_POPTRIE_H_
