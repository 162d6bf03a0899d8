// The way of a packet past gateways, told from its two ends.
#include "dataplane/replay/gateway_hops.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "dataplane/replay/replayer.h"
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

class GatewayHopsTest : public testing::Test {
 protected:
  GatewayHopsTest() {
    fabric_.Vpc("shop", {"10.0.0.0/16", "2001:db8::/56"}).InternetGateway();
    fabric_.Group("open", {"in all from 0.0.0.0/0", "in all from ::/0", "out all to 0.0.0.0/0",
                           "out all to ::/0"});
    fabric_.Subnet("public", {"10.0.0.0/24", "2001:db8:0:0::/64"})
        .Subnet("private", {"10.0.1.0/24", "2001:db8:0:1::/64"});
    fabric_.Eni("web", "public", {"10.0.0.10 = 203.0.113.10", "2001:db8::10"}, {"open"});
    fabric_.Eni("app", "private", {"10.0.1.10", "2001:db8:0:1::10"}, {"open"});
    fabric_.Group("closed", {"out all to 0.0.0.0/0"});
    fabric_.Eni("vault", "public", {"10.0.0.20 = 203.0.113.20"}, {"closed"});
    fabric_.Eni("hidden", "public", {"10.0.0.30"}, {"open"});
    fabric_.Eni("shy", "private", {"10.0.1.20"}, {"closed"});
    fabric_.NatGateway("nat", "public", {"10.0.0.100 = 203.0.113.100"});
    fabric_.InternetHost("visitor", {"198.51.100.7", "2001:db8:ffff::7"});
    fabric_.Route("public", "0.0.0.0/0 igw").Route("public", "::/0 igw");
    fabric_.Route("private", "0.0.0.0/0 nat:nat").Route("private", "::/0 igw");
    snapshot_ = fabric_.Build();
    Replayer::Options options;
    options.listens = true;
    replayer_ = std::make_unique<Replayer>(snapshot_, std::move(options));
    hops_ = std::make_unique<GatewayHops>(*snapshot_);
  }

  // Sends the packet and tells what each gateway made of it: "nat: A > B, shop-igw: C > D". Of one
  // that ends there: "nat: came as A > B". Of one that was dropped: "DROP REASON at …".
  std::string Way(const PacketBuilder& packet) {
    const Frame frame = packet.Build();
    replayer_->Replay({.bytes = frame.bytes,
                       .original_size = static_cast<std::uint32_t>(frame.bytes.size()),
                       .link_type = 1});
    const ReplayedPacket& last = replayer_->last();
    std::vector<observe::GatewayPassage> passages;
    replayer_->FindPassages(passages);
    if (!last.is_delivered())
      return fmt::format("DROP {}{}", TextOf(last.verdict.drop_reason).name,
                         HopsText(frame, hops_->Find(last.headers, passages), " at "));
    const wire::Headers left = wire::Parse(last.packet->head_bytes(), last.packet->size());
    if (!passages.empty()) return HopsText(frame, hops_->Find(last.headers, passages), "");
    return HopsText(frame, hops_->Find({last.in_port, last.headers}, {last.verdict.port, left}),
                    "");
  }

  // What stands in the frames at the gateways, as their headers tell.
  std::string HopsText(Frame frame, const std::vector<GatewayHop>& hops, std::string way) const {
    Packet packet;
    packet.head = frame.bytes.data();
    packet.head_size = static_cast<std::uint32_t>(frame.bytes.size());
    packet.headers = replayer_->last().headers;
    std::string separator;
    if (hops.empty()) return "";
    ForEachHop(packet, hops, [&](const GatewayHop& hop, bool is_outbound) {
      if (!is_outbound && hop.has_left) return;
      const wire::Headers headers = wire::Parse(packet.head_bytes(), packet.size());
      way += fmt::format("{}{}: {}{} > {}", separator, hops_->gateways()[hop.gateway].name,
                         is_outbound ? "" : "came as ", headers.source.ToString(),
                         headers.destination.ToString());
      if (headers.is_icmp_error) way += " quoting " + QuotedText(packet);
      separator = ", ";
    });
    return way;
  }
  // The way of an error about a datagram that `sender` sends through the NAT gateway, which gives
  // it `nat_port`.
  std::string WayOfErrorAbout(const std::string& sender, std::uint16_t& nat_port) {
    Way(Udp(sender, "198.51.100.7:53"));
    nat_port = replayer_->last().After().source_port;
    const Frame seen = Udp("203.0.113.100:" + std::to_string(nat_port), "198.51.100.7:53").Build();
    return Way(IcmpError("198.51.100.7", "203.0.113.100", 3, 3).Quoting(seen.bytes));
  }
  static std::string QuotedText(Packet& packet) {
    const wire::Headers quoted =
        wire::ParseQuoted(rewrite::QuotedPacket(packet), packet.headers.family);
    return fmt::format("{}:{} > {}:{}", quoted.source.ToString(), quoted.source_port,
                       quoted.destination.ToString(), quoted.destination_port);
  }

  test::FabricBuilder fabric_;
  std::shared_ptr<const tables::Snapshot> snapshot_;
  std::unique_ptr<Replayer> replayer_;
  std::unique_ptr<GatewayHops> hops_;
};

TEST_F(GatewayHopsTest, OutThroughTheNatGatewayAndBack) {
  EXPECT_EQ(Way(Udp("10.0.1.10:4000", "198.51.100.7:53")),
            "nat: 10.0.0.100 > 198.51.100.7, shop-igw: 203.0.113.100 > 198.51.100.7");
  // Captured behind the NAT gateway, so replay turns it into the answer to what really left.
  EXPECT_EQ(Way(Udp("198.51.100.7:53", "10.0.1.10:4000")),
            "shop-igw: 198.51.100.7 > 10.0.0.100, nat: 198.51.100.7 > 10.0.1.10");
}

TEST_F(GatewayHopsTest, AnEchoKeepsItsWayThoughItsIdentifierChanges) {
  EXPECT_EQ(Way(Echo("10.0.1.10", "198.51.100.7")),
            "nat: 10.0.0.100 > 198.51.100.7, shop-igw: 203.0.113.100 > 198.51.100.7");
}

TEST_F(GatewayHopsTest, OneToOneAtTheInternetGateway) {
  EXPECT_EQ(Way(Tcp("10.0.0.10:4000", "198.51.100.7:80")), "shop-igw: 203.0.113.10 > 198.51.100.7");
  EXPECT_EQ(Way(Tcp("198.51.100.7:4000", "203.0.113.10:80")), "shop-igw: 198.51.100.7 > 10.0.0.10");
}

TEST_F(GatewayHopsTest, OutAndInAgainByAPublicAddress) {
  EXPECT_EQ(Way(Tcp("10.0.1.10:4000", "203.0.113.10:80")),
            "nat: 10.0.0.100 > 203.0.113.10, shop-igw: 203.0.113.100 > 203.0.113.10, "
            "shop-igw: 203.0.113.100 > 10.0.0.10");
}

TEST_F(GatewayHopsTest, Ipv6PassesUntranslated) {
  EXPECT_EQ(Way(Tcp("[2001:db8:0:1::10]:4000", "[2001:db8:ffff::7]:80")),
            "shop-igw: 2001:db8:0:1::10 > 2001:db8:ffff::7");
  EXPECT_EQ(Way(Tcp("[2001:db8:ffff::7]:4000", "[2001:db8::10]:80")),
            "shop-igw: 2001:db8:ffff::7 > 2001:db8::10");
}

TEST_F(GatewayHopsTest, WithinTheVpcThereIsNone) {
  EXPECT_EQ(Way(Tcp("10.0.1.10:4000", "10.0.0.10:80")), "");
}

TEST_F(GatewayHopsTest, DroppedBehindTheGatewaysItIsSeenAtThem) {
  // To the public address of one that lets nobody in.
  EXPECT_EQ(Way(Tcp("10.0.1.10:4000", "203.0.113.20:80")),
            "DROP SG_INGRESS_DENIED at nat: 10.0.0.100 > 203.0.113.20, "
            "shop-igw: 203.0.113.100 > 203.0.113.20, shop-igw: 203.0.113.100 > 10.0.0.20");
  EXPECT_EQ(Way(Tcp("198.51.100.7:4000", "203.0.113.20:80")),
            "DROP SG_INGRESS_DENIED at shop-igw: 198.51.100.7 > 10.0.0.20");
}

TEST_F(GatewayHopsTest, DroppedByAGatewayItEndsThere) {
  EXPECT_EQ(Way(Tcp("10.0.0.30:4000", "198.51.100.7:80")),
            "DROP NO_PUBLIC_ADDRESS at shop-igw: came as 10.0.0.30 > 198.51.100.7");
  EXPECT_EQ(Way(Tcp("198.51.100.7:4000", "203.0.113.100:80")),
            "DROP NAT_UNSOLICITED_INBOUND at shop-igw: 198.51.100.7 > 10.0.0.100, "
            "nat: came as 198.51.100.7 > 10.0.0.100");
}

TEST_F(GatewayHopsTest, NobodyBehindTheGateways) {
  EXPECT_EQ(Way(Tcp("10.0.0.10:4000", "192.0.2.1:80")),
            "DROP NO_INTERNET_DESTINATION at shop-igw: 203.0.113.10 > 192.0.2.1");
}

TEST_F(GatewayHopsTest, TooOldItEndsAtTheRouterThatSaysSo) {
  EXPECT_EQ(Way(Udp("10.0.1.10:4000", "198.51.100.7:53").Ttl(1)),
            "DROP TTL_EXCEEDED at nat: came as 10.0.1.10 > 198.51.100.7");
  EXPECT_EQ(Way(Udp("10.0.1.10:4000", "198.51.100.7:53").Ttl(2)),
            "DROP TTL_EXCEEDED at nat: 10.0.0.100 > 198.51.100.7, "
            "shop-igw: came as 10.0.0.100 > 198.51.100.7");
}

TEST_F(GatewayHopsTest, TooBigItEndsAtTheGatewayToTheInternet) {
  EXPECT_EQ(Way(Udp("10.0.0.10:4000", "198.51.100.7:53").Payload(1600).DontFragment()),
            "DROP MTU_EXCEEDED at shop-igw: came as 10.0.0.10 > 198.51.100.7");
}

TEST_F(GatewayHopsTest, AnErrorGoesWhatItQuotesWent) {
  std::uint16_t nat_port = 0;
  const std::string way = WayOfErrorAbout("10.0.1.10:4000", nat_port);
  EXPECT_EQ(way, fmt::format(
                     "shop-igw: 198.51.100.7 > 10.0.0.100 quoting 10.0.0.100:{} > 198.51.100.7:53, "
                     "nat: 198.51.100.7 > 10.0.1.10 quoting 10.0.1.10:4000 > 198.51.100.7:53",
                     nat_port));
}

TEST_F(GatewayHopsTest, AnErrorThatIsDroppedBehindThem) {
  std::uint16_t nat_port = 0;
  const std::string way = WayOfErrorAbout("10.0.1.20:4000", nat_port);
  EXPECT_EQ(
      way,
      fmt::format(
          "DROP SG_INGRESS_DENIED at shop-igw: 198.51.100.7 > 10.0.0.100 quoting 10.0.0.100:{} > "
          "198.51.100.7:53, "
          "nat: 198.51.100.7 > 10.0.1.20 quoting 10.0.1.20:4000 > 198.51.100.7:53",
          nat_port));
}

TEST_F(GatewayHopsTest, PassagesThatCannotBeAreNotFollowed) {
  const Frame frame = Tcp("10.0.1.10:4000", "198.51.100.7:80").Build();
  const wire::Headers entered = wire::Parse(frame.bytes, frame.bytes.size());
  const auto passage = [&](const std::string& id, const char* source) {
    observe::GatewayPassage made;
    id.copy(made.gateway.data(), made.gateway.size());
    made.after = flow::TupleOf(entered);
    made.after.source = *wire::IpAddress::Parse(source);
    made.has_left = 1;
    return made;
  };
  const std::string nat = snapshot_->nat_gateways[0].id;
  const auto count = [&](const observe::GatewayPassage& made) {
    return hops_->Find(entered, {&made, 1}).size();
  };
  EXPECT_EQ(count(passage(nat, "10.0.0.100")), 1u);
  EXPECT_EQ(count(passage("nat-other", "10.0.0.100")), 0u);
  EXPECT_EQ(count(passage(nat, "2001:db8::1")), 0u);
  observe::GatewayPassage old = passage(nat, "10.0.0.100");
  old.ttl_decrement = entered.ttl;
  EXPECT_EQ(count(old), 0u);
  observe::GatewayPassage other = passage(nat, "10.0.0.100");
  other.after.protocol = wire::kProtocolUdp;
  EXPECT_EQ(count(other), 0u);
}

TEST_F(GatewayHopsTest, AWayThatDoesNotLeadToWhatLeftIsNotTold) {
  const Frame frame = Tcp("10.0.0.10:4000", "198.51.100.7:80").Build();
  const wire::Headers entered = wire::Parse(frame.bytes, frame.bytes.size());
  // It left with its private source: not under this configuration.
  EXPECT_TRUE(
      hops_->Find({fabric_.port("web"), entered}, {fabric_.port("visitor"), entered}).empty());
}

}  // namespace
}  // namespace taploom::replay
