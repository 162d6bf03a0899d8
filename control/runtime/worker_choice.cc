#include "control/runtime/worker_choice.h"

#include <sched.h>

#include <algorithm>
#include <charconv>

#include "dataplane/config/worker_limit.h"

namespace taploom::runtime {

std::optional<std::uint16_t> ParseWorkerCount(std::string_view text) {
  std::uint16_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (count < 1 || count > config::kMostWorkers) return std::nullopt;
  return count;
}

std::uint16_t DefaultWorkerCount(int cores) {
  return static_cast<std::uint16_t>(std::clamp(cores / 2, 1, int{config::kMostWorkers}));
}

int UsableCores() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  return sched_getaffinity(0, sizeof cores, &cores) == 0 ? CPU_COUNT(&cores) : 1;
}

}  // namespace taploom::runtime
