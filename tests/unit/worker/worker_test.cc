#include "dataplane/worker/worker.h"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "dataplane/config/traced_packet.pb.h"
#include "tests/unit/worker/worker_fixture.h"

namespace taploom::worker {
namespace {

// The parameter: whether the worker's frames go by a ring.
class EitherWay : public WorkerTest, public testing::WithParamInterface<bool> {
 protected:
  EitherWay() : WorkerTest(GetParam()) {}
};

TEST_P(EitherWay, AFrameOfOneInstanceReachesTheOther) {
  ConnectAll();
  instances_[1].Send(Datagram(1, 2));
  const Bytes received = instances_[2].Receive();
  ASSERT_FALSE(received.empty());
  EXPECT_EQ(MarkOf(received), 9);
  worker_.Execute([] {});  // the burst is over, so it is counted
  EXPECT_EQ(counters_.Find(1)->received_packets.value(), 1u);
  EXPECT_EQ(counters_.Find(2)->sent_packets.value(), 1u);
  EXPECT_EQ(counters_.Find(2)->sent_bytes.value(), received.size());
}

TEST_P(EitherWay, FramesThatWaitBeforeThePortIsAddedAreServed) {
  near_ends_[1] = instances_[1].Connect();
  instances_[1].Send(Datagram(1, 2));
  ConnectAll();
  EXPECT_FALSE(instances_[2].Receive().empty());
}

TEST_P(EitherWay, MoreFramesThanOneBurstAllArriveInOrder) {
  constexpr std::uint16_t kFrames = 100;
  near_ends_[1] = instances_[1].Connect();
  for (std::uint16_t i = 0; i < kFrames; ++i)
    instances_[1].Send(Datagram(1, 2, static_cast<std::uint16_t>(1000 + i)));
  ConnectAll();
  for (std::uint16_t i = 0; i < kFrames; ++i) {
    const Bytes received = instances_[2].Receive();
    ASSERT_FALSE(received.empty()) << i;
    EXPECT_EQ(MarkOf(received), 1000 + i);
  }
}

TEST_P(EitherWay, ABusyPortDoesNotKeepOthersWaiting) {
  constexpr std::uint16_t kBusy = 1, kQuiet = 2;
  near_ends_[1] = instances_[1].Connect();
  near_ends_[2] = instances_[2].Connect();
  for (int i = 0; i < 150; ++i) instances_[1].Send(Datagram(1, 3, kBusy));
  instances_[2].Send(Datagram(2, 3, kQuiet));
  ConnectAll();

  int busy_before = 0;
  for (Bytes frame = instances_[3].Receive(); MarkOf(frame) == kBusy;
       frame = instances_[3].Receive())
    ++busy_before;
  EXPECT_EQ(busy_before, 32) << "one burst, and then it is the other's turn";
}

TEST_P(EitherWay, ALargeDatagramIsFragmentedToTheVpcsMtu) {
  ConnectAll();
  instances_[1].Send(Datagram(1, 2, 9, 12'000));
  const Bytes first = instances_[2].Receive();
  const Bytes second = instances_[2].Receive();
  ASSERT_FALSE(second.empty());
  EXPECT_LE(first.size(), 14u + 9001u);
  EXPECT_EQ(first.size() - 34 + second.size() - 34, 8u + 12'000u);
}

TEST_P(EitherWay, AFrameForARemovedPortIsADropWithItsReason) {
  ConnectAll();
  std::unique_ptr<io::Port> removed;
  worker_.Execute([&] { removed = worker_.RemovePort(2); });
  ASSERT_NE(removed, nullptr);
  instances_[1].Send(Datagram(1, 2));
  instances_[1].Send(Datagram(1, 3));
  ASSERT_FALSE(instances_[3].Receive().empty());
  EXPECT_EQ(Drops(1, DropReason::kNotAttached), 1u);
}

TEST_P(EitherWay, ARemovedPortIsNotReadAndItsNumberCanBeUsedAgain) {
  ConnectAll();
  std::unique_ptr<io::Port> removed;
  worker_.Execute([&] { removed = worker_.RemovePort(1); });
  instances_[1].Send(Datagram(1, 2));
  EXPECT_TRUE(instances_[2].Receive(50ms).empty());

  bool added = false;
  worker_.Execute([&] { added = worker_.AddPort(1, std::move(removed)); });
  EXPECT_TRUE(added);
  EXPECT_FALSE(instances_[2].Receive().empty()) << "what waited meanwhile is served";
}

TEST_P(EitherWay, ANumberInUseIsRefused) {
  ConnectAll();
  auto second = NewPort(1);
  bool added = true;
  worker_.Execute([&] { added = worker_.AddPort(1, std::move(second)); });
  EXPECT_FALSE(added);
}

TEST_P(EitherWay, AFullReceiverCostsItsOwnFramesOnly) {
  ConnectAll();
  // Port 2's instance does not read; its queue fills up.
  for (int i = 0; i < 2000; ++i) {
    instances_[1].Send(Datagram(1, 2));
    instances_[1].Send(Datagram(1, 3));
    ASSERT_FALSE(instances_[3].Receive().empty()) << i;
  }
  EXPECT_GT(Drops(1, DropReason::kSendBufferFull), 0u);
}

TEST_P(EitherWay, WithoutTrafficItSleeps) {
  ConnectAll();
  const auto before = WorkerCpuTime();
  std::this_thread::sleep_for(300ms);
  EXPECT_LT(WorkerCpuTime() - before, 5ms);
}

TEST_P(EitherWay, APortThatHungUpIsNotPolledForEver) {
  ConnectAll();
  instances_[1].HangUp();
  const auto before = WorkerCpuTime();
  std::this_thread::sleep_for(300ms);
  EXPECT_LT(WorkerCpuTime() - before, 5ms);

  instances_[2].Send(Datagram(2, 1));
  instances_[2].Send(Datagram(2, 3));
  ASSERT_FALSE(instances_[3].Receive().empty());
  EXPECT_EQ(Drops(2, DropReason::kSendFailed), 1u);
}

// "udp dst port 9" behind an IPv4 header without options.
constexpr std::array<observe::FilterInstruction, 4> kToPort9 = {
    {{0x28, 0, 0, 36}, {0x15, 0, 1, 9}, {0x06, 0, 0, 1}, {0x06, 0, 0, 0}}};

TEST_P(EitherWay, ATraceTellsThePacketsThatMatchAndNoOthers) {
  ConnectAll();
  Ends ring = RingForTrace(2, kToPort9);
  ASSERT_EQ(Observe(std::move(ring.writer)), "");
  for (int i = 0; i < 3; ++i) {
    for (const std::uint16_t mark : {std::uint16_t{9}, std::uint16_t{10}}) {
      instances_[1].Send(Datagram(1, 2, mark));
      ASSERT_EQ(MarkOf(instances_[2].Receive()), mark);
    }
  }
  worker_.Execute([] {});  // the burst is over, so it is told
  std::vector<config::TracedPacket> told;
  for (observe::CaptureRingReader::Entry entry; ring.reader.Next(entry);) {
    EXPECT_EQ(entry.record.port, 1);
    ASSERT_TRUE(
        told.emplace_back().ParseFromArray(entry.text.data(), static_cast<int>(entry.text.size())));
  }
  ASSERT_EQ(told.size(), 2u) << "the first and the third";
  for (const config::TracedPacket& packet : told) {
    EXPECT_EQ(packet.verdict(), "forward");
    EXPECT_EQ(packet.left_port(), 2u);
    EXPECT_EQ(packet.entered().tuple().destination_port(), 9u);
    EXPECT_EQ(packet.stages(packet.stages_size() - 1).stage(),
              static_cast<std::uint32_t>(Stage::kDeliver));
  }
  EXPECT_EQ(told[0].stages(0).stage(), static_cast<std::uint32_t>(Stage::kLinkLayer));
  EXPECT_EQ(told[1].stages(0).detail(), "of a known connection, UDP_ONE_WAY, original direction");
  EXPECT_EQ(told[1].stages_size(), told[0].stages_size() + 1);
}

TEST_P(EitherWay, ATraceWhoseFilterCouldRunAwayIsRefused) {
  const std::array<observe::FilterInstruction, 2> backwards = {
      {{0x05, 0, 0, 0xffffffff}, {0x06, 0, 0, 1}}};
  EXPECT_EQ(Observe(RingForTrace(1, backwards).writer),
            "The filter is no program that can be run safely.");
}

TEST_P(EitherWay, WatchingEndsWithTheObserver) {
  ConnectAll();
  Ends ring = RingForTrace(1, {});
  ASSERT_EQ(Observe(std::move(ring.writer)), "");
  worker_.Execute([&] { worker_.SetObserver(nullptr); });
  EXPECT_TRUE(ring.reader.has_ended());
  instances_[1].Send(Datagram(1, 2));
  ASSERT_FALSE(instances_[2].Receive().empty());
  worker_.Execute([] {});
  observe::CaptureRingReader::Entry entry;
  EXPECT_FALSE(ring.reader.Next(entry));
}

INSTANTIATE_TEST_SUITE_P(By, EitherWay, testing::Bool(), [](const auto& each) {
  return each.param ? std::string("Ring") : std::string("ReadWrite");
});

}  // namespace
}  // namespace taploom::worker
