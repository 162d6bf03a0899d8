// RunTrie: the compressed trie behind Lpm, for one address family.
//
// Keys have few neighbours that say something else, so nodes keep runs of slots (trie_nodes.h). A
// node whose 65,536 slots form up to eight runs is a ListNode and spends 16 bits of the key, which
// is what the sparse parts of a table are made of: a provider's IPv6 prefixes, or all of a small
// table. Any other is a BitmapNode and spends 8.
//
// The root begins behind the bits that all routes but a default share. A table of many routes has a
// root table: the first of those bits index an array of BitmapNodes. With 1 M IPv4 routes these are
// 16 bits, so that a node and a run, two loads from 3.6 MiB, answer for every prefix up to /24.
#ifndef TAPLOOM_DATAPLANE_TABLES_RUN_TRIE_H_
#define TAPLOOM_DATAPLANE_TABLES_RUN_TRIE_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/tables/run_plan.h"
#include "dataplane/tables/trie_nodes.h"

namespace taploom::tables {

// `Word` is an unsigned integer that holds a key: std::uint32_t for IPv4, unsigned __int128 for
// IPv6. Built once, then immutable: any number of threads may look up.
template <typename Word>
class RunTrie {
 public:
  static constexpr std::uint32_t kNotFound = 0xffffffffu;

  RunTrie() = default;
  // REQUIRES: sorted by key, then length; no (key, length) twice; values up to kLargestValue.
  explicit RunTrie(std::span<const PrefixRoute<Word>> routes);

  // The value of the longest route that contains `key`, or kNotFound. Cost: two loads per 8 bits of
  // the key, or one or two per 16, until the match is decided.
  std::uint32_t Find(Word key) const;

  // The same for many keys: values[i] = Find(keys[i]). A step is taken for a batch of keys before
  // the next step, so their cache misses overlap, and where a key's walk ends is no branch that the
  // processor has to guess. REQUIRES: as many values as keys.
  void FindBulk(std::span<const Word> keys, std::span<std::uint32_t> values) const;

  std::size_t memory_bytes() const;

 private:
  class Builder;

  // The same walks, compiled with and without the processor's popcnt instruction.
  std::uint32_t Walk(Word key) const;
  std::uint32_t WalkWithPopcnt(Word key) const;
  void WalkBatches(std::span<const Word> keys, std::span<std::uint32_t> values) const;
  void WalkBatchesWithPopcnt(std::span<const Word> keys, std::span<std::uint32_t> values) const;

  struct Batch;
  template <bool kIsLarge, typename StoredRun>
  void WalkBatch(Batch& batch, const StoredRun* runs) const;
  template <bool kIsLarge, typename StoredRun>
  void WalkRootTable(Batch& batch, const StoredRun* runs) const;
  template <bool kIsLarge, typename StoredRun>
  void WalkLevel(Batch& batch, const StoredRun* runs) const;

  bool has_root_table() const { return !root_nodes_.empty(); }
  std::uint32_t RootSlot(Word key) const;
  unsigned root_depth() const { return skipped_bits_ + root_bits_ + BitmapNode::kBits; }
  Run RunAt(std::uint32_t position) const;

  // Keys from first_ to first_ + span_ are inside: they begin with the bits that are skipped.
  Word first_ = 0, span_ = 0;
  Run outside_ = kNothing;
  Run inside_ = kNothing;  // without a root table: what the keys inside begin with

  std::uint8_t skipped_bits_ = 0;
  std::uint8_t root_bits_ = 0;
  std::uint8_t root_shift_ = 0;  // what follows the root table's bits, of the key's leading word
  bool is_large_ = false;        // for a core's own caches: worth prefetching
  // 2^root_bits_, and one more whose first slot is for the keys outside. Or none.
  std::vector<BitmapNode> root_nodes_;

  std::vector<BitmapNode> bitmap_nodes_;
  std::vector<ListNode> list_nodes_;
  // The runs of BitmapNodes. One of the two is in use: 16-bit runs whenever every run fits.
  std::vector<std::int16_t> narrow_runs_;
  std::vector<Run> wide_runs_;
};
// No `extern template` here: GCC would then compile what is meant for a processor with popcnt
// without it, and say nothing.

}  // namespace taploom::tables

#endif  // TAPLOOM_DATAPLANE_TABLES_RUN_TRIE_H_
