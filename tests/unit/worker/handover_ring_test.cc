#include "dataplane/worker/handover_ring.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <set>
#include <thread>

#include "dataplane/worker/burst_buffers.h"

namespace taploom::worker {
namespace {

class HandoverRingTest : public testing::Test {
 protected:
  // A packet of 8 bytes that say its number, in one of the producer's buffers.
  Packet& PacketWith(std::uint64_t number) {
    Packet& packet = buffers_.First(1)[0];
    std::copy_n(reinterpret_cast<const std::uint8_t*>(&number), sizeof number, packet.head);
    packet.head_size = sizeof number;
    return packet;
  }
  static std::uint64_t NumberIn(const Packet& packet) {
    std::uint64_t number = 0;
    std::copy_n(packet.head, sizeof number, reinterpret_cast<std::uint8_t*>(&number));
    return packet.head_size == sizeof number ? number : ~std::uint64_t{0};
  }

  BurstBuffers buffers_;
  HandoverRing ring_;
};

TEST_F(HandoverRingTest, WhatIsPushedIsSeenWhenItIsPublished) {
  EXPECT_TRUE(ring_.Push(PacketWith(1)));
  EXPECT_TRUE(ring_.Push(PacketWith(2)));
  EXPECT_TRUE(ring_.is_empty());
  EXPECT_TRUE(ring_.Front(32).empty());
  EXPECT_TRUE(ring_.Publish());
  EXPECT_FALSE(ring_.is_empty());
  const std::span<Packet> burst = ring_.Front(32);
  ASSERT_EQ(burst.size(), 2u);
  EXPECT_EQ(NumberIn(burst[0]), 1u);
  EXPECT_EQ(NumberIn(burst[1]), 2u);
  ring_.Release(2);
  EXPECT_TRUE(ring_.is_empty());
  EXPECT_FALSE(ring_.Publish()) << "nothing was pushed since";
}

TEST_F(HandoverRingTest, ThePlaceHoldsThePacketAndTheProducerGetsOtherBuffers) {
  Packet& packet = PacketWith(7);
  const std::uint8_t* const head = packet.head;
  const std::uint8_t* const tail = packet.tail;
  ASSERT_TRUE(ring_.Push(packet));
  ring_.Publish();
  EXPECT_EQ(ring_.Front(1)[0].head, head) << "no byte is copied";
  EXPECT_EQ(ring_.Front(1)[0].tail, tail);
  ASSERT_NE(packet.head, nullptr);
  ASSERT_NE(packet.tail, nullptr);
  EXPECT_NE(packet.head, head);
  EXPECT_NE(packet.tail, tail);
}

TEST_F(HandoverRingTest, AFullRingTakesNothingUntilPlacesAreReleased) {
  for (std::uint64_t i = 0; i < HandoverRing::kCapacity; ++i)
    ASSERT_TRUE(ring_.Push(PacketWith(i))) << i;
  Packet& packet = PacketWith(99);
  const std::uint8_t* const head = packet.head;
  EXPECT_FALSE(ring_.Push(packet));
  EXPECT_EQ(packet.head, head);
  EXPECT_EQ(NumberIn(packet), 99u);
  ring_.Publish();
  EXPECT_FALSE(ring_.Push(packet)) << "seen is not released";
  ring_.Release(ring_.Front(3).size());
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(ring_.Push(PacketWith(100)));
  EXPECT_FALSE(ring_.Push(PacketWith(101)));
}

TEST_F(HandoverRingTest, EveryBufferIsInOnePlaceOnly) {
  std::set<const std::uint8_t*> heads;
  Packet& packet = PacketWith(0);
  for (std::size_t i = 0; i < 3 * HandoverRing::kCapacity; ++i) {
    ASSERT_TRUE(ring_.Push(packet));
    ring_.Publish();
    heads.insert(ring_.Front(1)[0].head);
    ring_.Release(1);
  }
  EXPECT_EQ(heads.size(), HandoverRing::kCapacity + 1);
}

TEST_F(HandoverRingTest, BetweenThreadsNothingIsLostDoubledOrReordered) {
  constexpr std::uint64_t kPackets = 200'000;
  std::thread consumer([&] {
    std::uint64_t expected = 0;
    while (expected < kPackets) {
      const std::span<Packet> burst = ring_.Front(32);
      for (const Packet& packet : burst) {
        if (NumberIn(packet) != expected)
          ADD_FAILURE() << NumberIn(packet) << " is not " << expected;
        ++expected;
      }
      ring_.Release(burst.size());
      if (burst.empty()) std::this_thread::yield();
    }
  });
  for (std::uint64_t i = 0; i < kPackets;) {
    if (ring_.Push(PacketWith(i))) {
      ++i;
    } else {
      std::this_thread::yield();
    }
    if (i % 7 == 0 || i == kPackets) ring_.Publish();
  }
  ring_.Publish();
  consumer.join();
}

}  // namespace
}  // namespace taploom::worker
