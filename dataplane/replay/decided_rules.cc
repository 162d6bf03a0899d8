#include "dataplane/replay/decided_rules.h"

#include <fmt/format.h>

#include "dataplane/replay/json.h"

namespace taploom::replay {
namespace {

bool NamesRule(const slowpath::StageReport& stage) {
  return stage.passed && !stage.rule_id.empty();
}

}  // namespace

DecidedRules::Way DecidedRules::WayOf(const std::vector<slowpath::StageReport>& stages) {
  Way way;
  way.json = "[";
  for (const slowpath::StageReport& stage : stages) {
    if (!NamesRule(stage)) continue;
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
  return way;
}

std::uint32_t DecidedRules::Intern(const std::vector<slowpath::StageReport>& stages) {
  key_.clear();
  for (const slowpath::StageReport& stage : stages) {
    if (!NamesRule(stage)) continue;
    key_ += static_cast<char>(stage.stage);
    key_.append(stage.component_name).push_back('\0');
    key_.append(stage.rule_id).push_back('\0');
  }
  const auto [found, is_new] = numbers_.emplace(key_, static_cast<std::uint32_t>(ways_.size()));
  if (is_new) ways_.push_back(WayOf(stages));
  return found->second;
}

}  // namespace taploom::replay
