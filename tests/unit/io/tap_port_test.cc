// A datagram socket keeps message boundaries as a TAP queue does, so the port is tested without
// privileges. What only a kernel's TAP does is tested with real devices, in the daemon's tests.
#include "dataplane/io/tap_port.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <vector>

#include "tests/unit/io/frame_io_test_support.h"

namespace taploom::io {
namespace {

class TapPortTest : public testing::Test {
 protected:
  TapPortTest() {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends), 0);
    port_.emplace(UniqueFd(ends[0]));
    peer_.Reset(ends[1]);
  }

  void WriteToPeer(const VnetHeader& vnet, const Bytes& frame) {
    Bytes message(sizeof vnet);
    std::memcpy(message.data(), &vnet, sizeof vnet);
    message.insert(message.end(), frame.begin(), frame.end());
    ASSERT_EQ(::send(peer_.get(), message.data(), message.size(), 0),
              static_cast<ssize_t>(message.size()));
  }
  Bytes ReadFromPeer() {
    Bytes message(70'000);
    const ssize_t size = ::recv(peer_.get(), message.data(), message.size(), 0);
    message.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
    return message;
  }

  std::optional<TapPort> port_;
  UniqueFd peer_;
};

TEST_F(TapPortTest, ReceivesUntilNothingIsWaiting) {
  VnetHeader vnet;
  vnet.flags = VnetHeader::kNeedsChecksum;
  vnet.checksum_start = 34;
  WriteToPeer(vnet, Pattern(60));
  WriteToPeer({}, Pattern(60'000));
  BufferedFrame first({}), second({}), third({});
  Packet packets[] = {first.packet, second.packet, third.packet};

  ASSERT_EQ(port_->Receive(packets), 2u);

  EXPECT_EQ(BytesOf(packets[0]), Pattern(60));
  EXPECT_EQ(packets[0].tail_size, 0u);
  EXPECT_EQ(packets[0].vnet.checksum_start, 34);
  EXPECT_TRUE(packets[0].vnet.needs_checksum());
  EXPECT_EQ(BytesOf(packets[1]), Pattern(60'000));
  EXPECT_EQ(packets[1].head_size, Packet::kHeadCapacity);
  EXPECT_EQ(port_->Receive(packets), 0u);
}

TEST_F(TapPortTest, StopsWhenTheSpanIsFullAndGoesOnLater) {
  for (std::size_t size = 60; size < 63; ++size) WriteToPeer({}, Pattern(size));
  BufferedFrame first({}), second({});
  Packet packets[] = {first.packet, second.packet};

  ASSERT_EQ(port_->Receive(packets), 2u);
  EXPECT_EQ(packets[1].size(), 61u);
  ASSERT_EQ(port_->Receive(packets), 1u);
  EXPECT_EQ(packets[0].size(), 62u);
}

TEST_F(TapPortTest, SendsVnetHeaderHeadAndTailAsOneMessage) {
  VnetHeader vnet;
  vnet.gso_type = VnetHeader::kGsoTcp4;
  vnet.gso_size = 1448;
  BufferedFrame frame(Pattern(30'000), vnet);

  ASSERT_EQ(port_->Send(frame.packet), SendResult::kSent);

  const Bytes message = ReadFromPeer();
  ASSERT_EQ(message.size(), sizeof vnet + 30'000);
  EXPECT_EQ(std::memcmp(message.data(), &vnet, sizeof vnet), 0);
  EXPECT_EQ(Bytes(message.begin() + sizeof vnet, message.end()), Pattern(30'000));
}

TEST_F(TapPortTest, AFullReceiverIsNotAFailure) {
  BufferedFrame frame(Pattern(60));
  SendResult result = SendResult::kSent;
  for (int i = 0; i < 100'000 && result == SendResult::kSent; ++i)
    result = port_->Send(frame.packet);
  EXPECT_EQ(result, SendResult::kFull);
}

TEST_F(TapPortTest, AGoneReceiverIsAFailureAndGivesNothing) {
  peer_.Reset();
  BufferedFrame frame(Pattern(60));
  Packet packets[] = {frame.packet};
  EXPECT_EQ(port_->Receive(packets), 0u);
  EXPECT_EQ(port_->Send(frame.packet), SendResult::kFailed);
}

// A kernel that takes no superframes of one kind, and none that are malformed.
class RefusingTapPort final : public TapPort {
 public:
  explicit RefusingTapPort(std::uint8_t refused_gso_type, std::uint32_t known = 0)
      : TapPort(UniqueFd(), known), refused_gso_type_(refused_gso_type) {}

  std::vector<Bytes> written;
  int refused_count = 0;

 protected:
  int Write(const Packet& packet) override {
    const bool refused = packet.vnet.is_gso() &&
                         (packet.vnet.gso_type == refused_gso_type_ || packet.vnet.gso_size == 0);
    if (refused) {
      ++refused_count;
      return EINVAL;
    }
    written.push_back(BytesOf(packet));
    return 0;
  }

 private:
  const std::uint8_t refused_gso_type_;
};

VnetHeader GsoHeader(Bytes& frame, std::uint8_t gso_type, std::uint16_t gso_size) {
  VnetHeader vnet = MakeChecksumPartial(frame);
  vnet.gso_type = gso_type;
  vnet.gso_size = gso_size;
  return vnet;
}

TEST(TapPortThatRefusesSuperframes, GetsSegmentsAndIsNotAskedAgainForThatKind) {
  RefusingTapPort port(VnetHeader::kGsoTcp4);
  Bytes bytes = TcpFrame(TestIp(), Pattern(2500));
  const VnetHeader vnet = GsoHeader(bytes, VnetHeader::kGsoTcp4, 1000);
  BufferedFrame frame(bytes, vnet);

  EXPECT_EQ(port.Send(frame.packet), SendResult::kSent);
  EXPECT_EQ(port.Send(frame.packet), SendResult::kSent);

  EXPECT_EQ(port.written.size(), 6u);
  EXPECT_EQ(port.refused_count, 1);
  EXPECT_EQ(port.segmented_count(), 2u);
}

TEST(TapPortThatRefusesSuperframes, IsNeverAskedWhenThatIsKnownFromTheStart) {
  RefusingTapPort port(VnetHeader::kGsoTcp4, 1u << VnetHeader::kGsoTcp4);
  Bytes bytes = TcpFrame(TestIp(), Pattern(2500));
  const VnetHeader vnet = GsoHeader(bytes, VnetHeader::kGsoTcp4, 1000);
  BufferedFrame frame(bytes, vnet);

  EXPECT_EQ(port.Send(frame.packet), SendResult::kSent);

  EXPECT_EQ(port.written.size(), 3u);
  EXPECT_EQ(port.refused_count, 0);
  EXPECT_EQ(port.segmented_count(), 1u);
}

TEST(TapPortThatRefusesSuperframes, StillGetsThoseOfOtherKindsWhole) {
  RefusingTapPort port(VnetHeader::kGsoTcp4);
  Bytes refused = TcpFrame(TestIp(), Pattern(2500));
  const VnetHeader refused_vnet = GsoHeader(refused, VnetHeader::kGsoTcp4, 1000);
  Bytes taken = TcpFrame(TestIpv6(), Pattern(2500));
  const VnetHeader taken_vnet = GsoHeader(taken, VnetHeader::kGsoTcp6, 1000);
  BufferedFrame refused_frame(refused, refused_vnet), taken_frame(taken, taken_vnet);

  EXPECT_EQ(port.Send(refused_frame.packet), SendResult::kSent);
  EXPECT_EQ(port.Send(taken_frame.packet), SendResult::kSent);

  ASSERT_EQ(port.written.size(), 4u);
  EXPECT_EQ(port.written.back(), taken);
}

TEST(TapPortThatRefusesSuperframes, AMalformedSuperframeDoesNotSlowDownTheOthers) {
  RefusingTapPort port(VnetHeader::kGsoNone);
  Bytes bytes = TcpFrame(TestIp(), Pattern(2500));
  const VnetHeader lie = GsoHeader(bytes, VnetHeader::kGsoTcp4, 0);
  VnetHeader truth = lie;
  truth.gso_size = 1000;
  BufferedFrame malformed(bytes, lie), well_formed(bytes, truth);

  EXPECT_EQ(port.Send(malformed.packet), SendResult::kFailed);
  EXPECT_EQ(port.Send(well_formed.packet), SendResult::kSent);

  EXPECT_EQ(port.written, std::vector<Bytes>{bytes}) << "whole";
}

}  // namespace
}  // namespace taploom::io
