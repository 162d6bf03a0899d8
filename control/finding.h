// Finding: one thing wrong with a topology, where it stands and what was expected.
//
// Every check adds to a Findings and goes on, so that one run reports everything:
//
//   Findings findings;
//   findings.Add(subnet.name.at, "subnet \"{}\" needs a cidr", subnet.name.value);
//   for (const Finding& f : findings.Sorted()) std::cerr << f.ToString("lab.yaml") << '\n';
//   // lab.yaml:7:5: subnet "app-a" needs a cidr
#ifndef TAPLOOM_CONTROL_FINDING_H_
#define TAPLOOM_CONTROL_FINDING_H_

#include <fmt/format.h>

#include <algorithm>
#include <compare>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace taploom::control {

// A place in the topology file, both counted from 1. Line 0: the object is not in the file
// (attached at run time).
struct Position {
  int line = 0;
  int column = 0;

  bool in_file() const { return line > 0; }
  friend auto operator<=>(const Position&, const Position&) = default;
};

// A value and where the file says it.
template <typename T>
struct Located {
  T value{};
  Position at;
};

struct Finding {
  Position at;
  std::string message;

  // "lab.yaml:7:5: message", or the message alone when it concerns nothing in the file.
  std::string ToString(std::string_view file) const {
    if (!at.in_file()) return message;
    return fmt::format("{}:{}:{}: {}", file, at.line, at.column, message);
  }

  friend auto operator<=>(const Finding&, const Finding&) = default;
};

class Findings {
 public:
  template <typename... Args>
  void Add(Position at, fmt::format_string<Args...> format, Args&&... args) {
    list_.push_back({at, fmt::format(format, std::forward<Args>(args)...)});
  }
  void Append(const Findings& other) {
    list_.insert(list_.end(), other.list_.begin(), other.list_.end());
  }

  bool empty() const { return list_.empty(); }
  std::size_t count() const { return list_.size(); }

  // In the order of the file, each once.
  std::vector<Finding> Sorted() const {
    std::vector<Finding> sorted = list_;
    std::sort(sorted.begin(), sorted.end());
    sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
    return sorted;
  }

 private:
  std::vector<Finding> list_;
};

}  // namespace taploom::control

#endif  // TAPLOOM_CONTROL_FINDING_H_
