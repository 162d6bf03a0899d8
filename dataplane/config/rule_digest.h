// RuleDigest: 64 bits that name a rule across snapshots.
#ifndef TAPLOOM_DATAPLANE_CONFIG_RULE_DIGEST_H_
#define TAPLOOM_DATAPLANE_CONFIG_RULE_DIGEST_H_

#include <charconv>
#include <cstdint>
#include <string_view>

namespace taploom::config {

// The first 16 hex digits after the dash of "sgr-0123456789abcdef0"; 0 for anything else.
inline std::uint64_t RuleDigest(std::string_view rule_id) {
  const auto dash = rule_id.find('-');
  if (dash == std::string_view::npos) return 0;
  std::uint64_t digest = 0;
  const std::string_view digits = rule_id.substr(dash + 1, 16);
  std::from_chars(digits.data(), digits.data() + digits.size(), digest, 16);
  return digest;
}

}  // namespace taploom::config

#endif  // TAPLOOM_DATAPLANE_CONFIG_RULE_DIGEST_H_
