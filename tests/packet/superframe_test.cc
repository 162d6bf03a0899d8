// Superframes and unfinished checksums, as TAPs with offloads carry them: judged by their segments,
// rewritten once, and right when software finishes what a device would have.
#include "dataplane/io/finish_checksum.h"
#include "tests/packet/shop.h"

namespace taploom::test {
namespace {

class Superframe : public Shop {
 protected:
  // What a port without checksum offload makes of the frame that came out.
  std::string Finished(Frame frame) {
    std::vector<std::uint8_t> head(Packet::kHeadCapacity), tail(Packet::kTailCapacity);
    Packet packet;
    packet.head = head.data();
    packet.head_size = static_cast<std::uint32_t>(std::min(frame.bytes.size(), head.size()));
    std::copy_n(frame.bytes.begin(), packet.head_size, head.begin());
    packet.tail = tail.data();
    packet.tail_size = static_cast<std::uint32_t>(frame.bytes.size()) - packet.head_size;
    std::copy(frame.bytes.begin() + packet.head_size, frame.bytes.end(), tail.begin());
    packet.vnet = frame.vnet;
    packet.vnet.gso_type =
        VnetHeader::kGsoNone;  // taken whole, as one huge segment: the sum is over the same bytes
    if (!io::FinishChecksum(packet)) return "cannot be finished";
    std::copy_n(head.begin(), packet.head_size, frame.bytes.begin());
    frame.vnet = packet.vnet;
    return Describe(frame);
  }
};

TEST_F(Superframe, ThroughANatGatewayItsUnfinishedChecksumStaysRight) {
  Connect("app", "10.0.1.10:4000", "api", "198.51.100.7:443");
  const Ends seen = SeenEnds();
  Send("app", Tcp("10.0.1.10:4000", "198.51.100.7:443", "A")
                  .Sequence(1001, 5001)
                  .Payload(50'000)
                  .Gso(1400));
  EXPECT_EQ(Finished(last().frame), "tcp " + seen.source + " > 198.51.100.7:443 A ttl 62");
}

TEST_F(Superframe, RepliesAreRestoredTheSameWay) {
  Connect("app", "10.0.1.10:4000", "api", "198.51.100.7:443");
  const Ends seen = SeenEnds();
  Send("api",
       Tcp("198.51.100.7:443", seen.source, "A").Sequence(5001, 1001).Payload(50'000).Gso(1400));
  EXPECT_EQ(Finished(last().frame), "tcp 198.51.100.7:443 > 10.0.1.10:4000 A ttl 63");
}

TEST_F(Superframe, SmallFrameWithAnUnfinishedChecksumToo) {
  Send("web", Udp("10.0.0.10:4000", "198.51.100.7:53").Payload(77).PartialChecksum());
  EXPECT_EQ(Finished(last().frame), "udp 203.0.113.10:4000 > 198.51.100.7:53 ttl 63");
}

TEST_F(Superframe, InsideTheVpcJumboSegmentsPass) {
  Connect("app", "10.0.1.10:4000", "db", "10.0.2.10:3306");
  EXPECT_EQ(Send("app", Tcp("10.0.1.10:4000", "10.0.2.10:3306", "A")
                            .Sequence(1001, 5001)
                            .Payload(60'000)
                            .DontFragment()
                            .Gso(8961)),
            "db: tcp 10.0.1.10:4000 > 10.0.2.10:3306 A");
  EXPECT_EQ(last().frame.vnet.gso_size, 8961);
}

TEST_F(Superframe, TooLargeSegmentsWithDontFragmentAreToldTheMtu) {
  fabric.Group("web", {"in icmp from 0.0.0.0/0", "out all to 0.0.0.0/0"});
  Publish();
  Connect("web", "10.0.0.10:4000", "api", "198.51.100.7:80");
  EXPECT_EQ(Send("web", Tcp("10.0.0.10:4000", "198.51.100.7:80", "A")
                            .Sequence(1001, 5001)
                            .Payload(60'000)
                            .DontFragment()
                            .Gso(8961)),
            "reply [MTU_EXCEEDED]: icmp 3/4 10.0.0.1 > 10.0.0.10 mtu 1500 quoting [tcp "
            "10.0.0.10:4000 > 198.51.100.7:80]");
  EXPECT_FALSE(last().frame.vnet.needs_checksum() || last().frame.vnet.is_gso())
      << "the answer is an ordinary frame";
  EXPECT_LE(last().frame.bytes.size(), 14u + 576u);
}

TEST_F(Superframe, CutSegmentsFillTheMtuExactly) {
  Connect("web", "10.0.0.10:4000", "api", "198.51.100.7:80");
  Send(
      "web",
      Tcp("10.0.0.10:4000", "198.51.100.7:80", "A").Sequence(1001, 5001).Payload(60'000).Gso(8961));
  EXPECT_EQ(last().verdict.kind, Verdict::Kind::kForward);
  EXPECT_EQ(last().frame.vnet.gso_size, 1460);
  EXPECT_EQ(Finished(last().frame), "tcp 203.0.113.10:4000 > 198.51.100.7:80 A ttl 63");
}

TEST_F(Superframe, UdpSegmentsAreJudgedByTheirOwnHeader) {
  EXPECT_EQ(Send("web",
                 Udp("10.0.0.10:4000", "198.51.100.7:53").Payload(14'720).DontFragment().Gso(1472)),
            "api: udp 203.0.113.10:4000 > 198.51.100.7:53 ttl 63");
  EXPECT_EQ(Send("web",
                 Udp("10.0.0.10:4000", "198.51.100.7:53").Payload(14'730).DontFragment().Gso(1473)),
            "drop MTU_EXCEEDED");
}

TEST_F(Superframe, AllOfItsBytesAreCounted) {
  Connect("app", "10.0.1.10:4000", "api", "198.51.100.7:443");
  const std::uint64_t before = nat("nat").out_to_destination.bytes.value();
  Send("app", Tcp("10.0.1.10:4000", "198.51.100.7:443", "A")
                  .Sequence(1001, 5001)
                  .Payload(50'000)
                  .Gso(1400));
  EXPECT_EQ(nat("nat").out_to_destination.bytes.value() - before, 50'040u);
}

}  // namespace
}  // namespace taploom::test
