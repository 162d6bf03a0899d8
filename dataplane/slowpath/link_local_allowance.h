#ifndef TAPLOOM_DATAPLANE_SLOWPATH_LINK_LOCAL_ALLOWANCE_H_
#define TAPLOOM_DATAPLANE_SLOWPATH_LINK_LOCAL_ALLOWANCE_H_

#include <cstdint>

#include "dataplane/flow/mapped_array.h"
#include "dataplane/tick.h"

namespace taploom::slowpath {

// How often each interface may ask link-local services: 1024 packets a second (vpc-semantics §0 E2,
// a hard quota of AWS).
class LinkLocalAllowance {
 public:
  static constexpr std::uint32_t kPerSecond = 1024;

  LinkLocalAllowance() : used_(65'536) {}

  bool Take(std::uint16_t port, Tick now) {
    const std::int64_t second = now.count() / 1000 + 1;  // 0 is untouched memory
    Used& used = used_[port];
    if (used.second != second) used = {second, 0};
    return used.packets++ < kPerSecond;
  }

 private:
  struct Used {
    std::int64_t second;
    std::uint32_t packets;
  };
  flow::MappedArray<Used> used_;
};

}  // namespace taploom::slowpath

#endif  // TAPLOOM_DATAPLANE_SLOWPATH_LINK_LOCAL_ALLOWANCE_H_
