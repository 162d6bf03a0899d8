#include "tests/bench/contest.h"

#include <algorithm>
#include <stdexcept>

#include "tests/bench/cycle_clock.h"

namespace taploom::bench {

Figure FigureOf(std::vector<double> samples) {
  if (samples.empty()) return {};
  std::sort(samples.begin(), samples.end());
  const auto at = [&](double part) {
    return samples[static_cast<std::size_t>(part * static_cast<double>(samples.size() - 1) + 0.5)];
  };
  return {at(0.5), at(0.25), at(0.75)};
}

double Contest::Turn(const Work& work) const {
  if (before_turn_) before_turn_();
  const std::uint64_t begin = Now();
  work();
  return static_cast<double>(Now() - begin) / static_cast<double>(operations_);
}

void Contest::Run(int rounds) {
  std::vector<double> loop;
  std::vector<std::vector<double>> samples(contestants_.size());
  for (int round = -1; round < rounds; ++round) {
    if (loop_) {
      const double cycles = Turn(loop_);
      if (round >= 0) loop.push_back(cycles);
    }
    for (std::size_t i = 0; i < contestants_.size(); ++i) {
      const double cycles = Turn(contestants_[i].work);
      if (round >= 0) samples[i].push_back(cycles);
    }
  }
  const double loop_cost = FigureOf(std::move(loop)).median;
  for (std::size_t i = 0; i < contestants_.size(); ++i) {
    for (double& cycles : samples[i]) cycles = std::max(cycles - loop_cost, 0.0);
    contestants_[i].figure = FigureOf(std::move(samples[i]));
  }
}

const Figure& Contest::of(const std::string& name) const {
  for (const Contestant& contestant : contestants_) {
    if (contestant.name == name) return contestant.figure;
  }
  throw std::out_of_range("nobody called " + name + " took part");
}

bool Contest::has(const std::string& name) const {
  return std::any_of(contestants_.begin(), contestants_.end(),
                     [&](const Contestant& contestant) { return contestant.name == name; });
}

void EvictCaches() {
  static std::vector<std::uint64_t> memory(std::size_t{96} << 17);  // 96 MiB: three times the L3
  for (std::size_t i = 0; i < memory.size(); i += 8) ++memory[i];
}

}  // namespace taploom::bench
