// Foreign captures through the replayer (replayed_file.h). The folder of captures is named by
// TAPLOOM_SHARED_PCAPS; those of pcaps/ are always read.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/fuzz/replayed_file.h"

namespace taploom::test {
namespace {

namespace fs = std::filesystem;

TEST(ReplayedCaptures, EveryPacketIsForwardedOrACountedDrop) {
  HostileFabric fabric;
  const auto snapshot = OnTheInternet(fabric);
  std::vector<fs::path> folders = {TAPLOOM_PCAPS};
  const char* shared = std::getenv("TAPLOOM_SHARED_PCAPS");
  if (shared != nullptr) folders.emplace_back(shared);
  ReplayedTotals totals;
  for (const fs::path& folder : folders) {
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      // README files, and what libpcap does not open, are no captures.
      if (entry.is_regular_file()) ReplayInEveryWay(entry.path(), fabric, snapshot, totals);
    }
  }
  EXPECT_GE(totals.files, 15u);
  EXPECT_GT(totals.delivered, 20u) << "nearly everything was dropped: the test shows little";
  RecordProperty("files", std::to_string(totals.files));
  RecordProperty("packets", std::to_string(totals.packets));
  RecordProperty("delivered", std::to_string(totals.delivered));
  if (shared == nullptr)
    std::puts("TAPLOOM_SHARED_PCAPS names no folder of captures: only pcaps/ was replayed");
}

}  // namespace
}  // namespace taploom::test
