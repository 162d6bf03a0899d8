// LineText: a line of text, put together without a call for every piece of it.
//
//   LineText line(out);
//   line.Put("\"source\":\"").Put(address).Put(':').PutNumber(port).Put('"');
//
// What is put stands in a buffer of its own until it is full, or the LineText ends: then it is
// appended to `out`, which must outlive it.
#ifndef TAPLOOM_DATAPLANE_REPLAY_LINE_TEXT_H_
#define TAPLOOM_DATAPLANE_REPLAY_LINE_TEXT_H_

#include <fmt/format.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "dataplane/wire/ip_address.h"

namespace taploom::replay {
namespace internal {

// A byte of an address, with a dot behind it: "192.".
struct Decimal {
  std::array<char, 4> text{};
  std::size_t size = 0;
};
inline constexpr std::array<Decimal, 256> kDecimals = [] {
  std::array<Decimal, 256> decimals{};
  for (unsigned byte = 0; byte < 256; ++byte) {
    Decimal& decimal = decimals[byte];
    if (byte >= 100) decimal.text[decimal.size++] = static_cast<char>('0' + byte / 100);
    if (byte >= 10) decimal.text[decimal.size++] = static_cast<char>('0' + byte / 10 % 10);
    decimal.text[decimal.size++] = static_cast<char>('0' + byte % 10);
    decimal.text[decimal.size++] = '.';
  }
  return decimals;
}();

}  // namespace internal

class LineText {
 public:
  explicit LineText(std::string& out) : out_(out) {}
  LineText(const LineText&) = delete;
  LineText& operator=(const LineText&) = delete;
  ~LineText() { Flush(); }

  // Always inline, so that a literal's bytes become a few stores.
  [[gnu::always_inline]] LineText& Put(std::string_view text) {
    if (text.size() > Room()) return PutLong(text);
    std::memcpy(end_, text.data(), text.size());
    end_ += text.size();
    return *this;
  }
  LineText& Put(char c) { return Put(std::string_view(&c, 1)); }
  LineText& Put(const wire::IpAddress& address) {
    if (!address.is_v4()) return Put(std::string_view(address.ToString()));
    if (Room() < 16) Flush();
    for (const std::uint8_t byte : address.bytes()) {
      const internal::Decimal& decimal = internal::kDecimals[byte];
      std::memcpy(end_, decimal.text.data(), decimal.text.size());
      end_ += decimal.size;
    }
    --end_;  // the last dot
    return *this;
  }
  LineText& PutNumber(std::int64_t value) {
    const fmt::format_int digits(value);
    return Put(std::string_view(digits.data(), digits.size()));
  }

  // For others to append to.
  std::string& Flushed() {
    Flush();
    return out_;
  }

 private:
  std::size_t Room() const {
    return static_cast<std::size_t>(buffer_.data() + buffer_.size() - end_);
  }
  LineText& PutLong(std::string_view text) {
    Flush();
    out_ += text;
    return *this;
  }
  void Flush() {
    out_.append(buffer_.data(), static_cast<std::size_t>(end_ - buffer_.data()));
    end_ = buffer_.data();
  }

  std::string& out_;
  std::array<char, 1024> buffer_;
  char* end_ = buffer_.data();
};

}  // namespace taploom::replay

#endif  // TAPLOOM_DATAPLANE_REPLAY_LINE_TEXT_H_
