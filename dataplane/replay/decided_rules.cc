#include "dataplane/replay/decided_rules.h"

#include <fmt/format.h>

#include "dataplane/replay/json.h"

namespace taploom::replay {

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
