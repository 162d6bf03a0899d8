#include "control/address_ranges.h"

#include <algorithm>
#include <array>

namespace taploom::control {

using wire::IpAddress;
using wire::IpPrefix;

bool IsPrivate(const IpAddress& address) {
  static const std::array kPrivate = {PrefixLiteral("10.0.0.0/8"), PrefixLiteral("172.16.0.0/12"),
                                      PrefixLiteral("192.168.0.0/16"),
                                      PrefixLiteral("100.64.0.0/10")};
  return std::any_of(kPrivate.begin(), kPrivate.end(),
                     [&](const IpPrefix& prefix) { return prefix.Contains(address); });
}

bool IsPublic(const IpAddress& address) {
  // RFC 6890: this network, loopback, multicast and reserved. Documentation ranges (RFC 5737, RFC
  // 3849) are public here: they are what examples use.
  static const std::array kNowhere = {PrefixLiteral("0.0.0.0/8"), PrefixLiteral("127.0.0.0/8"),
                                      PrefixLiteral("224.0.0.0/4"), PrefixLiteral("240.0.0.0/4")};
  static const IpPrefix kGlobalUnicast = PrefixLiteral("2000::/3");  // RFC 4291 §2.4
  if (!address.is_v4()) return kGlobalUnicast.Contains(address);
  return !IsPrivate(address) && !address.is_link_local() &&
         std::none_of(kNowhere.begin(), kNowhere.end(),
                      [&](const IpPrefix& prefix) { return prefix.Contains(address); });
}

std::string_view ReservedFor(const IpPrefix& subnet, const IpAddress& address) {
  static constexpr std::array<std::string_view, 4> kFirst = {"the network address",
                                                             "the VPC router", "DNS", "future use"};
  for (std::uint32_t offset = 0; offset < kFirst.size(); ++offset) {
    if (address == subnet.address.Plus(offset)) return kFirst[offset];
  }
  if (address == subnet.last()) return "broadcast";
  return {};
}

}  // namespace taploom::control
