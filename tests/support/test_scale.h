// TestScale: how much random input a property test is given, as a multiple of what every run has
// time for. TAPLOOM_TEST_SCALE=100 turns seconds into minutes.
#ifndef TAPLOOM_TESTS_SUPPORT_TEST_SCALE_H_
#define TAPLOOM_TESTS_SUPPORT_TEST_SCALE_H_

#include <cstdlib>

namespace taploom::test {

inline int TestScale() {
  const char* text = std::getenv("TAPLOOM_TEST_SCALE");
  const int scale = text != nullptr ? std::atoi(text) : 1;
  return scale > 0 ? scale : 1;
}

}  // namespace taploom::test

#endif  // TAPLOOM_TESTS_SUPPORT_TEST_SCALE_H_
