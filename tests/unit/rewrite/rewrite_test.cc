// Rewriting by increments gives the packet that would have been sent with the new addresses in the
// first place.
#include "dataplane/rewrite/rewrite.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>
#include <string>

#include "dataplane/io/finish_checksum.h"
#include "tests/support/packet_builder.h"
#include "tests/support/packet_reader.h"
#include "tests/unit/rewrite/buffered_packet.h"

namespace taploom::rewrite {
namespace {

using test::Describe;
using test::Frame;
using test::PacketBuilder;

const wire::MacAddress kFrom{{2, 0, 0, 0, 0, 1}}, kTo{{2, 0, 0, 0, 0, 2}};

flow::FiveTuple WithEnds(flow::FiveTuple tuple, const std::string& source,
                         const std::string& destination) {
  tuple.source = *wire::IpAddress::Parse(source);
  tuple.destination = *wire::IpAddress::Parse(destination);
  return tuple;
}

// Sends `frame` on as `after` and returns what leaves.
Frame Rewritten(const Frame& frame, const flow::FiveTuple& after, std::uint8_t ttl_decrement = 0) {
  BufferedPacket buffered(frame);
  flow::FlowAction action;
  PrepareTranslation(flow::TupleOf(buffered.packet.headers), after, action);
  action.ttl_decrement = ttl_decrement;
  action.source_mac = kFrom;
  action.destination_mac = kTo;
  Apply(buffered.packet, action, after);
  return buffered.frame();
}

flow::FiveTuple TupleOf(const Frame& frame) {
  return flow::TupleOf(BufferedPacket(frame).packet.headers);
}

class Rewrite : public ::testing::Test {
 protected:
  static Frame Make(PacketBuilder packet) { return packet.From(kTo).To(kFrom).Build(); }
};

TEST_F(Rewrite, TcpEqualsASegmentBuiltThatWay) {
  const Frame before =
      Make(test::Tcp("10.0.1.10:4000", "198.51.100.7:443", "A").Payload(101).Ttl(64));
  flow::FiveTuple after = WithEnds(TupleOf(before), "203.0.113.100", "198.51.100.7");
  after.source_port = 23'456;
  const Frame expected = test::Tcp("203.0.113.100:23456", "198.51.100.7:443", "A")
                             .Payload(101)
                             .Ttl(62)
                             .From(kFrom)
                             .To(kTo)
                             .Build();
  EXPECT_EQ(Rewritten(before, after, 2).bytes, expected.bytes);
}

TEST_F(Rewrite, WithoutATranslationOnlyMacsChange) {
  const Frame before = Make(test::Udp("10.0.1.10:4000", "10.0.2.10:53").Payload(33));
  Frame after = Rewritten(before, TupleOf(before));
  EXPECT_EQ(test::SourceMacOf(after), kFrom);
  EXPECT_EQ(test::DestinationMacOf(after), kTo);
  EXPECT_TRUE(std::equal(before.bytes.begin() + 12, before.bytes.end(), after.bytes.begin() + 12));
}

TEST_F(Rewrite, UdpWithoutChecksumStaysWithout) {
  const Frame before =
      Make(test::Udp("10.0.1.10:4000", "198.51.100.7:53").NoUdpChecksum().Payload(9));
  const Frame after = Rewritten(before, WithEnds(TupleOf(before), "203.0.113.100", "198.51.100.7"));
  EXPECT_EQ(after.bytes[40], 0);
  EXPECT_EQ(after.bytes[41], 0);
}

// RFC 768: a computed 0 is sent as 0xffff. The port is searched for which the sum comes out so.
TEST_F(Rewrite, UdpChecksumThatComesOutZeroIsSentAsOnes) {
  const Frame before = Make(test::Udp("10.0.1.10:4000", "198.51.100.7:53").Payload(9));
  flow::FiveTuple after = WithEnds(TupleOf(before), "203.0.113.100", "198.51.100.7");
  int found = 0;
  for (std::uint32_t port = 1; port <= 65'535; ++port) {
    after.source_port = static_cast<std::uint16_t>(port);
    const Frame out = Rewritten(before, after);
    ASSERT_FALSE(out.bytes[40] == 0 && out.bytes[41] == 0) << port;
    found += out.bytes[40] == 0xff && out.bytes[41] == 0xff ? 1 : 0;
  }
  EXPECT_EQ(found, 1);
}

TEST_F(Rewrite, EchoGetsAnotherIdentifier) {
  const Frame before = Make(test::Echo("10.0.1.10", "198.51.100.7", 7).Payload(56));
  flow::FiveTuple after = WithEnds(TupleOf(before), "203.0.113.100", "198.51.100.7");
  after.source_port = 9999;
  EXPECT_EQ(Describe(Rewritten(before, after)), "echo 203.0.113.100 > 198.51.100.7 id 9999");
}

TEST_F(Rewrite, IcmpWithoutIdentifierKeepsItsBytes) {
  const Frame before = Make(
      test::Echo("10.0.1.10", "198.51.100.7", 0x1234).Icmp(17).Payload(4));  // address mask request
  const Frame after = Rewritten(before, WithEnds(TupleOf(before), "203.0.113.10", "198.51.100.7"));
  EXPECT_EQ(after.bytes[38], 0x12);
  EXPECT_EQ(after.bytes[39], 0x34);
  EXPECT_EQ(test::ChecksumFault(after), "");
}

TEST_F(Rewrite, LaterFragmentChangesItsAddressesOnly) {
  const Frame before =
      Make(test::Udp("10.0.1.10:4000", "198.51.100.7:53").Payload(3000).Slice(1480, 1480));
  flow::FiveTuple after = WithEnds(TupleOf(before), "203.0.113.100", "198.51.100.7");
  const Frame out = Rewritten(before, after, 1);
  EXPECT_EQ(Describe(out), "protocol 17 203.0.113.100 > 198.51.100.7 part 1480+1480 ttl 63");
  EXPECT_EQ(test::PayloadOf(out), test::PayloadOf(before));
}

TEST_F(Rewrite, PartialChecksumTakesTheAddressesOnly) {
  for (PacketBuilder packet : {test::Tcp("10.0.1.10:4000", "198.51.100.7:443", "A"),
                               test::Udp("10.0.1.10:4000", "198.51.100.7:53")}) {
    const Frame before = Make(packet.Payload(333).PartialChecksum());
    flow::FiveTuple after = WithEnds(TupleOf(before), "203.0.113.100", "198.51.100.7");
    after.source_port = 23'456;
    const Frame out = Rewritten(before, after);
    EXPECT_EQ(test::ChecksumFault(out), "") << "the pseudo-header's sum";
    BufferedPacket finished(out);
    ASSERT_TRUE(io::FinishChecksum(finished.packet));
    EXPECT_EQ(test::ChecksumFault(finished.frame()), "") << "after the device has finished it";
  }
}

// ICMP for IPv4 has no pseudo-header (RFC 792), so a partial checksum of it holds nothing that an
// address could change.
TEST_F(Rewrite, PartialChecksumOfIcmpHasNoAddressesInIt) {
  Frame before = Make(test::Echo("10.0.1.10", "198.51.100.7", 7).Payload(56));
  before.bytes[36] = before.bytes[37] = 0;
  before.vnet.flags = VnetHeader::kNeedsChecksum;
  before.vnet.checksum_start = 34;
  before.vnet.checksum_offset = 2;
  flow::FiveTuple after = WithEnds(TupleOf(before), "203.0.113.100", "198.51.100.7");
  after.source_port = 9999;
  BufferedPacket finished(Rewritten(before, after));
  ASSERT_TRUE(io::FinishChecksum(finished.packet));
  EXPECT_EQ(test::ChecksumFault(finished.frame()), "");
}

TEST_F(Rewrite, SuperframeIsTranslatedInItsHeadAlone) {
  const Frame before =
      Make(test::Tcp("10.0.1.10:4000", "198.51.100.7:443", "A").Payload(60'000).Gso(1400));
  flow::FiveTuple after = WithEnds(TupleOf(before), "203.0.113.100", "198.51.100.7");
  after.source_port = 23'456;
  const Frame out = Rewritten(before, after);
  EXPECT_EQ(test::ChecksumFault(out), "");
  EXPECT_EQ(test::PayloadOf(out), test::PayloadOf(before));
  EXPECT_EQ(out.vnet.gso_size, 1400);
}

TEST_F(Rewrite, Ipv6LosesHopsAndKeepsItsAddresses) {
  const Frame before = Make(test::Tcp("[2001:db8::1]:4000", "[2001:db8::2]:443").Payload(10));
  EXPECT_EQ(Describe(Rewritten(before, TupleOf(before), 1)),
            "tcp [2001:db8::1]:4000 > [2001:db8::2]:443 S ttl 63");
}

TEST_F(Rewrite, RandomPacketsHaveRightChecksums) {
  const char* text = std::getenv("TAPLOOM_SEED");
  const std::uint64_t seed =
      text != nullptr ? std::strtoull(text, nullptr, 0) : std::random_device()();
  SCOPED_TRACE("TAPLOOM_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  const auto address = [&] {
    return wire::IpAddress::V4(static_cast<std::uint32_t>(random())).ToString();
  };
  const auto port = [&] { return static_cast<std::uint16_t>(random()); };
  for (int round = 0; round < 10'000; ++round) {
    const std::string source = address(), destination = address();
    PacketBuilder packet =
        random() % 3 == 0   ? test::Tcp(source + ":" + std::to_string(port()),
                                        destination + ":" + std::to_string(port()), "A")
        : random() % 2 == 0 ? test::Udp(source + ":" + std::to_string(port()),
                                        destination + ":" + std::to_string(port()))
                            : test::Echo(source, destination, port());
    const Frame before =
        Make(packet.Payload(random() % 64).Ttl(static_cast<std::uint8_t>(3 + random() % 252)));
    flow::FiveTuple after = TupleOf(before);
    if (random() % 2 == 0) after.source = wire::IpAddress::V4(static_cast<std::uint32_t>(random()));
    if (random() % 2 == 0)
      after.destination = wire::IpAddress::V4(static_cast<std::uint32_t>(random()));
    if (random() % 2 == 0) after.source_port = port();
    if (after.protocol != wire::kProtocolIcmp && random() % 2 == 0) after.destination_port = port();
    const Frame out = Rewritten(before, after, static_cast<std::uint8_t>(random() % 3));
    ASSERT_EQ(test::ChecksumFault(out), "")
        << "round " << round << ": " << Describe(before) << " to " << Describe(out);
    ASSERT_EQ(TupleOf(out), after) << "round " << round;
    ASSERT_EQ(test::PayloadOf(out), test::PayloadOf(before)) << "round " << round;
  }
}

}  // namespace
}  // namespace taploom::rewrite
