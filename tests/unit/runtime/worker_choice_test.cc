#include "control/runtime/worker_choice.h"

#include <gtest/gtest.h>

namespace taploom::runtime {
namespace {

TEST(WorkerChoice, IsANumberUpToSixteen) {
  EXPECT_EQ(ParseWorkerCount("1"), 1);
  EXPECT_EQ(ParseWorkerCount("16"), 16);
  for (const char* text : {"", "0", "17", "-1", "2x", "two", "65537", " 2"})
    EXPECT_FALSE(ParseWorkerCount(text)) << text;
}

TEST(WorkerChoice, LeavesHalfOfTheCoresToTheInstances) {
  EXPECT_EQ(DefaultWorkerCount(1), 1);
  EXPECT_EQ(DefaultWorkerCount(2), 1);
  EXPECT_EQ(DefaultWorkerCount(3), 1);
  EXPECT_EQ(DefaultWorkerCount(8), 4);
  EXPECT_EQ(DefaultWorkerCount(128), 16);
  EXPECT_GE(UsableCores(), 1);
}

}  // namespace
}  // namespace taploom::runtime
