// An explanation says what would happen; the pipeline then does it (slowpath/explain.h).
#include "dataplane/slowpath/explain.h"

#include <algorithm>
#include <cstdlib>
#include <random>

#include "tests/packet/shop.h"

namespace taploom::test {
namespace {

class Explain : public Shop {
 protected:
  Explain() {
    // Ways that fail there, ways that fail back, ways that pass.
    fabric.Eni("web-2", "public", {"10.0.0.12 = 203.0.113.12"}, {"web", "icmp"});
    fabric.Group(
        "web", {"in tcp 80 from 0.0.0.0/0", "in udp 53 from 10.0.1.0/24", "out all to 0.0.0.0/0"});
    fabric.Acl("data", {"90 in deny tcp 3306 10.0.1.11/32", "100 in allow all 0.0.0.0/0",
                        "100 out deny tcp 500-505 10.0.1.10/32", "200 out allow all 0.0.0.0/0"});
    fabric.Acl("public", {"100 in allow all 0.0.0.0/0", "100 out deny tcp 500-503 0.0.0.0/0",
                          "200 out allow all 0.0.0.0/0"});
    fabric.Route("app", "198.51.100.8/32 blackhole");
    Publish();
    snapshot_ = fabric.Build();
  }

  slowpath::Explanation Ask(const std::string& sender, const std::string& source,
                            const std::string& destination, std::uint8_t protocol,
                            std::uint16_t source_port, std::uint16_t destination_port) {
    return slowpath::Explain(*snapshot_, {.ingress_port = fabric.port(sender),
                                          .source = *wire::IpAddress::Parse(source),
                                          .destination = *wire::IpAddress::Parse(destination),
                                          .protocol = protocol,
                                          .source_port = source_port,
                                          .destination_port = destination_port});
  }

  // Another topology: rules, entries and routes of which some let much pass, or the fixture's own.
  void ChangeTopology(std::mt19937_64& random) {
    const auto one_of = [&random](const std::vector<FabricBuilder::Texts>& choices) {
      return choices[random() % choices.size()];
    };
    const std::vector<FabricBuilder::Texts> rules = {
        {"in all from 0.0.0.0/0", "out all to 0.0.0.0/0"},
        {"in tcp 80 from 0.0.0.0/0", "in udp 53 from 10.0.1.0/24", "out all to 0.0.0.0/0"},
        {"in tcp 8080 from sg:web", "in tcp 3306 from sg:app", "out all to 0.0.0.0/0"},
        {"in tcp 3306 from sg:app", "in icmp 8/0 from 10.0.0.0/16"},
        {"in tcp 80-8080 from 10.0.0.0/23", "out tcp to sg:db", "out udp 53 to 0.0.0.0/0"},
        {"in all from sg:db", "out icmp to 0.0.0.0/0", "out tcp 443 to 198.51.100.0/24"},
        {}};
    const std::vector<FabricBuilder::Texts> entries = {
        {"100 in allow all 0.0.0.0/0", "100 out allow all 0.0.0.0/0"},
        {"100 in allow all 0.0.0.0/0", "100 out allow all 0.0.0.0/0"},
        {"90 in deny tcp 3306 10.0.1.11/32", "100 in allow all 0.0.0.0/0",
         "100 out deny tcp 500-505 10.0.1.10/32", "200 out allow all 0.0.0.0/0"},
        {"100 in allow all 0.0.0.0/0", "100 out deny tcp 500-503 0.0.0.0/0",
         "200 out allow all 0.0.0.0/0"},
        {"100 in allow tcp 0.0.0.0/0", "110 in allow icmp 10.0.0.0/16",
         "100 out allow tcp 0.0.0.0/0", "200 out allow icmp 8/0 0.0.0.0/0"},
        {"100 in deny udp 10.0.0.0/24", "200 in allow all 0.0.0.0/0",
         "100 out allow udp 0.0.0.0/0"}};
    for (const char* group : {"web", "app", "db"}) {
      if (random() % 2 == 0) fabric.Group(group, one_of(rules));
    }
    for (const char* subnet : {"public", "app", "data"}) {
      if (random() % 3 == 0) fabric.Acl(subnet, one_of(entries));
    }
    const std::vector<std::string> ways = {"igw",     "igw",       "nat:nat",
                                           "nat:nat", "blackhole", "eni:bare"};
    for (const char* subnet : {"public", "app", "data"}) {
      if (random() % 4 == 0) fabric.Route(subnet, "0.0.0.0/0 " + ways[random() % ways.size()]);
      if (random() % 8 == 0) fabric.RemoveRoute(subnet, "0.0.0.0/0");
    }
    if (random() % 4 == 0) fabric.Route("app", "198.51.100.8/32 blackhole");
    if (random() % 4 == 0) fabric.Route("app", "10.0.2.0/24 eni:app-2");
    if (random() % 4 == 0) fabric.RemoveRoute("app", "10.0.2.0/24");
    snapshot_ = fabric.Build();
  }

  // "drop REASON", "reset" or "NAME", for a path as for a verdict.
  std::string TextOf(const slowpath::PathExplanation& path) {
    if (path.decision.outcome == slowpath::Decision::Outcome::kResetSender) return "reset";
    return path.passes() ? fabric.name_of(path.decision.egress_port)
                         : std::string("drop ") + taploom::TextOf(path.decision.reason).name;
  }
  std::string TextOf(const Outcome& outcome) {
    const bool is_reset = outcome.verdict.kind == Verdict::Kind::kReply &&
                          outcome.verdict.drop_reason == DropReason::kNatUnsolicited;
    if (is_reset) return "reset";
    return outcome.verdict.kind == Verdict::Kind::kForward
               ? fabric.name_of(outcome.verdict.port)
               : std::string("drop ") + taploom::TextOf(outcome.verdict.drop_reason).name;
  }

  std::shared_ptr<const tables::Snapshot> snapshot_;
};

PacketBuilder Question(std::uint8_t protocol, const std::string& source, std::uint16_t source_port,
                       const std::string& destination, std::uint16_t destination_port) {
  if (protocol == wire::kProtocolIcmp) return Echo(source, destination, source_port);
  return {protocol, source + ":" + std::to_string(source_port),
          destination + ":" + std::to_string(destination_port)};
}

PacketBuilder Answer(const flow::FiveTuple& received) {
  const flow::FiveTuple tuple = received.Reversed();
  const std::string source = tuple.source.ToString(), destination = tuple.destination.ToString();
  if (tuple.protocol == wire::kProtocolIcmp)
    return EchoReply(source, destination, tuple.destination_port);
  return PacketBuilder(tuple.protocol, source + ":" + std::to_string(tuple.source_port),
                       destination + ":" + std::to_string(tuple.destination_port))
      .Flags("SA")
      .Sequence(5000, 1001);
}

TEST_F(Explain, AgreesWithThePipelineThereAndBack) {
  const char* text = std::getenv("TAPLOOM_SEED");
  const std::uint64_t seed =
      text != nullptr ? std::strtoull(text, nullptr, 0) : std::random_device()();
  SCOPED_TRACE("TAPLOOM_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  const std::vector<std::pair<std::string, std::string>> senders = {
      {"web", "10.0.0.10"},    {"bare", "10.0.0.11"},      {"web-2", "10.0.0.12"},
      {"app", "10.0.1.10"},    {"app-2", "10.0.1.11"},     {"db", "10.0.2.10"},
      {"api", "198.51.100.7"}, {"visitor", "198.51.100.8"}};
  const std::vector<std::string> targets = {
      "10.0.0.10",    "10.0.0.11",    "10.0.0.12",     "10.0.1.10",
      "10.0.1.11",    "10.0.2.10",    "10.0.2.99",     "10.0.0.100",
      "203.0.113.10", "203.0.113.12", "203.0.113.100", "198.51.100.7",
      "198.51.100.8", "192.168.1.1",  "198.51.100.99", "10.0.1.1"};
  const std::vector<std::uint16_t> ports = {80, 8080, 3306, 53, 443};
  constexpr int kQuestions = 10'000, kQuestionsPerTopology = 10;
  int passed = 0, failed_back = 0, dropped = 0;
  for (int i = 0; i < kQuestions; ++i) {
    if (i % kQuestionsPerTopology == 0) ChangeTopology(random);
    const auto& [sender, source] = senders[random() % senders.size()];
    const std::string& destination = targets[random() % targets.size()];
    if (source == destination) continue;
    const std::uint8_t protocol =
        std::vector<std::uint8_t>{wire::kProtocolTcp, wire::kProtocolTcp, wire::kProtocolUdp,
                                  wire::kProtocolIcmp}[random() % 4];
    const auto source_port = static_cast<std::uint16_t>(500 + random() % 10);
    const std::uint16_t destination_port = ports[random() % ports.size()];
    const slowpath::Explanation explanation =
        Ask(sender, source, destination, protocol, source_port, destination_port);

    Bench fresh({.capacity = 16, .capacity_per_port = 16, .seed = seed});
    fresh.Publish(snapshot_);
    const std::string question = "question " + std::to_string(i) + ": " + sender + " to " +
                                 destination + " protocol " + std::to_string(protocol) + " port " +
                                 std::to_string(destination_port);
    const Outcome there = fresh.Process(
        FrameOf(sender, Question(protocol, source, source_port, destination, destination_port)),
        fabric.port(sender));
    ASSERT_EQ(TextOf(explanation.forward), TextOf(there)) << question;
    ASSERT_EQ(explanation.forward.stages.back().passed, explanation.forward.passes())
        << question << ": the last stage told decides";
    if (there.verdict.kind != Verdict::Kind::kForward) {
      // What is remembered of the packet is enough to explain it once more.
      const auto remembered = fresh.counters().port(fabric.port(sender)).last_drop.Read();
      ASSERT_EQ(remembered.has_value(), there.verdict.kind == Verdict::Kind::kDrop) << question;
      if (!remembered) continue;
      slowpath::PacketView view;
      view.ingress_port = fabric.port(sender);
      view.tuple = remembered->tuple;
      view.source_mac = remembered->source_mac;
      view.destination_mac = remembered->destination_mac;
      view.icmp_type = remembered->icmp_type;
      view.icmp_code = remembered->icmp_code;
      view.tcp_flags = remembered->tcp_flags;
      ASSERT_EQ(TextOf(slowpath::ExplainPacket(*snapshot_, view).forward), TextOf(there))
          << question << ", as it was remembered";
      ++dropped;
      continue;
    }
    const flow::FiveTuple received =
        flow::TupleOf(wire::Parse(there.frame.bytes, there.frame.bytes.size()));
    flow::FiveTuple foretold = explanation.forward.decision.tuple;
    if (explanation.forward.decision.nat)
      foretold.source_port = received.source_port;  // the gateway is free to choose
    ASSERT_EQ(foretold, received) << question;

    ASSERT_TRUE(explanation.reply.has_value()) << question;
    const std::string receiver = fabric.name_of(there.verdict.port);
    const Outcome back = fresh.Process(FrameOf(receiver, Answer(received)), there.verdict.port);
    ASSERT_EQ(TextOf(*explanation.reply), TextOf(back)) << question << ", on the way back";
    ++(explanation.passes() ? passed : failed_back);
  }
  EXPECT_GT(passed, kQuestions / 100);
  EXPECT_GT(failed_back, kQuestions / 1000);
  EXPECT_GT(dropped, kQuestions / 10);
}

TEST_F(Explain, NamesTheRuleThatAdmits) {
  const slowpath::Explanation explanation =
      Ask("app", "10.0.1.10", "10.0.2.10", wire::kProtocolTcp, 4000, 3306);
  const auto stage =
      std::find_if(explanation.forward.stages.begin(), explanation.forward.stages.end(),
                   [](const auto& report) { return report.stage == Stage::kSecurityGroupIngress; });
  ASSERT_NE(stage, explanation.forward.stages.end());
  EXPECT_EQ(stage->component_name, "db");
  EXPECT_EQ(stage->component_id, fabric.id("sg", "db"));
  EXPECT_EQ(stage->rule_id, fabric.id("sgr", "db/in tcp 3306 from sg:app"));
  EXPECT_TRUE(explanation.passes());
}

TEST_F(Explain, NamesTheAclEntryThatDenies) {
  const slowpath::Explanation explanation =
      Ask("app-2", "10.0.1.11", "10.0.2.10", wire::kProtocolTcp, 4000, 3306);
  EXPECT_FALSE(explanation.passes());
  EXPECT_FALSE(explanation.reply.has_value());
  const slowpath::StageReport& last = explanation.forward.stages.back();
  EXPECT_EQ(last.stage, Stage::kNetworkAclInbound);
  EXPECT_EQ(last.reason, DropReason::kNetworkAclInbound);
  EXPECT_EQ(last.detail.substr(0, 14), "rule 90 denies");
}

TEST_F(Explain, SaysWhenOnlyTheWayBackFails) {
  const slowpath::Explanation explanation =
      Ask("app", "10.0.1.10", "10.0.2.10", wire::kProtocolTcp, 502, 3306);
  EXPECT_TRUE(explanation.forward.passes());
  ASSERT_TRUE(explanation.reply.has_value());
  EXPECT_EQ(explanation.reply->decision.reason, DropReason::kNetworkAclOutbound);
  EXPECT_FALSE(explanation.passes());
}

TEST_F(Explain, StagesComeInTheirOrderAndShowTheTranslation) {
  const slowpath::Explanation explanation =
      Ask("app", "10.0.1.10", "198.51.100.7", wire::kProtocolTcp, 4000, 443);
  std::vector<Stage> stages;
  for (const slowpath::StageReport& report : explanation.forward.stages)
    stages.push_back(report.stage);
  const std::vector<Stage> expected = {Stage::kLinkLayer,
                                       Stage::kSourceCheck,
                                       Stage::kSecurityGroupEgress,
                                       Stage::kNetworkAclOutbound,
                                       Stage::kRoute,
                                       Stage::kNetworkAclInbound,
                                       Stage::kNatGateway,
                                       Stage::kNetworkAclOutbound,
                                       Stage::kRoute,
                                       Stage::kInternetGateway,
                                       Stage::kDeliver};
  EXPECT_EQ(stages, expected);
  const auto nat_stage =
      std::find_if(explanation.forward.stages.begin(), explanation.forward.stages.end(),
                   [](const auto& report) { return report.stage == Stage::kNatGateway; });
  ASSERT_NE(nat_stage, explanation.forward.stages.end());
  EXPECT_EQ(nat_stage->before.source.ToString(), "10.0.1.10");
  EXPECT_EQ(nat_stage->after.source.ToString(), "10.0.0.100");
}

}  // namespace
}  // namespace taploom::test
