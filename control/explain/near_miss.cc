#include "control/explain/near_miss.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <tuple>

#include "dataplane/slowpath/describe.h"
#include "dataplane/wire/layout.h"

namespace taploom::control {
namespace {

bool HasPorts(int protocol) {
  return protocol == wire::kProtocolTcp || protocol == wire::kProtocolUdp;
}
bool IsIcmp(int protocol) {
  return protocol == wire::kProtocolIcmp || protocol == wire::kProtocolIcmpv6;
}

bool MatchesProtocol(const tables::Rule& rule, const tables::RuleQuery& query) {
  return rule.protocol < 0 || rule.protocol == query.protocol;
}

bool MatchesPort(const tables::Rule& rule, const tables::RuleQuery& query) {
  return query.destination_port >= rule.from_port && query.destination_port <= rule.to_port;
}

bool MatchesType(const tables::Rule& rule, const tables::RuleQuery& query) {
  return (rule.icmp_type < 0 || rule.icmp_type == query.icmp_type) &&
         (rule.icmp_code < 0 || rule.icmp_code == query.icmp_code);
}

bool MatchesPeer(const tables::Rule& rule, const tables::RuleQuery& query) {
  return std::any_of(rule.peers.begin(), rule.peers.end(),
                     [&](const wire::IpPrefix& peer) { return peer.Contains(query.peer); });
}

int PortDistance(const tables::Rule& rule, const tables::RuleQuery& query) {
  if (!HasPorts(rule.protocol) || MatchesPort(rule, query)) return 0;
  const int port = query.destination_port;
  return std::min(std::abs(port - rule.from_port), std::abs(port - rule.to_port));
}

// Bits of the address that the nearest peer does not share, 129 without a peer of its family.
int PeerDistance(const tables::Rule& rule, const tables::RuleQuery& query) {
  int nearest = 129;
  for (const wire::IpPrefix& peer : rule.peers) {
    if (peer.family() != query.peer.family()) continue;
    int shared = peer.length;
    while (
        shared > 0 &&
        !wire::IpPrefix::Of(peer.address, static_cast<std::uint8_t>(shared)).Contains(query.peer)) {
      --shared;
    }
    nearest = std::min(nearest, peer.length - shared);
  }
  return nearest;
}

std::string Sentence(const NearMiss& miss, const tables::RuleQuery& query, bool is_ingress,
                     const char* peer_word) {
  const tables::Rule& rule = *miss.rule;
  std::vector<std::string> fails;
  for (const std::string& field : miss.fails) {
    if (field == "protocol") {
      fails.push_back("protocol " + slowpath::ProtocolText(query.protocol));
    } else if (field == "port") {
      fails.push_back(fmt::format("port {}", query.destination_port));
    } else if (field == "type") {
      fails.push_back(fmt::format("type {} code {}", query.icmp_type, query.icmp_code));
    } else {
      fails.push_back(fmt::format("{} {}", peer_word, query.peer.ToString()));
    }
  }
  std::string text =
      fmt::format("{} {} {} [{}] of {}: ", slowpath::MatchText(rule), is_ingress ? "from" : "to",
                  rule.peer_text, rule.id, rule.owner_name);
  if (!miss.matches.empty()) {
    text += fmt::format("{} {}, ", fmt::join(miss.matches, " and "),
                        miss.matches.size() == 1 ? "matches" : "match");
  }
  return text +
         fmt::format("{} {} not", fmt::join(fails, " and "), fails.size() == 1 ? "does" : "do");
}

NearMiss Compare(const tables::Rule& rule, const tables::RuleQuery& query, bool is_ingress) {
  const char* const peer_word = is_ingress ? "source" : "destination";
  NearMiss miss{&rule, {}, {}, {}};
  const auto note = [&miss](bool matches, const char* field) {
    (matches ? miss.matches : miss.fails).push_back(field);
  };
  const bool same_protocol = MatchesProtocol(rule, query);
  note(same_protocol, "protocol");
  // Ports of another protocol say nothing, except that 53 is 53 for TCP and UDP.
  if (HasPorts(query.protocol) && (HasPorts(rule.protocol) || rule.protocol < 0))
    note(MatchesPort(rule, query), "port");
  if (same_protocol && IsIcmp(query.protocol)) note(MatchesType(rule, query), "type");
  note(MatchesPeer(rule, query), peer_word);
  if (!miss.fails.empty()) miss.text = Sentence(miss, query, is_ingress, peer_word);
  return miss;
}

}  // namespace

std::optional<NearMiss> NearestRule(std::span<const tables::Rule> rules,
                                    const tables::RuleQuery& query, bool is_ingress) {
  std::optional<NearMiss> nearest;
  std::tuple<std::size_t, bool, int, int> least;
  for (const tables::Rule& rule : rules) {
    if (!rule.allow) continue;
    NearMiss miss = Compare(rule, query, is_ingress);
    if (miss.fails.empty()) continue;  // a later entry that an earlier one overrules
    // Of two that fail in one field, a wrong peer is the likelier mistake than a wrong protocol.
    const std::tuple distance{miss.fails.size(), !MatchesProtocol(rule, query),
                              PortDistance(rule, query), PeerDistance(rule, query)};
    if (nearest && least <= distance) continue;
    least = distance;
    nearest = std::move(miss);
  }
  return nearest;
}

std::optional<FilterQuestion> FilterQuestionOf(const tables::Snapshot& snapshot,
                                               const slowpath::StageReport& stage,
                                               std::uint8_t icmp_type, std::uint8_t icmp_code) {
  const bool is_ingress =
      stage.stage == Stage::kSecurityGroupIngress || stage.stage == Stage::kNetworkAclInbound;
  const flow::FiveTuple& tuple = stage.before;
  FilterQuestion asked{nullptr,
                       {is_ingress ? tuple.source : tuple.destination, tuple.protocol,
                        tuple.destination_port, icmp_type, icmp_code},
                       is_ingress};
  if (stage.stage == Stage::kSecurityGroupIngress || stage.stage == Stage::kSecurityGroupEgress) {
    for (const tables::Eni& eni : snapshot.enis) {
      if (eni.id == stage.component_id)
        asked.rules = is_ingress ? eni.ingress_rules.get() : eni.egress_rules.get();
    }
  } else if (stage.stage == Stage::kNetworkAclInbound ||
             stage.stage == Stage::kNetworkAclOutbound) {
    for (const tables::NetworkAcl& acl : snapshot.network_acls) {
      if (acl.id == stage.component_id) asked.rules = is_ingress ? &acl.ingress : &acl.egress;
    }
  }
  if (asked.rules == nullptr) return std::nullopt;
  return asked;
}

}  // namespace taploom::control
