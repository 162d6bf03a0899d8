#include "control/region.h"

#include <utility>

namespace taploom::control {

bool IsRegionName(std::string_view name) {
  const std::size_t last_dash = name.rfind('-');
  if (last_dash == std::string_view::npos || last_dash + 2 != name.size()) return false;
  if (name.back() < '1' || name.back() > '9') return false;
  const std::string_view words = name.substr(0, last_dash);
  if (words.find('-') == std::string_view::npos) return false;
  char previous = '-';
  for (const char c : words) {
    const bool letter = c >= 'a' && c <= 'z';
    if (!letter && (c != '-' || previous == '-')) return false;
    previous = c;
  }
  return previous != '-';
}

std::vector<std::string> AvailabilityZones(std::string_view region) {
  static constexpr std::pair<std::string_view, std::string_view> kExceptions[] = {
      {"ap-northeast-2", "abcd"}, {"us-east-1", "abcdef"}, {"us-west-2", "abcd"}};
  std::string_view letters = "abc";
  for (const auto& [name, exception] : kExceptions) {
    if (name == region) letters = exception;
  }
  std::vector<std::string> zones;
  for (const char letter : letters) zones.push_back(std::string(region) + letter);
  return zones;
}

}  // namespace taploom::control
