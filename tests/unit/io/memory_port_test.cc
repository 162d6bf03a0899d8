#include "dataplane/io/memory_port.h"

#include <gtest/gtest.h>

#include "tests/unit/io/frame_io_test_support.h"

namespace taploom::io {
namespace {

TEST(MemoryPort, ReceivesWhatWasDeliveredSplitIntoHeadAndTail) {
  MemoryPort port;
  VnetHeader vnet;
  vnet.gso_size = 1448;
  port.Deliver({vnet, Pattern(5000)});
  port.Deliver({{}, Pattern(60)});
  BufferedFrame first({}), second({}), third({});
  Packet packets[] = {first.packet, second.packet, third.packet};

  ASSERT_EQ(port.Receive(packets), 2u);

  EXPECT_EQ(packets[0].head_size, Packet::kHeadCapacity);
  EXPECT_EQ(BytesOf(packets[0]), Pattern(5000));
  EXPECT_EQ(packets[0].vnet.gso_size, 1448);
  EXPECT_EQ(BytesOf(packets[1]), Pattern(60));
  EXPECT_EQ(port.Receive(packets), 0u);
}

TEST(MemoryPort, KeepsWhatWasSentUntilItIsFull) {
  MemoryPort port(2);
  BufferedFrame frame(Pattern(3000));
  EXPECT_EQ(port.Send(frame.packet), SendResult::kSent);
  EXPECT_EQ(port.Send(frame.packet), SendResult::kSent);
  EXPECT_EQ(port.Send(frame.packet), SendResult::kFull);

  const auto sent = port.TakeSent();
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(sent[0].bytes, Pattern(3000));
  EXPECT_EQ(port.Send(frame.packet), SendResult::kSent);
}

}  // namespace
}  // namespace taploom::io
