// Without DPDK.
#include "tests/bench/yardsticks.h"

namespace taploom::bench {

bool StartDpdk(std::string& problem) {
  problem = "built without libdpdk-dev";
  return false;
}

std::unique_ptr<RouteYardstick> MakeFib(const std::vector<tables::Lpm::Entry>&) { return nullptr; }
std::unique_ptr<RouteYardstick> MakeLpm(const std::vector<tables::Lpm::Entry>&) { return nullptr; }
std::unique_ptr<RouteYardstick> MakeFib6(const std::vector<tables::Lpm::Entry>&) { return nullptr; }
std::unique_ptr<HashYardstick> MakeHash(std::span<const flow::FlowKey>) { return nullptr; }
std::unique_ptr<AclYardstick> MakeAcl(std::span<const AclRule>) { return nullptr; }

}  // namespace taploom::bench
