#include "dataplane/io/pcapng_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pcap/pcap.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "dataplane/io/pcap_source.h"
#include "tests/support/temp_folder.h"

namespace taploom::io {
namespace {

const std::vector<std::uint8_t> kHead = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0x88, 0xb5, 0x2a};
const std::vector<std::uint8_t> kTail = {0x2b, 0x2c};

class PcapngWriterTest : public ::testing::Test {
 protected:
  std::string WriteFile(const std::string& name) {
    const std::string path = folder_ / name;
    std::FILE* file = std::fopen(path.c_str(), "w");
    PcapngWriter writer(file);
    writer.Begin("taploom");
    const std::uint32_t web = writer.AddInterface("web-1", "eni-1 in subnet app");
    const std::uint32_t client = writer.AddInterface("client", "");
    writer.AddNames({{*wire::IpAddress::Parse("10.0.0.10"), "web-1"},
                     {*wire::IpAddress::Parse("2001:db8::7"), "client"}});
    writer.Write({.interface = client,
                  .time_ns = 1'700'000'000'123'456'789,
                  .head = kHead,
                  .tail = kTail,
                  .original_size = 40,
                  .direction = FrameDirection::kInbound,
                  .packet_id = 0x1'0000'0002,
                  .comment = "DROP NO_ROUTE"});
    writer.Write({.interface = web,
                  .time_ns = 1'700'000'001'000'000'000,
                  .head = kHead,
                  .original_size = 15});
    writer.AddStatistics(web, 1'700'000'001'000'000'000, 2, 1);
    EXPECT_TRUE(writer.Finish());
    std::fclose(file);
    return path;
  }

  const test::TempFolder folder_;
};

TEST_F(PcapngWriterTest, OurReaderReadsIt) {
  std::string error;
  const auto source = OpenCapture(WriteFile("a.pcapng"), error);
  CapturedFrame frame;
  ASSERT_TRUE(source->Next(frame));
  EXPECT_EQ(frame.interface, "client");
  EXPECT_EQ(frame.time_ns, 1'700'000'000'123'456'789);
  EXPECT_EQ(frame.bytes.size(), 17u);
  EXPECT_EQ(frame.bytes[15], 0x2b);
  EXPECT_EQ(frame.original_size, 40u);
  EXPECT_EQ(frame.direction, FrameDirection::kInbound);
  EXPECT_EQ(frame.packet_id, 0x1'0000'0002u);
  ASSERT_TRUE(source->Next(frame));
  EXPECT_EQ(frame.interface, "web-1");
  EXPECT_EQ(frame.direction, FrameDirection::kUnknown);
  EXPECT_EQ(frame.packet_id, 0u);
  EXPECT_FALSE(source->Next(frame));
  EXPECT_EQ(source->error(), "");
}

TEST_F(PcapngWriterTest, LibpcapReadsIt) {
  char error[PCAP_ERRBUF_SIZE];
  pcap_t* capture = pcap_open_offline_with_tstamp_precision(WriteFile("a.pcapng").c_str(),
                                                            PCAP_TSTAMP_PRECISION_NANO, error);
  ASSERT_NE(capture, nullptr) << error;
  pcap_pkthdr* header = nullptr;
  const u_char* bytes = nullptr;
  ASSERT_EQ(pcap_next_ex(capture, &header, &bytes), 1);
  EXPECT_EQ(header->caplen, 17u);
  EXPECT_EQ(header->len, 40u);
  EXPECT_EQ(header->ts.tv_usec, 123'456'789);
  ASSERT_EQ(pcap_next_ex(capture, &header, &bytes), 1);
  EXPECT_EQ(pcap_next_ex(capture, &header, &bytes), PCAP_ERROR_BREAK) << pcap_geterr(capture);
  pcap_close(capture);
}

TEST_F(PcapngWriterTest, TheSameCallsWriteTheSameBytes) {
  const auto read = [](const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  EXPECT_EQ(read(WriteFile("a.pcapng")), read(WriteFile("b.pcapng")));
}

TEST_F(PcapngWriterTest, AFullDiskIsTold) {
  std::FILE* file = std::fopen("/dev/full", "w");
  ASSERT_NE(file, nullptr);
  PcapngWriter writer(file);
  writer.Begin("taploom");
  EXPECT_FALSE(writer.Finish());
  std::fclose(file);
}

}  // namespace
}  // namespace taploom::io
