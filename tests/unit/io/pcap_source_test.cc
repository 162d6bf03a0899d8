#include "dataplane/io/pcap_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include "tests/support/temp_folder.h"

namespace taploom::io {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Numbers in either byte order, appended to a file's text.
class FileText {
 public:
  explicit FileText(bool is_big_endian) : is_big_endian_(is_big_endian) {}

  FileText& U8(unsigned value) {
    text_ += static_cast<char>(value);
    return *this;
  }
  FileText& U16(unsigned value) { return Number(value, 2); }
  FileText& U32(std::uint64_t value) { return Number(value, 4); }
  FileText& Text(const std::string& text) {
    text_ += text;
    return *this;
  }
  FileText& Block(std::uint32_t type, std::string body) {
    while (body.size() % 4 != 0) body += '\0';
    const auto size = static_cast<std::uint32_t>(body.size() + 12);
    return U32(type).U32(size).Text(body).U32(size);
  }
  const std::string& text() const { return text_; }

 private:
  FileText& Number(std::uint64_t value, int size) {
    for (int i = 0; i < size; ++i) {
      const int shift = 8 * (is_big_endian_ ? size - 1 - i : i);
      text_ += static_cast<char>(value >> shift);
    }
    return *this;
  }

  bool is_big_endian_;
  std::string text_;
};

class PcapSourceTest : public ::testing::TestWithParam<bool> {
 protected:
  std::string Write(const std::string& text) {
    const std::string path = folder_ / "a.capture";
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  std::string WriteGzip(const std::string& text) {
    const std::string path = folder_ / "a.capture.gz";
    gzFile file = gzopen(path.c_str(), "wb");
    gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
    gzclose(file);
    return path;
  }
  // "TIME LINK DIRECTION ID INTERFACE ORIGINAL: BYTES", one entry per frame.
  std::vector<std::string> ReadAll(const std::string& path) {
    std::vector<std::string> frames;
    const auto source = OpenCapture(path, error_);
    if (source == nullptr) return frames;
    CapturedFrame frame;
    while (source->Next(frame)) {
      frames.push_back(std::to_string(frame.time_ns) + " " + std::to_string(frame.link_type) + " " +
                       std::to_string(static_cast<int>(frame.direction)) + " " +
                       std::to_string(frame.packet_id) + " " + std::string(frame.interface) + " " +
                       std::to_string(frame.original_size) + ": " +
                       std::string(frame.bytes.begin(), frame.bytes.end()));
    }
    error_ = source->error();
    return frames;
  }

  static std::string Pcap(bool is_big_endian, std::uint32_t magic) {
    FileText file(is_big_endian);
    file.U32(magic).U16(2).U16(4).U32(0).U32(0).U32(65'535).U32(1);
    file.U32(1000).U32(7).U32(3).U32(3).Text("abc");
    file.U32(1001).U32(8).U32(2).U32(900).Text("de");
    return file.text();
  }

  const test::TempFolder folder_;
  std::string error_;
};

INSTANTIATE_TEST_SUITE_P(ByteOrders, PcapSourceTest, ::testing::Bool());

TEST_P(PcapSourceTest, ReadsMicrosecondsAndNanoseconds) {
  EXPECT_THAT(ReadAll(Write(Pcap(GetParam(), 0xa1b2c3d4))),
              ElementsAre("1000000007000 1 0 0  3: abc", "1001000008000 1 0 0  900: de"));
  EXPECT_THAT(ReadAll(Write(Pcap(GetParam(), 0xa1b23c4d))),
              ElementsAre("1000000000007 1 0 0  3: abc", "1001000000008 1 0 0  900: de"));
  EXPECT_EQ(error_, "");
}

TEST_P(PcapSourceTest, ReadsGzip) {
  EXPECT_THAT(ReadAll(WriteGzip(Pcap(GetParam(), 0xa1b2c3d4))),
              ElementsAre("1000000007000 1 0 0  3: abc", "1001000008000 1 0 0  900: de"));
  EXPECT_EQ(error_, "");
}

std::string Pcapng(bool is_big_endian) {
  const auto with = [&] { return FileText(is_big_endian); };
  FileText file(is_big_endian);
  file.Block(0x0a0d0d0a, with().U32(0x1a2b3c4d).U16(1).U16(0).U32(~0u).U32(~0u).text());
  // Ethernet in microseconds called "web"; raw IP in 2^-10 seconds.
  file.Block(1, with().U16(1).U16(0).U32(0).U16(2).U16(3).Text("web").U8(0).U32(0).text());
  file.Block(1, with().U16(101).U16(0).U32(4).U16(9).U16(1).U8(0x8a).U8(0).U16(0).U32(0).text());
  file.Block(4, with().U32(0).text());            // names: not for us
  file.Block(0xbad, with().Text("what").text());  // not known
  file.Block(6, with()
                    .U32(0)
                    .U32(0)
                    .U32(5)
                    .U32(3)
                    .U32(60)
                    .Text("abc")
                    .U8(0)
                    .U16(2)
                    .U16(4)
                    .U32(2)
                    .U16(5)
                    .U16(8)
                    .U32(is_big_endian ? 0 : 77)
                    .U32(is_big_endian ? 77 : 0)
                    .U32(0)
                    .text());
  file.Block(6, with().U32(1).U32(0).U32(2048).U32(1).U32(1).Text("x").U8(0).U16(0).text());
  file.Block(2, with().U16(0).U16(0).U32(0).U32(6).U32(1).U32(1).Text("y").U8(0).U16(0).text());
  // A new section forgets the interfaces of the one before.
  file.Block(0x0a0d0d0a, with().U32(0x1a2b3c4d).U16(1).U16(0).U32(~0u).U32(~0u).text());
  file.Block(1, with().U16(101).U16(0).U32(2).text());
  file.Block(3, with().U32(5).Text("pq").U16(0).text());
  return file.text();
}

TEST_P(PcapSourceTest, ReadsPcapng) {
  EXPECT_THAT(ReadAll(Write(Pcapng(GetParam()))),
              ElementsAre("5000 1 2 77 web 60: abc", "2000000000 101 0 0  1: x",
                          "6000 1 0 0 web 1: y", "6000 101 0 0  5: pq"));
  EXPECT_EQ(error_, "");
}

TEST_P(PcapSourceTest, ShowsNoMoreOfAPacketThanTheFileSays) {
  FileText file(GetParam());
  file.U32(0xa1b2c3d4).U16(2).U16(4).U32(0).U32(0).U32(4).U32(101);
  file.U32(1).U32(0).U32(6).U32(9).Text("abcdef");
  file.U32(2).U32(0).U32(1).U32(1).Text("g");
  EXPECT_THAT(ReadAll(Write(file.text())),
              ElementsAre("1000000000 12 0 0  9: abcd", "2000000000 12 0 0  1: g"));
  EXPECT_EQ(error_, "");
}

TEST_P(PcapSourceTest, ALengthThatLiesIsFound) {
  FileText file(GetParam());
  file.U32(0xa1b2c3d4).U16(2).U16(4).U32(0).U32(0).U32(65'535).U32(1);
  file.U32(1).U32(0).U32(300'000).U32(300'000).Text("abcdef");
  EXPECT_THAT(ReadAll(Write(file.text())), ElementsAre());
  EXPECT_THAT(error_, HasSubstr(" is broken at byte 24: a packet of impossible length 300000"));
}

// The rarer variants are libpcap's: here Kuznetzov's, whose packet headers are longer.
TEST_P(PcapSourceTest, ReadsWhatOnlyLibpcapKnows) {
  FileText file(GetParam());
  file.U32(0xa1b2cd34).U16(2).U16(4).U32(0).U32(0).U32(65'535).U32(1);
  file.U32(1).U32(5).U32(2).U32(2).U32(0).U16(0).U8(0).U8(0).Text("ab");
  EXPECT_THAT(ReadAll(Write(file.text())), ElementsAre("1000005000 1 0 0  2: ab"));
  EXPECT_EQ(error_, "");
}

// Larger than the buffer that files are read into.
TEST_P(PcapSourceTest, ReadsPacketsOfAnySize) {
  FileText file(GetParam());
  file.U32(0xa1b2c3d4).U16(2).U16(4).U32(0).U32(0).U32(262'144).U32(1);
  for (const std::size_t size : {std::size_t{100'000}, std::size_t{262'144}, std::size_t{1}})
    file.U32(1).U32(0).U32(size).U32(size).Text(std::string(size, 'x'));
  EXPECT_THAT(ReadAll(Write(file.text())),
              ElementsAre("1000000000 1 0 0  100000: " + std::string(100'000, 'x'),
                          "1000000000 1 0 0  262144: " + std::string(262'144, 'x'),
                          "1000000000 1 0 0  1: x"));
}

// Whatever is there before the file ends is read, and the place is named.
TEST_P(PcapSourceTest, EveryCutIsReadUpToItsEnd) {
  const std::string pcap = Pcap(GetParam(), 0xa1b2c3d4);
  for (std::size_t size = 24; size < pcap.size(); ++size) {
    const std::string path = Write(pcap.substr(0, size));
    const std::size_t frames = ReadAll(path).size();
    EXPECT_EQ(frames, size < 43 ? 0u : 1u) << size;
    const bool is_whole = size == 24 || size == 43;
    if (is_whole) {
      EXPECT_EQ(error_, "") << size;
    } else {
      EXPECT_THAT(error_, HasSubstr(path + " is broken at byte " + (size < 43 ? "24: " : "43: ")))
          << size;
    }
  }
  const std::string pcapng = Pcapng(GetParam());
  const std::size_t whole = ReadAll(Write(pcapng)).size();
  for (std::size_t size = 4; size < pcapng.size(); ++size) {
    EXPECT_LE(ReadAll(Write(pcapng.substr(0, size))).size(), whole) << size;
  }
}

TEST_F(PcapSourceTest, ACutGzipStreamGivesWhatItHolds) {
  std::string long_pcap = Pcap(false, 0xa1b2c3d4);
  for (unsigned i = 0; i < 5000; ++i) {
    FileText record(false);
    record.U32(2000 + i).U32(i * 7919 % 1'000'000).U32(4).U32(4).U32(i * 2'654'435'761u);
    long_pcap += record.text();
  }
  const std::string path = WriteGzip(long_pcap);
  std::ifstream whole(path, std::ios::binary);
  std::string packed((std::istreambuf_iterator<char>(whole)), {});
  const std::string cut = Write(packed.substr(0, packed.size() / 2));
  const std::size_t frames = ReadAll(cut).size();
  EXPECT_GT(frames, 100u);
  EXPECT_LT(frames, 5002u);
  EXPECT_THAT(error_, HasSubstr("the gzip stream ends in the middle"));
}

TEST_F(PcapSourceTest, LiesInBlocksAreFoundAndPlaced) {
  const auto with = [] { return FileText(false); };
  FileText good(false);
  good.Block(0x0a0d0d0a, with().U32(0x1a2b3c4d).U16(1).U16(0).U32(~0u).U32(~0u).text());
  const std::string at = " is broken at byte 28: ";
  const std::pair<std::string, std::string> lies[] = {
      {with().U32(6).U32(11).text(), at + "a block of impossible length 11"},
      {with().U32(6).U32(0xfffffffc).text(), at + "a block of impossible length 4294967292"},
      {with().U32(5).U32(16).U32(0).U32(20).text(), at + "a block whose two lengths differ"},
      {with().Block(6, with().U32(0).U32(0).U32(0).U32(0).U32(0).text()).text(),
       at + "a packet of interface 0, which is not declared"},
      {with().Block(6, "1234").text(), at + "a packet block that is too short"},
      {with().Block(1, "1234").text(), at + "an interface block that is too short"},
      {with().Block(0x0a0d0d0a, with().U32(7).text()).text(),
       at + "a section header without a byte order"},
  };
  for (const auto& [lie, said] : lies) {
    EXPECT_THAT(ReadAll(Write(good.text() + lie)), ElementsAre());
    EXPECT_THAT(error_, HasSubstr(said));
  }
  FileText long_packet(false);
  long_packet.Block(1, with().U16(1).U16(0).U32(0).text())
      .Block(6, with().U32(0).U32(0).U32(0).U32(5).U32(5).Text("abcd").text());
  ReadAll(Write(good.text() + long_packet.text()));
  EXPECT_THAT(error_, HasSubstr("a packet longer than its block"));
}

TEST_F(PcapSourceTest, SaysWhatIsNoCapture) {
  EXPECT_EQ(OpenCapture(folder_ / "none", error_), nullptr);
  EXPECT_THAT(error_, HasSubstr("No such file or directory"));
  EXPECT_EQ(OpenCapture(folder_.path(), error_), nullptr);
  EXPECT_THAT(error_, HasSubstr("it is a folder"));
  EXPECT_EQ(OpenCapture(Write("a shopping list"), error_), nullptr);
  EXPECT_THAT(error_, HasSubstr("is no capture file: unknown file format"));
  EXPECT_EQ(OpenCapture(Write(""), error_), nullptr);
  EXPECT_THAT(error_, HasSubstr("it has fewer than 4 bytes"));
}

}  // namespace
}  // namespace taploom::io
