#ifndef TAPLOOM_TESTS_SUPPORT_EVENTUALLY_H_
#define TAPLOOM_TESTS_SUPPORT_EVENTUALLY_H_

#include <chrono>
#include <thread>

namespace taploom::test {

// For states that nobody announces, such as another process becoming ready: asks again until
// `condition`, or gives up. `patience` is for a slow machine and never waited for when all is well.
template <typename Condition>
bool Eventually(Condition condition, std::chrono::seconds patience = std::chrono::seconds(30)) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

}  // namespace taploom::test

#endif  // TAPLOOM_TESTS_SUPPORT_EVENTUALLY_H_
