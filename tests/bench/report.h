// Report: rows beside their yardsticks, and curves, as JSON in the shape of design §5.
#ifndef TAPLOOM_TESTS_BENCH_REPORT_H_
#define TAPLOOM_TESTS_BENCH_REPORT_H_

#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "tests/bench/contest.h"

namespace taploom::bench {

struct Row {
  std::string group;  // which benchmark it belongs to
  std::string name;
  double value = 0;
  std::string unit = "cycles";
  double spread = 0;      // distance of the quartiles as a part of the median; 0 = not sampled
  std::string yardstick;  // what it is measured against, or ""
  double yardstick_value = 0;
  std::optional<double> ratio;  // how many times better than the yardstick
  std::string target;           // "ratio >= 1.3", "<= 100"
  std::optional<bool> met;
};

struct Curve {
  std::string name, x_label, y_label;
  struct Line {
    std::string name;
    std::vector<std::pair<double, double>> points;
  };
  std::vector<Line> lines;
};

class Report {
 public:
  // `value` and the yardstick are costs: the smaller the better.
  void AddRatio(const std::string& group, const std::string& name, const Figure& ours,
                const std::string& yardstick, const Figure& theirs,
                std::optional<double> at_least = std::nullopt);
  void AddAtMost(const std::string& group, const std::string& name, const Figure& ours,
                 std::optional<double> at_most = std::nullopt);
  void Add(Row row) { rows_.push_back(std::move(row)); }
  void Add(Curve curve) { curves_.push_back(std::move(curve)); }
  // Something that was computed wrongly: no figure counts any more.
  void AddFault(const std::string& fault) { faults_.push_back(fault); }
  // Something to know about the machine or the run: "TSC" → "2.6 GHz".
  void AddFact(const std::string& name, const std::string& value) {
    facts_.push_back({name, value});
  }

  const std::vector<std::string>& faults() const { return faults_; }
  void WriteJson(std::ostream& out) const;

 private:
  std::vector<Row> rows_;
  std::vector<Curve> curves_;
  std::vector<std::string> faults_;
  std::vector<std::pair<std::string, std::string>> facts_;
};

}  // namespace taploom::bench

#endif  // TAPLOOM_TESTS_BENCH_REPORT_H_
