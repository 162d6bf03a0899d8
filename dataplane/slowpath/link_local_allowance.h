#ifndef TAPLOOM_DATAPLANE_SLOWPATH_LINK_LOCAL_ALLOWANCE_H_
#define TAPLOOM_DATAPLANE_SLOWPATH_LINK_LOCAL_ALLOWANCE_H_

#include <atomic>
#include <cstdint>

#include "dataplane/flow/mapped_array.h"
#include "dataplane/tick.h"

namespace taploom::slowpath {

// How often each interface may ask link-local services: 1024 packets a second (vpc-semantics §0 E2,
// a hard quota of AWS). Any thread may take: the quota is the interface's, whichever worker
// answers.
class LinkLocalAllowance {
 public:
  static constexpr std::uint32_t kPerSecond = 1024;

  LinkLocalAllowance() : used_(65'536) {}

  bool Take(std::uint16_t port, Tick now) {
    const std::atomic_ref used(used_[port]);
    const std::uint64_t second = static_cast<std::uint64_t>(now.count() / 1000 + 1) << kCountBits;
    std::uint64_t before = used.load(std::memory_order_relaxed);
    std::uint64_t after;
    do {
      // Workers' seconds may begin at slightly different times: never back.
      after = (before >> kCountBits < second >> kCountBits ? second : before) + 1;
      if ((after & kCountMask) > kPerSecond) return false;
    } while (!used.compare_exchange_weak(before, after, std::memory_order_relaxed));
    return true;
  }

 private:
  static constexpr unsigned kCountBits = 16;
  static constexpr std::uint64_t kCountMask = (1u << kCountBits) - 1;

  // Packets in the lower bits, and in which second above them; 0 is untouched memory.
  flow::MappedArray<std::uint64_t> used_;
};

}  // namespace taploom::slowpath

#endif  // TAPLOOM_DATAPLANE_SLOWPATH_LINK_LOCAL_ALLOWANCE_H_
