// Captures through the replayer in every way: each packet must end as forwarded, answered, a
// counted drop or a counted skip, and what is forwarded must be well-formed.
#ifndef TAPLOOM_TESTS_FUZZ_REPLAYED_FILE_H_
#define TAPLOOM_TESTS_FUZZ_REPLAYED_FILE_H_

#include <cstdint>
#include <filesystem>
#include <memory>

#include "tests/fuzz/hostile_fabric.h"

namespace taploom::test {

struct ReplayedTotals {
  std::uint64_t files = 0, packets = 0, delivered = 0;
};

// Replays the capture three times: by its addresses; all of it at a port that may send anything; at
// an internet host, its IPv4 addresses mapped into the VPC. Reports what is wrong as failures.
// False when it is no capture that can be opened.
bool ReplayInEveryWay(const std::filesystem::path& path, HostileFabric& fabric,
                      const std::shared_ptr<const tables::Snapshot>& snapshot,
                      ReplayedTotals& totals);

}  // namespace taploom::test

#endif  // TAPLOOM_TESTS_FUZZ_REPLAYED_FILE_H_
