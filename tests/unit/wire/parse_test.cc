#include "dataplane/wire/parse.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "tests/support/full_checksum.h"
#include "tests/support/packet_builder.h"
#include "tests/unit/wire/exact_buffer.h"

namespace taploom::wire {
namespace {

using Bytes = std::vector<std::uint8_t>;
using test::Echo;
using test::EchoReply;
using test::IcmpError;
using test::Tcp;
using test::Udp;

Headers ParseExactly(const Bytes& frame) {
  ExactBuffer buffer(frame);
  return Parse(buffer.bytes(), frame.size());
}

void FixIpv4Checksum(Bytes& frame) {
  const std::size_t size = frame[14] % 16 * 4u;
  frame[24] = frame[25] = 0;
  const std::uint16_t checksum = test::FullChecksum(std::span(frame).subspan(14, size));
  frame[24] = static_cast<std::uint8_t>(checksum >> 8);
  frame[25] = static_cast<std::uint8_t>(checksum);
}

// An IPv6 frame whose chain of headers is given byte by byte, with the payload length that fits.
Bytes Ipv6Frame(std::uint8_t next_header, const Bytes& rest) {
  Bytes frame = Udp("[2001:db8::1]:1000", "[2001:db8::2]:53").Build().bytes;
  frame.resize(54);
  frame[20] = next_header;
  frame.insert(frame.end(), rest.begin(), rest.end());
  frame[18] = static_cast<std::uint8_t>(rest.size() >> 8);
  frame[19] = static_cast<std::uint8_t>(rest.size());
  return frame;
}
const Bytes kUdp8 = {0x03, 0xe8, 0, 53, 0, 8, 0, 0};
Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

TEST(Parse, TcpSegment) {
  const Headers headers = ParseExactly(Tcp("10.0.0.1:4000", "10.0.0.2:80", "SA")
                                           .Sequence(7, 9)
                                           .Ttl(33)
                                           .DontFragment()
                                           .Payload(5)
                                           .Build()
                                           .bytes);
  EXPECT_EQ(headers.kind, FrameKind::kIp);
  EXPECT_EQ(headers.family, Family::kIpv4);
  EXPECT_EQ(headers.source.ToString(), "10.0.0.1");
  EXPECT_EQ(headers.destination.ToString(), "10.0.0.2");
  EXPECT_EQ(headers.source_port, 4000);
  EXPECT_EQ(headers.destination_port, 80);
  EXPECT_EQ(headers.tcp_flags, kTcpSyn | kTcpAck);
  EXPECT_EQ(headers.tcp_sequence, 7u);
  EXPECT_EQ(headers.tcp_acknowledgment, 9u);
  EXPECT_EQ(headers.tcp_header_size, 20);
  EXPECT_EQ(headers.ttl, 33);
  EXPECT_TRUE(headers.dont_fragment);
  EXPECT_EQ(headers.l3_size, 45u);
  EXPECT_EQ(headers.l4_offset, 34);
}

TEST(Parse, EchoIdentifierIsThePortOfTheAskingSide) {
  const Headers request = ParseExactly(Echo("10.0.0.1", "10.0.0.2", 77).Build().bytes);
  EXPECT_EQ(request.source_port, 77);
  EXPECT_EQ(request.destination_port, 0);
  const Headers reply = ParseExactly(EchoReply("2001:db8::1", "2001:db8::2", 77).Build().bytes);
  EXPECT_EQ(reply.source_port, 0);
  EXPECT_EQ(reply.destination_port, 77);
}

TEST(Parse, ErrorsAreToldFromQueries) {
  EXPECT_TRUE(ParseExactly(IcmpError("10.0.0.1", "10.0.0.2", 3, 4).Payload(28).Build().bytes)
                  .is_icmp_error);
  EXPECT_FALSE(ParseExactly(Echo("10.0.0.1", "10.0.0.2").Build().bytes).is_icmp_error);
}

TEST(Parse, FragmentsHaveNoTransportAfterTheFirst) {
  const auto datagram = Udp("10.0.0.1:1000", "10.0.0.2:53").Payload(3000);
  const Headers first = ParseExactly(test::PacketBuilder(datagram).Slice(0, 1480, 5).Build().bytes);
  EXPECT_TRUE(first.is_fragment && first.is_first_fragment && first.has_transport);
  EXPECT_EQ(first.source_port, 1000);
  const Headers later =
      ParseExactly(test::PacketBuilder(datagram).Slice(1480, 1480, 5).Build().bytes);
  EXPECT_TRUE(later.is_fragment);
  EXPECT_FALSE(later.is_first_fragment || later.has_transport);
  EXPECT_EQ(later.source_port, 0);
  EXPECT_EQ(later.fragment_id, 5u);
  EXPECT_EQ(later.protocol, kProtocolUdp);
}

// Whatever is cut off, nothing outside what is there is read, and a frame that is not whole is
// malformed.
TEST(Parse, TruncatedAtEveryLengthIsMalformed) {
  const std::vector<Bytes> frames = {
      Tcp("10.0.0.1:4000", "10.0.0.2:80").Payload(10).Build().bytes,
      Udp("10.0.0.1:4000", "10.0.0.2:80").Payload(10).Build().bytes,
      Echo("10.0.0.1", "10.0.0.2").Payload(10).Build().bytes,
      Tcp("[2001:db8::1]:4000", "[2001:db8::2]:80").Payload(10).Build().bytes,
      test::NeighborSolicitation({{2, 0, 0, 0, 0, 1}}, "2001:db8::1", "2001:db8::2").bytes,
      test::ArpRequest({{2, 0, 0, 0, 0, 1}}, "10.0.0.1", "10.0.0.2").bytes,
      Ipv6Frame(0, Bytes{43, 0, 0, 0, 0, 0, 0, 0} + Bytes{60, 0, 0, 0, 0, 0, 0, 0} +
                       Bytes{44, 0, 0, 0, 0, 0, 0, 0} + Bytes{17, 0, 0, 1, 0, 0, 0, 9} + kUdp8)};
  for (std::size_t i = 0; i < frames.size(); ++i) {
    ASSERT_NE(ParseExactly(frames[i]).kind, FrameKind::kMalformed) << i;
    for (std::size_t size = 0; size < frames[i].size(); ++size) {
      ASSERT_EQ(
          ParseExactly({frames[i].begin(), frames[i].begin() + static_cast<std::ptrdiff_t>(size)})
              .kind,
          FrameKind::kMalformed)
          << "frame " << i << " cut after " << size;
    }
  }
}

TEST(Parse, EthernetPaddingIsNoPartOfThePacket) {
  Bytes frame = Udp("10.0.0.1:4000", "10.0.0.2:80").Build().bytes;
  frame.resize(60, 0xee);
  const Headers headers = ParseExactly(frame);
  EXPECT_EQ(headers.kind, FrameKind::kIp);
  EXPECT_EQ(headers.l3_size, 28u);
}

TEST(Parse, PaddingCannotServeAsATransportHeader) {
  Bytes frame = Udp("10.0.0.1:4000", "10.0.0.2:80").Build().bytes;
  frame[17] = 24;  // total length ends inside the UDP header
  FixIpv4Checksum(frame);
  EXPECT_EQ(ParseExactly(frame).kind, FrameKind::kMalformed);
}

TEST(Parse, WrongIpv4ChecksumIsMalformed) {
  Bytes frame = Tcp("10.0.0.1:4000", "10.0.0.2:80").Build().bytes;
  frame[24] ^= 1;
  EXPECT_EQ(ParseExactly(frame).kind, FrameKind::kMalformed);
}

TEST(Parse, Ipv4OptionsAreSkipped) {
  Bytes frame = Udp("10.0.0.1:4000", "10.0.0.2:80").Build().bytes;
  frame.insert(frame.begin() + 34, {1, 1, 1, 1});
  frame[14] = 0x46;
  frame[17] = static_cast<std::uint8_t>(frame[17] + 4);
  FixIpv4Checksum(frame);
  const Headers headers = ParseExactly(frame);
  EXPECT_EQ(headers.kind, FrameKind::kIp);
  EXPECT_EQ(headers.l4_offset, 38);
  EXPECT_EQ(headers.destination_port, 80);
}

TEST(Parse, HeaderLengthsThatLieAreMalformed) {
  const Bytes good = Tcp("10.0.0.1:4000", "10.0.0.2:80").Build().bytes;
  const auto with = [&](std::size_t at, std::uint8_t value) {
    Bytes frame = good;
    frame[at] = value;
    if (at < 34 && frame[14] % 16 >= 5 && 14 + frame[14] % 16 * 4u <= frame.size())
      FixIpv4Checksum(frame);
    return ParseExactly(frame).kind;
  };
  EXPECT_EQ(with(14, 0x44), FrameKind::kMalformed) << "IHL below 5";
  EXPECT_EQ(with(14, 0x4f), FrameKind::kMalformed) << "IHL past the end";
  EXPECT_EQ(with(14, 0x65), FrameKind::kMalformed) << "version 6 under IPv4's EtherType";
  EXPECT_EQ(with(17, 19), FrameKind::kMalformed) << "total length below the header's";
  EXPECT_EQ(with(17, 41), FrameKind::kMalformed) << "total length past the frame";
  EXPECT_EQ(with(46, 0x40), FrameKind::kMalformed) << "TCP data offset below 5";
  EXPECT_EQ(with(46, 0x60), FrameKind::kMalformed) << "TCP data offset past the end";
}

TEST(Parse, PingOfDeathIsMalformed) {
  Bytes frame =
      test::PacketBuilder(Echo("10.0.0.1", "10.0.0.2").Payload(100)).Slice(0, 64).Build().bytes;
  frame[20] = 0x1f, frame[21] = 0xff;  // offset 65,528: 64 bytes there end past 65,535
  FixIpv4Checksum(frame);
  EXPECT_EQ(ParseExactly(frame).kind, FrameKind::kMalformed);
}

TEST(Parse, UdpLengthPastThePacketIsMalformed) {
  Bytes frame = Udp("10.0.0.1:4000", "10.0.0.2:80").Payload(4).Build().bytes;
  frame[39] = 13;
  EXPECT_EQ(ParseExactly(frame).kind, FrameKind::kMalformed);
}

TEST(Parse, ExtensionHeadersAreWalkedToTheTransport) {
  const Headers headers = ParseExactly(
      Ipv6Frame(0, Bytes{60, 0, 0, 0, 0, 0, 0, 0} +
                       Bytes{17, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0} + kUdp8));
  EXPECT_EQ(headers.kind, FrameKind::kIp);
  EXPECT_EQ(headers.protocol, kProtocolUdp);
  EXPECT_EQ(headers.l4_offset, 54 + 24);
  EXPECT_EQ(headers.destination_port, 53);
}

TEST(Parse, AtomicFragmentIsWhole) {  // RFC 6946
  const Headers headers = ParseExactly(Ipv6Frame(44, Bytes{17, 0, 0, 0, 0, 0, 0, 9} + kUdp8));
  EXPECT_EQ(headers.kind, FrameKind::kIp);
  EXPECT_FALSE(headers.is_fragment);
  EXPECT_TRUE(headers.has_transport);
}

TEST(Parse, LaterIpv6FragmentEndsTheChain) {
  // What follows is data; that it looks like a hop-by-hop header means nothing.
  const Headers headers =
      ParseExactly(Ipv6Frame(44, Bytes{17, 0, 0, 0x10, 0, 0, 0, 9} + Bytes{0, 255, 1, 2}));
  EXPECT_EQ(headers.kind, FrameKind::kIp);
  EXPECT_TRUE(headers.is_fragment);
  EXPECT_FALSE(headers.is_first_fragment || headers.has_transport);
  EXPECT_EQ(headers.fragment_id, 9u);
}

TEST(Parse, TwoFragmentHeadersAreMalformed) {
  EXPECT_EQ(ParseExactly(Ipv6Frame(44, Bytes{44, 0, 0, 1, 0, 0, 0, 9} +
                                           Bytes{17, 0, 0, 1, 0, 0, 0, 9} + kUdp8))
                .kind,
            FrameKind::kMalformed);
}

TEST(Parse, ChainOfNineExtensionHeadersIsMalformedOfEightIsNot) {
  const auto chain = [](int count) {
    Bytes rest;
    for (int i = 0; i < count; ++i)
      rest = rest + Bytes{static_cast<std::uint8_t>(i + 1 == count ? 17 : 60), 0, 0, 0, 0, 0, 0, 0};
    return ParseExactly(Ipv6Frame(60, rest + kUdp8)).kind;
  };
  EXPECT_EQ(chain(8), FrameKind::kIp);
  EXPECT_EQ(chain(9), FrameKind::kMalformed);
}

TEST(Parse, Ipv4MappedAddressInIpv6IsMalformed) {
  Bytes frame = Tcp("[2001:db8::1]:4000", "[2001:db8::2]:80").Build().bytes;
  std::fill(frame.begin() + 22, frame.begin() + 32, 0);
  frame[32] = frame[33] = 0xff;
  EXPECT_EQ(ParseExactly(frame).kind, FrameKind::kMalformed);
}

TEST(Parse, EachFamilyHasItsOwnIcmp) {
  Bytes frame = Echo("10.0.0.1", "10.0.0.2", 7).Build().bytes;
  frame[23] = kProtocolIcmpv6;
  FixIpv4Checksum(frame);
  const Headers headers = ParseExactly(frame);
  EXPECT_EQ(headers.kind, FrameKind::kIp);
  EXPECT_FALSE(headers.has_transport || headers.is_icmp());
}

// A superframe's payload lies in the tail: only its headers have to be in the head.
TEST(Parse, FrameMayContinueBehindTheHead) {
  const Bytes frame = Tcp("10.0.0.1:4000", "10.0.0.2:80", "A").Payload(40'000).Build().bytes;
  ExactBuffer head{std::span(frame).first(2048)};
  const Headers headers = Parse(head.bytes(), frame.size());
  EXPECT_EQ(headers.kind, FrameKind::kIp);
  EXPECT_EQ(headers.l3_size, 40'040u);
}

TEST(Parse, RandomBytesNeverBreakTheGuarantees) {
  const char* text = std::getenv("TAPLOOM_SEED");
  const std::uint64_t seed =
      text != nullptr ? std::strtoull(text, nullptr, 0) : std::random_device()();
  SCOPED_TRACE("TAPLOOM_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  int parsed = 0;
  for (int round = 0; round < 300'000; ++round) {
    Bytes frame(14 + random() % 120);
    for (std::uint8_t& byte : frame) byte = static_cast<std::uint8_t>(random());
    const bool v6 = random() % 2 == 0;
    frame[12] = v6 ? 0x86 : 0x08;
    frame[13] = v6 ? 0xdd : 0x00;
    if (frame.size() > 54) {
      const std::size_t l3 = frame.size() - 14;
      frame[14] = v6 ? 0x60 : static_cast<std::uint8_t>(0x45 + random() % 3);
      constexpr std::uint8_t kNext[] = {0, 6, 17, 1, 58, 43, 44, 60};
      if (v6) {
        frame[18] = 0;
        frame[19] = static_cast<std::uint8_t>(l3 - 40);
        frame[20] = kNext[random() % 8];
      } else {
        frame[16] = 0;
        frame[17] = static_cast<std::uint8_t>(l3);
        if (random() % 2 == 0) frame[20] = frame[21] = 0;
        frame[23] = kNext[random() % 8];
        FixIpv4Checksum(frame);
      }
    }
    const Headers headers = ParseExactly(frame);
    if (headers.kind != FrameKind::kIp) continue;
    ++parsed;
    ASSERT_LE(headers.l4_offset, frame.size());
    ASSERT_LE(headers.l3_size, frame.size() - headers.l3_offset);
    ASSERT_LE(headers.l4_offset - headers.l3_offset, headers.l3_size);
    if (headers.has_transport) {
      const std::size_t size = headers.is_tcp() ? headers.tcp_header_size : 8u;
      ASSERT_LE(headers.l4_offset - headers.l3_offset + size, headers.l3_size);
    }
    ASSERT_TRUE(!headers.is_first_fragment || headers.is_fragment);
  }
  EXPECT_GT(parsed, 10'000) << "most of the input was rejected at once; that tests little";
}

}  // namespace
}  // namespace taploom::wire
