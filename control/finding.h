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

// `text` as a terminal may show it: control characters escaped, and no longer than a person reads.
std::string Printable(std::string_view text);

// A file of a million mistakes must not take a million findings: past a limit they are only
// counted.
class Findings {
 public:
  template <typename... Args>
  void Add(Position at, fmt::format_string<Args...> format, Args&&... args) {
    if (full()) {
      ++left_out_;
    } else {
      list_.push_back({at, Printable(fmt::format(format, std::forward<Args>(args)...))});
    }
  }
  void Append(const Findings& other);

  bool empty() const { return list_.empty(); }
  std::size_t count() const { return list_.size() + left_out_; }
  // Nothing more will be kept; long checks may stop.
  bool full() const { return list_.size() >= kMaxFindings; }

  // In the order of the file, each once.
  std::vector<Finding> Sorted() const;

 private:
  static constexpr std::size_t kMaxFindings = 1000;

  std::vector<Finding> list_;
  std::size_t left_out_ = 0;
};

}  // namespace taploom::control

#endif  // TAPLOOM_CONTROL_FINDING_H_
