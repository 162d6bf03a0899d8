// Every file of tests/cli/broken is wrong in the way its first line says; NAME.expected has the
// exact findings, as `taploom validate NAME.yaml` prints them in that folder.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/unit/control/topology_test_support.h"

namespace taploom::control {
namespace {

std::vector<std::string> BrokenTopologies() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(TAPLOOM_BROKEN_DIR)) {
    if (entry.path().extension() == ".yaml") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

class BrokenTopology : public testing::TestWithParam<std::string> {};

TEST_P(BrokenTopology, HasExactlyTheExpectedFindings) {
  const std::string stem = TAPLOOM_BROKEN_DIR "/" + GetParam();
  const LoadResult result = LoadTopology(ReadFile(stem + ".yaml"));
  EXPECT_FALSE(result.valid.has_value());
  EXPECT_EQ(FormatFindings(result.findings, GetParam() + ".yaml"), ReadFile(stem + ".expected"));
}

INSTANTIATE_TEST_SUITE_P(Files, BrokenTopology, testing::ValuesIn(BrokenTopologies()),
                         [](const auto& topology) { return topology.param; });

}  // namespace
}  // namespace taploom::control
