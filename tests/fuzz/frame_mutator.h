#ifndef TAPLOOM_TESTS_FUZZ_FRAME_MUTATOR_H_
#define TAPLOOM_TESTS_FUZZ_FRAME_MUTATOR_H_

#include <cstdint>
#include <random>

#include "tests/support/frame.h"

namespace taploom::test {

// Makes hostile frames out of good ones: flipped bits, cut and stretched frames, numbers at their
// limits, fields copied over each other, repaired checksums (so that damage gets past the first
// check), and senseless offload words. A pure function of the engine.
class FrameMutator {
 public:
  explicit FrameMutator(std::uint64_t seed) : random_(seed) {}

  Frame Mutate(Frame frame);
  Frame Noise();  // random bytes, of random size
  std::size_t Below(std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random_);
  }

 private:
  void DamageBytes(Frame& frame);
  void DamageOffloads(Frame& frame);

  std::mt19937_64 random_;
};

}  // namespace taploom::test

#endif  // TAPLOOM_TESTS_FUZZ_FRAME_MUTATOR_H_
