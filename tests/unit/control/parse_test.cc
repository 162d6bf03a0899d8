#include "control/parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "tests/unit/control/topology_test_support.h"

namespace taploom::control {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

TEST(ParseTest, KeepsWhatTheFileSaysWordForWord) {
  const ParseResult result = Parse(ThreeTier());
  ASSERT_TRUE(result.findings.empty());
  const Topology& topology = result.topology;
  EXPECT_EQ(topology.name.value, "three-tier");
  EXPECT_EQ(topology.region->value, "ap-northeast-2");
  ASSERT_THAT(topology.vpcs, SizeIs(1));
  const Vpc& vpc = topology.vpcs[0];
  EXPECT_EQ(vpc.internet_gateway->value, "igw");
  ASSERT_THAT(vpc.subnets, SizeIs(3));
  EXPECT_EQ(vpc.subnets[1].cidr->value.ToString(), "10.0.2.0/24");
  EXPECT_EQ(vpc.subnets[1].route_table->value, "private");
  ASSERT_THAT(vpc.security_groups, SizeIs(3));
  EXPECT_FALSE(vpc.security_groups[0].egress.has_value()) << "no egress key";
  EXPECT_THAT(*vpc.security_groups[2].egress, IsEmpty()) << "egress: []";
  EXPECT_EQ(vpc.load_balancers[0].subnets[0].elastic_ip->value.ToString(), "203.0.113.20");
  ASSERT_THAT(topology.instances, SizeIs(2));
  EXPECT_THAT(topology.instances[0].run, ElementsAre("./serve-web.sh"));
  EXPECT_EQ(topology.internet_hosts[0].addresses[0].value.ToString(), "1.2.3.4");
}

TEST(ParseTest, CountsLinesAndColumnsFromOne) {
  const ParseResult result = Parse("name: lab\nvpcs:\n  main:\n    cidr: 10.0.0.0/16\n");
  EXPECT_EQ(result.topology.name.at, (Position{1, 7}));
  EXPECT_EQ(result.topology.vpcs[0].name.at, (Position{3, 3}));
  EXPECT_EQ(result.topology.vpcs[0].cidrs[0].at, (Position{4, 11}));
}

TEST(ParseTest, OneValueStandsForAListOfOne) {
  const ParseResult result = Parse(R"(
name: lab
vpcs: {main: {cidr: 10.0.0.0/16, subnets: {app-a: {cidr: 10.0.1.0/24}}}}
instances:
  one: {subnet: app-a, security_groups: default, run: sleep 1}
  many: {subnet: app-a, security_groups: [default], run: [sleep 1, sleep 2]}
)");
  ASSERT_TRUE(result.findings.empty());
  EXPECT_THAT(*result.topology.instances[0].interfaces[0].security_groups, SizeIs(1));
  EXPECT_THAT(result.topology.instances[0].run, ElementsAre("sleep 1"));
  EXPECT_THAT(result.topology.instances[1].run, ElementsAre("sleep 1", "sleep 2"));
}

TEST(ParseTest, AnAliasIsWhatItsAnchorSays) {
  const ParseResult result = Parse(R"(
name: lab
vpcs:
  left: &vpc {cidr: 10.0.0.0/16, subnets: {app-a: {cidr: 10.0.1.0/24}}}
  right: *vpc
)");
  ASSERT_TRUE(result.findings.empty());
  EXPECT_EQ(result.topology.vpcs[1].name.value, "right");
  EXPECT_THAT(result.topology.vpcs[1].subnets, SizeIs(1));
}

TEST(ParseTest, KeysWithNothingBehindThemAreEmptyCollections) {
  EXPECT_THAT(
      FindingsOf("name: lab\nvpcs:\n  main:\n    cidr: 10.0.0.0/16\n    subnets:\ninstances:\n"),
      IsEmpty());
}

TEST(ParseTest, RefusesAFileTooLargeForATopology) {
  const std::string huge(5u << 20, '#');
  EXPECT_THAT(FindingsOf(huge),
              ElementsAre("1:1: the file has 5242880 bytes; a topology may have 4194304"));
}

TEST(ParseTest, RefusesBinaryFiles) {
  using namespace std::string_literals;
  EXPECT_THAT(FindingsOf("name: lab\0vpcs"s), ElementsAre("1:1: this is no text: byte 9 is zero"));
}

TEST(ParseTest, AMillionMistakesAreCountedNotKept) {
  std::string text = "name: lab\nvpcs: {main: {cidr: [";
  for (int i = 0; i < 5'000; ++i) text += "x, ";
  text += "]}}\n";
  const std::vector<std::string> findings = FindingsOf(text);
  ASSERT_THAT(findings, SizeIs(1'001));
  EXPECT_EQ(findings.back(), "and 4000 more findings that are not shown");
}

TEST(ParseTest, MessagesAreFitForATerminal) {
  EXPECT_THAT(FindingsOf("name: lab\nregion: \"\\e[31mred\"\nvpcs: {}\n"),
              ElementsAre("2:9: \"\\x1b[31mred\" is no region such as ap-northeast-2"));
  const std::vector<std::string> findings =
      FindingsOf("name: lab\nvpcs: {}\nregion: " + std::string(1'000'000, 'a'));
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_LT(findings[0].size(), 1'100u);
}

// Deep nesting in every form YAML has.
TEST(ParseTest, SurvivesDeepNesting) {
  std::string dashes, braces = "name: ", block;
  for (int i = 0; i < 20'000; ++i) {
    dashes += "- ";
    braces += "{a: ";
    block += std::string(static_cast<std::size_t>(i % 3000), ' ') + "a:\n";
  }
  for (const std::string& text : {dashes, braces, block})
    EXPECT_THAT(FindingsOf(text), testing::Not(IsEmpty()));
}

// Cuts, swaps and doubles pieces of a good file: whatever comes out, there is an answer, and a
// topology without findings can be lowered.
TEST(ParseTest, SurvivesMutatedFiles) {
  const std::string original = ThreeTier();
  const unsigned seed = 20260101;
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  const auto pick = [&](std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
  };
  static constexpr char kSpecial[] = "{}[]:,&*!|>'\"%@`#-?\t\n 0";
  int valid = 0;
  for (int round = 0; round < 2'000; ++round) {
    std::string text = original;
    for (std::size_t edits = 1 + pick(4); edits > 0 && text.size() > 2; --edits) {
      const std::size_t at = pick(text.size());
      switch (pick(4)) {
        case 0:
          text.erase(at, 1 + pick(20));
          break;
        case 1:
          text[at] = kSpecial[pick(sizeof kSpecial - 1)];
          break;
        case 2:
          text[at] = static_cast<char>(pick(256));
          break;
        default:
          text.insert(at, text.substr(pick(text.size()), 1 + pick(40)));
      }
    }
    const LoadResult result = LoadTopology(text);
    ASSERT_NE(result.valid.has_value(), !result.findings.empty()) << text;
    if (!result.valid) continue;
    Allocations allocations;
    Lower(*result.valid, allocations);
    ++valid;
  }
  EXPECT_GT(valid, 20) << "the mutations are too harsh to reach lowering";
}

}  // namespace
}  // namespace taploom::control
