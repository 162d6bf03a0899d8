#ifndef TAPLOOM_TESTS_UNIT_WIRE_EXACT_BUFFER_H_
#define TAPLOOM_TESTS_UNIT_WIRE_EXACT_BUFFER_H_

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>

namespace taploom::wire {

// A copy of bytes in a heap block of exactly their size: under AddressSanitizer, reading one byte
// further is a failure.
class ExactBuffer {
 public:
  explicit ExactBuffer(std::span<const std::uint8_t> bytes)
      : size_(bytes.size()), bytes_(new std::uint8_t[bytes.size()]) {
    std::copy(bytes.begin(), bytes.end(), bytes_.get());
  }
  std::span<std::uint8_t> bytes() { return {bytes_.get(), size_}; }

 private:
  std::size_t size_;
  std::unique_ptr<std::uint8_t[]> bytes_;
};

}  // namespace taploom::wire

#endif  // TAPLOOM_TESTS_UNIT_WIRE_EXACT_BUFFER_H_
