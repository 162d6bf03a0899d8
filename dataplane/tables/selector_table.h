// SelectorTable: which rules of one protocol match a 16-bit selector, in two loads.
//
// The selector is what distinguishes packets of that protocol: the destination port of TCP and UDP,
// type × 256 + code of ICMP. 65,536 answers would not stay in a cache, but filters distinguish few
// values: the table is cut into pages of 256 and equal pages are stored once, so a rule set with k
// different ports takes about k KiB.
#ifndef TAPLOOM_DATAPLANE_TABLES_SELECTOR_TABLE_H_
#define TAPLOOM_DATAPLANE_TABLES_SELECTOR_TABLE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/tables/rule_bitmaps.h"

namespace taploom::tables {

class SelectorTable {
 public:
  // `rule` matches the selectors from `first` to `last`, inclusive.
  struct Range {
    std::uint16_t first = 0, last = 0xffff;
    std::uint32_t rule = 0;
  };

  // REQUIRES: ranges of the same rule do not overlap.
  SelectorTable(std::span<const Range> ranges, std::size_t rule_count,
                RuleBitmapInterner& interner);

  RuleBitmaps::Id Find(std::uint16_t selector) const {
    return pages_[page_of_high_byte_[selector >> 8]][selector & 0xff];
  }

  std::size_t memory_bytes() const {
    return sizeof page_of_high_byte_ + pages_.capacity() * sizeof(Page);
  }

 private:
  using Page = std::array<RuleBitmaps::Id, 256>;

  std::array<std::uint8_t, 256> page_of_high_byte_{};
  std::vector<Page> pages_;  // at most 256
};

}  // namespace taploom::tables

#endif  // TAPLOOM_DATAPLANE_TABLES_SELECTOR_TABLE_H_
