#include "dataplane/replay/decided_rules.h"

#include <fmt/format.h>

#include <algorithm>

namespace taploom::replay {

void AppendJson(std::string& out, std::string_view text) {
  const auto needs_escape = [](char c) {
    return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20;
  };
  out += '"';
  while (true) {
    const auto end = std::find_if(text.begin(), text.end(), needs_escape);
    out.append(text.begin(), end);
    if (end == text.end()) break;
    out += static_cast<unsigned char>(*end) < 0x20
               ? fmt::format("\\u{:04x}", static_cast<unsigned char>(*end))
               : std::string{'\\', *end};
    text.remove_prefix(static_cast<std::size_t>(end - text.begin()) + 1);
  }
  out += '"';
}

std::uint32_t DecidedRules::Intern(const std::vector<slowpath::StageReport>& stages) {
  Way way;
  way.json = "[";
  for (const slowpath::StageReport& stage : stages) {
    if (!stage.passed || stage.rule_id.empty()) continue;
    if (way.json.size() > 1) way.json += ',';
    way.json += "{\"stage\":";
    AppendJson(way.json, ToText(stage.stage));
    way.json += ",\"name\":";
    AppendJson(way.json, stage.component_name);
    way.json += ",\"rule\":";
    AppendJson(way.json, stage.rule_id);
    way.json += '}';
    if (!way.label.empty()) way.label += " > ";
    way.label += fmt::format("{} {}", stage.component_name, stage.rule_id);
  }
  way.json += ']';
  const auto [found, is_new] = numbers_.emplace(way.json, static_cast<std::uint32_t>(ways_.size()));
  if (is_new) ways_.push_back(std::move(way));
  return found->second;
}

}  // namespace taploom::replay
