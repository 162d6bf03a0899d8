#include "dataplane/io/finish_checksum.h"

#include <gtest/gtest.h>

#include <tuple>

#include "tests/unit/io/frame_io_test_support.h"

namespace taploom::io {
namespace {

// Odd sizes, and sizes around the place where the frame continues in the tail.
constexpr std::size_t kPayloadSizes[] = {0,    1,    2,    3,    100,  1447, 1448,
                                         1980, 1981, 1982, 1983, 2500, 8961, 60'001};

TEST(FinishChecksum, GivesTheChecksumTheSenderWouldHaveWritten) {
  for (const std::size_t size : kPayloadSizes) {
    for (const Bytes& whole :
         {TcpFrame(TestIp(), Pattern(size)), TcpFrame(TestIpv6(), Pattern(size)),
          UdpFrame(TestIp(), Pattern(size)), UdpFrame(TestIpv6(), Pattern(size))}) {
      Bytes partial = whole;
      const VnetHeader vnet = MakeChecksumPartial(partial);
      BufferedFrame frame(partial, vnet);

      ASSERT_TRUE(FinishChecksum(frame.packet)) << size;

      EXPECT_EQ(BytesOf(frame.packet), whole) << size;
      EXPECT_FALSE(frame.packet.vnet.needs_checksum());
      EXPECT_EQ(frame.packet.vnet.checksum_start, 0);
    }
  }
}

TEST(FinishChecksum, WritesAllOnesWhereUdpWouldHaveZero) {
  // Two payload bytes chosen so that the sum of everything is 0xffff.
  Bytes whole = UdpFrame(TestIp(), {0, 0});
  whole[whole.size() - 2] = whole[14 + 20 + 6];
  whole[whole.size() - 1] = whole[14 + 20 + 7];
  const VnetHeader vnet = MakeChecksumPartial(whole);
  BufferedFrame frame(whole, vnet);

  ASSERT_TRUE(FinishChecksum(frame.packet));

  EXPECT_EQ(frame.packet.head[14 + 20 + 6], 0xff);
  EXPECT_EQ(frame.packet.head[14 + 20 + 7], 0xff);
}

TEST(FinishChecksum, LeavesAFinishedFrameAlone) {
  const Bytes whole = TcpFrame(TestIp(), Pattern(10));
  BufferedFrame frame(whole);
  ASSERT_TRUE(FinishChecksum(frame.packet));
  EXPECT_EQ(BytesOf(frame.packet), whole);
}

TEST(FinishChecksum, RefusesAChecksumPlaceOutsideTheFrame) {
  struct {
    std::uint16_t start, offset;
  } const kLies[] = {{34, 5000}, {5000, 16}, {65'535, 65'535}, {0, 75}, {75, 0}};
  const Bytes whole = UdpFrame(TestIp(), Pattern(34));  // 76 bytes
  for (const auto& lie : kLies) {
    VnetHeader vnet;
    vnet.flags = VnetHeader::kNeedsChecksum;
    vnet.checksum_start = lie.start;
    vnet.checksum_offset = lie.offset;
    BufferedFrame frame(whole, vnet);
    EXPECT_FALSE(FinishChecksum(frame.packet)) << lie.start << "+" << lie.offset;
    EXPECT_EQ(BytesOf(frame.packet), whole);
  }
}

}  // namespace
}  // namespace taploom::io
