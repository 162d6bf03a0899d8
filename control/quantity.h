// Quantities as people read them.
#ifndef TAPLOOM_CONTROL_QUANTITY_H_
#define TAPLOOM_CONTROL_QUANTITY_H_

#include <fmt/format.h>

#include <cstdint>
#include <iterator>
#include <string>

namespace taploom::control {

// "512 B", "1.5 kB", "2.0 GB"; decimal units.
inline std::string BytesText(std::uint64_t bytes) {
  constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1000 && unit + 1 < std::size(kUnits); ++unit) value /= 1000;
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

}  // namespace taploom::control

#endif  // TAPLOOM_CONTROL_QUANTITY_H_
