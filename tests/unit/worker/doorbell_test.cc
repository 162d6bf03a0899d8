#include "dataplane/worker/doorbell.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <thread>

namespace taploom::worker {
namespace {

bool IsRung(const Doorbell& bell, int timeout_ms = 0) {
  pollfd ready{bell.descriptor(), POLLIN, 0};
  return poll(&ready, 1, timeout_ms) == 1;
}

TEST(Doorbell, DisturbsOnlyASleeper) {
  Doorbell bell;
  bell.Ring();
  EXPECT_FALSE(IsRung(bell));
  EXPECT_TRUE(bell.MayFallAsleep([] { return true; }));
  bell.Ring();
  EXPECT_TRUE(IsRung(bell));
  bell.Wake();
  bell.Silence();
  EXPECT_FALSE(IsRung(bell));
  bell.Ring();
  EXPECT_FALSE(IsRung(bell)) << "it is awake";
}

TEST(Doorbell, LetsNobodySleepForWhomSomethingHasJustCome) {
  Doorbell bell;
  EXPECT_FALSE(bell.MayFallAsleep([] { return false; }));
  bell.Ring();
  EXPECT_FALSE(IsRung(bell));
}

TEST(Doorbell, NothingGivenIsEverSleptOver) {
  constexpr int kGifts = 20'000;
  Doorbell bell;
  std::atomic<int> given{0};
  std::thread giver([&] {
    for (int i = 0; i < kGifts; ++i) {
      given.fetch_add(1, std::memory_order_seq_cst);
      bell.Ring();
      if (i % 16 == 0) std::this_thread::yield();
    }
  });
  int seen = 0;
  while (seen < kGifts) {
    if (bell.MayFallAsleep([&] { return given.load(std::memory_order_seq_cst) == seen; })) {
      const bool is_rung = IsRung(bell, 10'000);
      bell.Wake();
      if (is_rung) bell.Silence();
      ASSERT_TRUE(is_rung) << "slept over a gift";
    }
    seen = given.load(std::memory_order_seq_cst);
  }
  giver.join();
}

}  // namespace
}  // namespace taploom::worker
