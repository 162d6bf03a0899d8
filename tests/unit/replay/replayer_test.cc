// Captured frames through a small shop: where each enters, what becomes of it, and which rule it
// was.
#include "dataplane/replay/replayer.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>

#include "dataplane/replay/verdict_line.h"
#include "dataplane/slowpath/describe.h"
#include "tests/support/fabric_builder.h"
#include "tests/support/packet_builder.h"

namespace taploom::replay {
namespace {

using test::Echo;
using test::Frame;
using test::IcmpError;
using test::PacketBuilder;
using test::Tcp;
using test::Udp;
using ::testing::HasSubstr;

class ReplayerTest : public ::testing::Test {
 protected:
  ReplayerTest() {
    fabric_.Vpc("shop", {"10.0.0.0/16"}).InternetGateway();
    fabric_.Group("web", {"in tcp 80 from 0.0.0.0/0", "out all to 0.0.0.0/0"});
    fabric_.Group("app",
                  {"in tcp 8080 from sg:web", "in icmp from 0.0.0.0/0", "out all to 0.0.0.0/0"});
    fabric_.Subnet("public", {"10.0.0.0/24"}).Subnet("private", {"10.0.1.0/24"});
    fabric_.Eni("web", "public", {"10.0.0.10 = 203.0.113.10"}, {"web"});
    fabric_.Eni("app", "private", {"10.0.1.10"}, {"app"});
    fabric_.NatGateway("nat", "public", {"10.0.0.100 = 203.0.113.100"});
    fabric_.InternetHost("visitor", {"198.51.100.7"});
    fabric_.Route("public", "0.0.0.0/0 igw").Route("private", "0.0.0.0/0 nat:nat");
    Start({});
  }

  void Start(Replayer::Options options) {
    options.listens = true;
    replayer_ = std::make_unique<Replayer>(fabric_.Build(), std::move(options));
  }

  // "in > out: protocol A > B", "in: drop REASON", "skip REASON", each as VerdictWord calls it.
  std::string Replay(const io::CapturedFrame& frame) {
    if (!replayer_->Replay(frame)) return "seen";
    const ReplayedPacket& packet = replayer_->last();
    if (packet.skip != SkipReason::kNone) return fmt::format("skip {}", TextOf(packet.skip).name);
    const std::string in = replayer_->names()[packet.in_port].name;
    if (packet.verdict.kind == Verdict::Kind::kDrop)
      return fmt::format("{}: drop {}", in, TextOf(packet.verdict.drop_reason).name);
    const flow::FiveTuple after = packet.After();
    return fmt::format(
        "{} {} {}: {} > {}", in, VerdictWord(packet), replayer_->names()[packet.verdict.port].name,
        slowpath::EndpointText(after.source, after.source_port, after.protocol),
        slowpath::EndpointText(after.destination, after.destination_port, after.protocol));
  }
  std::string Replay(const PacketBuilder& packet, std::int64_t time_ns = 0) {
    const Frame frame = packet.Build();
    return Replay({.bytes = frame.bytes,
                   .original_size = static_cast<std::uint32_t>(frame.bytes.size()),
                   .time_ns = time_ns,
                   .link_type = 1});
  }
  std::string Line() {
    std::string line;
    AppendVerdictLine(*replayer_, line);
    return line;
  }

  test::FabricBuilder fabric_;
  std::unique_ptr<Replayer> replayer_;
};

// Recorded inside the VPC: private addresses on both sides.
TEST_F(ReplayerTest, BothSidesOfAConversationEnterWhereTheyAre) {
  EXPECT_EQ(Replay(Tcp("10.0.0.10:4000", "10.0.1.10:8080")),
            "web forward app: 10.0.0.10:4000 > 10.0.1.10:8080");
  EXPECT_EQ(Replay(Tcp("10.0.1.10:8080", "10.0.0.10:4000", "SA")),
            "app forward web: 10.0.1.10:8080 > 10.0.0.10:4000");
}

TEST_F(ReplayerTest, ADropIsToldWithItsRule) {
  EXPECT_EQ(Replay(Tcp("198.51.100.7:4000", "203.0.113.10:22")), "visitor: drop SG_INGRESS_DENIED");
  EXPECT_EQ(
      Line(),
      "{\"packet\":1,\"time\":\"0.000000000\",\"in\":\"visitor\",\"protocol\":\"tcp\",\"source\":"
      "\"198.51.100.7:4000\",\"destination\":\"203.0.113.10:22\",\"verdict\":\"drop\",\"drop\":{"
      "\"stage\":\"security group ingress\",\"component\":\"" +
          fabric_.id("eni", "web") +
          "\",\"name\":\"web\",\"detail\":\"no ingress rule of web allows tcp 22 from "
          "198.51.100.7\",\"reason\":\"SG_INGRESS_DENIED\",\"code\":\"ENI_SG_RULES_MISMATCH\","
          "\"sentence\":\"No ingress rule of the receiver's security groups allows the "
          "packet.\"},\"rules\":[{\"stage\":\"network ACL "
          "inbound\",\"name\":\"public\",\"rule\":\"100\"}]}\n");
  EXPECT_EQ(
      VerdictComment(*replayer_),
      "DROP SG_INGRESS_DENIED at security group ingress: no ingress rule of web allows tcp 22 "
      "from 198.51.100.7");
}

TEST_F(ReplayerTest, EveryPacketOfAFlowNamesTheRulesOfItsDecision) {
  Replay(Tcp("198.51.100.7:4000", "203.0.113.10:80"));
  const auto way = replayer_->last().way;
  EXPECT_THAT(std::string(replayer_->rules().Text(way)), HasSubstr("security group ingress"));
  Replay(Tcp("203.0.113.10:80", "198.51.100.7:4000", "SA"));
  EXPECT_NE(replayer_->last().way, way);  // the answer's own route and ACLs
  Replay(Tcp("198.51.100.7:4000", "203.0.113.10:80", "A"));
  EXPECT_EQ(replayer_->last().way, way);
}

// Recorded behind the internet gateway: the visitor speaks to a private address.
TEST_F(ReplayerTest, ACaptureFromBehindTheGatewayIsTurnedRound) {
  EXPECT_EQ(Replay(Tcp("198.51.100.7:4000", "10.0.0.10:80")),
            "visitor forward web: 198.51.100.7:4000 > 10.0.0.10:80");
  EXPECT_EQ(replayer_->last().before.destination.ToString(), "203.0.113.10");
  EXPECT_EQ(Replay(Tcp("10.0.0.10:80", "198.51.100.7:4000", "SA")),
            "web forward visitor: 203.0.113.10:80 > 198.51.100.7:4000");
}

// Recorded on the visitor: the web server appears under its public address.
TEST_F(ReplayerTest, ACaptureFromTheInternetIsTurnedRound) {
  EXPECT_EQ(Replay(Tcp("203.0.113.10:4000", "198.51.100.7:443")),
            "web forward visitor: 203.0.113.10:4000 > 198.51.100.7:443");
  EXPECT_EQ(Replay(Tcp("198.51.100.7:443", "203.0.113.10:4000", "SA")),
            "visitor forward web: 198.51.100.7:443 > 10.0.0.10:4000");
}

TEST_F(ReplayerTest, AnAnswerThroughTheNatGatewayFindsItsPort) {
  const std::string left = Replay(Udp("10.0.1.10:4000", "198.51.100.7:53"));
  EXPECT_THAT(left, HasSubstr("app forward visitor: 203.0.113.100:"));
  EXPECT_EQ(Replay(Udp("198.51.100.7:53", "10.0.1.10:4000")),
            "visitor forward app: 198.51.100.7:53 > 10.0.1.10:4000");
  // One that answers nothing does not.
  EXPECT_EQ(Replay(Udp("198.51.100.7:53", "203.0.113.100:4000")),
            "visitor: drop NAT_UNSOLICITED_INBOUND");
}

TEST_F(ReplayerTest, LaterFragmentsOfAnAnswerFollow) {
  Replay(Udp("10.0.1.10:4000", "198.51.100.7:53"));
  const PacketBuilder answer = Udp("198.51.100.7:53", "10.0.1.10:4000").Payload(2500);
  EXPECT_EQ(Replay(PacketBuilder(answer).Slice(0, 1480)),
            "visitor forward app: 198.51.100.7:53 > 10.0.1.10:4000");
  EXPECT_THAT(Replay(PacketBuilder(answer).Slice(1480, 1480)), HasSubstr("visitor forward app: "));
}

TEST_F(ReplayerTest, AnIcmpErrorQuotesWhatItsSenderReceivedHere) {
  const Frame sent = Udp("10.0.1.10:4000", "198.51.100.7:53").Payload(20).Build();
  Replay(Udp("10.0.1.10:4000", "198.51.100.7:53").Payload(20));
  EXPECT_EQ(Replay(IcmpError("198.51.100.7", "10.0.1.10", 3, 3).Quoting(sent.bytes)),
            "visitor forward app: 198.51.100.7 > 10.0.1.10");
}

TEST_F(ReplayerTest, WhoIsNotOfTheFabricDoesNotEnter) {
  EXPECT_EQ(Replay(Tcp("192.168.7.7:4000", "10.0.0.10:80")), "skip NO_ENTRANCE");
  EXPECT_EQ(Replay({.bytes = {}, .link_type = 1}), "skip CUT_SHORT");
  EXPECT_EQ(Replay({.bytes = {}, .link_type = 127}), "skip UNKNOWN_LINK_TYPE");
  const std::vector<std::uint8_t> lldp(60, 0x88);
  EXPECT_EQ(Replay({.bytes = lldp, .original_size = 60, .link_type = 1}), "skip NOT_IP");
  EXPECT_EQ(replayer_->totals().packets, 4u);
  EXPECT_EQ(replayer_->totals().skipped(), 4u);
}

TEST_F(ReplayerTest, AMapPutsACapturedNetworkInPlace) {
  PrefixMap map;
  map.Add("192.168.7.0/24=10.0.1.0/24");
  Start({.map = map});
  EXPECT_EQ(Replay(Tcp("10.0.0.10:4000", "192.168.7.10:8080")),
            "web forward app: 10.0.0.10:4000 > 10.0.1.10:8080");
  EXPECT_EQ(Replay(Tcp("192.168.7.10:8080", "10.0.0.10:4000", "SA")),
            "app forward web: 10.0.1.10:8080 > 10.0.0.10:4000");
}

TEST_F(ReplayerTest, EverythingEntersWhereItIsTold) {
  Start({.in_port = fabric_.port("app")});
  EXPECT_EQ(Replay(Tcp("192.168.7.7:4000", "10.0.0.10:80")), "app: drop SOURCE_DEST_CHECK_SOURCE");
  EXPECT_EQ(Replay(Tcp("10.0.1.10:4000", "10.0.0.10:80")),
            "app forward web: 10.0.1.10:4000 > 10.0.0.10:80");
}

TEST_F(ReplayerTest, IdleConnectionsEndInTheCapturesTime) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  Replay(Udp("10.0.1.10:4000", "198.51.100.7:53"), 100 * kSecond);
  EXPECT_THAT(Replay(Udp("198.51.100.7:53", "10.0.1.10:4000"), 120 * kSecond),
              HasSubstr("forward"));
  EXPECT_EQ(Replay(Udp("198.51.100.7:53", "10.0.1.10:4000"), 600 * kSecond),
            "visitor: drop NAT_UNSOLICITED_INBOUND");
  // A clock that jumps about or back does no harm.
  Replay(Udp("10.0.1.10:4000", "198.51.100.7:53"), INT64_MAX);
  EXPECT_THAT(Replay(Udp("198.51.100.7:53", "10.0.1.10:4000"), INT64_MIN), HasSubstr("forward"));
}

// A capture of a whole fabric: entering frames are replayed, leaving ones tell how the recorded NAT
// gateway had chosen its port.
TEST_F(ReplayerTest, ARecordedNatPortIsFollowed) {
  const auto frame_of = [](const Frame& frame, const char* interface, io::FrameDirection direction,
                           std::uint64_t id) {
    return io::CapturedFrame{.bytes = frame.bytes,
                             .original_size = static_cast<std::uint32_t>(frame.bytes.size()),
                             .link_type = 1,
                             .interface = interface,
                             .direction = direction,
                             .packet_id = id};
  };
  const Frame sent = Udp("10.0.1.10:4000", "198.51.100.7:53")
                         .From(fabric_.mac("app"))
                         .To(fabric_.router_mac("app"))
                         .Build();
  const Frame arrived = Udp("203.0.113.100:31337", "198.51.100.7:53").Build();
  const Frame answer = Udp("198.51.100.7:53", "203.0.113.100:31337")
                           .From(fabric_.mac("visitor"))
                           .To(fabric_.router_mac("visitor"))
                           .Build();
  EXPECT_THAT(Replay(frame_of(sent, "app", io::FrameDirection::kInbound, 5)),
              HasSubstr("app forward visitor"));
  EXPECT_EQ(Replay(frame_of(arrived, "visitor", io::FrameDirection::kOutbound, 5)), "seen");
  EXPECT_EQ(Replay(frame_of(answer, "visitor", io::FrameDirection::kInbound, 6)),
            "visitor forward app: 198.51.100.7:53 > 10.0.1.10:4000");
  EXPECT_EQ(replayer_->totals().packets, 2u);
}

TEST_F(ReplayerTest, AFrameRecordedAtAPortKeepsItsMacs) {
  Frame frame = Udp("10.0.1.10:4000", "198.51.100.7:53").Build();
  std::fill_n(frame.bytes.begin(), 6, std::uint8_t{0xff});
  io::CapturedFrame captured{.bytes = frame.bytes,
                             .original_size = static_cast<std::uint32_t>(frame.bytes.size()),
                             .link_type = 1,
                             .interface = "app",
                             .direction = io::FrameDirection::kInbound};
  EXPECT_EQ(Replay(captured), "app: drop NOT_UNICAST");
  captured.interface = "eth0";  // of another machine
  EXPECT_THAT(Replay(captured), HasSubstr("app forward visitor"));
}

TEST_F(ReplayerTest, APacketCutShortIsStillDecided) {
  const Frame frame = Tcp("10.0.0.10:4000", "10.0.1.10:8080").Payload(1000).Build();
  io::CapturedFrame cut{.bytes = std::span(frame.bytes).first(60),
                        .original_size = static_cast<std::uint32_t>(frame.bytes.size()),
                        .link_type = 1};
  EXPECT_EQ(Replay(cut), "web forward app: 10.0.0.10:4000 > 10.0.1.10:8080");
  EXPECT_EQ(replayer_->totals().cut_short, 1u);
  EXPECT_THAT(Line(), HasSubstr("\"recorded_bytes\":60,\"bytes\":1054,"));
}

}  // namespace
}  // namespace taploom::replay
