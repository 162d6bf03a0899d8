// Captured frames into a worker that runs: who receives them, and what the totals say.
#include "dataplane/replay/live_replay.h"

#include <gtest/gtest.h>

#include <utility>

#include "tests/unit/worker/worker_fixture.h"

namespace taploom::worker {
namespace {

class LiveReplayTest : public WorkerTest {
 protected:
  LiveReplayTest() : snapshot_(tables::Compile(OpenFabric(1, kPortCount)).snapshot) {
    ConnectAll();
    replay::Injector::Ends ends = replay::Injector::MakeEnds();
    auto injection = std::make_unique<Injection>(std::move(ends.far));
    worker_.Execute([&] { EXPECT_TRUE(worker_.SetInjection(std::move(injection))); });
    replay_ = std::make_unique<replay::LiveReplay>(
        *snapshot_, replay::LiveReplay::Options{.pace = replay::Pace::TopSpeed()},
        replay::Injector(std::move(ends.near)), [this] { return goes_on_; });
  }

  bool Inject(const Bytes& frame) {
    return replay_->Inject({.bytes = frame,
                            .original_size = static_cast<std::uint32_t>(frame.size()),
                            .link_type = 1});
  }

  std::shared_ptr<const tables::Snapshot> snapshot_;
  bool goes_on_ = true;
  std::unique_ptr<replay::LiveReplay> replay_;
};

TEST_F(LiveReplayTest, EveryFrameIsAccountedFor) {
  EXPECT_TRUE(Inject(Datagram(1, 2)));
  EXPECT_TRUE(Inject(Datagram(3, 2)));
  Bytes forged = Datagram(1, 2);
  forged[29] = 200;  // the source's last byte: nobody's address, and a wrong IP checksum
  EXPECT_TRUE(Inject(forged));
  EXPECT_TRUE(Inject(Bytes(10)));
  EXPECT_TRUE(replay_->Finish());
  const replay::LiveTotals& totals = replay_->totals();
  EXPECT_EQ(totals.sent, 3u);
  EXPECT_EQ(totals.received, 2u);
  EXPECT_EQ(totals.exits.at(2), 2u);
  EXPECT_EQ(totals.lost(), 1u);
  EXPECT_EQ(totals.drops[static_cast<std::size_t>(DropReason::kMalformed)], 1u);
  EXPECT_EQ(totals.skipped(), 1u);
  EXPECT_EQ(totals.unknown, 0u);
  EXPECT_EQ(totals.latencies.count(), 2u);
  EXPECT_FALSE(instances_[2].Receive().empty());
  EXPECT_FALSE(instances_[2].Receive().empty());
}

TEST_F(LiveReplayTest, MoreThanTheWindowHoldsArrivesInOrder) {
  constexpr std::uint16_t kFrames = 2000;
  std::uint16_t received = 0;
  for (std::uint16_t i = 0; i < kFrames; ++i) {
    ASSERT_TRUE(Inject(Datagram(1, 2, static_cast<std::uint16_t>(1000 + i))));
    while (received + 50 < i) ASSERT_EQ(MarkOf(instances_[2].Receive()), 1000 + received++);
  }
  EXPECT_TRUE(replay_->Finish());
  EXPECT_EQ(replay_->totals().received, kFrames);
}

TEST_F(LiveReplayTest, AWorkerThatEndsIsNoticed) {
  EXPECT_TRUE(Inject(Datagram(1, 2)));
  EXPECT_TRUE(replay_->Finish());
  worker_.Execute([&] { worker_.EndInjection(); });
  EXPECT_FALSE(Inject(Datagram(1, 2)));
  EXPECT_FALSE(replay_->Finish());
}

TEST_F(LiveReplayTest, StopsWhenItIsTold) {
  goes_on_ = false;
  bool stopped = false;
  for (int i = 0; i < 10'000'000 && !stopped; ++i) stopped = !Inject(Datagram(1, 2));
  EXPECT_TRUE(stopped);
}

}  // namespace
}  // namespace taploom::worker
