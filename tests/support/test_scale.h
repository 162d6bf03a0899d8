// TestScale: how much random input a property test is given, as a multiple of what every run has
// time for. TAPLOOM_TEST_SCALE=100 turns seconds into minutes.
#ifndef TAPLOOM_TESTS_SUPPORT_TEST_SCALE_H_
#define TAPLOOM_TESTS_SUPPORT_TEST_SCALE_H_

#include <cstdlib>

namespace taploom::test {

// Whether a sanitizer slows every step down, so that a tenth of the input takes as long.
constexpr bool kIsSanitized =
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    true;
#else
    false;
#endif

inline int TestScale() {
  const char* text = std::getenv("TAPLOOM_TEST_SCALE");
  const int scale = text != nullptr ? std::atoi(text) : 1;
  return scale > 0 ? scale : 1;
}

}  // namespace taploom::test

#endif  // TAPLOOM_TESTS_SUPPORT_TEST_SCALE_H_
