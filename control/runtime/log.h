// One line of control.log: time, then a sentence.
#ifndef TAPLOOM_CONTROL_RUNTIME_LOG_H_
#define TAPLOOM_CONTROL_RUNTIME_LOG_H_

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>
#include <cstdio>

namespace taploom::runtime {

// To standard error, which control has sent to its log file. Thread-safe.
template <typename... Args>
void Log(fmt::format_string<Args...> format, Args&&... args) {
  const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  const std::string line = fmt::format("{:%Y-%m-%dT%H:%M:%S}Z {}\n", now,
                                       fmt::format(format, std::forward<Args>(args)...));
  std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace taploom::runtime

#endif  // TAPLOOM_CONTROL_RUNTIME_LOG_H_
