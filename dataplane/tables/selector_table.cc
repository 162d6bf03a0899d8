#include "dataplane/tables/selector_table.h"

#include <algorithm>
#include <map>

namespace taploom::tables {
namespace {

// From `selector` on, `rule` matches when it did not before, and the other way round.
struct Edge {
  std::uint32_t selector;
  std::uint32_t rule;
};

}  // namespace

SelectorTable::SelectorTable(std::span<const Range> ranges, std::size_t rule_count,
                             RuleBitmapInterner& interner) {
  std::vector<Edge> edges;
  edges.reserve(ranges.size() * 2);
  for (const Range& range : ranges) {
    edges.push_back({range.first, range.rule});
    edges.push_back({range.last + 1u, range.rule});
  }
  std::sort(edges.begin(), edges.end(),
            [](const Edge& a, const Edge& b) { return a.selector < b.selector; });

  std::map<Page, std::uint8_t> known_pages;
  RuleBits matching(rule_count);
  RuleBitmaps::Id current = interner.Intern(matching);
  auto edge = edges.begin();
  bool previous_is_uniform = false;
  for (std::uint32_t high_byte = 0; high_byte < page_of_high_byte_.size(); ++high_byte) {
    const std::uint32_t first = high_byte << 8;
    const bool is_uniform = edge == edges.end() || edge->selector > first + 0xff;
    if (is_uniform && previous_is_uniform) {
      page_of_high_byte_[high_byte] = page_of_high_byte_[high_byte - 1];
      continue;
    }
    previous_is_uniform = is_uniform;
    Page page;
    for (std::uint32_t low_byte = 0; low_byte < page.size(); ++low_byte) {
      if (edge != edges.end() && edge->selector == first + low_byte) {
        for (; edge != edges.end() && edge->selector == first + low_byte; ++edge) {
          matching.Flip(edge->rule);
        }
        current = interner.Intern(matching);
      }
      page[low_byte] = current;
    }
    const auto [known, is_new] =
        known_pages.emplace(page, static_cast<std::uint8_t>(pages_.size()));
    if (is_new) pages_.push_back(page);
    page_of_high_byte_[high_byte] = known->second;
  }
  pages_.shrink_to_fit();
}

}  // namespace taploom::tables
