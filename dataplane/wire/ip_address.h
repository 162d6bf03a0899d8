// IpAddress and IpPrefix: one 16-byte form for both families, so that a key compares and hashes in
// one way.
#ifndef TAPLOOM_DATAPLANE_WIRE_IP_ADDRESS_H_
#define TAPLOOM_DATAPLANE_WIRE_IP_ADDRESS_H_

#include <array>
#include <bit>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "dataplane/wire/byte_order.h"

namespace taploom::wire {

enum class Family : std::uint8_t { kIpv4 = 4, kIpv6 = 6 };

// An IPv4 or IPv6 address in network byte order. IPv4 is held IPv4-mapped (::ffff:a.b.c.d, RFC 4291
// §2.5.5.2), so an IPv6 packet that carries such a mapped address would be confused with IPv4: the
// parser drops those.
class IpAddress {
 public:
  constexpr IpAddress() = default;  // "::"

  static IpAddress V4(std::uint32_t host_order);
  static IpAddress V4FromBytes(const std::uint8_t* four_bytes) {
    // Two words, so that who reads words next need not wait for four stores to be put together.
    constexpr std::uint64_t kMark =
        std::endian::native == std::endian::little ? 0xffff0000u : 0xffffull << 32;
    constexpr int kShift = std::endian::native == std::endian::little ? 32 : 0;
    const std::uint64_t words[2] = {
        0, kMark | std::uint64_t{Load<std::uint32_t>(four_bytes)} << kShift};
    IpAddress result;
    std::memcpy(result.bytes_.data(), words, sizeof words);
    return result;
  }
  static IpAddress V6FromBytes(const std::uint8_t* sixteen_bytes) {
    IpAddress result;
    std::memcpy(result.bytes_.data(), sixteen_bytes, 16);
    return result;
  }
  // From 4 or 16 bytes in network order; nullopt for any other length.
  static std::optional<IpAddress> FromBytes(std::string_view bytes);
  // "10.0.0.1" or "2001:db8::1"; nullopt when the text is no address.
  static std::optional<IpAddress> Parse(std::string_view text);

  bool is_v4() const {
    return Load<std::uint64_t>(bytes_.data()) == 0 &&
           Load<be32>(bytes_.data() + 8) == be32(0xffffu);
  }
  Family family() const { return is_v4() ? Family::kIpv4 : Family::kIpv6; }
  // REQUIRES: is_v4().
  std::uint32_t v4_host_order() const { return Load<be32>(bytes_.data() + 12).value(); }
  be32 v4() const { return Load<be32>(bytes_.data() + 12); }

  bool is_multicast() const;
  bool is_unspecified() const;   // 0.0.0.0 or ::
  bool is_v4_broadcast() const;  // 255.255.255.255
  bool is_link_local() const;    // 169.254/16, fe80::/10

  // The address's own bytes: 4 for IPv4, 16 for IPv6.
  std::span<const std::uint8_t> bytes() const {
    return is_v4() ? std::span(bytes_).subspan(12) : std::span<const std::uint8_t>(bytes_);
  }
  // Always the 16-byte form.
  const std::array<std::uint8_t, 16>& mapped() const { return bytes_; }
  // The address `offset` places further; wraps within its family.
  IpAddress Plus(std::uint32_t offset) const;

  std::string ToString() const;

  // Two words, not a call to memcmp.
  friend bool operator==(const IpAddress& a, const IpAddress& b) {
    return ((a.Word(0) ^ b.Word(0)) | (a.Word(8) ^ b.Word(8))) == 0;
  }
  friend std::strong_ordering operator<=>(const IpAddress& a, const IpAddress& b) {
    const auto order = a.High() <=> b.High();
    return order != 0 ? order : a.Low() <=> b.Low();
  }

  template <typename H>
  friend H AbslHashValue(H state, const IpAddress& address) {
    return H::combine(std::move(state), address.Word(0), address.Word(8));
  }

 private:
  friend struct IpPrefix;

  std::uint64_t Word(std::size_t at) const { return Load<std::uint64_t>(bytes_.data() + at); }
  std::uint64_t High() const { return Load<be64>(bytes_.data()).value(); }
  std::uint64_t Low() const { return Load<be64>(bytes_.data() + 8).value(); }

  std::array<std::uint8_t, 16> bytes_{};
};
static_assert(sizeof(IpAddress) == 16, "a flow key holds two of these");

// A CIDR block. `length` counts bits of the address's own family: 0–32 or 0–128. Host bits are
// zero.
struct IpPrefix {
  IpAddress address;
  std::uint8_t length = 0;

  // "10.0.0.0/16"; nullopt when the text is no CIDR. Host bits are cleared.
  static std::optional<IpPrefix> Parse(std::string_view text);
  // Clears the host bits. REQUIRES: length within the family's range.
  static IpPrefix Of(const IpAddress& address, std::uint8_t length);
  static IpPrefix Host(const IpAddress& address) {
    return {address, address.is_v4() ? std::uint8_t{32} : std::uint8_t{128}};
  }

  bool Contains(const IpAddress& candidate) const {
    if (candidate.is_v4() != address.is_v4()) return false;
    const std::uint64_t high = candidate.High() ^ address.High();
    const std::uint64_t low = candidate.Low() ^ address.Low();
    const unsigned kept = length + (address.is_v4() ? 96u : 0u);  // of the 16-byte form
    if (kept == 0) return true;
    if (kept <= 64) return high >> (64 - kept) == 0;
    return high == 0 && low >> (128 - kept) == 0;
  }
  bool Contains(const IpPrefix& other) const {
    return other.length >= length && Contains(other.address);
  }
  bool Overlaps(const IpPrefix& other) const { return Contains(other) || other.Contains(*this); }
  Family family() const { return address.family(); }
  IpAddress last() const;  // the highest address of the block
  std::string ToString() const;

  friend bool operator==(const IpPrefix&, const IpPrefix&) = default;
  friend auto operator<=>(const IpPrefix&, const IpPrefix&) = default;
};

}  // namespace taploom::wire

template <>
struct std::hash<taploom::wire::IpAddress> {
  std::size_t operator()(const taploom::wire::IpAddress& address) const noexcept {
    std::uint64_t high, low;
    std::memcpy(&high, address.mapped().data(), 8);
    std::memcpy(&low, address.mapped().data() + 8, 8);
    return (high * 0x9e3779b97f4a7c15u) ^ ((low + 0x632be59bd9b4e019u) * 0xff51afd7ed558ccdu >> 7) ^
           low;
  }
};

#endif  // TAPLOOM_DATAPLANE_WIRE_IP_ADDRESS_H_
