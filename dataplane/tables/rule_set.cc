#include "dataplane/tables/rule_set.h"

#include <algorithm>
#include <map>
#include <utility>

#include "dataplane/config/rule_digest.h"
#include "dataplane/wire/protocol.h"

namespace taploom::tables {
namespace {

constexpr std::int16_t kAnyProtocol = -1;

// What SelectorTable distinguishes packets of one protocol by.
std::uint16_t IcmpSelector(int type, int code) {
  return static_cast<std::uint16_t>(type << 8 | code);
}

std::uint16_t SelectorOf(const RuleQuery& query) {
  if (wire::HasPorts(query.protocol)) return query.destination_port;
  if (wire::IsIcmp(query.protocol)) return IcmpSelector(query.icmp_type, query.icmp_code);
  return 0;
}

// Appends the selectors that `rule` matches in packets of `protocol`.
void AppendRanges(const Rule& rule, std::uint32_t position, int protocol,
                  std::vector<SelectorTable::Range>& ranges) {
  if (rule.protocol != kAnyProtocol && rule.protocol != protocol) return;
  if (rule.protocol != kAnyProtocol && wire::HasPorts(protocol)) {
    if (rule.from_port <= rule.to_port) ranges.push_back({rule.from_port, rule.to_port, position});
    return;
  }
  const bool any_type = rule.icmp_type < 0;
  const bool any_code = rule.icmp_code < 0;
  if (rule.protocol == kAnyProtocol || !wire::IsIcmp(protocol) || (any_type && any_code)) {
    ranges.push_back({0, 0xffff, position});
    return;
  }
  const int first_code = any_code ? 0 : rule.icmp_code;
  const int last_code = any_code ? 255 : rule.icmp_code;
  for (int type = any_type ? 0 : rule.icmp_type; type <= (any_type ? 255 : rule.icmp_type);
       ++type) {
    ranges.push_back({IcmpSelector(type, first_code), IcmpSelector(type, last_code), position});
  }
}

bool AllowsEveryPort(const Rule& rule, int protocol) {
  if (!rule.allow) return false;
  if (rule.protocol == kAnyProtocol) return true;
  return rule.protocol == protocol && rule.from_port == 0 && rule.to_port == 0xffff;
}

}  // namespace

RuleSet::RuleSet(std::vector<Rule> rules) : rules_(std::move(rules)), bitmaps_(rules_.size()) {
  for (Rule& rule : rules_) rule.digest = config::RuleDigest(rule.id);
  if (rules_.empty()) return;
  RuleBitmapInterner interner(bitmaps_);
  CompilePeers(interner);
  CompileSelectors(interner);
  FindAnywhere();
  sole_v4_ = FindSole(wire::Family::kIpv4);
  sole_v6_ = FindSole(wire::Family::kIpv6);
}

// Each prefix gets the rules that name it and, because a lookup returns the longest prefix only,
// the rules of every prefix around it.
void RuleSet::CompilePeers(RuleBitmapInterner& interner) {
  struct Mention {
    wire::IpPrefix prefix;
    std::uint32_t rule;
  };
  std::vector<Mention> mentions;
  for (std::uint32_t position = 0; position < rules_.size(); ++position) {
    for (const wire::IpPrefix& peer : rules_[position].peers) mentions.push_back({peer, position});
  }
  // A prefix stands behind all that contain it.
  std::sort(mentions.begin(), mentions.end(), [](const Mention& a, const Mention& b) {
    return std::pair(a.prefix.family(), a.prefix) < std::pair(b.prefix.family(), b.prefix);
  });

  struct Enclosing {
    wire::IpPrefix prefix;
    RuleBits rules;
  };
  std::vector<Enclosing> enclosing;  // the prefixes around the current one, widest first
  std::vector<Lpm::Entry> entries;
  for (auto mention = mentions.begin(); mention != mentions.end();) {
    const wire::IpPrefix prefix = mention->prefix;
    while (!enclosing.empty() && !enclosing.back().prefix.Contains(prefix)) enclosing.pop_back();
    RuleBits matching = enclosing.empty() ? RuleBits(rules_.size()) : enclosing.back().rules;
    for (; mention != mentions.end() && mention->prefix == prefix; ++mention) {
      matching.Set(mention->rule);
    }
    entries.push_back({prefix, interner.Intern(matching)});
    enclosing.push_back({prefix, std::move(matching)});
  }
  peers_ = Lpm(entries);
}

void RuleSet::CompileSelectors(RuleBitmapInterner& interner) {
  // Protocols that no rule names behave alike: one table, first, serves them all.
  std::map<int, std::vector<SelectorTable::Range>> ranges_of_protocol;
  ranges_of_protocol[kAnyProtocol];
  for (const Rule& rule : rules_) ranges_of_protocol[rule.protocol];
  for (auto& [protocol, ranges] : ranges_of_protocol) {
    for (std::uint32_t position = 0; position < rules_.size(); ++position) {
      AppendRanges(rules_[position], position, protocol, ranges);
    }
    if (protocol != kAnyProtocol) {
      selectors_of_protocol_.at(static_cast<std::size_t>(protocol)) =
          static_cast<std::uint16_t>(selectors_.size());
    }
    selectors_.emplace_back(ranges, rules_.size(), interner);
  }
}

void RuleSet::FindAnywhere() {
  anywhere_.resize(rules_.size());
  for (std::size_t position = 0; position < rules_.size(); ++position) {
    const Rule& rule = rules_[position];
    Anywhere& anywhere = anywhere_[position];
    for (const wire::IpPrefix& peer : rule.peers) {
      if (peer.length != 0) continue;
      (peer.family() == wire::Family::kIpv4 ? anywhere.v4 : anywhere.v6) = true;
    }
    const auto widen = [&](Anywhere& allowed, int protocol) {
      if (!AllowsEveryPort(rule, protocol)) return;
      allowed.v4 |= anywhere.v4;
      allowed.v6 |= anywhere.v6;
    };
    widen(allows_all_tcp_, wire::kProtocolTcp);
    widen(allows_all_udp_, wire::kProtocolUdp);
  }
}

std::uint32_t RuleSet::FindSole(wire::Family family) const {
  for (std::uint32_t position = 0; position < rules_.size(); ++position) {
    const Rule& rule = rules_[position];
    if (rule.protocol == kAnyProtocol && anywhere_[position].Includes(family)) return position;
    const auto is_of_family = [&](const wire::IpPrefix& peer) { return peer.family() == family; };
    if (std::any_of(rule.peers.begin(), rule.peers.end(), is_of_family)) return kNoMatch;
  }
  return kNoMatch;
}

std::uint32_t RuleSet::Match(const RuleQuery& query) const {
  const std::uint32_t sole = query.peer.is_v4() ? sole_v4_ : sole_v6_;
  if (sole != kNoMatch) return sole;
  const RuleBitmaps::Id peer_rules = peers_.Find(query.peer);
  if (peer_rules == Lpm::kNotFound) return kNoMatch;
  const SelectorTable& selectors = selectors_[selectors_of_protocol_[query.protocol]];
  return bitmaps_.FirstCommon(peer_rules, selectors.Find(SelectorOf(query)));
}

bool RuleSet::AllowsEverything(std::uint8_t protocol, wire::Family family) const {
  if (protocol == wire::kProtocolTcp) return allows_all_tcp_.Includes(family);
  if (protocol == wire::kProtocolUdp) return allows_all_udp_.Includes(family);
  return false;
}

bool RuleSet::IsFromAnywhere(std::uint32_t position, wire::Family family) const {
  return anywhere_[position].Includes(family);
}

std::size_t RuleSet::memory_bytes() const {
  std::size_t bytes = bitmaps_.memory_bytes() + peers_.memory_bytes();
  for (const SelectorTable& table : selectors_) bytes += table.memory_bytes();
  return bytes + anywhere_.capacity() * sizeof(Anywhere);
}

}  // namespace taploom::tables
