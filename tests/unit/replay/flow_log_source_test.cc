#include "dataplane/replay/flow_log_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "dataplane/replay/frame_buffer.h"
#include "tests/support/packet_reader.h"
#include "tests/support/temp_folder.h"

namespace taploom::replay {
namespace {

using ::testing::ElementsAre;

class FlowLogSourceTest : public ::testing::Test {
 protected:
  // The packets of a log as packet_reader describes them, in order.
  std::vector<std::string> Read(const std::string& text) {
    path_ = folder_ / "flow.log";
    std::ofstream(path_) << text;
    std::vector<std::string> packets;
    const auto source = OpenRecording(path_, error_);
    if (source == nullptr) return packets;
    FrameBuffer buffer;
    io::CapturedFrame frame;
    while (source->Next(frame)) {
      buffer.Load(frame);
      const Packet& packet = buffer.packet();
      packets.push_back(test::Describe({{packet.head, packet.head + packet.head_size}, {}}));
    }
    error_ = source->error();
    return packets;
  }

  const test::TempFolder folder_;
  std::string path_, error_;
};

TEST_F(FlowLogSourceTest, TheDefaultFormatNeedsNoHeader) {
  EXPECT_THAT(
      Read("2 123456789010 eni-1 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 "
           "1418530070 ACCEPT OK\n"
           "2 123456789010 eni-1 172.31.16.21 172.31.16.139 22 20641 6 20 4249 1418530010 "
           "1418530070 ACCEPT OK\n"
           "2 123456789010 eni-1 - - - - - - - 1431280876 1431280934 - NODATA\n"
           "2 123456789010 eni-1 172.31.16.139 2001:db8::1 53 53 17 4 400 1418530010 1418530070 "
           "ACCEPT SKIPDATA\n"
           "2 123456789010 eni-1 2001:db8::2 2001:db8::1 9000 53 17 4 400 1418530020 1418530070 "
           "REJECT OK\n"),
      ElementsAre("tcp 172.31.16.139:20641 > 172.31.16.21:22 S",
                  "tcp 172.31.16.21:22 > 172.31.16.139:20641 SA",
                  "udp [2001:db8::2]:9000 > [2001:db8::1]:53"));
  EXPECT_EQ(error_, "");
}

TEST_F(FlowLogSourceTest, AHeaderNamesTheColumns) {
  EXPECT_THAT(
      Read("start protocol dstaddr srcaddr dstport srcport tcp-flags pkt-srcaddr\n"
           "30 6 10.0.0.2 10.0.0.1 40 50 18 -\n"  // the flags, not the ports, tell who opened
           "20 6 10.0.0.2 10.0.0.1 50 40 2 10.9.9.9\n"),
      ElementsAre("tcp 10.9.9.9:40 > 10.0.0.2:50 S", "tcp 10.0.0.1:50 > 10.0.0.2:40 SA"));
  EXPECT_EQ(error_, "");
}

TEST_F(FlowLogSourceTest, AnEchoIsAnsweredByWhatRunsAgainstIt) {
  EXPECT_THAT(Read("start protocol srcaddr dstaddr srcport dstport\n"
                   "10 1 10.0.0.1 10.0.0.2 0 0\n11 1 10.0.0.2 10.0.0.1 0 0\n"),
              ElementsAre("echo 10.0.0.1 > 10.0.0.2 id 0", "echo-reply 10.0.0.2 > 10.0.0.1 id 0"));
}

TEST_F(FlowLogSourceTest, SaysWhichLineIsBrokenAndReplaysThoseBefore) {
  const std::string good = "2 1 eni-1 10.0.0.1 10.0.0.2 4000 80 6 1 40 1 2 ACCEPT OK\n";
  EXPECT_EQ(Read(good + "2 1 eni-1 10.0.0.x 10.0.0.2 4000 80 6 1 40 1 2 ACCEPT OK\n").size(), 1u);
  EXPECT_EQ(error_, path_ + " is broken at line 2: srcaddr is \"10.0.0.x\", expected an address");
  EXPECT_EQ(
      Read(good + good + "2 1 eni-1 10.0.0.1 10.0.0.2 4000 80000 6 1 40 1 2 ACCEPT OK").size(), 2u);
  EXPECT_EQ(error_,
            path_ + " is broken at line 3: dstport is \"80000\", expected a number up to 65535");
  Read(good + "2 1 eni-1\n");
  EXPECT_EQ(error_, path_ + " is broken at line 2: 3 fields, expected 14");
  Read(good + "2 1 eni-1 10.0.0.1 ::1 4000 80 6 1 40 1 2 ACCEPT OK\n");
  EXPECT_EQ(error_, path_ + " is broken at line 2: srcaddr and dstaddr are of different families");
  Read("srcaddr dstaddr start\n");
  EXPECT_EQ(error_, path_ + " is broken at line 1: the header has no protocol");
}

}  // namespace
}  // namespace taploom::replay
