// Packets quoted in ICMP errors: cut short by whoever sent the error, and never to be trusted.
#include <gtest/gtest.h>

#include "dataplane/wire/parse.h"
#include "tests/support/packet_builder.h"
#include "tests/unit/wire/exact_buffer.h"

namespace taploom::wire {
namespace {

using Bytes = std::vector<std::uint8_t>;

Headers ParseExactly(const Bytes& frame, std::size_t size) {
  ExactBuffer buffer{std::span(frame).subspan(14, size)};
  return ParseQuoted(buffer.bytes(), frame[12] == 0x08 ? Family::kIpv4 : Family::kIpv6);
}

TEST(ParseQuoted, EightBytesOfTransportAreEnough) {
  const Bytes tcp = test::Tcp("10.0.0.1:4000", "10.0.0.2:80").Payload(1000).Build().bytes;
  const Headers headers = ParseExactly(tcp, 28);
  EXPECT_EQ(headers.kind, FrameKind::kIp);
  EXPECT_EQ(headers.source_port, 4000);
  EXPECT_EQ(headers.destination_port, 80);
  EXPECT_EQ(headers.source.ToString(), "10.0.0.1");
}

TEST(ParseQuoted, EchoNeedsItsIdentifier) {
  const Bytes echo = test::Echo("10.0.0.1", "10.0.0.2", 77).Payload(100).Build().bytes;
  EXPECT_EQ(ParseExactly(echo, 28).source_port, 77);
  EXPECT_EQ(ParseExactly(echo, 27).kind, FrameKind::kMalformed);
}

TEST(ParseQuoted, CutBeforeThePortsIsMalformedAndReadsNothingOutside) {
  for (const Bytes& frame :
       {test::Tcp("10.0.0.1:4000", "10.0.0.2:80").Build().bytes,
        test::Udp("[2001:db8::1]:4000", "[2001:db8::2]:80").Payload(8).Build().bytes}) {
    const std::size_t ports_end = (frame[12] == 0x08 ? 20u : 40u) + 4;
    for (std::size_t size = 0; size <= frame.size() - 14; ++size) {
      EXPECT_EQ(ParseExactly(frame, size).kind,
                size < ports_end ? FrameKind::kMalformed : FrameKind::kIp)
          << size;
    }
  }
}

TEST(ParseQuoted, LaterFragmentQuotedTellsNoPorts) {
  const Bytes later =
      test::Udp("10.0.0.1:4000", "10.0.0.2:80").Payload(3000).Slice(1480, 1480).Build().bytes;
  EXPECT_EQ(ParseExactly(later, 28).kind, FrameKind::kMalformed);
}

TEST(ParseQuoted, WrongFamilyIsMalformed) {
  const Bytes tcp = test::Tcp("10.0.0.1:4000", "10.0.0.2:80").Build().bytes;
  ExactBuffer buffer{std::span(tcp).subspan(14)};
  EXPECT_EQ(ParseQuoted(buffer.bytes(), Family::kIpv6).kind, FrameKind::kMalformed);
}

}  // namespace
}  // namespace taploom::wire
