// Report: the samples of all rounds as medians, spread and ratios; for people, programs and pages.
#ifndef TAPLOOM_CLI_BENCH_REPORT_H_
#define TAPLOOM_CLI_BENCH_REPORT_H_

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "cli/bench/load.h"

namespace taploom::bench {

class Report {
 public:
  // `rigs`: by name, in the order in which they are shown; the product's first.
  explicit Report(std::vector<std::string> rigs) : rigs_(std::move(rigs)) {}

  void Add(const std::string& rig, const Sample& sample);

  // {"rows": [{"name", "value", "unit", "spread", "yardstick", "yardstick_name", "ratio", "target",
  // "met"}]}: a row for each figure of the product and each yardstick. spread: half the distance
  // between smallest and largest, as a part of the median. target and met are null where there is
  // no target.
  nlohmann::ordered_json Json() const;
  // A line for each figure: every rig's median and spread, and behind each yardstick the ratio to
  // it.
  std::string Table() const;
  // Bars of every figure beside its yardsticks, each group scaled to its longest bar.
  std::string Svg() const;

 private:
  struct Figure {
    double median = 0, spread = 0;
  };
  // Nothing when no round measured it.
  const Figure* Find(std::string_view metric, const std::string& rig) const;
  static std::string WithSpread(const Figure& figure);  // "7.45 ±3 %"
  void Settle(std::string_view metric, const std::string& rig);

  std::vector<std::string> rigs_;
  std::map<std::pair<std::string_view, std::string>, std::vector<double>> samples_;
  std::map<std::pair<std::string_view, std::string>, Figure> figures_;
};

}  // namespace taploom::bench

#endif  // TAPLOOM_CLI_BENCH_REPORT_H_
