#include "dataplane/replay/answer_memory.h"

#include <gtest/gtest.h>

namespace taploom::replay {
namespace {

flow::FiveTuple TupleOf(std::uint32_t number) {
  return {
      wire::IpAddress::V4(number), wire::IpAddress::V4(~number), 1000, 80, wire::kProtocolTcp, 0};
}

TEST(AnswerMemory, FindsTheQuestionOfAnAnswer) {
  AnswerMemory memory;
  memory.Remember(TupleOf(1), {7, TupleOf(100)});
  ASSERT_NE(memory.FindQuestion(TupleOf(1).Reversed()), nullptr);
  EXPECT_EQ(memory.FindQuestion(TupleOf(1).Reversed())->port, 7);
  EXPECT_EQ(memory.FindQuestion(TupleOf(1).Reversed())->tuple, TupleOf(100));
  EXPECT_EQ(memory.FindQuestion(TupleOf(1)), nullptr);
  memory.Remember(TupleOf(1), {8, TupleOf(101)});
  EXPECT_EQ(memory.Find(TupleOf(1))->port, 8);
}

TEST(AnswerMemory, ForgetsTheOldestAndStaysBounded) {
  AnswerMemory memory;
  constexpr std::uint32_t kFlows = 1'000'000;
  for (std::uint32_t i = 0; i < kFlows; ++i)
    memory.Remember(TupleOf(i), {static_cast<tables::PortId>(i % 1000), TupleOf(i)});
  std::uint32_t kept = 0;
  for (std::uint32_t i = 0; i < kFlows; ++i) {
    const AnswerMemory::Departure* found = memory.Find(TupleOf(i));
    if (found == nullptr) continue;
    ++kept;
    ASSERT_EQ(found->tuple, TupleOf(i));
  }
  EXPECT_LE(kept, 262'144u);
  EXPECT_GT(kept, 200'000u);
  EXPECT_NE(memory.Find(TupleOf(kFlows - 1)), nullptr);
}

}  // namespace
}  // namespace taploom::replay
