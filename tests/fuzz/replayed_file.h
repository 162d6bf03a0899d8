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

// The fabric on an internet where somebody has every public address.
std::shared_ptr<const tables::Snapshot> OnTheInternet(const HostileFabric& fabric);

// Replays the capture four times: by its addresses; the same with private IPv4 addresses mapped to
// public ones, so that most packets have somewhere to go; all of it at a port that may send
// anything; at an internet host, its IPv4 addresses mapped into the VPC. Reports what is wrong as
// failures. False when it is no capture that can be opened. `snapshot`: OnTheInternet(fabric).
bool ReplayInEveryWay(const std::filesystem::path& path, HostileFabric& fabric,
                      const std::shared_ptr<const tables::Snapshot>& snapshot,
                      ReplayedTotals& totals);

}  // namespace taploom::test

#endif  // TAPLOOM_TESTS_FUZZ_REPLAYED_FILE_H_
