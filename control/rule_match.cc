#include "control/rule_match.h"

#include <fmt/format.h>

#include <cstdint>

namespace taploom::control {

std::string ProtocolName(int protocol) {
  switch (protocol) {
    case kAllProtocols:
      return "all";
    case kTcp:
      return "tcp";
    case kUdp:
      return "udp";
    case kIcmp:
      return "icmp";
    case kIcmpv6:
      return "icmpv6";
    default:
      return std::to_string(protocol);
  }
}

std::string PeerText(const Peer& peer) {
  switch (peer.kind) {
    case Peer::Kind::kSecurityGroup:
      return "sg:" + peer.name;
    case Peer::Kind::kPrefixList:
      return "pl:" + peer.name;
    case Peer::Kind::kCidr:
      return peer.cidr.prefix().ToString();
  }
  return {};
}

config::Match LowerMatch(int protocol, const PortRange* ports,
                         const std::optional<Located<int>>& icmp_type,
                         const std::optional<Located<int>>& icmp_code) {
  config::Match match;
  match.set_protocol(protocol);
  match.set_from_port(ports == nullptr ? 0 : static_cast<std::uint32_t>(ports->from));
  match.set_to_port(ports == nullptr ? 65535 : static_cast<std::uint32_t>(ports->to));
  match.set_icmp_type(icmp_type ? icmp_type->value : -1);
  match.set_icmp_code(icmp_code ? icmp_code->value : -1);
  return match;
}

std::vector<MatchText> MatchTexts(const SecurityGroupRule& rule) {
  const int protocol = rule.protocol->value;
  if (rule.ports.empty()) {
    return {{ToText(LowerMatch(protocol, nullptr, rule.icmp_type, rule.icmp_code)), {}}};
  }
  std::vector<MatchText> texts;
  for (const Located<PortRange>& range : rule.ports) {
    texts.push_back(
        {ToText(LowerMatch(protocol, &range.value, rule.icmp_type, rule.icmp_code)), range.at});
  }
  return texts;
}

std::string ToText(const config::Match& match) {
  std::string text = ProtocolName(match.protocol());
  if (text.front() >= '0' && text.front() <= '9') text = "protocol " + text;
  if (HasPorts(match.protocol())) {
    if (match.from_port() == match.to_port()) {
      text += fmt::format(" {}", match.from_port());
    } else if (match.from_port() != 0 || match.to_port() != 65535) {
      text += fmt::format(" {}-{}", match.from_port(), match.to_port());
    }
  } else if (HasIcmpType(match.protocol()) && match.icmp_type() >= 0) {
    text += fmt::format(" type {}", match.icmp_type());
    if (match.icmp_code() >= 0) text += fmt::format(" code {}", match.icmp_code());
  }
  return text;
}

}  // namespace taploom::control
