#include "dataplane/tables/config_fields.h"

#include <iterator>
#include <limits>
#include <optional>

namespace taploom::tables {
namespace {

wire::IpAddress ReadAddress(const Subject& subject, std::string_view what,
                            const std::string& bytes) {
  const std::optional<wire::IpAddress> address = wire::IpAddress::FromBytes(bytes);
  if (!address) Reject(subject, "{} has {} bytes, not 4 or 16", what, bytes.size());
  // Would be taken for the IPv4 address inside it (ip_address.h).
  if (bytes.size() == 16 && address->is_v4()) {
    Reject(subject, "{} ::ffff:{} is an IPv4-mapped IPv6 address", what, address->ToString());
  }
  return *address;
}

}  // namespace

std::string Subject::ToString() const {
  std::string text(kind);
  if (!name.empty()) text += " " + name;
  if (!id.empty()) text += name.empty() ? " " + id : " (" + id + ")";
  return text;
}

wire::IpPrefix ReadPrefix(const Subject& subject, std::string_view what,
                          const config::Prefix& prefix) {
  const wire::IpAddress address = ReadAddress(subject, what, prefix.address());
  const unsigned longest = address.is_v4() ? 32 : 128;
  if (prefix.length() > longest) {
    Reject(subject, "{} {}/{} is longer than {} bits", what, address.ToString(), prefix.length(),
           longest);
  }
  const wire::IpPrefix result{address, static_cast<std::uint8_t>(prefix.length())};
  if (wire::IpPrefix::Of(address, result.length) != result) {
    Reject(subject, "{} {} has host bits set", what, result.ToString());
  }
  return result;
}

wire::IpAddress ReadHostAddress(const Subject& subject, std::string_view what,
                                const std::string& bytes) {
  const wire::IpAddress address = ReadAddress(subject, what, bytes);
  if (address.is_multicast() || address.is_v4_broadcast() || address.is_unspecified() ||
      address.is_link_local()) {
    Reject(subject, "{} {} is not one that a host can have", what, address.ToString());
  }
  return address;
}

wire::MacAddress ReadMac(const Subject& subject, std::string_view what, const std::string& bytes) {
  const std::optional<wire::MacAddress> mac = wire::MacAddress::FromBytes(bytes);
  if (!mac) Reject(subject, "{} has {} bytes, not 6", what, bytes.size());
  if (mac->is_group() || *mac == wire::MacAddress{}) {
    Reject(subject, "{} {} is not the address of one station", what, mac->ToString());
  }
  return *mac;
}

PortId ReadPort(const Subject& subject, std::uint32_t port) {
  if (port > std::numeric_limits<PortId>::max()) Reject(subject, "port {} is above 65535", port);
  return static_cast<PortId>(port);
}

const std::string* DisjointPrefixes::Add(const wire::IpPrefix& prefix,
                                         const std::string& owner_id) {
  // Blocks either nest or are disjoint, and those held are disjoint: only the neighbours in order
  // of address can overlap the new one.
  const std::pair key(prefix.family(), prefix);
  const auto after = owner_by_prefix_.lower_bound(key);
  if (after != owner_by_prefix_.end() && after->first.second.Overlaps(prefix)) {
    return &after->second;
  }
  if (after != owner_by_prefix_.begin()) {
    const auto before = std::prev(after);
    if (before->first.second.Overlaps(prefix)) return &before->second;
  }
  owner_by_prefix_.emplace_hint(after, key, owner_id);
  return nullptr;
}

}  // namespace taploom::tables
