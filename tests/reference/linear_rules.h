// LinearRules: what RuleSet answers, found by reading the rules from the top.
#ifndef TAPLOOM_TESTS_REFERENCE_LINEAR_RULES_H_
#define TAPLOOM_TESTS_REFERENCE_LINEAR_RULES_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "dataplane/tables/rule_set.h"
#include "dataplane/wire/ip_address.h"
#include "dataplane/wire/protocol.h"

namespace taploom::reference {

inline bool NamesPeer(const tables::Rule& rule, const wire::IpAddress& peer) {
  for (const wire::IpPrefix& prefix : rule.peers) {
    if (prefix.Contains(peer)) return true;
  }
  return false;
}

inline bool NamesTraffic(const tables::Rule& rule, const tables::RuleQuery& query) {
  if (rule.protocol == -1) return true;
  if (rule.protocol != query.protocol) return false;
  switch (query.protocol) {
    case wire::kProtocolTcp:
    case wire::kProtocolUdp:
      return rule.from_port <= query.destination_port && query.destination_port <= rule.to_port;
    case wire::kProtocolIcmp:
    case wire::kProtocolIcmpv6:
      return (rule.icmp_type == -1 || rule.icmp_type == query.icmp_type) &&
             (rule.icmp_code == -1 || rule.icmp_code == query.icmp_code);
    default:
      return true;
  }
}

class LinearRules {
 public:
  explicit LinearRules(std::vector<tables::Rule> rules) : rules_(std::move(rules)) {}

  std::uint32_t Match(const tables::RuleQuery& query) const {
    for (std::uint32_t position = 0; position < rules_.size(); ++position) {
      const tables::Rule& rule = rules_[position];
      if (NamesPeer(rule, query.peer) && NamesTraffic(rule, query)) return position;
    }
    return tables::RuleSet::kNoMatch;
  }

  bool AllowsEverything(std::uint8_t protocol, wire::Family family) const {
    for (std::uint32_t position = 0; position < rules_.size(); ++position) {
      const tables::Rule& rule = rules_[position];
      const bool every_port = rule.protocol == -1 || (rule.protocol == protocol &&
                                                      rule.from_port == 0 && rule.to_port == 65535);
      if (rule.allow && every_port && IsFromAnywhere(position, family)) return true;
    }
    return false;
  }

  bool IsFromAnywhere(std::uint32_t position, wire::Family family) const {
    for (const wire::IpPrefix& prefix : rules_[position].peers) {
      if (prefix.length == 0 && prefix.family() == family) return true;
    }
    return false;
  }

 private:
  std::vector<tables::Rule> rules_;
};

}  // namespace taploom::reference

#endif  // TAPLOOM_TESTS_REFERENCE_LINEAR_RULES_H_
