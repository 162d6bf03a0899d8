// What an ICMP error quotes is translated too, whatever was quoted and wherever it was cut (RFC
// 5508 §4.2).
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "dataplane/rewrite/rewrite.h"
#include "tests/support/packet_builder.h"
#include "tests/support/packet_reader.h"
#include "tests/unit/rewrite/buffered_packet.h"

namespace taploom::rewrite {
namespace {

using test::Frame;
using test::PacketBuilder;

const wire::IpAddress kInside = *wire::IpAddress::Parse("10.0.1.10"),
                      kOutside = *wire::IpAddress::Parse("203.0.113.100");

// The error a peer sends about `seen`, a packet of 203.0.113.100, translated for the inside.
Frame Restored(const Frame& seen, std::size_t quoted_size, const flow::FiveTuple& as_sent) {
  const Frame error = test::IcmpError("198.51.100.7", "203.0.113.100", 3, 3)
                          .Quoting(seen.bytes, quoted_size)
                          .Build();
  BufferedPacket buffered(error);
  flow::FlowAction action;
  const flow::FiveTuple before = flow::TupleOf(buffered.packet.headers);
  flow::FiveTuple after = before;
  after.destination = kInside;
  PrepareTranslation(before, after, action);
  Apply(buffered.packet, action, after);
  ApplyToQuoted(buffered.packet, as_sent);
  return buffered.frame();
}

flow::FiveTuple AsSent(const Frame& seen, std::uint16_t port) {
  flow::FiveTuple tuple = flow::TupleOf(BufferedPacket(seen).packet.headers);
  tuple.source = kInside;
  tuple.source_port = port;
  return tuple;
}

// The bytes an inside host would find quoted: those of its own packet.
std::vector<std::uint8_t> QuotedBytes(const Frame& frame) {
  return {frame.bytes.begin() + 42, frame.bytes.end()};
}
std::vector<std::uint8_t> PacketBytes(const Frame& frame, std::size_t size) {
  const std::size_t end = std::min(frame.bytes.size(), 14 + size);
  return {frame.bytes.begin() + 14, frame.bytes.begin() + static_cast<std::ptrdiff_t>(end)};
}

struct Case {
  std::string name;
  PacketBuilder seen, sent;
  std::uint16_t sent_port;
};

std::vector<Case> Cases() {
  return {
      {"tcp", test::Tcp("203.0.113.100:23456", "198.51.100.7:443", "A").Payload(100),
       test::Tcp("10.0.1.10:4000", "198.51.100.7:443", "A").Payload(100), 4000},
      {"udp", test::Udp("203.0.113.100:23456", "198.51.100.7:53").Payload(100),
       test::Udp("10.0.1.10:4000", "198.51.100.7:53").Payload(100), 4000},
      {"echo", test::Echo("203.0.113.100", "198.51.100.7", 23456).Payload(100),
       test::Echo("10.0.1.10", "198.51.100.7", 7).Payload(100), 7},
      {"odd", test::Udp("203.0.113.100:23456", "198.51.100.7:53").Payload(3),
       test::Udp("10.0.1.10:4000", "198.51.100.7:53").Payload(3), 4000},
  };
}

TEST(Quoted, InsideFindsItsOwnPacketAtEveryCut) {
  for (const Case& example : Cases()) {
    const Frame seen = example.seen.Build(), sent = example.sent.Build();
    for (std::size_t size = 28; size <= seen.bytes.size() - 14; ++size) {
      if (size == 37 && example.name == "tcp")
        continue;  // through the middle of the checksum: nobody can restore half of it
      const Frame error = Restored(seen, size, AsSent(seen, example.sent_port));
      ASSERT_EQ(QuotedBytes(error), PacketBytes(sent, size))
          << example.name << " cut after " << size;
      ASSERT_EQ(test::ChecksumFault(error), "") << example.name << " cut after " << size;
    }
  }
}

TEST(Quoted, UdpWithoutChecksumStaysWithout) {
  const Frame seen =
      test::Udp("203.0.113.100:23456", "198.51.100.7:53").NoUdpChecksum().Payload(20).Build();
  const Frame sent =
      test::Udp("10.0.1.10:4000", "198.51.100.7:53").NoUdpChecksum().Payload(20).Build();
  const Frame error = Restored(seen, 1000, AsSent(seen, 4000));
  EXPECT_EQ(QuotedBytes(error), PacketBytes(sent, 1000));
  EXPECT_EQ(test::ChecksumFault(error), "");
}

TEST(Quoted, IcmpWithoutIdentifierKeepsItsBytes) {
  const Frame seen =
      test::Echo("203.0.113.100", "198.51.100.7", 0x1234).Icmp(17).Payload(4).Build();
  const Frame sent = test::Echo("10.0.1.10", "198.51.100.7", 0x1234).Icmp(17).Payload(4).Build();
  const Frame error = Restored(seen, 1000, AsSent(seen, 0));
  EXPECT_EQ(QuotedBytes(error), PacketBytes(sent, 1000));
  EXPECT_EQ(test::ChecksumFault(error), "");
}

TEST(Quoted, PaddingBehindTheErrorIsNotTouched) {
  const Frame seen = test::Udp("203.0.113.100:23456", "198.51.100.7:53").Build();
  Frame error =
      test::IcmpError("198.51.100.7", "203.0.113.100", 3, 3).Quoting(seen.bytes, 24).Build();
  error.bytes.insert(error.bytes.end(), {0xaa, 0xbb, 0xcc, 0xdd});
  BufferedPacket buffered(error);
  ApplyToQuoted(buffered.packet, AsSent(seen, 4000));
  const Frame out = buffered.frame();
  EXPECT_EQ(std::vector<std::uint8_t>(out.bytes.end() - 4, out.bytes.end()),
            (std::vector<std::uint8_t>{0xaa, 0xbb, 0xcc, 0xdd}));
  EXPECT_EQ(test::ChecksumFault(out), "");
}

}  // namespace
}  // namespace taploom::rewrite
