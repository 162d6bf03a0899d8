#include "cli/progress_bar.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace taploom::cli {
namespace {

constexpr std::size_t kWidth = 30;

}  // namespace

bool ProgressBar::IsWanted() { return isatty(STDERR_FILENO) != 0; }

ProgressBar::~ProgressBar() {
  if (is_shown_) fmt::print(stderr, "\r\x1b[K");
}

void ProgressBar::Show(std::uint64_t done) {
  if (!IsWanted()) return;
  is_shown_ = true;
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  const double share =
      total_ == 0 ? 1 : std::min(1.0, static_cast<double>(done) / static_cast<double>(total_));
  const auto full = static_cast<std::size_t>(share * kWidth);
  fmt::print(stderr, "\r{:3.0f} % [{:<{}}] {} of {} {}, {:.0f}/s\x1b[K", share * 100,
             std::string(full, '#'), kWidth, done, total_, unit_,
             seconds > 0 ? static_cast<double>(done) / seconds : 0.0);
  std::fflush(stderr);
}

}  // namespace taploom::cli
