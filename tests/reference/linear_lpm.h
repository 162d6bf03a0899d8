// LinearLpm: what Lpm answers, found by looking at every entry.
#ifndef TAPLOOM_TESTS_REFERENCE_LINEAR_LPM_H_
#define TAPLOOM_TESTS_REFERENCE_LINEAR_LPM_H_

#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/tables/lpm.h"
#include "dataplane/wire/ip_address.h"

namespace taploom::reference {

class LinearLpm {
 public:
  explicit LinearLpm(std::span<const tables::Lpm::Entry> entries)
      : entries_(entries.begin(), entries.end()) {}

  std::uint32_t Find(const wire::IpAddress& address) const {
    const tables::Lpm::Entry* longest = nullptr;
    for (const tables::Lpm::Entry& entry : entries_) {
      if (!entry.prefix.Contains(address)) continue;
      // Of equally long ones the later: both contain the address, so they are the same prefix.
      if (longest == nullptr || entry.prefix.length >= longest->prefix.length) longest = &entry;
    }
    return longest == nullptr ? tables::Lpm::kNotFound : longest->value;
  }

 private:
  std::vector<tables::Lpm::Entry> entries_;
};

}  // namespace taploom::reference

#endif  // TAPLOOM_TESTS_REFERENCE_LINEAR_LPM_H_
