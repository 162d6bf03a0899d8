// Checksum algebra against the slow obvious sum.
#include "dataplane/wire/checksum.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "tests/support/full_checksum.h"

namespace taploom::wire {
namespace {

std::uint64_t Seed() {
  const char* text = std::getenv("TAPLOOM_SEED");
  return text != nullptr ? std::strtoull(text, nullptr, 0) : std::random_device()();
}

// Sums of the code under test lie in memory order.
std::uint16_t InMemoryOrder(std::uint16_t host) { return be16(host).raw(); }

TEST(Checksum, ExampleOfRfc1071) {
  const std::vector<std::uint8_t> bytes = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};  // §3
  EXPECT_EQ(Fold(SumBytes(bytes)), InMemoryOrder(0xddf2));
  EXPECT_EQ(InternetChecksum(bytes), InMemoryOrder(static_cast<std::uint16_t>(~0xddf2)));
}

TEST(Checksum, OddLastByteCountsAsFollowedByZero) {
  const std::vector<std::uint8_t> odd = {1, 2, 3}, even = {1, 2, 3, 0};
  EXPECT_EQ(Fold(SumBytes(odd)), Fold(SumBytes(even)));
}

TEST(Checksum, EqualsTheSlowSumAtEveryLength) {
  std::mt19937_64 random(1);
  std::vector<std::uint8_t> bytes(1600);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    const std::span<const std::uint8_t> part = std::span(bytes).first(size);
    ASSERT_EQ(Fold(SumBytes(part)), InMemoryOrder(test::FullSum(part))) << size;
  }
}

TEST(Checksum, LargestFrameOfOnesDoesNotOverflow) {
  const std::vector<std::uint8_t> ones(65'536, 0xff);
  EXPECT_EQ(Fold(SumBytes(ones)), 0xffff);
}

// One's complement has two zeros, so sums are compared as the numbers they stand for.
bool SameSum(std::uint16_t left, std::uint16_t right) { return left % 0xffff == right % 0xffff; }

TEST(Checksum, IncrementalUpdateEqualsFullComputation) {
  const std::uint64_t seed = Seed();
  SCOPED_TRACE("TAPLOOM_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 100'000; ++round) {
    std::vector<std::uint8_t> bytes(2 * (4 + random() % 20));
    // Few distinct values: the corner cases 0x0000 and 0xffff must be common.
    for (std::uint8_t& byte : bytes)
      byte = random() % 3 == 0 ? 0 : random() % 2 == 0 ? 0xff : static_cast<std::uint8_t>(random());
    const std::uint16_t before = InternetChecksum(bytes);
    const std::uint16_t partial_before = Fold(SumBytes(bytes));
    ChecksumDelta delta;
    for (int changes = 0; changes < 3; ++changes) {
      const std::size_t at = 2 * (random() % (bytes.size() / 2));
      const std::size_t size = std::min<std::size_t>(bytes.size() - at, random() % 2 == 0 ? 2 : 4);
      const std::vector<std::uint8_t> old(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                                          bytes.begin() + static_cast<std::ptrdiff_t>(at + size));
      for (std::size_t i = 0; i < size; ++i)
        bytes[at + i] = random() % 2 == 0 ? 0xff : static_cast<std::uint8_t>(random());
      delta.Replace(old, std::span(bytes).subspan(at, size));
    }
    const auto updated = UpdateChecksum(before, delta.value());
    ASSERT_TRUE(SameSum(updated, InternetChecksum(bytes))) << "round " << round;
    ASSERT_TRUE(SameSum(UpdatePartialSum(partial_before, delta.value()), Fold(SumBytes(bytes))))
        << "round " << round;
    // What a receiver does: the sum over the data and the checksum is all ones. RFC 1624 §4: never
    // -0 for a non-zero packet.
    const bool all_zero =
        std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte == 0; });
    if (!all_zero) {
      ASSERT_EQ(Fold(SumBytes(bytes) + updated), 0xffff) << "round " << round;
    }
  }
}

TEST(Checksum, DeltaOfNoChangeChangesNothing) {
  const std::vector<std::uint8_t> bytes = {10, 0, 0, 1};
  ChecksumDelta delta;
  delta.Replace(bytes, bytes);
  EXPECT_TRUE(SameSum(UpdateChecksum(0x1234, delta.value()), 0x1234));
}

TEST(Checksum, PseudoHeaderOfBothFamilies) {
  const IpAddress source = *IpAddress::Parse("10.0.0.1"),
                  destination = *IpAddress::Parse("10.0.0.2");
  const std::vector<std::uint8_t> v4 = {10, 0, 0, 1, 10, 0, 0, 2, 0, 17, 0, 20};
  EXPECT_EQ(Fold(PseudoHeaderSum(source, destination, 17, 20)), InMemoryOrder(test::FullSum(v4)));
  std::vector<std::uint8_t> v6(40);
  v6[0] = 0x20, v6[15] = 1, v6[16] = 0x20, v6[31] = 2, v6[33] = 1, v6[35] = 20,
  v6[39] = 58;  // length 0x00010014
  const IpAddress source6 = IpAddress::V6FromBytes(v6.data()),
                  destination6 = IpAddress::V6FromBytes(v6.data() + 16);
  EXPECT_EQ(Fold(PseudoHeaderSum(source6, destination6, 58, 0x10014)),
            InMemoryOrder(test::FullSum(v6)));
}

}  // namespace
}  // namespace taploom::wire
