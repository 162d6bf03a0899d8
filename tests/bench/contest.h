// Contest: several ways to do the same work, measured side by side.
//
// The contestants take turns, round by round, so that a noisy moment of the machine strikes all of
// them; a contestant's figure is the median of its rounds, its spread the distance of the
// quartiles. What a contestant computed is kept, and compared after the clock has stopped.
#ifndef TAPLOOM_TESTS_BENCH_CONTEST_H_
#define TAPLOOM_TESTS_BENCH_CONTEST_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace taploom::bench {

struct Figure {
  double median = 0;
  double lower = 0, upper = 0;  // quartiles

  // The distance of the quartiles as a part of the median.
  double spread() const { return median == 0 ? 0 : (upper - lower) / median; }
};
Figure FigureOf(std::vector<double> samples);

class Contest {
 public:
  // Does `operations` of something. `prepare` runs before every turn, untimed.
  using Work = std::function<void()>;

  explicit Contest(std::size_t operations) : operations_(operations) {}

  // The loop that every contestant runs around its work: its median is subtracted from theirs.
  void SetLoop(Work work) { loop_ = std::move(work); }
  void Add(const std::string& name, Work work) {
    contestants_.push_back({name, std::move(work), {}});
  }
  // Runs before every turn, outside the measured time: to make the caches cold.
  void SetBeforeTurn(Work work) { before_turn_ = std::move(work); }

  // One turn unmeasured, then `rounds` measured ones.
  void Run(int rounds);

  // Cycles per operation. REQUIRES: Run, and a contestant of that name.
  const Figure& of(const std::string& name) const;
  bool has(const std::string& name) const;

 private:
  struct Contestant {
    std::string name;
    Work work;
    Figure figure;
  };
  double Turn(const Work& work) const;

  const std::size_t operations_;
  Work loop_, before_turn_;
  std::vector<Contestant> contestants_;
};

// Fills the caches with something else.
void EvictCaches();

}  // namespace taploom::bench

#endif  // TAPLOOM_TESTS_BENCH_CONTEST_H_
