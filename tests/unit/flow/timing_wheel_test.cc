#include "dataplane/flow/timing_wheel.h"

#include <gtest/gtest.h>

#include <set>

namespace taploom::flow {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

class TimingWheelTest : public ::testing::Test {
 protected:
  std::set<std::uint32_t> DueAt(Tick now, std::uint32_t budget = 1000) {
    std::set<std::uint32_t> due;
    wheel.Advance(now, budget, [&](std::uint32_t index) { due.insert(index); });
    return due;
  }
  // The wheel asks a connection for its deadline when it moves it from the coarse to the fine ring.
  void Schedule(std::uint32_t index, Tick deadline) {
    arena[index].timeout_ms = static_cast<std::uint32_t>(deadline.count());
    wheel.Schedule(index, deadline);
  }

  MappedArray<Connection> arena{16};
  TimingWheel wheel{arena};
};

TEST_F(TimingWheelTest, NothingIsDueBeforeItsDeadline) {
  Schedule(1, seconds(10));
  EXPECT_TRUE(DueAt(seconds(10)).empty());
  EXPECT_EQ((std::set<std::uint32_t>{1}), DueAt(seconds(11)));
  EXPECT_TRUE(DueAt(seconds(12)).empty());
}

TEST_F(TimingWheelTest, DeadlinesOfDaysComeDownFromTheCoarseRing) {
  Schedule(1, hours(120));
  EXPECT_TRUE(DueAt(hours(120) - seconds(1)).empty());
  EXPECT_EQ((std::set<std::uint32_t>{1}), DueAt(hours(120) + seconds(1)));
}

TEST_F(TimingWheelTest, AJumpOfTheClockMissesNobody) {
  for (std::uint32_t i = 0; i < 10; ++i) Schedule(i, seconds(i * 100));
  EXPECT_EQ(10u, DueAt(hours(2)).size());
}

TEST_F(TimingWheelTest, MayBeginLate) {
  wheel.BeginAt(hours(24 * 1000));
  Schedule(1, hours(24 * 1000) + seconds(5));
  Schedule(2, seconds(5));  // has passed
  EXPECT_EQ((std::set<std::uint32_t>{2}), DueAt(hours(24 * 1000) + seconds(1), 1));
  EXPECT_EQ((std::set<std::uint32_t>{1}), DueAt(hours(24 * 1000) + seconds(6), 1));
}

TEST_F(TimingWheelTest, WhatTheBudgetLeavesComesInTheNextCall) {
  for (std::uint32_t i = 0; i < 10; ++i) Schedule(i, seconds(700 + i));
  std::set<std::uint32_t> due;
  for (int calls = 0; calls < 20 && due.size() < 10; ++calls) due.merge(DueAt(seconds(800), 3));
  EXPECT_EQ(10u, due.size());
}

TEST_F(TimingWheelTest, ACancelledOneIsNotDue) {
  Schedule(1, seconds(5));
  Schedule(2, seconds(5));
  Schedule(3, seconds(5));
  wheel.Cancel(2);
  EXPECT_EQ((std::set<std::uint32_t>{1, 3}), DueAt(seconds(6)));
}

}  // namespace
}  // namespace taploom::flow
