// Counts by reason, as both kinds of replay print them.
#ifndef TAPLOOM_CLI_REPLAY_SUMMARY_H_
#define TAPLOOM_CLI_REPLAY_SUMMARY_H_

#include <fmt/format.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "dataplane/replay/arrival.h"
#include "dataplane/verdict.h"

namespace taploom::cli {

inline DropReasonText DropText(std::size_t i) { return TextOf(static_cast<DropReason>(i)); }
inline replay::SkipReasonText SkipText(std::size_t i) {
  return TextOf(static_cast<replay::SkipReason>(i));
}

// {"SG_INGRESS_DENIED": 3, …}: those that happened. `text_of`: DropText or SkipText.
template <std::size_t kCount, typename Text>
nlohmann::ordered_json CountsJson(const std::array<std::uint64_t, kCount>& counts, Text text_of) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (std::size_t i = 0; i < kCount; ++i) {
    if (counts[i] != 0) json[text_of(i).name] = counts[i];
  }
  return json;
}

// "  drop 3        SG_INGRESS_DENIED        No ingress rule …", a line for each that happened.
template <std::size_t kCount, typename Text>
std::string ReasonLines(const char* word, const std::array<std::uint64_t, kCount>& counts,
                        Text text_of) {
  std::string lines;
  for (std::size_t i = 0; i < kCount; ++i) {
    if (counts[i] != 0)
      lines += fmt::format("  {} {:<8} {:<24} {}\n", word, counts[i], text_of(i).name,
                           text_of(i).sentence);
  }
  return lines;
}

}  // namespace taploom::cli

#endif  // TAPLOOM_CLI_REPLAY_SUMMARY_H_
