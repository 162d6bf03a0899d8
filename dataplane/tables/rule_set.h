// RuleSet: an ordered list of filter rules compiled so that the cost of a match does not grow with
// their number.
//
// Serves both filters of a VPC. Security groups only allow, and any match will do; network ACLs
// allow or deny, and the lowest rule number decides. In both cases the answer is the *first*
// matching rule in the order given to the constructor, so its id can be shown.
#ifndef TAPLOOM_DATAPLANE_TABLES_RULE_SET_H_
#define TAPLOOM_DATAPLANE_TABLES_RULE_SET_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "dataplane/tables/lpm.h"
#include "dataplane/tables/rule_bitmaps.h"
#include "dataplane/tables/selector_table.h"
#include "dataplane/wire/ip_address.h"

namespace taploom::tables {

// One rule with its references already resolved: a group or prefix list has become the list of its
// addresses.
struct Rule {
  std::string id;        // "sgr-…", or an ACL's rule number as text
  std::string owner_id;  // "sg-…" or "acl-…"
  std::string owner_name;
  bool allow = true;
  std::int16_t protocol = -1;                    // -1 = all
  std::uint16_t from_port = 0, to_port = 65535;  // destination port, inclusive; TCP and UDP only
  std::int16_t icmp_type = -1, icmp_code = -1;   // -1 = any; ICMP and ICMPv6 only
  std::vector<wire::IpPrefix> peers;  // matches when any contains the peer; empty = matches nothing
  bool names_group = false;           // the peers are the members of a security group
  std::string peer_text;     // as the user would write it: "0.0.0.0/0", "sg:alb", "pl:partners"
  std::uint64_t digest = 0;  // RuleDigest of the id, set by RuleSet
};

// What a filter looks at. `peer` is the other end: the source on ingress, the destination on
// egress.
struct RuleQuery {
  wire::IpAddress peer;
  std::uint8_t protocol = 0;
  std::uint16_t destination_port = 0;         // TCP, UDP
  std::uint8_t icmp_type = 0, icmp_code = 0;  // ICMP, ICMPv6
};

class RuleSet {
 public:
  static constexpr std::uint32_t kNoMatch = 0xffffffffu;

  RuleSet() = default;
  explicit RuleSet(std::vector<Rule> rules);

  // The position of the first rule that matches, or kNoMatch. Thread-safe; allocates nothing. Cost:
  // one address lookup, one port lookup and an AND over rule bit vectors (one word per 64 rules,
  // cut short by the first hit).
  std::uint32_t Match(const RuleQuery& query) const;

  const std::vector<Rule>& rules() const { return rules_; }
  const Rule& rule(std::uint32_t position) const { return rules_[position]; }
  bool empty() const { return rules_.empty(); }

  // True when some rule allows every port of `protocol` (TCP or UDP) with 0.0.0.0/0 or ::/0 of that
  // family as peer: half of the condition under which AWS does not track a flow (vpc-semantics §5).
  bool AllowsEverything(std::uint8_t protocol, wire::Family family) const;
  // True when the rule at `position` names 0.0.0.0/0 or ::/0 of `family` as a peer: the other half.
  bool IsFromAnywhere(std::uint32_t position, wire::Family family) const;

  // Bytes of the compiled form, without the rules themselves.
  std::size_t memory_bytes() const;

 private:
  // Which families' whole address space a rule, or a set of rules, names.
  struct Anywhere {
    bool v4 = false, v6 = false;
    bool Includes(wire::Family family) const { return family == wire::Family::kIpv4 ? v4 : v6; }
  };

  void CompilePeers(RuleBitmapInterner& interner);
  void CompileSelectors(RuleBitmapInterner& interner);
  void FindAnywhere();
  std::uint32_t FindSole(wire::Family family) const;

  std::vector<Rule> rules_;
  // A match is the lowest bit of bitmap(peer) & bitmap(protocol, selector).
  RuleBitmaps bitmaps_;
  Lpm peers_;  // peer → bitmap of the rules whose peers contain it
  std::vector<SelectorTable> selectors_;
  std::array<std::uint16_t, 256> selectors_of_protocol_{};  // → position in selectors_
  std::vector<Anywhere> anywhere_;                          // by rule
  Anywhere allows_all_tcp_, allows_all_udp_;
  // The rule that decides for every packet of the family, because it matches all of them and none
  // before it matches any; or kNoMatch. The whole of a default network ACL.
  std::uint32_t sole_v4_ = kNoMatch, sole_v6_ = kNoMatch;
};

}  // namespace taploom::tables

#endif  // TAPLOOM_DATAPLANE_TABLES_RULE_SET_H_
