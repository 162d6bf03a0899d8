#include "tests/bench/report.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace taploom::bench {

void Report::AddRatio(const std::string& group, const std::string& name, const Figure& ours,
                      const std::string& yardstick, const Figure& theirs,
                      std::optional<double> at_least) {
  Row row{.group = group,
          .name = name,
          .value = ours.median,
          .spread = ours.spread(),
          .yardstick = yardstick,
          .yardstick_value = theirs.median,
          .ratio = theirs.median / ours.median};
  if (at_least) {
    row.target = fmt::format("ratio >= {}", *at_least);
    row.met = *row.ratio >= *at_least;
  }
  rows_.push_back(std::move(row));
}

void Report::AddAtMost(const std::string& group, const std::string& name, const Figure& ours,
                       std::optional<double> at_most) {
  Row row{.group = group, .name = name, .value = ours.median, .spread = ours.spread()};
  if (at_most) {
    row.target = fmt::format("<= {}", *at_most);
    row.met = ours.median <= *at_most;
  }
  rows_.push_back(std::move(row));
}

void Report::WriteJson(std::ostream& out) const {
  using nlohmann::json;
  json root;
  root["facts"] = json::object();
  for (const auto& [name, value] : facts_) root["facts"][name] = value;
  root["faults"] = faults_;
  root["rows"] = json::array();
  for (const Row& row : rows_) {
    json item{{"group", row.group}, {"name", row.name},     {"value", row.value},
              {"unit", row.unit},   {"spread", row.spread}, {"yardstick", nullptr},
              {"ratio", nullptr},   {"target", nullptr},    {"met", nullptr}};
    if (!row.yardstick.empty()) {
      item["yardstick"] = row.yardstick;
      item["yardstick_value"] = row.yardstick_value;
    }
    if (row.ratio) item["ratio"] = *row.ratio;
    if (!row.target.empty()) item["target"] = row.target;
    if (row.met) item["met"] = *row.met;
    root["rows"].push_back(std::move(item));
  }
  root["curves"] = json::array();
  for (const Curve& curve : curves_) {
    json lines = json::array();
    for (const Curve::Line& line : curve.lines)
      lines.push_back({{"name", line.name}, {"points", line.points}});
    root["curves"].push_back({{"name", curve.name},
                              {"x", curve.x_label},
                              {"y", curve.y_label},
                              {"lines", std::move(lines)}});
  }
  out << root.dump(1) << '\n';
}

}  // namespace taploom::bench
