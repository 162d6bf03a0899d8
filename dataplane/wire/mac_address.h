#ifndef TAPLOOM_DATAPLANE_WIRE_MAC_ADDRESS_H_
#define TAPLOOM_DATAPLANE_WIRE_MAC_ADDRESS_H_

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace taploom::wire {

// A 48-bit Ethernet address in transmission order.
struct MacAddress {
  std::array<std::uint8_t, 6> bytes{};

  static MacAddress FromBytes(const std::uint8_t* six_bytes) {
    MacAddress result;
    std::memcpy(result.bytes.data(), six_bytes, 6);
    return result;
  }
  static std::optional<MacAddress> FromBytes(std::string_view bytes) {
    if (bytes.size() != 6) return std::nullopt;
    return FromBytes(reinterpret_cast<const std::uint8_t*>(bytes.data()));
  }

  // Broadcast is a group address too (IEEE 802.3 §3.2.3).
  bool is_group() const { return (bytes[0] & 1) != 0; }
  std::string ToString() const;  // "02:00:0a:00:02:32"

  friend bool operator==(const MacAddress&, const MacAddress&) = default;
};

}  // namespace taploom::wire

#endif  // TAPLOOM_DATAPLANE_WIRE_MAC_ADDRESS_H_
