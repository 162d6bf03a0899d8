// Which rule comes closest when none matches, and in what it fails.
#include "control/explain/near_miss.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace taploom::control {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

tables::Rule Rule(const char* id, int protocol, int from, int to, const char* peer) {
  tables::Rule rule{.id = id, .owner_id = "sg-1", .owner_name = "db"};
  rule.protocol = static_cast<std::int16_t>(protocol);
  rule.from_port = static_cast<std::uint16_t>(from);
  rule.to_port = static_cast<std::uint16_t>(to);
  if (*peer != '\0') rule.peers = {*wire::IpPrefix::Parse(peer)};
  rule.peer_text = peer;
  return rule;
}

tables::RuleQuery Query(const char* peer, int protocol, int port) {
  return {*wire::IpAddress::Parse(peer), static_cast<std::uint8_t>(protocol),
          static_cast<std::uint16_t>(port)};
}

TEST(NearMiss, IsTheRuleThatFailsInTheFewestFields) {
  const std::vector<tables::Rule> rules = {Rule("sgr-1", 17, 53, 53, "10.9.0.0/16"),
                                           Rule("sgr-2", 6, 3306, 3306, "10.0.2.0/24"),
                                           Rule("sgr-3", 6, 22, 22, "10.9.0.0/16")};
  const auto miss = NearestRule(rules, Query("10.0.1.9", 6, 3306), true);
  ASSERT_TRUE(miss);
  EXPECT_EQ(miss->rule->id, "sgr-2");
  EXPECT_THAT(miss->matches, ElementsAre("protocol", "port"));
  EXPECT_THAT(miss->fails, ElementsAre("source"));
  EXPECT_EQ(
      miss->text,
      "tcp 3306 from 10.0.2.0/24 [sgr-2] of db: protocol and port match, source 10.0.1.9 does "
      "not");
}

TEST(NearMiss, OfTwoThatFailAlikeTheNearerPortWins) {
  const std::vector<tables::Rule> rules = {Rule("sgr-1", 6, 22, 22, "0.0.0.0/0"),
                                           Rule("sgr-2", 6, 8000, 8010, "0.0.0.0/0")};
  EXPECT_EQ(NearestRule(rules, Query("10.0.1.9", 6, 8011), true)->rule->id, "sgr-2");
  EXPECT_EQ(NearestRule(rules, Query("10.0.1.9", 6, 80), true)->rule->id, "sgr-1");
}

TEST(NearMiss, OfTwoPeersTheOneThatSharesMoreOfTheAddressWins) {
  const std::vector<tables::Rule> rules = {Rule("sgr-1", 6, 80, 80, "192.168.0.0/16"),
                                           Rule("sgr-2", 6, 80, 80, "10.0.0.0/24")};
  const auto miss = NearestRule(rules, Query("10.0.1.9", 6, 80), false);
  EXPECT_EQ(miss->rule->id, "sgr-2");
  EXPECT_THAT(miss->text, HasSubstr("destination 10.0.1.9 does not"));
}

TEST(NearMiss, AGroupWithoutMembersMatchesNobody) {
  const std::vector<tables::Rule> rules = {Rule("sgr-1", 6, 80, 80, "")};
  EXPECT_THAT(NearestRule(rules, Query("10.0.1.9", 6, 80), true)->fails, ElementsAre("source"));
}

TEST(NearMiss, PortsSayNothingAboutIcmp) {
  tables::Rule rule = Rule("sgr-1", 1, 0, 65'535, "0.0.0.0/0");
  rule.icmp_type = 13;
  const auto miss =
      NearestRule(std::vector{rule}, {*wire::IpAddress::Parse("10.0.1.9"), 1, 0, 8, 0}, true);
  EXPECT_THAT(miss->fails, ElementsAre("type"));
  EXPECT_THAT(miss->text, HasSubstr("type 8 code 0 does not"));
}

TEST(NearMiss, IsNoneWhereNothingIsAllowed) {
  tables::Rule deny = Rule("100", 6, 80, 80, "10.9.0.0/16");
  deny.allow = false;
  EXPECT_FALSE(NearestRule(std::vector{deny}, Query("10.0.1.9", 6, 80), true));
  EXPECT_FALSE(NearestRule({}, Query("10.0.1.9", 6, 80), true));
}

}  // namespace
}  // namespace taploom::control
