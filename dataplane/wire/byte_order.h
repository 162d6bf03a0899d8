// Byte order as a type: a be16 read from a packet cannot be mistaken for a number.
#ifndef TAPLOOM_DATAPLANE_WIRE_BYTE_ORDER_H_
#define TAPLOOM_DATAPLANE_WIRE_BYTE_ORDER_H_

#include <bit>
#include <compare>
#include <cstdint>
#include <cstring>

namespace taploom::wire {

// An unsigned integer as it lies in the packet: big-endian, without alignment. The only ways in and
// out are the constructor (host to network) and value() (network to host).
template <typename T>
class BigEndian {
 public:
  constexpr BigEndian() = default;
  constexpr explicit BigEndian(T host_value) : raw_(Swap(host_value)) {}

  constexpr T value() const { return Swap(raw_); }
  // The bytes in memory order, for checksum arithmetic, which is the same in any byte order (RFC
  // 1071 §2B).
  constexpr T raw() const { return raw_; }
  static constexpr BigEndian FromRaw(T raw) {
    BigEndian result;
    result.raw_ = raw;
    return result;
  }

  friend constexpr bool operator==(BigEndian, BigEndian) = default;

 private:
  static constexpr T Swap(T value) {
    if constexpr (std::endian::native == std::endian::big) return value;
    if constexpr (sizeof(T) == 2) return __builtin_bswap16(value);
    if constexpr (sizeof(T) == 4) return __builtin_bswap32(value);
    if constexpr (sizeof(T) == 8) return __builtin_bswap64(value);
  }

  T raw_ = 0;
};

using be16 = BigEndian<std::uint16_t>;
using be32 = BigEndian<std::uint32_t>;
using be64 = BigEndian<std::uint64_t>;

// Unaligned loads and stores of a field at a byte offset; the caller has checked the length.
template <typename T>
inline T Load(const std::uint8_t* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}
template <typename T>
inline void Store(std::uint8_t* bytes, const T& value) {
  std::memcpy(bytes, &value, sizeof value);
}

}  // namespace taploom::wire

#endif  // TAPLOOM_DATAPLANE_WIRE_BYTE_ORDER_H_
