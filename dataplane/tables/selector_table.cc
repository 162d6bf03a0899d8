#include "dataplane/tables/selector_table.h"

#include <algorithm>
#include <map>

namespace taploom::tables {
namespace {

constexpr std::uint32_t kSelectorCount = 65'536;

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
  Page page;
  for (std::uint32_t selector = 0; selector < kSelectorCount; ++selector) {
    if (edge != edges.end() && edge->selector == selector) {
      for (; edge != edges.end() && edge->selector == selector; ++edge) matching.Flip(edge->rule);
      current = interner.Intern(matching);
    }
    page[selector & 0xff] = current;
    if ((selector & 0xff) != 0xff) continue;
    const auto [known, is_new] =
        known_pages.emplace(page, static_cast<std::uint8_t>(pages_.size()));
    if (is_new) pages_.push_back(page);
    page_of_high_byte_[selector >> 8] = known->second;
  }
  pages_.shrink_to_fit();
}

}  // namespace taploom::tables
