#include "dataplane/wire/ip_address.h"

#include <arpa/inet.h>

#include <charconv>

namespace taploom::wire {
namespace {

// Bits in front of an IPv4 address in the 16-byte form.
constexpr unsigned kMappedBits = 96;

unsigned MappedLength(const IpPrefix& prefix) {
  return prefix.length + (prefix.address.is_v4() ? kMappedBits : 0);
}

std::uint8_t HighBits(unsigned count) { return static_cast<std::uint8_t>(0xff00u >> count); }

}  // namespace

IpAddress IpAddress::V4(std::uint32_t host_order) {
  be32 wire(host_order);
  return V4FromBytes(reinterpret_cast<const std::uint8_t*>(&wire));
}

std::optional<IpAddress> IpAddress::FromBytes(std::string_view bytes) {
  const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  if (bytes.size() == 4) return V4FromBytes(data);
  if (bytes.size() == 16) return V6FromBytes(data);
  return std::nullopt;
}

std::optional<IpAddress> IpAddress::Parse(std::string_view text) {
  const std::string copy(text);
  std::uint8_t bytes[16];
  if (inet_pton(AF_INET, copy.c_str(), bytes) == 1) return V4FromBytes(bytes);
  if (inet_pton(AF_INET6, copy.c_str(), bytes) == 1) return V6FromBytes(bytes);
  return std::nullopt;
}

bool IpAddress::is_multicast() const {
  return is_v4() ? (bytes_[12] & 0xf0) == 0xe0 : bytes_[0] == 0xff;
}

bool IpAddress::is_unspecified() const {
  return is_v4() ? v4_host_order() == 0 : *this == IpAddress();
}

bool IpAddress::is_v4_broadcast() const { return is_v4() && v4_host_order() == 0xffffffffu; }

bool IpAddress::is_link_local() const {
  return is_v4() ? bytes_[12] == 169 && bytes_[13] == 254
                 : bytes_[0] == 0xfe && (bytes_[1] & 0xc0) == 0x80;
}

IpAddress IpAddress::Plus(std::uint32_t offset) const {
  if (is_v4()) return V4(v4_host_order() + offset);
  IpAddress result = *this;
  std::uint64_t carry = offset;
  for (std::size_t i = 16; i-- > 0 && carry != 0;) {
    carry += result.bytes_[i];
    result.bytes_[i] = static_cast<std::uint8_t>(carry);
    carry >>= 8;
  }
  return result;
}

std::string IpAddress::ToString() const {
  char text[INET6_ADDRSTRLEN];
  const auto own = bytes();
  if (!is_v4()) return inet_ntop(AF_INET6, own.data(), text, sizeof text);
  // inet_ntop prints IPv4 by snprintf, at ten times the cost.
  char* end = text;
  for (const std::uint8_t byte : own) {
    end = std::to_chars(end, text + sizeof text, byte).ptr;
    *end++ = '.';
  }
  return std::string(text, static_cast<std::size_t>(end - 1 - text));
}

std::optional<IpPrefix> IpPrefix::Parse(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto address = IpAddress::Parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  const std::string_view digits = text.substr(slash + 1);
  unsigned length = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) {
    return std::nullopt;
  }
  if (length > (address->is_v4() ? 32u : 128u)) return std::nullopt;
  return Of(*address, static_cast<std::uint8_t>(length));
}

IpPrefix IpPrefix::Of(const IpAddress& address, std::uint8_t length) {
  auto bytes = address.mapped();
  const unsigned kept = length + (address.is_v4() ? kMappedBits : 0);
  for (unsigned i = 0; i < 16; ++i) {
    if (i * 8 >= kept) {
      bytes[i] = 0;
    } else if (i * 8 + 8 > kept) {
      bytes[i] &= HighBits(kept - i * 8);
    }
  }
  return {IpAddress::V6FromBytes(bytes.data()), length};
}

IpAddress IpPrefix::last() const {
  auto bytes = address.mapped();
  const unsigned kept = MappedLength(*this);
  for (unsigned i = 0; i < 16; ++i) {
    if (i * 8 >= kept) {
      bytes[i] = 0xff;
    } else if (i * 8 + 8 > kept) {
      bytes[i] |= static_cast<std::uint8_t>(~HighBits(kept - i * 8));
    }
  }
  return IpAddress::V6FromBytes(bytes.data());
}

std::string IpPrefix::ToString() const { return address.ToString() + "/" + std::to_string(length); }

}  // namespace taploom::wire
