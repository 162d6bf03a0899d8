// Random deadlines, cancellations and clock steps: everybody comes down exactly once, never early,
// and at the first call after the deadline's second has passed.
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "dataplane/flow/timing_wheel.h"
#include "tests/unit/flow/keys.h"

namespace taploom::flow {
namespace {

using std::chrono::days;
using std::chrono::seconds;

constexpr std::uint32_t kUnlimited = 1'000'000;

class TimingWheelRandom : public ::testing::Test {
 protected:
  void Hang(std::uint32_t index, Tick last_seen, Tick timeout) {
    arena_[index].last_seen = last_seen;
    arena_[index].timeout_ms = static_cast<std::uint32_t>(timeout.count());
    wheel_.Schedule(index, last_seen + timeout);
  }
  Tick DeadlineOf(std::uint32_t index) {
    return arena_[index].last_seen + Tick(arena_[index].timeout_ms);
  }

  MappedArray<Connection> arena_{4096};
  TimingWheel wheel_{arena_};
};

TEST_F(TimingWheelRandom, NobodyIsEarlyLateOrTwice) {
  const std::uint64_t seed = TestSeed();
  SCOPED_TRACE("TAPLOOM_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  std::vector<bool> hangs(arena_.size());
  std::size_t hanging = 0;
  Tick now{}, previous{};
  for (int step = 0; step < 20'000; ++step) {
    const auto index = static_cast<std::uint32_t>(random() % arena_.size());
    if (!hangs[index]) {
      const std::uint64_t range = random() % 2 == 0 ? 600'000 : 400'000'000;
      Hang(index, now, Tick(random() % range));
      hangs[index] = true;
      ++hanging;
    } else if (random() % 4 == 0) {
      wheel_.Cancel(index);
      hangs[index] = false;
      --hanging;
    }
    if (random() % 10 != 0) continue;
    previous = now;
    now += Tick(random() % (random() % 20 == 0 ? 5'000'000 : 5'000));
    wheel_.Advance(now, kUnlimited, [&](std::uint32_t visited) {
      ASSERT_TRUE(hangs[visited]);
      hangs[visited] = false;
      --hanging;
      ASSERT_LT(DeadlineOf(visited), now);
      ASSERT_GE(DeadlineOf(visited) + seconds(2), previous) << "due at an earlier call";
    });
    ASSERT_FALSE(HasFatalFailure());
  }
  std::size_t down = 0;
  wheel_.Advance(now + days(6), kUnlimited, [&](std::uint32_t) { ++down; });
  EXPECT_EQ(down, hanging);
}

TEST_F(TimingWheelRandom, BorderSecondsOfBothRingsAreExact) {
  Tick start{};
  for (const std::int64_t deadline : {511, 512, 513, 575, 576, 577, 1000, 32'767, 432'000}) {
    Hang(1, start, seconds(deadline));
    int visits = 0;
    wheel_.Advance(start + seconds(deadline), kUnlimited, [&](std::uint32_t) { ++visits; });
    EXPECT_EQ(visits, 0) << deadline;
    wheel_.Advance(start + seconds(deadline + 1), kUnlimited, [&](std::uint32_t) { ++visits; });
    EXPECT_EQ(visits, 1) << deadline;
    start += seconds(deadline + 1);
  }
}

// Twenty days are more than both rings hold: looked at when the rings end, and hung up again for
// the rest.
TEST_F(TimingWheelRandom, DeadlineBeyondTheHorizonIsLookedAtEarlierNotLost) {
  Hang(1, Tick(), days(20));
  int visits_after_deadline = 0;
  for (std::int64_t hour = 0; hour <= 21 * 24; ++hour) {
    const Tick now = std::chrono::hours(hour);
    wheel_.Advance(now, kUnlimited, [&](std::uint32_t index) {
      if (now <= DeadlineOf(index)) return wheel_.Schedule(index, DeadlineOf(index));
      ++visits_after_deadline;
      EXPECT_LE(now - DeadlineOf(index), std::chrono::hours(1));
    });
  }
  EXPECT_EQ(visits_after_deadline, 1);
}

TEST_F(TimingWheelRandom, FindSoonestFollowsTheOrderOfDeadlinesUpToItsLimit) {
  Hang(1, Tick(), seconds(50));
  Hang(2, Tick(), seconds(5));
  Hang(3, Tick(), seconds(20));
  const auto is_third = [&](const Connection& connection) { return &connection == &arena_[3]; };
  EXPECT_EQ(wheel_.FindSoonest(10, [](const Connection&) { return true; }), 2u);
  EXPECT_EQ(wheel_.FindSoonest(10, is_third), 3u);
  EXPECT_EQ(wheel_.FindSoonest(1, is_third), TimingWheel::kNil);
}

}  // namespace
}  // namespace taploom::flow
