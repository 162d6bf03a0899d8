// What rules match, as text: "tcp 80", "udp 8000-8010", "icmp type 8 code 0", "all". Rule ids are
// derived from it, so a rule keeps its id when others around it come and go.
#ifndef TAPLOOM_CONTROL_RULE_MATCH_H_
#define TAPLOOM_CONTROL_RULE_MATCH_H_

#include <string>
#include <vector>

#include "control/topology.h"
#include "dataplane/config/fabric_config.pb.h"

namespace taploom::control {

inline bool HasPorts(int protocol) { return protocol == kTcp || protocol == kUdp; }
inline bool HasIcmpType(int protocol) { return protocol == kIcmp || protocol == kIcmpv6; }

// "tcp", "icmpv6", "all", or "47".
std::string ProtocolName(int protocol);

// "sg:web", "pl:offices" or "10.0.0.0/16".
std::string PeerText(const Peer& peer);

struct MatchText {
  std::string text;
  Position at;  // of the port range it stands for; nowhere when the rule has none
};
// One text per port range of the rule. REQUIRES: rule.protocol.
std::vector<MatchText> MatchTexts(const SecurityGroupRule& rule);

// The match of a rule for one port range (null: every port). REQUIRES: the rule is valid.
config::Match LowerMatch(int protocol, const PortRange* ports,
                         const std::optional<Located<int>>& icmp_type,
                         const std::optional<Located<int>>& icmp_code);

// The text of a lowered match, the same as MatchTexts gives for the rule it came from.
std::string ToText(const config::Match& match);

}  // namespace taploom::control

#endif  // TAPLOOM_CONTROL_RULE_MATCH_H_
