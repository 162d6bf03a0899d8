#include "control/finding.h"

#include <algorithm>

namespace taploom::control {

std::string Printable(std::string_view text) {
  constexpr std::size_t kMaxLength = 1000;
  std::string printable;
  for (const char c : text.substr(0, kMaxLength)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      printable += fmt::format("\\x{:02x}", byte);
    } else {
      printable += c;
    }
  }
  if (text.size() > kMaxLength) printable += " ...";
  return printable;
}

void Findings::Append(const Findings& other) {
  list_.insert(list_.end(), other.list_.begin(), other.list_.end());
  left_out_ += other.left_out_;
}

std::vector<Finding> Findings::Sorted() const {
  std::vector<Finding> sorted = list_;
  std::sort(sorted.begin(), sorted.end());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  if (left_out_ > 0) {
    sorted.push_back({{}, fmt::format("and {} more findings that are not shown", left_out_)});
  }
  return sorted;
}

}  // namespace taploom::control
