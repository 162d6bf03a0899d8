// RuleBitmaps: sets of rules as bit vectors, each distinct set stored once.
//
// Bit r of a bitmap stands for the rule at position r, so the lowest common bit of two bitmaps is
// the first rule that both allow. (Lakshman, Stiliadis: "High-speed policy-based packet forwarding
// using efficient multi-dimensional range matching", SIGCOMM 1998.)
//
// Bitmaps of many rules are mostly empty. Theirs begin with a summary, a bit for each of their
// words that is not zero, so that only words are looked at in which both may have a rule.
// (Baboescu, Varghese: "Scalable packet classification", SIGCOMM 2001.)
#ifndef TAPLOOM_DATAPLANE_TABLES_RULE_BITMAPS_H_
#define TAPLOOM_DATAPLANE_TABLES_RULE_BITMAPS_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

namespace taploom::tables {

class RuleBitmaps {
 public:
  // Which bitmap of the pool.
  using Id = std::uint32_t;
  static constexpr std::uint32_t kNoRule = 0xffffffffu;

  RuleBitmaps() = default;
  explicit RuleBitmaps(std::size_t rule_count)
      : rule_words_((rule_count + 63) / 64),
        summary_words_(rule_words_ > kWordsWithoutSummary ? (rule_words_ + 63) / 64 : 0) {}

  // The lowest rule in both bitmaps, or kNoRule.
  std::uint32_t FirstCommon(Id a, Id b) const {
    const std::uint64_t* const bitmap_a = &words_[a * words_per_bitmap()];
    const std::uint64_t* const bitmap_b = &words_[b * words_per_bitmap()];
    const std::uint64_t* const words_a = bitmap_a + summary_words_;
    const std::uint64_t* const words_b = bitmap_b + summary_words_;
    if (summary_words_ == 0) {
      for (std::size_t i = 0; i < rule_words_; ++i) {
        const std::uint64_t common = words_a[i] & words_b[i];
        if (common != 0) return static_cast<std::uint32_t>(i * 64) + LowestBit(common);
      }
      return kNoRule;
    }
    for (std::size_t s = 0; s < summary_words_; ++s) {
      for (std::uint64_t both = bitmap_a[s] & bitmap_b[s]; both != 0; both &= both - 1) {
        const std::size_t i = s * 64 + LowestBit(both);
        const std::uint64_t common = words_a[i] & words_b[i];
        if (common != 0) return static_cast<std::uint32_t>(i * 64) + LowestBit(common);
      }
    }
    return kNoRule;
  }

  std::size_t memory_bytes() const { return words_.capacity() * sizeof(words_[0]); }

 private:
  friend class RuleBitmapInterner;

  static std::uint32_t LowestBit(std::uint64_t word) {
    return static_cast<std::uint32_t>(std::countr_zero(word));
  }

  // A cache line of words is looked at as fast as a summary of them.
  static constexpr std::size_t kWordsWithoutSummary = 8;

  std::size_t words_per_bitmap() const { return summary_words_ + rule_words_; }

  std::size_t rule_words_ = 0, summary_words_ = 0;
  std::vector<std::uint64_t> words_;  // per bitmap: its summary, then its rules
};

// A set of rules under construction.
class RuleBits {
 public:
  explicit RuleBits(std::size_t rule_count) : words_((rule_count + 63) / 64) {}

  void Set(std::size_t rule) { words_[rule / 64] |= Mask(rule); }
  void Flip(std::size_t rule) { words_[rule / 64] ^= Mask(rule); }
  std::span<const std::uint64_t> words() const { return words_; }

 private:
  static std::uint64_t Mask(std::size_t rule) { return std::uint64_t{1} << rule % 64; }

  std::vector<std::uint64_t> words_;
};

// Adds bitmaps to a pool; an equal one is returned instead of stored again.
class RuleBitmapInterner {
 public:
  // `pool` must outlive the interner and be empty.
  explicit RuleBitmapInterner(RuleBitmaps& pool) : pool_(pool) {}

  RuleBitmaps::Id Intern(const RuleBits& bits);

 private:
  RuleBitmaps& pool_;
  std::unordered_multimap<std::size_t, RuleBitmaps::Id> id_by_hash_;
};

}  // namespace taploom::tables

#endif  // TAPLOOM_DATAPLANE_TABLES_RULE_BITMAPS_H_
