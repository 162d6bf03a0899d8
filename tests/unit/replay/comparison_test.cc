#include "dataplane/replay/comparison.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/fabric_builder.h"
#include "tests/support/packet_builder.h"

namespace taploom::replay {
namespace {

using test::FabricBuilder;
using test::Tcp;

class Shop : public FabricBuilder {
 public:
  Shop() {
    Vpc("shop", {"10.0.0.0/16"}).InternetGateway();
    Group("web", {"in tcp 80 from 0.0.0.0/0", "out all to 0.0.0.0/0"});
    Subnet("public", {"10.0.0.0/24"}).Route("public", "0.0.0.0/0 igw");
    Subnet("private", {"10.0.1.0/24"});
    Eni("web", "public", {"10.0.0.10 = 203.0.113.10"}, {"web"});
    Eni("app", "private", {"10.0.1.10"}, {"web"});
    NatGateway("nat-a", "public", {"10.0.0.100 = 203.0.113.100"});
    NatGateway("nat-b", "public", {"10.0.0.101 = 203.0.113.101"});
    InternetHost("visitor", {"198.51.100.7"});
    Route("private", "0.0.0.0/0 nat:nat-a");
  }
};

class ComparisonTest : public ::testing::Test {
 protected:
  // Replays packets through `before_` and `after_` and lists the changes: "CHANGE: BEFORE -> AFTER,
  // FLOWS flows of PACKETS packets".
  std::string Compare(const std::vector<test::PacketBuilder>& packets) {
    Replayer before(before_.Build(), {.listens = true}), after(after_.Build(), {.listens = true});
    Comparison comparison;
    for (const test::PacketBuilder& packet : packets) {
      const test::Frame frame = packet.Build();
      const io::CapturedFrame captured{
          .bytes = frame.bytes,
          .original_size = static_cast<std::uint32_t>(frame.bytes.size()),
          .link_type = 1};
      before.Replay(captured);
      after.Replay(captured);
      comparison.Add(before, after);
    }
    EXPECT_EQ(comparison.packets(), packets.size());
    std::string text;
    for (const auto& [key, group] : comparison.groups()) {
      std::uint64_t count = 0;
      for (const ChangedFlow& flow : group.flows) count += flow.packets;
      text += std::string(ToText(group.change)) + ": " + group.before + " -> " + group.after +
              ", " + std::to_string(group.flows.size()) + " flows of " + std::to_string(count) +
              " packets\n";
    }
    return text;
  }

  Shop before_, after_;
};

TEST_F(ComparisonTest, TheSameIsNoChange) {
  EXPECT_EQ(Compare({Tcp("198.51.100.7:4000", "203.0.113.10:80"),
                     Tcp("198.51.100.7:4000", "203.0.113.10:22")}),
            "");
}

TEST_F(ComparisonTest, FlowsAreGroupedByWhatDecided) {
  after_.Group("web", {"in tcp 22 from 0.0.0.0/0", "out all to 0.0.0.0/0"});
  const std::string changes = Compare({Tcp("198.51.100.7:4000", "203.0.113.10:80"),
                                       Tcp("203.0.113.10:80", "198.51.100.7:4000", "SA"),
                                       Tcp("198.51.100.7:4001", "203.0.113.10:80"),
                                       Tcp("198.51.100.7:4002", "203.0.113.10:22")});
  EXPECT_EQ(changes.substr(0, changes.find('\n'))
                .find("newly allowed: SG_INGRESS_DENIED at security "
                      "group ingress web -> public 100 > web sgr-"),
            0u)
      << changes;
  EXPECT_NE(changes.find("\nnewly dropped: public 100 > web sgr-"), std::string::npos) << changes;
  EXPECT_NE(changes.find(" -> SG_INGRESS_DENIED at security group ingress web, 2 flows of "),
            std::string::npos)
      << changes;
}

TEST_F(ComparisonTest, AnotherGatewayIsAnotherRoute) {
  after_.Route("private", "0.0.0.0/0 nat:nat-b");
  EXPECT_EQ(Compare({Tcp("10.0.1.10:4000", "198.51.100.7:443"),
                     Tcp("198.51.100.7:443", "10.0.1.10:4000", "SA")}),
            "differently routed: to visitor as 203.0.113.100 > 198.51.100.7 -> to visitor as "
            "203.0.113.101 > 198.51.100.7, 1 flows of 1 packets\n");
}

}  // namespace
}  // namespace taploom::replay
