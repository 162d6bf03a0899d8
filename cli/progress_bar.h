// ProgressBar: how far something is, on one line of a terminal.
#ifndef TAPLOOM_CLI_PROGRESS_BAR_H_
#define TAPLOOM_CLI_PROGRESS_BAR_H_

#include <chrono>
#include <cstdint>

namespace taploom::cli {

// Draws on standard error, and nothing at all when that is no terminal.
class ProgressBar {
 public:
  static bool IsWanted();

  // Of `total` things, which are called `unit` ("frames").
  ProgressBar(std::uint64_t total, const char* unit) : total_(total), unit_(unit) {}
  ~ProgressBar();  // leaves an empty line

  void Show(std::uint64_t done);

 private:
  const std::uint64_t total_;
  const char* const unit_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  bool is_shown_ = false;
};

}  // namespace taploom::cli

#endif  // TAPLOOM_CLI_PROGRESS_BAR_H_
