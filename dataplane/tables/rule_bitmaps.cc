#include "dataplane/tables/rule_bitmaps.h"

#include <algorithm>
#include <string_view>

namespace taploom::tables {

RuleBitmaps::Id RuleBitmapInterner::Intern(const RuleBits& bits) {
  const std::span<const std::uint64_t> words = bits.words();
  const std::string_view bytes(reinterpret_cast<const char*>(words.data()), words.size_bytes());
  const std::size_t hash = std::hash<std::string_view>()(bytes);
  const auto [begin, end] = id_by_hash_.equal_range(hash);
  for (auto candidate = begin; candidate != end; ++candidate) {
    const std::size_t first_word =
        candidate->second * pool_.words_per_bitmap() + pool_.summary_words_;
    if (std::equal(words.begin(), words.end(), &pool_.words_[first_word])) return candidate->second;
  }
  const auto id = static_cast<RuleBitmaps::Id>(id_by_hash_.size());
  const std::size_t summary = pool_.words_.size();
  pool_.words_.resize(summary + pool_.summary_words_);
  if (pool_.summary_words_ > 0) {
    for (std::size_t i = 0; i < words.size(); ++i) {
      const std::uint64_t is_used = words[i] != 0 ? 1 : 0;
      pool_.words_[summary + i / 64] |= is_used << i % 64;
    }
  }
  pool_.words_.insert(pool_.words_.end(), words.begin(), words.end());
  id_by_hash_.emplace(hash, id);
  return id;
}

}  // namespace taploom::tables
