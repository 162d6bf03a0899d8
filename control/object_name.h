// What an object of the topology may be called.
#ifndef TAPLOOM_CONTROL_OBJECT_NAME_H_
#define TAPLOOM_CONTROL_OBJECT_NAME_H_

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace taploom::control {

// Names become parts of namespace and file names, and of host names (RFC 1123 §2.1).
inline constexpr std::size_t kMaxNameLength = 63;

inline bool IsObjectName(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  };
  return !name.empty() && name.size() <= kMaxNameLength &&
         std::all_of(name.begin(), name.end(), allowed) && name.front() != '-' &&
         name.back() != '-';
}

inline constexpr std::string_view kObjectNameRule =
    "names have 1 to 63 of a-z, 0-9 and \"-\", and start and end with a letter or digit";

// A domain name: labels of letters, digits and "-", joined by dots.
inline bool IsDomainName(std::string_view name) {
  if (name.empty() || name.size() > 253) return false;
  std::size_t label_length = 0;
  char previous = '.';
  for (const char c : name) {
    if (c == '.') {
      if (label_length == 0 || previous == '-') return false;
      label_length = 0;
    } else {
      const bool alphanumeric =
          (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
      if (!alphanumeric && (c != '-' || label_length == 0)) return false;
      if (++label_length > 63) return false;
    }
    previous = c;
  }
  return label_length > 0 && previous != '-';
}

}  // namespace taploom::control

#endif  // TAPLOOM_CONTROL_OBJECT_NAME_H_
