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
    fabric_.NatGateway("nat", "public", {"10.0.0.100 = 203.0.113.100"});
    fabric_.InternetHost("visitor", {"198.51.100.7", "2001:db8:ffff::7"});
    fabric_.Route("public", "0.0.0.0/0 igw").Route("public", "::/0 igw");
    fabric_.Route("private", "0.0.0.0/0 nat:nat").Route("private", "::/0 igw");
    snapshot_ = fabric_.Build();
    replayer_ = std::make_unique<Replayer>(snapshot_, Replayer::Options{});
    hops_ = std::make_unique<GatewayHops>(*snapshot_);
  }

  // Sends the packet and tells what each gateway made of it: "nat: A > B, shop-igw: C > D".
  std::string Way(const PacketBuilder& packet) {
    const Frame frame = packet.Build();
    replayer_->Replay({.bytes = frame.bytes,
                       .original_size = static_cast<std::uint32_t>(frame.bytes.size()),
                       .link_type = 1});
    const ReplayedPacket& last = replayer_->last();
    if (!last.is_delivered()) return "dropped";
    const wire::Headers left = wire::Parse(last.packet->head_bytes(), last.packet->size());
    std::string way;
    for (const GatewayHop& hop :
         hops_->Find({last.in_port, last.headers}, {last.verdict.port, left})) {
      way +=
          fmt::format("{}{}: {} > {}", way.empty() ? "" : ", ", hops_->gateways()[hop.gateway].name,
                      hop.after.source.ToString(), hop.after.destination.ToString());
    }
    return way;
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

TEST_F(GatewayHopsTest, AWayThatDoesNotLeadToWhatLeftIsNotTold) {
  const Frame frame = Tcp("10.0.0.10:4000", "198.51.100.7:80").Build();
  const wire::Headers entered = wire::Parse(frame.bytes, frame.bytes.size());
  // It left with its private source: not under this configuration.
  EXPECT_TRUE(
      hops_->Find({fabric_.port("web"), entered}, {fabric_.port("visitor"), entered}).empty());
}

}  // namespace
}  // namespace taploom::replay
