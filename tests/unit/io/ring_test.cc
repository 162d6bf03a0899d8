// A datagram socket keeps message boundaries as a TAP queue does; the kernel's ring is real.
#include "dataplane/io/ring.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <deque>
#include <optional>
#include <vector>

#include "dataplane/io/memory_port.h"
#include "dataplane/io/tap_port.h"
#include "tests/unit/io/frame_io_test_support.h"

namespace taploom::io {
namespace {

// Both ends of a wire.
struct Wire {
  Wire() {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    near_end.emplace(UniqueFd(ends[0]));
    far_end.emplace(UniqueFd(ends[1]));
  }
  std::optional<TapPort> near_end, far_end;
};

class RingTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string problem;
    ring_ = Ring::Make(problem);
    if (ring_ == nullptr) GTEST_SKIP() << problem;
  }

  // Empty frames with room for `count`.
  std::span<Packet> Room(std::size_t count) {
    packets_.clear();
    for (std::size_t i = 0; i < count; ++i)
      packets_.push_back(buffers_.emplace_back(Bytes()).packet);
    return packets_;
  }

  std::unique_ptr<Ring> ring_;
  std::deque<BufferedFrame> buffers_;
  std::vector<Packet> packets_;
};

TEST_F(RingTest, FramesOfEachSizeArriveInOrder) {
  Wire wire;
  std::vector<Bytes> sent;
  std::deque<BufferedFrame> frames;
  std::vector<Delivery> deliveries;
  for (const std::size_t size : {60u, 2048u, 2049u, 1514u, 60'000u}) {
    VnetHeader vnet;
    vnet.checksum_start = static_cast<std::uint16_t>(size);
    sent.push_back(Pattern(size));
    deliveries.push_back({&*wire.near_end, &frames.emplace_back(sent.back(), vnet).packet});
  }

  ring_->Send(deliveries);
  Reception reception{&*wire.far_end, Room(8)};
  ring_->Receive({&reception, 1});

  ASSERT_EQ(reception.count, sent.size());
  for (std::size_t i = 0; i < sent.size(); ++i) {
    EXPECT_EQ(deliveries[i].result, SendResult::kSent);
    EXPECT_EQ(BytesOf(reception.room[i]), sent[i]);
    EXPECT_EQ(reception.room[i].vnet.checksum_start, static_cast<std::uint16_t>(sent[i].size()));
  }
  ring_->Receive({&reception, 1});
  EXPECT_EQ(reception.count, 0u) << "nothing more was waiting";
}

TEST_F(RingTest, EachPortGetsItsOwn) {
  Wire first, silent, second;
  BufferedFrame one(Pattern(61)), two(Pattern(62)), three(Pattern(63));
  Delivery deliveries[] = {{&*second.near_end, &one.packet},
                           {&*first.near_end, &two.packet},
                           {&*second.near_end, &three.packet}};
  ring_->Send(deliveries);

  const std::span<Packet> room = Room(12);
  Reception receptions[] = {{&*first.far_end, room.subspan(0, 4)},
                            {&*silent.far_end, room.subspan(4, 4)},
                            {&*second.far_end, room.subspan(8, 4)}};
  ring_->Receive(receptions);

  ASSERT_EQ(receptions[0].count, 1u);
  EXPECT_EQ(receptions[0].room[0].size(), 62u);
  EXPECT_EQ(receptions[1].count, 0u);
  ASSERT_EQ(receptions[2].count, 2u);
  EXPECT_EQ(receptions[2].room[0].size(), 61u);
  EXPECT_EQ(receptions[2].room[1].size(), 63u);
}

TEST_F(RingTest, MoreThanTheRingHoldsIsDoneInSeveralCalls) {
  constexpr std::size_t kWires = 3, kFrames = 150;
  std::array<Wire, kWires> wires;
  BufferedFrame frame(Pattern(60));
  std::vector<Delivery> deliveries;
  for (std::size_t i = 0; i < kFrames; ++i) {
    for (Wire& wire : wires) deliveries.push_back({&*wire.near_end, &frame.packet});
  }
  ring_->Send(deliveries);
  for (const Delivery& each : deliveries) ASSERT_EQ(each.result, SendResult::kSent);

  const std::span<Packet> room = Room(kWires * kFrames);
  std::array<Reception, kWires> receptions;
  for (std::size_t i = 0; i < kWires; ++i)
    receptions[i] = {&*wires[i].far_end, room.subspan(i * kFrames, kFrames)};
  ring_->Receive(receptions);
  for (const Reception& each : receptions) EXPECT_EQ(each.count, kFrames);
}

TEST_F(RingTest, AFullReceiverAndAGoneOneAreToldApart) {
  Wire full, gone;
  BufferedFrame frame(Pattern(60));
  while (full.near_end->Send(frame.packet) == SendResult::kSent) {
  }
  gone.far_end.reset();
  Delivery deliveries[] = {{&*full.near_end, &frame.packet}, {&*gone.near_end, &frame.packet}};
  ring_->Send(deliveries);
  EXPECT_EQ(deliveries[0].result, SendResult::kFull);
  EXPECT_EQ(deliveries[1].result, SendResult::kFailed);
}

TEST_F(RingTest, WhatAPortMustCutIsCutAndKeepsItsPlace) {
  Wire wire;
  TapPort& refusing = wire.near_end.emplace(
      [&] {
        int ends[2];
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
        wire.far_end.emplace(UniqueFd(ends[1]));
        return UniqueFd(ends[0]);
      }(),
      1u << VnetHeader::kGsoTcp4);
  Bytes bytes = TcpFrame(TestIp(), Pattern(2500));
  VnetHeader vnet = MakeChecksumPartial(bytes);
  vnet.gso_type = VnetHeader::kGsoTcp4;
  vnet.gso_size = 1000;
  BufferedFrame before(Pattern(60)), superframe(bytes, vnet), after(Pattern(61));
  Delivery deliveries[] = {
      {&refusing, &before.packet}, {&refusing, &superframe.packet}, {&refusing, &after.packet}};
  ring_->Send(deliveries);
  for (const Delivery& each : deliveries) EXPECT_EQ(each.result, SendResult::kSent);

  Reception reception{&*wire.far_end, Room(8)};
  ring_->Receive({&reception, 1});
  ASSERT_EQ(reception.count, 5u);
  EXPECT_EQ(reception.room[0].size(), 60u);
  EXPECT_EQ(reception.room[4].size(), 61u);
  EXPECT_EQ(refusing.segmented_count(), 1u);
}

TEST_F(RingTest, APortWithoutADescriptorTakesPart) {
  Wire wire;
  MemoryPort memory;
  memory.Deliver({{}, Pattern(70)});
  BufferedFrame frame(Pattern(60));
  Delivery deliveries[] = {{&memory, &frame.packet}, {&*wire.near_end, &frame.packet}};
  ring_->Send(deliveries);
  EXPECT_EQ(memory.TakeSent().size(), 1u);

  const std::span<Packet> room = Room(4);
  Reception receptions[] = {{&memory, room.first(2)}, {&*wire.far_end, room.subspan(2)}};
  ring_->Receive(receptions);
  ASSERT_EQ(receptions[0].count, 1u);
  EXPECT_EQ(receptions[0].room[0].size(), 70u);
  EXPECT_EQ(receptions[1].count, 1u);
}

}  // namespace
}  // namespace taploom::io
