#include "dataplane/io/segment.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/unit/io/frame_io_test_support.h"

namespace taploom::io {
namespace {

using Tins::TCP;

// A superframe as a TAP hands it over: partial checksum, gso words.
struct Superframe {
  Bytes bytes;
  VnetHeader vnet;

  Superframe(Bytes frame, std::uint8_t gso_type, std::uint16_t gso_size) : bytes(std::move(frame)) {
    vnet = MakeChecksumPartial(bytes);
    vnet.gso_type = gso_type;
    vnet.gso_size = gso_size;
  }
};

std::vector<Bytes> Segments(const Superframe& superframe) {
  BufferedFrame frame(superframe.bytes, superframe.vnet);
  Segmenter segmenter(frame.packet);
  std::vector<Bytes> segments;
  Packet segment;
  while (segmenter.Next(segment)) {
    segments.push_back(BytesOf(segment));
    EXPECT_EQ(segment.vnet.flags, 0);
    EXPECT_EQ(segment.vnet.gso_type, VnetHeader::kGsoNone);
  }
  return segments;
}

Tins::EthernetII Read(const Bytes& frame) {
  return {frame.data(), static_cast<std::uint32_t>(frame.size())};
}

Bytes PayloadOf(const Bytes& frame) { return Read(frame).rfind_pdu<Tins::RawPDU>().payload(); }

Bytes Concatenated(const std::vector<Bytes>& segments) {
  Bytes payload;
  for (const Bytes& segment : segments) {
    const Bytes part = PayloadOf(segment);
    payload.insert(payload.end(), part.begin(), part.end());
  }
  return payload;
}

struct Kind {
  const char* name;
  std::uint8_t gso_type;
  Bytes (*make)(const Bytes& payload);
};
const Kind kKinds[] = {
    {"TCP over IPv4", VnetHeader::kGsoTcp4,
     [](const Bytes& payload) { return TcpFrame(TestIp(), payload); }},
    {"TCP over IPv6", VnetHeader::kGsoTcp6,
     [](const Bytes& payload) { return TcpFrame(TestIpv6(), payload); }},
    {"UDP over IPv4", VnetHeader::kGsoUdpL4,
     [](const Bytes& payload) { return UdpFrame(TestIp(), payload); }},
    {"UDP over IPv6", VnetHeader::kGsoUdpL4,
     [](const Bytes& payload) { return UdpFrame(TestIpv6(), payload); }},
};

TEST(Segmenter, SegmentsCarryThePayloadInOrderWithRightChecksumsAndLengths) {
  for (const Kind& kind : kKinds) {
    for (const std::uint16_t gso_size :
         std::initializer_list<std::uint16_t>{536, 1219, 1448, 8949}) {
      for (const std::size_t size : {537u, 1448u, 1449u, 2896u, 3001u, 17'896u, 62'000u}) {
        const Superframe superframe(kind.make(Pattern(size)), kind.gso_type, gso_size);
        const std::vector<Bytes> segments = Segments(superframe);

        ASSERT_EQ(segments.size(), (size + gso_size - 1) / gso_size) << kind.name;
        EXPECT_EQ(Concatenated(segments), Pattern(size))
            << kind.name << " " << gso_size << " " << size;
        for (const Bytes& segment : segments) {
          ASSERT_LE(PayloadOf(segment).size(), gso_size);
          ASSERT_TRUE(HasRightL4Checksum(segment)) << kind.name << " " << gso_size << " " << size;
          // libtins writes lengths and checksums itself: what it would send is what we made.
          Bytes reserialized = Read(segment).serialize();
          reserialized.resize(segment.size());  // without the padding to Ethernet's minimum
          ASSERT_EQ(reserialized, segment) << kind.name << " " << gso_size << " " << size;
        }
      }
    }
  }
}

TEST(Segmenter, TcpSequenceNumbersAdvanceByThePayloadAndWrap) {
  const std::vector<Bytes> segments =
      Segments(Superframe(TcpFrame(TestIp(), Pattern(2500)), VnetHeader::kGsoTcp4, 1000));
  ASSERT_EQ(segments.size(), 3u);
  EXPECT_EQ(Read(segments[0]).rfind_pdu<TCP>().seq(), 0xfffffff0u);
  EXPECT_EQ(Read(segments[1]).rfind_pdu<TCP>().seq(), 984u);
  EXPECT_EQ(Read(segments[2]).rfind_pdu<TCP>().seq(), 1984u);
}

TEST(Segmenter, FinAndPushAreSaidLastAndCwrFirst) {
  const std::vector<Bytes> segments = Segments(Superframe(
      TcpFrame(TestIp(), Pattern(2500), TCP::ACK | TCP::PSH | TCP::FIN | TCP::CWR | TCP::ECE),
      VnetHeader::kGsoTcp4 | VnetHeader::kGsoEcn, 1000));
  ASSERT_EQ(segments.size(), 3u);
  EXPECT_EQ(Read(segments[0]).rfind_pdu<TCP>().flags(), TCP::ACK | TCP::ECE | TCP::CWR);
  EXPECT_EQ(Read(segments[1]).rfind_pdu<TCP>().flags(), TCP::ACK | TCP::ECE);
  EXPECT_EQ(Read(segments[2]).rfind_pdu<TCP>().flags(), TCP::ACK | TCP::ECE | TCP::PSH | TCP::FIN);
}

TEST(Segmenter, Ipv4IdentificationCountsUp) {
  const std::vector<Bytes> segments =
      Segments(Superframe(UdpFrame(TestIp(), Pattern(2500)), VnetHeader::kGsoUdpL4, 1000));
  ASSERT_EQ(segments.size(), 3u);
  EXPECT_EQ(Read(segments[0]).rfind_pdu<Tins::IP>().id(), 0x1234);
  EXPECT_EQ(Read(segments[2]).rfind_pdu<Tins::IP>().id(), 0x1236);
}

TEST(Segmenter, RefusesWhatIsNotWhatItSays) {
  const Bytes tcp = TcpFrame(TestIp(), Pattern(3000));
  Tins::IP fragment_ip = TestIp();
  fragment_ip.flags(Tins::IP::MORE_FRAGMENTS);
  struct {
    const char* why;
    Superframe superframe;
  } const kRows[] = {
      {"TCPv6 said, IPv4 sent", {tcp, VnetHeader::kGsoTcp6, 1000}},
      {"UDP said, TCP sent", {tcp, VnetHeader::kGsoUdpL4, 1000}},
      {"a type we do not ask for", {tcp, VnetHeader::kGsoUdp, 1000}},
      {"an unknown type", {tcp, 77, 1000}},
      {"no size", {tcp, VnetHeader::kGsoTcp4, 0}},
      {"no payload", {TcpFrame(TestIp(), {}), VnetHeader::kGsoTcp4, 1000}},
      {"a fragment", {TcpFrame(fragment_ip, Pattern(3000)), VnetHeader::kGsoTcp4, 1000}},
      {"one frame would become 60,000",
       {TcpFrame(TestIp(), Pattern(60'000)), VnetHeader::kGsoTcp4, 1}},
  };
  for (const auto& row : kRows) {
    BufferedFrame frame(row.superframe.bytes, row.superframe.vnet);
    Segmenter segmenter(frame.packet);
    Packet segment;
    EXPECT_FALSE(segmenter.valid()) << row.why;
    EXPECT_FALSE(segmenter.Next(segment)) << row.why;
  }
}

}  // namespace
}  // namespace taploom::io
