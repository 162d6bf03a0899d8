// RuleSet and LinearRules give the same answers.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "dataplane/tables/rule_set.h"
#include "tests/reference/linear_rules.h"
#include "tests/reference/random_source.h"
#include "tests/support/test_scale.h"

namespace taploom::reference {
namespace {

using tables::Rule;
using tables::RuleQuery;
using tables::RuleSet;

// TCP, UDP, ICMP, ICMPv6, and two without ports: GRE and SCTP.
constexpr std::int16_t kProtocols[] = {6, 17, 1, 58, 47, 132};
// Where a page of SelectorTable begins or ends, and what people write in rules.
constexpr std::uint16_t kPorts[] = {0,    1,    22,   80,    255,   256,   257,   443,
                                    1023, 1024, 3306, 32767, 32768, 65279, 65280, 65535};

std::uint16_t Port(RandomSource& random) {
  return random.OneIn(3) ? static_cast<std::uint16_t>(random.Between(0, 65535))
                         : random.OneOf<std::uint16_t>(kPorts);
}

// Mostly the few that ICMP uses, so that rules and queries meet.
std::uint8_t TypeOrCode(RandomSource& random) {
  return static_cast<std::uint8_t>(random.OneIn(5) ? random.Between(0, 255) : random.Between(0, 3));
}

wire::IpPrefix Peer(RandomSource& random, const std::vector<wire::IpAddress>& centres) {
  const wire::IpAddress& centre = random.OneOf<wire::IpAddress>(centres);
  if (random.OneIn(8)) return wire::IpPrefix::Of(centre, 0);
  return random.PrefixNear(centre);
}

std::vector<Rule> RandomRules(RandomSource& random, std::size_t count, std::uint64_t most_peers) {
  std::vector<wire::IpAddress> centres;
  for (int i = 0; i < 4; ++i) {
    centres.push_back(random.Address(random.OneOf<wire::Family>(kFamilies)));
  }
  std::vector<Rule> rules(count);
  for (Rule& rule : rules) {
    rule.allow = !random.OneIn(4);
    rule.protocol = random.OneIn(6) ? std::int16_t{-1} : random.OneOf<std::int16_t>(kProtocols);
    if (!random.OneIn(4)) {
      rule.from_port = Port(random);
      rule.to_port = std::max(rule.from_port, random.OneIn(2) ? rule.from_port : Port(random));
    }
    rule.icmp_type = random.OneIn(3) ? std::int16_t{-1} : TypeOrCode(random);
    rule.icmp_code = random.OneIn(2) ? std::int16_t{-1} : TypeOrCode(random);
    const std::uint64_t peer_count = random.Between(0, most_peers);
    for (std::uint64_t i = 0; i < peer_count; ++i) rule.peers.push_back(Peer(random, centres));
  }
  return rules;
}

// Half of the queries are made to fit some rule, so that hits are as common as misses.
RuleQuery RandomQuery(RandomSource& random, const std::vector<Rule>& rules) {
  RuleQuery query;
  query.peer = random.Address(random.OneOf<wire::Family>(kFamilies));
  query.protocol = random.OneIn(10)
                       ? static_cast<std::uint8_t>(random.Between(0, 255))
                       : static_cast<std::uint8_t>(random.OneOf<std::int16_t>(kProtocols));
  query.destination_port = Port(random);
  query.icmp_type = TypeOrCode(random);
  query.icmp_code = TypeOrCode(random);
  if (rules.empty()) return query;
  const Rule& rule = random.OneOf<Rule>(rules);
  if (!rule.peers.empty())
    query.peer = random.AddressAround(random.OneOf<wire::IpPrefix>(rule.peers));
  if (random.OneIn(2)) return query;
  if (rule.protocol != -1) query.protocol = static_cast<std::uint8_t>(rule.protocol);
  const std::uint16_t edges[] = {rule.from_port, rule.to_port,
                                 static_cast<std::uint16_t>(rule.from_port - 1),
                                 static_cast<std::uint16_t>(rule.to_port + 1)};
  query.destination_port = random.OneOf<std::uint16_t>(edges);
  if (rule.icmp_type != -1) query.icmp_type = static_cast<std::uint8_t>(rule.icmp_type);
  if (rule.icmp_code != -1) query.icmp_code = static_cast<std::uint8_t>(rule.icmp_code);
  return query;
}

void ExpectSameAnswers(const std::vector<Rule>& rules, RandomSource& random,
                       std::size_t query_count) {
  const RuleSet rule_set(rules);
  const LinearRules reference(rules);
  for (std::size_t i = 0; i < query_count; ++i) {
    const RuleQuery query = RandomQuery(random, rules);
    ASSERT_EQ(rule_set.Match(query), reference.Match(query))
        << "peer " << query.peer.ToString() << " protocol " << +query.protocol << " port "
        << query.destination_port << " ICMP " << +query.icmp_type << "/" << +query.icmp_code
        << " among " << rules.size() << " rules, TAPLOOM_SEED=" << Seed();
  }
  for (const wire::Family family : kFamilies) {
    for (const std::uint8_t protocol : {wire::kProtocolTcp, wire::kProtocolUdp}) {
      ASSERT_EQ(rule_set.AllowsEverything(protocol, family),
                reference.AllowsEverything(protocol, family))
          << "TAPLOOM_SEED=" << Seed();
    }
    for (std::uint32_t position = 0; position < rules.size(); ++position) {
      ASSERT_EQ(rule_set.IsFromAnywhere(position, family),
                reference.IsFromAnywhere(position, family))
          << "rule " << position << ", TAPLOOM_SEED=" << Seed();
    }
  }
}

TEST(RuleSetReference, ShortListsAnswerAlike) {
  RandomSource random(Seed());
  for (int round = 0; round < 600 * test::TestScale(); ++round) {
    ExpectSameAnswers(RandomRules(random, random.Between(0, 8), 3), random, 200);
    if (HasFatalFailure()) return;
  }
}

TEST(RuleSetReference, ListsAcrossWordBoundariesAnswerAlike) {
  RandomSource random(Seed() + 1);
  for (const std::size_t count : {63u, 64u, 65u, 127u, 128u, 129u, 200u}) {
    ExpectSameAnswers(RandomRules(random, count, 3), random, 1'500);
    if (HasFatalFailure()) return;
  }
}

TEST(RuleSetReference, AThousandRulesAnswerAlike) {
  RandomSource random(Seed() + 2);
  ExpectSameAnswers(RandomRules(random, 1'000, 4), random, 5'000);
}

// Where bitmaps begin to have a summary, and where the summary has more than one word.
TEST(RuleSetReference, ListsAcrossTheBoundariesOfASummaryAnswerAlike) {
  RandomSource random(Seed() + 4);
  for (const std::size_t count : {512u, 513u, 4'096u, 4'097u}) {
    ExpectSameAnswers(RandomRules(random, count, 1), random, 2'000);
    if (HasFatalFailure()) return;
  }
}

TEST(RuleSetReference, RulesWithManyPeersAnswerAlike) {
  RandomSource random(Seed() + 3);
  ExpectSameAnswers(RandomRules(random, 30, 2'000), random, 1'000);
}

}  // namespace
}  // namespace taploom::reference
