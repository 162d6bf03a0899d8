#include "dataplane/replay/pace.h"

#include <gtest/gtest.h>

#include <limits>

#include "dataplane/replay/latencies.h"

namespace taploom::replay {
namespace {

using namespace std::chrono_literals;

TEST(Pace, AsCapturedKeepsThePausesDividedByTheSpeed) {
  Pace pace = Pace::AsCaptured(2);
  EXPECT_EQ(pace.Next(5'000), 0ns);
  EXPECT_EQ(pace.Next(6'000), 500ns);
  EXPECT_EQ(pace.Next(6'000), 500ns);
  EXPECT_EQ(pace.Next(9'000), 2'000ns);
}

TEST(Pace, AClockThatWentBackIsNotWaitedForTwice) {
  Pace pace = Pace::AsCaptured(1);
  pace.Next(1'000);
  EXPECT_EQ(pace.Next(3'000), 2'000ns);
  EXPECT_EQ(pace.Next(2'000), 2'000ns);
  EXPECT_EQ(pace.Next(4'000), 3'000ns);
}

TEST(Pace, AnotherLoopGoesOnWhereTheLastEnded) {
  Pace pace = Pace::AsCaptured(1);
  pace.Next(1'000);
  EXPECT_EQ(pace.Next(3'000), 2'000ns);
  pace.BeginAgain(1'000);
  EXPECT_EQ(pace.Next(1'000), 2'000ns);
  EXPECT_EQ(pace.Next(3'000), 4'000ns);
}

TEST(Pace, ARateSpacesFramesEvenly) {
  Pace pace = Pace::AtRate(1000);
  EXPECT_EQ(pace.Next(77), 0ms);
  EXPECT_EQ(pace.Next(0), 1ms);
  EXPECT_EQ(pace.Next(std::numeric_limits<std::int64_t>::max()), 2ms);
}

TEST(Pace, TopSpeedWaitsForNothing) {
  Pace pace = Pace::TopSpeed();
  pace.Next(0);
  EXPECT_EQ(pace.Next(1'000'000'000), 0ns);
}

TEST(Pace, AnImpossibleClockCostsADayAtMost) {
  Pace pace = Pace::AsCaptured(1);
  pace.Next(std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(pace.Next(std::numeric_limits<std::int64_t>::max()), 24h);
}

TEST(Latencies, QuantilesAreRightToThreePercent) {
  Latencies latencies;
  for (int i = 1; i <= 100'000; ++i) latencies.Add(std::chrono::nanoseconds(i));
  EXPECT_EQ(latencies.count(), 100'000u);
  EXPECT_EQ(latencies.Quantile(0), 1ns);
  EXPECT_NEAR(static_cast<double>(latencies.Quantile(0.5).count()), 50'000, 1'600);
  EXPECT_NEAR(static_cast<double>(latencies.Quantile(0.99).count()), 99'000, 3'100);
  EXPECT_EQ(latencies.Quantile(1), 100'000ns);
}

TEST(Latencies, TheShortestAndTheLongestHaveAPlace) {
  Latencies latencies;
  latencies.Add(0ns);
  latencies.Add(-5ns);  // a clock that went back
  latencies.Add(std::chrono::nanoseconds::max());
  EXPECT_EQ(latencies.Quantile(0.5), 0ns);
  EXPECT_EQ(latencies.Quantile(1), std::chrono::nanoseconds::max());
}

}  // namespace
}  // namespace taploom::replay
