#include "cli/bench/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace taploom::bench {
namespace {

// A ratio of ours to the yardstick.
struct Target {
  double ratio = 0;
  bool at_least = true;  // else: at most
};

// A crowd of idle interfaces may cost this much.
constexpr double kCrowdTolerance = 0.95;

std::optional<Target> TargetOf(const Metric& metric, std::string_view yardstick) {
  const auto of = [&](const std::optional<double>& ratio) -> std::optional<Target> {
    if (!ratio) return std::nullopt;
    return Target{*ratio, metric.more_is_better};
  };
  if (yardstick == "no-op forwarder") return of(metric.target_forwarder);
  if (yardstick == "kernel router") return of(metric.target_kernel);
  if (yardstick == "Open vSwitch") return of(metric.target_ovs);
  if (yardstick == "taploom, read-write") return of(metric.target_read_write);
  const bool is_crowd = yardstick.starts_with("taploom, ") && yardstick.ends_with(" ENIs");
  // There it is the yardstick that must keep up.
  if (is_crowd && metric.target_forwarder) {
    return metric.more_is_better ? Target{1 / kCrowdTolerance, false}
                                 : Target{kCrowdTolerance, true};
  }
  return std::nullopt;
}

bool IsMet(double ratio, const Target& target) {
  return target.at_least ? ratio >= target.ratio : ratio <= target.ratio;
}

// Three figures that count, whatever the size.
std::string Number(double value) {
  return value >= 100  ? fmt::format("{:.0f}", value)
         : value >= 10 ? fmt::format("{:.1f}", value)
                       : fmt::format("{:.2f}", value);
}

// "0.95x ✓".
std::string RatioText(const Metric& metric, double ours, double yardstick, std::string_view rig) {
  if (yardstick == 0) return "";
  const double ratio = ours / yardstick;
  const auto target = TargetOf(metric, rig);
  const std::string_view mark = !target ? " " : IsMet(ratio, *target) ? "✓" : "✗";
  return fmt::format("{:.2f}x {}", ratio, mark);
}

}  // namespace

void Report::Add(const std::string& rig, const Sample& sample) {
  for (const auto& [metric, value] : sample) {
    samples_[{metric, rig}].push_back(value);
    Settle(metric, rig);
  }
}

void Report::Settle(std::string_view metric, const std::string& rig) {
  std::vector<double> sorted = samples_[{metric, rig}];
  std::sort(sorted.begin(), sorted.end());
  const std::size_t middle = sorted.size() / 2;
  const double median =
      sorted.size() % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  const double half = (sorted.back() - sorted.front()) / 2;
  figures_[{metric, rig}] = {median, median == 0 ? 0 : half / median};
}

std::string Report::WithSpread(const Figure& figure) {
  return fmt::format("{} ±{:.0f} %", Number(figure.median), 100 * figure.spread);
}

const Report::Figure* Report::Find(std::string_view metric, const std::string& rig) const {
  const auto found = figures_.find({metric, rig});
  return found == figures_.end() ? nullptr : &found->second;
}

nlohmann::ordered_json Report::Json() const {
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const Metric& metric : Metrics()) {
    const Figure* ours = Find(metric.name, rigs_.front());
    if (ours == nullptr) continue;
    for (std::size_t i = 1; i < rigs_.size(); ++i) {
      const Figure* yardstick = Find(metric.name, rigs_[i]);
      if (yardstick == nullptr) continue;
      nlohmann::ordered_json row = {{"name", metric.name},
                                    {"value", ours->median},
                                    {"unit", metric.unit},
                                    {"spread", ours->spread},
                                    {"yardstick", yardstick->median},
                                    {"yardstick_name", rigs_[i]},
                                    {"yardstick_spread", yardstick->spread},
                                    {"ratio", nullptr},
                                    {"target", nullptr},
                                    {"met", nullptr}};
      if (yardstick->median != 0) {
        const double ratio = ours->median / yardstick->median;
        row["ratio"] = ratio;
        if (const auto target = TargetOf(metric, rigs_[i])) {
          row["target"] = target->ratio;
          row["met"] = IsMet(ratio, *target);
        }
      }
      rows.push_back(std::move(row));
    }
  }
  return {{"rows", std::move(rows)}};
}

std::string Report::Table() const {
  std::string text = fmt::format("{:<34}", "");
  for (const std::string& rig : rigs_) {
    text += fmt::format("{:>{}}", rig, rig == rigs_.front() ? 14 : 26);
  }
  text += '\n';
  for (const Metric& metric : Metrics()) {
    const Figure* ours = Find(metric.name, rigs_.front());
    if (ours == nullptr) continue;
    text += fmt::format("{:<34}{:>14}", fmt::format("{}, {}", metric.name, metric.unit),
                        WithSpread(*ours));
    for (std::size_t i = 1; i < rigs_.size(); ++i) {
      const Figure* yardstick = Find(metric.name, rigs_[i]);
      text += yardstick == nullptr
                  ? fmt::format("{:>26}", "-")
                  : fmt::format("{:>14}{:>12}", WithSpread(*yardstick),
                                RatioText(metric, ours->median, yardstick->median, rigs_[i]));
    }
    text += '\n';
  }
  return text +
         "\nmedian ± half the range of all rounds; behind a yardstick the ratio of taploom to it: "
         "✓ meets its target, ✗ misses it\n";
}

std::string Report::Svg() const {
  constexpr int kLabel = 260, kBar = 420, kLine = 18, kGap = 14, kWidth = 820;
  constexpr const char* kColours[] = {"#2563eb", "#9ca3af", "#d97706", "#059669"};
  std::string body;
  int y = 34;
  for (const Metric& metric : Metrics()) {
    double longest = 0;
    for (const std::string& rig : rigs_) {
      if (const Figure* figure = Find(metric.name, rig))
        longest = std::max(longest, figure->median);
    }
    if (longest == 0) continue;
    body +=
        fmt::format(R"(<text x="{}" y="{}" text-anchor="end">{}, {}{}</text>)", kLabel - 10, y + 13,
                    metric.name, metric.unit, metric.more_is_better ? "" : " (less is better)");
    for (std::size_t i = 0; i < rigs_.size(); ++i) {
      const Figure* figure = Find(metric.name, rigs_[i]);
      if (figure == nullptr) continue;
      const double width = kBar * figure->median / longest;
      body += fmt::format(R"(<rect x="{}" y="{}" width="{:.1f}" height="{}" fill="{}"/>)", kLabel,
                          y, width, kLine - 3, kColours[i % std::size(kColours)]);
      body += fmt::format(R"(<text x="{:.1f}" y="{}">{}</text>)", kLabel + width + 6, y + 12,
                          WithSpread(*figure));
      y += kLine;
    }
    y += kGap;
  }
  std::string legend;
  int x = kLabel;
  for (std::size_t i = 0; i < rigs_.size(); ++i) {
    legend += fmt::format(
        R"(<rect x="{}" y="8" width="12" height="12" fill="{}"/><text x="{}" y="18">{}</text>)", x,
        kColours[i % std::size(kColours)], x + 17, rigs_[i]);
    x += 150;
  }
  return fmt::format(
      R"(<svg xmlns="http://www.w3.org/2000/svg" width="{0}" height="{1}" viewBox="0 0 {0} {1}" )"
      R"(font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>{2}{3}</svg>)"
      "\n",
      kWidth, y, legend, body);
}

}  // namespace taploom::bench
