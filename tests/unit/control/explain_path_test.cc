// Questions and drops in words, and the answers as data.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/explain/explain.h"
#include "control/explain/last_drop.h"
#include "tests/unit/control/topology_test_support.h"

namespace taploom::control {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class ExplainPathTest : public ::testing::Test {
 protected:
  ExplainAnswer Ask(const std::string& source, const std::string& destination,
                    const LiveView& live = {}) const {
    return ExplainPath(plan_, source, destination, live);
  }

  const FabricPlan plan_ = PlanOf(ThreeTier());
};

TEST_F(ExplainPathTest, MistakesOfTheQuestionAreSaid) {
  EXPECT_THAT(Ask("web-1", "db-1:3306/sctp").error,
              HasSubstr("\"sctp\" is no protocol; expected tcp, udp, icmp"));
  EXPECT_THAT(Ask("web-1", "db-1:70000").error, HasSubstr("\"70000\" is no port"));
  EXPECT_THAT(Ask("web-1", "db-1/tcp").error, HasSubstr("tcp needs a port"));
  EXPECT_THAT(Ask("wbe-1", "db-1").error, HasSubstr("did you mean \"web-1\""));
  EXPECT_THAT(Ask("10.0.2.99", "db-1").error, HasSubstr("nothing in the fabric sends from"));
  EXPECT_THAT(Ask("web-1", "web-1:80").error, HasSubstr("reaches itself without the fabric"));
}

TEST_F(ExplainPathTest, AWayBehindAListenerIsOpenWhenOneTargetAnswers) {
  LiveView live;
  bool listens = false;
  live.listens = [&](const std::string& space, std::uint8_t, const wire::IpAddress&,
                     std::uint16_t) {
    return space == "web-1" ? std::optional<bool>(listens) : std::nullopt;
  };
  live.target_health = [](const std::string&, const std::string&) {
    return std::string("unhealthy (Target.FailedHealthChecks)");
  };
  const ExplainAnswer refused = Ask("client", "front:443", live);
  EXPECT_FALSE(refused.passes);
  EXPECT_TRUE(refused.json["NetworkPathFound"].get<bool>());
  EXPECT_THAT(refused.text, HasSubstr("unhealthy (Target.FailedHealthChecks)"));
  listens = true;
  EXPECT_TRUE(Ask("client", "front:443", live).passes);
  EXPECT_TRUE(Ask("client", "front:443").passes) << "nobody can tell who listens";
}

TEST_F(ExplainPathTest, APortWithoutAListenerIsNamed) {
  FabricPlan plan = plan_;
  plan.load_balancers.at(0).listeners.clear();
  const ExplainAnswer answer = ExplainPath(plan, "client", "front:443");
  EXPECT_FALSE(answer.passes);
  EXPECT_EQ(answer.json["Explanations"][0]["ExplanationCode"], "ELBV2_LISTENERS_MISMATCH");
}

class ExplainLastDropsTest : public ExplainPathTest {
 protected:
  // As if web-1 had sent a segment to the internet host "api", and it was dropped.
  ExplainAnswer AfterDrop(const std::string& reason, std::uint32_t tcp_flags = 2) const {
    config::Counters counters;
    config::PortCounters* port = nullptr;
    for (const config::Eni& eni : plan_.config.enis()) {
      port = counters.add_ports();
      port->set_port(eni.port());
      if (eni.name() != "web-1") continue;
      config::DroppedPacket* packet = port->mutable_last_drop();
      packet->set_reason(reason);
      packet->set_protocol(6);
      packet->set_source(std::string("\x0a\x00\x02\x32", 4));
      packet->set_source_port(40'000);
      packet->set_destination(std::string("\x01\x02\x03\x04", 4));
      packet->set_destination_port(443);
      packet->set_tcp_flags(tcp_flags);
    }
    return ExplainLastDrops(plan_, counters, "web-1");
  }
};

TEST_F(ExplainLastDropsTest, PortsThatRanOutAreNoMatterOfRules) {
  const ExplainAnswer answer = AfterDrop("NAT_PORT_ALLOCATION");
  ASSERT_THAT(answer.error, IsEmpty());
  EXPECT_FALSE(answer.passes);
  const auto& drop = answer.json["drops"][0];
  EXPECT_EQ(drop["packet"], "10.0.2.50:40000 -> 1.2.3.4:443, tcp SYN");
  EXPECT_EQ(drop["reason"], "NAT_PORT_ALLOCATION");
  EXPECT_FALSE(drop["still_dropped"].get<bool>());
  EXPECT_THAT(answer.text, HasSubstr("ErrorPortAllocation"));
  EXPECT_THAT(answer.text, HasSubstr("it would pass now"));
}

TEST_F(ExplainLastDropsTest, ADropThatAChangeHasMendedIsSaidToBe) {
  const ExplainAnswer answer = AfterDrop("SG_EGRESS_DENIED");
  EXPECT_THAT(answer.text, HasSubstr("SG_EGRESS_DENIED"));
  EXPECT_THAT(answer.text, HasSubstr("the configuration has changed"));
  EXPECT_THAT(answer.text, Not(HasSubstr("smallest fix")));
}

TEST_F(ExplainLastDropsTest, MessagesThatMakeNoSenseAreLeftOut) {
  EXPECT_TRUE(AfterDrop("NO_SUCH_REASON").passes);
  EXPECT_TRUE(AfterDrop("NONE").passes) << "what was not dropped";
}

}  // namespace
}  // namespace taploom::control
