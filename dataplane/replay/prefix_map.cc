#include "dataplane/replay/prefix_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

namespace taploom::replay {
namespace {

std::optional<wire::IpPrefix> ParsePrefix(std::string_view text) {
  if (text.find('/') != std::string_view::npos) return wire::IpPrefix::Parse(text);
  const auto address = wire::IpAddress::Parse(text);
  if (!address) return std::nullopt;
  return wire::IpPrefix::Host(*address);
}

}  // namespace

std::string PrefixMap::Add(std::string_view text) {
  const auto equals = text.find('=');
  if (equals == std::string_view::npos)
    return fmt::format("\"{}\" maps nothing; expected OLD=NEW, two CIDRs or addresses", text);
  const std::string_view old_text = text.substr(0, equals), new_text = text.substr(equals + 1);
  const auto old_prefix = ParsePrefix(old_text), new_prefix = ParsePrefix(new_text);
  if (!old_prefix || !new_prefix)
    return fmt::format("\"{}\" is neither a CIDR nor an address", old_prefix ? new_text : old_text);
  if (old_prefix->family() != new_prefix->family() || old_prefix->length != new_prefix->length)
    return fmt::format("\"{}\": both sides must be of the same family and length", text);
  pairs_.emplace_back(*old_prefix, *new_prefix);
  return "";
}

wire::IpAddress PrefixMap::Map(const wire::IpAddress& address) const {
  for (const auto& [from, to] : pairs_) {
    if (from.family() != address.family() || !from.Contains(address)) continue;
    std::array<std::uint8_t, 16> bytes{};
    const auto old_bytes = address.bytes(), new_bytes = to.address.bytes();
    for (std::size_t i = 0; i < old_bytes.size(); ++i) {
      const int network_bits =
          std::clamp(static_cast<int>(to.length) - static_cast<int>(8 * i), 0, 8);
      const auto mask = static_cast<std::uint8_t>(0xff00u >> network_bits);
      bytes[i] = static_cast<std::uint8_t>((new_bytes[i] & mask) | (old_bytes[i] & ~mask));
    }
    return address.is_v4() ? wire::IpAddress::V4FromBytes(bytes.data())
                           : wire::IpAddress::V6FromBytes(bytes.data());
  }
  return address;
}

flow::FiveTuple PrefixMap::Map(flow::FiveTuple tuple) const {
  tuple.source = Map(tuple.source);
  tuple.destination = Map(tuple.destination);
  return tuple;
}

}  // namespace taploom::replay
