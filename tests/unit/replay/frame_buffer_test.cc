#include "dataplane/replay/frame_buffer.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/full_checksum.h"
#include "tests/support/packet_builder.h"

namespace taploom::replay {
namespace {

using test::Frame;
using Kind = io::NetworkLayer::Kind;

io::CapturedFrame Ethernet(const std::vector<std::uint8_t>& bytes) {
  return {
      .bytes = bytes, .original_size = static_cast<std::uint32_t>(bytes.size()), .link_type = 1};
}

TEST(FrameBuffer, RawIpGetsAnEthernetHeader) {
  const Frame frame = test::Udp("10.0.0.1:5", "10.0.0.2:6").Payload(100).Build();
  const std::vector<std::uint8_t> raw(frame.bytes.begin() + 14, frame.bytes.end());
  FrameBuffer buffer;
  EXPECT_EQ(buffer
                .Load({.bytes = raw,
                       .original_size = static_cast<std::uint32_t>(raw.size()),
                       .link_type = 101})
                .kind,
            Kind::kIp);
  EXPECT_EQ(buffer.packet().size(), frame.bytes.size());
  EXPECT_TRUE(std::equal(raw.begin(), raw.end(), buffer.packet().head + 14));
  EXPECT_EQ(buffer.packet().headers.destination_port, 6);
}

TEST(FrameBuffer, WhatWasCutOffIsZero) {
  const Frame frame = test::Udp("10.0.0.1:5", "10.0.0.2:6").Payload(4000).Build();
  FrameBuffer buffer;
  buffer.Load(Ethernet(frame.bytes));  // leaves its bytes in the buffers
  io::CapturedFrame cut = Ethernet(frame.bytes);
  cut.bytes = cut.bytes.first(60);
  buffer.Load(cut);
  EXPECT_TRUE(buffer.is_cut_short());
  EXPECT_EQ(buffer.recorded_size(), 60u);
  EXPECT_EQ(buffer.packet().size(), frame.bytes.size());
  EXPECT_EQ(buffer.packet().headers.kind, wire::FrameKind::kIp);
  const Packet& packet = buffer.packet();
  EXPECT_TRUE(std::all_of(packet.head + 60, packet.head + packet.head_size,
                          [](std::uint8_t byte) { return byte == 0; }));
  EXPECT_TRUE(std::all_of(packet.tail, packet.tail + packet.tail_size,
                          [](std::uint8_t byte) { return byte == 0; }));
}

TEST(FrameBuffer, AChecksumLeftToTheDeviceIsFinished) {
  for (const std::size_t padding : {std::size_t{0}, std::size_t{7}}) {
    const Frame whole = test::Tcp("10.0.0.1:5", "10.0.0.2:6").Payload(3001).Build();
    Frame partial = test::Tcp("10.0.0.1:5", "10.0.0.2:6").Payload(3001).PartialChecksum().Build();
    partial.bytes.insert(partial.bytes.end(), padding, 0xee);
    FrameBuffer buffer;
    buffer.Load(Ethernet(partial.bytes));
    const Packet& packet = buffer.packet();
    EXPECT_FALSE(packet.vnet.needs_checksum());
    EXPECT_EQ(packet.size(), whole.bytes.size() + padding);
    EXPECT_TRUE(std::equal(packet.head, packet.head + packet.head_size, whole.bytes.begin()));
  }
}

TEST(FrameBuffer, AWrongChecksumStaysWrong) {
  Frame frame = test::Udp("10.0.0.1:5", "10.0.0.2:6").Payload(10).Build();
  frame.bytes[14 + 20 + 6] ^= 0x55;
  FrameBuffer buffer;
  buffer.Load(Ethernet(frame.bytes));
  EXPECT_TRUE(std::equal(frame.bytes.begin(), frame.bytes.end(), buffer.packet().head));
}

TEST(FrameBuffer, TagsAreTakenOffUnlessTheFrameWasRecordedAtAPort) {
  std::vector<std::uint8_t> tagged = test::Udp("10.0.0.1:5", "10.0.0.2:6").Build().bytes;
  const std::uint8_t tag[] = {0x81, 0, 0, 7};
  tagged.insert(tagged.begin() + 12, tag, tag + 4);
  FrameBuffer buffer;
  buffer.Load(Ethernet(tagged));
  EXPECT_EQ(buffer.packet().headers.kind, wire::FrameKind::kIp);
  EXPECT_EQ(buffer.packet().size(), tagged.size() - 4);
  buffer.Load(Ethernet(tagged), true);
  EXPECT_EQ(buffer.packet().headers.kind, wire::FrameKind::kUnsupported);
  EXPECT_EQ(buffer.packet().size(), tagged.size());
}

TEST(FrameBuffer, ALargeTcpPacketIsASuperframe) {
  const Frame frame = test::Tcp("10.0.0.1:5", "10.0.0.2:6", "A").Payload(20'000).Build();
  FrameBuffer buffer;
  buffer.Load(Ethernet(frame.bytes));
  EXPECT_EQ(buffer.packet().vnet.gso_type, VnetHeader::kGsoTcp4);
  EXPECT_EQ(buffer.packet().vnet.gso_size, 1460);
  buffer.Load(Ethernet(test::Tcp("10.0.0.1:5", "10.0.0.2:6", "A").Payload(8000).Build().bytes));
  EXPECT_FALSE(buffer.packet().vnet.is_gso());
}

TEST(FrameBuffer, LengthsThatLieDoNotLeaveTheBuffers) {
  const Frame frame = test::Udp("10.0.0.1:5", "10.0.0.2:6").Build();
  io::CapturedFrame huge = Ethernet(frame.bytes);
  huge.original_size = 0xffffffff;
  FrameBuffer buffer;
  buffer.Load(huge);
  EXPECT_EQ(buffer.packet().size(), Packet::kHeadCapacity + Packet::kTailCapacity);
  const std::vector<std::uint8_t> long_bytes(200'000, 0x45);
  buffer.Load({.bytes = long_bytes, .original_size = 200'000, .link_type = 101});
  EXPECT_EQ(buffer.packet().size(), Packet::kHeadCapacity + Packet::kTailCapacity);
}

}  // namespace
}  // namespace taploom::replay
