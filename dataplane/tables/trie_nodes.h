// The two kinds of nodes that a RunTrie is made of, and what a run of their slots says.
//
// A node looks at the next bits of a key; their value is the key's slot in it. Neighbouring slots
// that say the same form a run, and only runs are stored.
#ifndef TAPLOOM_DATAPLANE_TABLES_TRIE_NODES_H_
#define TAPLOOM_DATAPLANE_TABLES_TRIE_NODES_H_

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace taploom::tables {

// What a run says: a value (not negative), nothing, or (below that) which node decides. Sign
// extension does not change what it says, so that a run may be kept in 16 bits when it fits.
using Run = std::int32_t;
constexpr Run kNothing = -1;
constexpr std::uint32_t kLargestValue = 0x7fffffffu;  // of a run

enum class NodeKind : std::uint32_t { kBitmap = 0, kList = 1 };

constexpr Run ChildRun(NodeKind kind, std::size_t index) {
  return kNothing - 1 - static_cast<Run>(index << 1 | static_cast<std::uint32_t>(kind));
}
constexpr bool IsChild(Run run) { return run < kNothing; }
// REQUIRES for both: IsChild(run).
constexpr bool IsList(Run run) { return (static_cast<std::uint32_t>(kNothing - 1 - run) & 1) != 0; }
constexpr std::uint32_t NodeIndex(Run run) {
  return static_cast<std::uint32_t>(kNothing - 1 - run) >> 1;
}

// 8 bits of the key: 256 slots, however many runs. (Degermark et al.: "Small forwarding tables for
// fast routing lookups", SIGCOMM 1997, §3, with today's instruction for counting bits.)
struct BitmapNode {
  static constexpr unsigned kBits = 8;

  std::uint64_t starts[4] = {};  // bit i of word w: another run begins at slot 64 × w + i
  std::uint32_t first = 0;       // where in the trie's array of runs the first slot's run lies,
                                 // or one before it if that begins here
  std::uint8_t earlier[4] = {};  // how many runs begin in the words before

  // Where the run of `slot` lies. Two loads, one shift, one popcnt.
  [[gnu::always_inline]] std::uint32_t PositionOf(unsigned slot) const {
    const unsigned word = slot / 64;
    const std::uint64_t up_to_slot = starts[word] << (~slot % 64);
    return first + earlier[word] + static_cast<std::uint32_t>(__builtin_popcountll(up_to_slot));
  }
};
static_assert(sizeof(BitmapNode) == 40);

// 16 bits of the key: 65,536 slots, but only up to eight runs, and these are in the node itself.
struct ListNode {
  static constexpr unsigned kBits = 16;
  static constexpr std::size_t kMostRuns = 8;

  std::uint16_t starts[kMostRuns];  // the first slot of each run; 0xffff behind the last
  Run runs[kMostRuns];              // behind the last: the last once more

  // All eight are compared at once: how many begin at or before `slot`, less the first.
  [[gnu::always_inline]] Run RunOf(unsigned slot) const {
    using Vector = std::uint16_t __attribute__((vector_size(sizeof starts)));
    Vector begins;
    std::memcpy(&begins, starts, sizeof begins);
    const auto begun = begins <= static_cast<std::uint16_t>(slot);  // each lane all ones, or zero
    const auto halves = std::bit_cast<std::array<std::uint64_t, 2>>(begun);
    const int bits = __builtin_popcountll(halves[0]) + __builtin_popcountll(halves[1]);
    return runs[static_cast<unsigned>(bits) / 16 - 1];
  }
};
static_assert(sizeof(ListNode) == 48);

}  // namespace taploom::tables

#endif  // TAPLOOM_DATAPLANE_TABLES_TRIE_NODES_H_
