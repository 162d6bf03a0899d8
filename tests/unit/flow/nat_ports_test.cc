#include "dataplane/flow/nat_ports.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <random>
#include <string>
#include <tuple>

namespace taploom::flow {
namespace {

// Deletion closes gaps in the probe sequences; a std::map cannot get that wrong.
TEST(NatPorts, CountsAsAMapDoes) {
  const char* given = std::getenv("TAPLOOM_SEED");
  const std::uint64_t seed =
      given != nullptr ? std::strtoull(given, nullptr, 0) : std::random_device()();
  SCOPED_TRACE("TAPLOOM_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  NatPorts ports(64, seed);
  std::map<std::tuple<std::uint32_t, std::uint16_t>, std::uint32_t> twin;
  std::uint64_t total = 0;
  for (int i = 0; i < 200'000; ++i) {
    const NatPorts::Destination destination{1, static_cast<std::uint32_t>(random() % 16),
                                            static_cast<std::uint16_t>(random() % 4), 6, 0};
    std::uint32_t& count = twin[{destination.address, destination.port}];
    ASSERT_EQ(count, ports.InUse(destination));
    if (random() % 2 == 0) {
      ports.Add(destination);
      ++count;
      ++total;
    } else if (count > 0) {
      ports.Remove(destination);
      --count;
      --total;
    }
    ASSERT_EQ(total, ports.total());
  }
}

}  // namespace
}  // namespace taploom::flow
