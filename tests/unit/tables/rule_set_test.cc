#include "dataplane/tables/rule_set.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <utility>
#include <vector>

#include "dataplane/wire/protocol.h"

namespace taploom::tables {
namespace {

using wire::Family;

constexpr std::int16_t kAll = -1;
constexpr std::uint8_t kGre = 47;

std::vector<wire::IpPrefix> Peers(std::initializer_list<std::string_view> texts) {
  std::vector<wire::IpPrefix> peers;
  for (const std::string_view text : texts) peers.push_back(wire::IpPrefix::Parse(text).value());
  return peers;
}

Rule Allow(std::int16_t protocol, std::uint16_t from_port, std::uint16_t to_port,
           std::initializer_list<std::string_view> peers) {
  Rule rule;
  rule.protocol = protocol;
  rule.from_port = from_port;
  rule.to_port = to_port;
  rule.peers = Peers(peers);
  return rule;
}

Rule AllowIcmp(std::int16_t protocol, std::int16_t type, std::int16_t code,
               std::initializer_list<std::string_view> peers) {
  Rule rule = Allow(protocol, 0, 0, peers);
  rule.icmp_type = type;
  rule.icmp_code = code;
  return rule;
}

Rule Deny(Rule rule) {
  rule.allow = false;
  return rule;
}

RuleQuery To(std::string_view peer, std::uint8_t protocol, std::uint16_t port = 0) {
  RuleQuery query;
  query.peer = wire::IpAddress::Parse(peer).value();
  query.protocol = protocol;
  query.destination_port = port;
  return query;
}

RuleQuery Icmp(std::string_view peer, std::uint8_t protocol, std::uint8_t type, std::uint8_t code) {
  RuleQuery query = To(peer, protocol);
  query.icmp_type = type;
  query.icmp_code = code;
  return query;
}

TEST(RuleSet, NoRulesMatchNothing) {
  EXPECT_EQ(RuleSet().Match(To("10.0.0.1", wire::kProtocolTcp, 80)), RuleSet::kNoMatch);
  EXPECT_EQ(RuleSet(std::vector<Rule>{}).Match(To("::1", 0)), RuleSet::kNoMatch);
  EXPECT_FALSE(RuleSet().AllowsEverything(wire::kProtocolTcp, Family::kIpv4));
  EXPECT_TRUE(RuleSet().empty());
}

TEST(RuleSet, TheFirstMatchingRuleDecides) {
  const RuleSet rules({
      Deny(Allow(wire::kProtocolTcp, 22, 22, {"10.0.0.0/8"})),
      Allow(wire::kProtocolTcp, 0, 65535, {"10.0.0.0/8"}),
      Deny(Allow(kAll, 0, 65535, {"0.0.0.0/0"})),
  });
  EXPECT_EQ(rules.Match(To("10.1.1.1", wire::kProtocolTcp, 22)), 0u);
  EXPECT_EQ(rules.Match(To("10.1.1.1", wire::kProtocolTcp, 23)), 1u);
  EXPECT_EQ(rules.Match(To("11.1.1.1", wire::kProtocolTcp, 22)), 2u);
  EXPECT_EQ(rules.Match(To("10.1.1.1", wire::kProtocolUdp, 22)), 2u);
  EXPECT_FALSE(rules.rule(0).allow);
  EXPECT_TRUE(rules.rule(1).allow);
}

// An earlier wide rule is found although a later one names the peer more exactly.
TEST(RuleSet, AMoreSpecificPeerDoesNotHideAWiderOne) {
  const RuleSet rules({
      Allow(wire::kProtocolTcp, 80, 80, {"0.0.0.0/0"}),
      Allow(wire::kProtocolTcp, 443, 443, {"10.0.0.0/8"}),
      Allow(kAll, 0, 65535, {"10.0.2.50/32"}),
  });
  EXPECT_EQ(rules.Match(To("10.0.2.50", wire::kProtocolTcp, 80)), 0u);
  EXPECT_EQ(rules.Match(To("10.0.2.50", wire::kProtocolTcp, 443)), 1u);
  EXPECT_EQ(rules.Match(To("10.0.2.50", wire::kProtocolTcp, 22)), 2u);
  EXPECT_EQ(rules.Match(To("10.0.2.51", wire::kProtocolTcp, 22)), RuleSet::kNoMatch);
}

TEST(RuleSet, ARuleForEverythingOfItsFamilyDecidesUnlessAnotherComesFirst) {
  const Rule all_v4 = Allow(kAll, 0, 65535, {"0.0.0.0/0"});
  const Rule all_v6 = Allow(kAll, 0, 65535, {"::/0"});
  const Rule ssh = Allow(wire::kProtocolTcp, 22, 22, {"10.0.0.0/8"});
  const auto match = [](const RuleSet& rules, const char* peer, std::uint16_t port) {
    return rules.Match({wire::IpAddress::Parse(peer).value(), wire::kProtocolTcp, port});
  };
  const RuleSet open({all_v4, all_v6});
  EXPECT_EQ(match(open, "10.1.2.3", 22), 0u);
  EXPECT_EQ(match(open, "2001:db8::1", 22), 1u);
  const RuleSet ssh_first({ssh, all_v4, all_v6});
  EXPECT_EQ(match(ssh_first, "10.1.2.3", 22), 0u);
  EXPECT_EQ(match(ssh_first, "10.1.2.3", 23), 1u);
  EXPECT_EQ(match(ssh_first, "2001:db8::1", 22), 2u);
  EXPECT_EQ(match(RuleSet({all_v4}), "2001:db8::1", 22), RuleSet::kNoMatch);
}

TEST(RuleSet, PortRangesIncludeBothEnds) {
  const RuleSet rules({Allow(wire::kProtocolTcp, 8000, 8010, {"0.0.0.0/0"})});
  EXPECT_EQ(rules.Match(To("192.0.2.1", wire::kProtocolTcp, 7999)), RuleSet::kNoMatch);
  EXPECT_EQ(rules.Match(To("192.0.2.1", wire::kProtocolTcp, 8000)), 0u);
  EXPECT_EQ(rules.Match(To("192.0.2.1", wire::kProtocolTcp, 8010)), 0u);
  EXPECT_EQ(rules.Match(To("192.0.2.1", wire::kProtocolTcp, 8011)), RuleSet::kNoMatch);
}

TEST(RuleSet, PortsZeroAnd65535AreOrdinaryPorts) {
  const RuleSet rules({
      Allow(wire::kProtocolUdp, 0, 0, {"0.0.0.0/0"}),
      Allow(wire::kProtocolUdp, 65535, 65535, {"0.0.0.0/0"}),
  });
  EXPECT_EQ(rules.Match(To("192.0.2.1", wire::kProtocolUdp, 0)), 0u);
  EXPECT_EQ(rules.Match(To("192.0.2.1", wire::kProtocolUdp, 1)), RuleSet::kNoMatch);
  EXPECT_EQ(rules.Match(To("192.0.2.1", wire::kProtocolUdp, 65534)), RuleSet::kNoMatch);
  EXPECT_EQ(rules.Match(To("192.0.2.1", wire::kProtocolUdp, 65535)), 1u);
}

TEST(RuleSet, TcpAndUdpPortsAreDifferentPorts) {
  const RuleSet rules({Allow(wire::kProtocolUdp, 53, 53, {"0.0.0.0/0"})});
  EXPECT_EQ(rules.Match(To("192.0.2.1", wire::kProtocolUdp, 53)), 0u);
  EXPECT_EQ(rules.Match(To("192.0.2.1", wire::kProtocolTcp, 53)), RuleSet::kNoMatch);
}

TEST(RuleSet, ARuleForAllProtocolsIgnoresPortsAndTypes) {
  Rule all = Allow(kAll, 80, 80, {"0.0.0.0/0"});
  all.icmp_type = 8;
  all.icmp_code = 0;
  const RuleSet rules({all});
  EXPECT_EQ(rules.Match(To("192.0.2.1", wire::kProtocolTcp, 443)), 0u);
  EXPECT_EQ(rules.Match(To("192.0.2.1", wire::kProtocolUdp, 0)), 0u);
  EXPECT_EQ(rules.Match(Icmp("192.0.2.1", wire::kProtocolIcmp, 3, 4)), 0u);
  EXPECT_EQ(rules.Match(To("192.0.2.1", kGre)), 0u);
}

TEST(RuleSet, ARuleForAProtocolWithoutPortsIgnoresThem) {
  const RuleSet rules({Allow(kGre, 80, 80, {"0.0.0.0/0"})});
  EXPECT_EQ(rules.Match(To("192.0.2.1", kGre, 12345)), 0u);
  EXPECT_EQ(rules.Match(To("192.0.2.1", kGre + 1)), RuleSet::kNoMatch);
  EXPECT_EQ(rules.Match(To("192.0.2.1", wire::kProtocolTcp, 80)), RuleSet::kNoMatch);
}

TEST(RuleSet, EveryProtocolNumberCanHaveItsOwnRule) {
  std::vector<Rule> one_per_protocol;
  for (std::int16_t protocol = 0; protocol <= 255; ++protocol) {
    one_per_protocol.push_back(Allow(protocol, 0, 65535, {"0.0.0.0/0"}));
  }
  const RuleSet rules(one_per_protocol);
  for (unsigned protocol = 0; protocol <= 255; ++protocol) {
    EXPECT_EQ(rules.Match(To("192.0.2.1", static_cast<std::uint8_t>(protocol))), protocol);
  }
}

TEST(RuleSet, IcmpMatchesTypeAndCode) {
  const RuleSet rules({
      AllowIcmp(wire::kProtocolIcmp, 3, 4, {"0.0.0.0/0"}),   // fragmentation needed
      AllowIcmp(wire::kProtocolIcmp, 8, -1, {"0.0.0.0/0"}),  // echo request, any code
  });
  EXPECT_EQ(rules.Match(Icmp("192.0.2.1", wire::kProtocolIcmp, 3, 4)), 0u);
  EXPECT_EQ(rules.Match(Icmp("192.0.2.1", wire::kProtocolIcmp, 3, 3)), RuleSet::kNoMatch);
  EXPECT_EQ(rules.Match(Icmp("192.0.2.1", wire::kProtocolIcmp, 8, 0)), 1u);
  EXPECT_EQ(rules.Match(Icmp("192.0.2.1", wire::kProtocolIcmp, 8, 255)), 1u);
  EXPECT_EQ(rules.Match(Icmp("192.0.2.1", wire::kProtocolIcmp, 0, 0)), RuleSet::kNoMatch);
}

TEST(RuleSet, AnyIcmpTypeMeansEveryTypeOfThatProtocolOnly) {
  const RuleSet rules({
      AllowIcmp(wire::kProtocolIcmp, -1, -1, {"0.0.0.0/0", "::/0"}),
  });
  EXPECT_EQ(rules.Match(Icmp("192.0.2.1", wire::kProtocolIcmp, 0, 0)), 0u);
  EXPECT_EQ(rules.Match(Icmp("192.0.2.1", wire::kProtocolIcmp, 255, 255)), 0u);
  EXPECT_EQ(rules.Match(Icmp("2001:db8::1", wire::kProtocolIcmpv6, 128, 0)), RuleSet::kNoMatch);
  EXPECT_EQ(rules.Match(To("192.0.2.1", wire::kProtocolTcp, 0)), RuleSet::kNoMatch);
}

TEST(RuleSet, Icmpv6TypesAreNotIcmpTypes) {
  const RuleSet rules({AllowIcmp(wire::kProtocolIcmpv6, 128, -1, {"::/0"})});
  EXPECT_EQ(rules.Match(Icmp("2001:db8::1", wire::kProtocolIcmpv6, 128, 0)), 0u);
  EXPECT_EQ(rules.Match(Icmp("2001:db8::1", wire::kProtocolIcmpv6, 129, 0)), RuleSet::kNoMatch);
  EXPECT_EQ(rules.Match(Icmp("2001:db8::1", wire::kProtocolIcmp, 128, 0)), RuleSet::kNoMatch);
}

TEST(RuleSet, PeersOfOneFamilyNeverMatchTheOther) {
  const RuleSet rules({
      Allow(wire::kProtocolTcp, 80, 80, {"0.0.0.0/0"}),
      Allow(wire::kProtocolTcp, 443, 443, {"::/0"}),
  });
  EXPECT_EQ(rules.Match(To("192.0.2.1", wire::kProtocolTcp, 80)), 0u);
  EXPECT_EQ(rules.Match(To("2001:db8::1", wire::kProtocolTcp, 80)), RuleSet::kNoMatch);
  EXPECT_EQ(rules.Match(To("192.0.2.1", wire::kProtocolTcp, 443)), RuleSet::kNoMatch);
  EXPECT_EQ(rules.Match(To("2001:db8::1", wire::kProtocolTcp, 443)), 1u);
}

TEST(RuleSet, ARuleWithoutPeersMatchesNothing) {
  const RuleSet rules({
      Allow(kAll, 0, 65535, {}),  // a group that no ENI carries
      Allow(kAll, 0, 65535, {"10.0.0.0/8"}),
  });
  EXPECT_EQ(rules.Match(To("10.0.0.1", wire::kProtocolTcp, 80)), 1u);
  EXPECT_EQ(rules.Match(To("192.0.2.1", wire::kProtocolTcp, 80)), RuleSet::kNoMatch);
}

TEST(RuleSet, AnyOfSeveralPeersMatches) {
  const RuleSet rules({
      Allow(wire::kProtocolTcp, 3306, 3306, {"10.0.2.50/32", "10.0.2.51/32", "2001:db8::50/128"}),
  });
  EXPECT_EQ(rules.Match(To("10.0.2.50", wire::kProtocolTcp, 3306)), 0u);
  EXPECT_EQ(rules.Match(To("10.0.2.51", wire::kProtocolTcp, 3306)), 0u);
  EXPECT_EQ(rules.Match(To("10.0.2.52", wire::kProtocolTcp, 3306)), RuleSet::kNoMatch);
  EXPECT_EQ(rules.Match(To("2001:db8::50", wire::kProtocolTcp, 3306)), 0u);
}

TEST(RuleSet, APeerNamedTwiceInOneRuleIsNamedOnce) {
  const RuleSet rules({Allow(wire::kProtocolTcp, 80, 80, {"10.0.0.1/32", "10.0.0.1/32"})});
  EXPECT_EQ(rules.Match(To("10.0.0.1", wire::kProtocolTcp, 80)), 0u);
}

// The word in which a rule's bit lies must not matter.
TEST(RuleSet, TheLastOfManyRulesIsFound) {
  for (const std::uint32_t count : {1u, 63u, 64u, 65u, 128u, 129u, 1000u}) {
    std::vector<Rule> one_per_port;
    for (std::uint32_t i = 1; i <= count; ++i) {
      const auto port = static_cast<std::uint16_t>(i);
      one_per_port.push_back(Allow(wire::kProtocolTcp, port, port, {"10.0.0.0/8"}));
    }
    const RuleSet rules(one_per_port);
    const auto last_port = static_cast<std::uint16_t>(count);
    const auto next_port = static_cast<std::uint16_t>(count + 1);
    EXPECT_EQ(rules.Match(To("10.0.0.1", wire::kProtocolTcp, last_port)), count - 1);
    EXPECT_EQ(rules.Match(To("10.0.0.1", wire::kProtocolTcp, next_port)), RuleSet::kNoMatch);
  }
}

// Ten rules that refer to one group of 10,000 addresses: every address has the same bitmap.
TEST(RuleSet, PeersWithTheSameRulesShareOneBitmap) {
  Rule rule = Allow(wire::kProtocolTcp, 80, 80, {});
  for (std::uint32_t i = 0; i < 10'000; ++i) {
    rule.peers.push_back(wire::IpPrefix::Host(wire::IpAddress::V4(0x0a000000u + i * 7)));
  }
  const RuleSet one_rule({rule});
  const RuleSet ten_rules(std::vector<Rule>(10, rule));
  EXPECT_EQ(ten_rules.Match(To("10.0.0.7", wire::kProtocolTcp, 80)), 0u);
  EXPECT_LT(ten_rules.memory_bytes() - one_rule.memory_bytes(), 1024u);
}

TEST(RuleSet, AllowsEverythingNeedsEveryPortFromAnywhere) {
  const auto allows = [](Rule rule, std::uint8_t protocol, Family family) {
    return RuleSet({Allow(wire::kProtocolTcp, 22, 22, {"10.0.0.0/8"}), std::move(rule)})
        .AllowsEverything(protocol, family);
  };
  const Rule every_tcp_port = Allow(wire::kProtocolTcp, 0, 65535, {"0.0.0.0/0"});
  EXPECT_TRUE(allows(every_tcp_port, wire::kProtocolTcp, Family::kIpv4));
  EXPECT_FALSE(allows(every_tcp_port, wire::kProtocolUdp, Family::kIpv4));
  EXPECT_FALSE(allows(every_tcp_port, wire::kProtocolTcp, Family::kIpv6));
  EXPECT_FALSE(allows(Deny(every_tcp_port), wire::kProtocolTcp, Family::kIpv4));

  const Rule everything = Allow(kAll, 0, 0, {"10.0.0.0/8", "::/0"});
  EXPECT_TRUE(allows(everything, wire::kProtocolTcp, Family::kIpv6));
  EXPECT_TRUE(allows(everything, wire::kProtocolUdp, Family::kIpv6));
  EXPECT_FALSE(allows(everything, wire::kProtocolTcp, Family::kIpv4));

  EXPECT_FALSE(allows(Allow(wire::kProtocolTcp, 1, 65535, {"0.0.0.0/0"}), wire::kProtocolTcp,
                      Family::kIpv4));
  EXPECT_FALSE(allows(Allow(wire::kProtocolTcp, 0, 65534, {"0.0.0.0/0"}), wire::kProtocolTcp,
                      Family::kIpv4));
  // Two halves of the address space are not "0.0.0.0/0" to AWS.
  EXPECT_FALSE(allows(Allow(wire::kProtocolTcp, 0, 65535, {"0.0.0.0/1", "128.0.0.0/1"}),
                      wire::kProtocolTcp, Family::kIpv4));
}

TEST(RuleSet, IsFromAnywhereLooksAtOneRuleAndFamily) {
  const RuleSet rules({
      Allow(wire::kProtocolTcp, 443, 443, {"0.0.0.0/0"}),
      Allow(wire::kProtocolTcp, 443, 443, {"10.0.0.0/8", "::/0"}),
  });
  EXPECT_TRUE(rules.IsFromAnywhere(0, Family::kIpv4));
  EXPECT_FALSE(rules.IsFromAnywhere(0, Family::kIpv6));
  EXPECT_FALSE(rules.IsFromAnywhere(1, Family::kIpv4));
  EXPECT_TRUE(rules.IsFromAnywhere(1, Family::kIpv6));
}

}  // namespace
}  // namespace taploom::tables
