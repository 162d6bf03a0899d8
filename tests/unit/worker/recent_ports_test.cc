#include "dataplane/worker/recent_ports.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <span>
#include <vector>

namespace taploom::worker {
namespace {

using testing::IsEmpty;
using testing::UnorderedElementsAre;

class RecentPortsTest : public testing::Test {
 protected:
  void EpollSays(const std::vector<PortSlot*>& ready) { recent_.Note(ready); }
  std::vector<PortSlot*> Next() {
    const std::span<PortSlot* const> next = recent_.Next();
    return {next.begin(), next.end()};
  }

  RecentPorts recent_;
  PortSlot a_, b_, c_;
};

TEST_F(RecentPortsTest, NoneIsReadBeforeEpollHasNamedOne) {
  EXPECT_THAT(Next(), IsEmpty());
  EpollSays({});
  EXPECT_THAT(Next(), IsEmpty());
}

TEST_F(RecentPortsTest, BothEndsOfAConversationAreReadUntilEpollIsDue) {
  EpollSays({&a_});
  EXPECT_THAT(Next(), UnorderedElementsAre(&a_));
  EpollSays({&b_});
  for (int round = 0; round < 3; ++round) EXPECT_THAT(Next(), UnorderedElementsAre(&a_, &b_));
  EXPECT_THAT(Next(), IsEmpty());
  EpollSays({});
  EXPECT_THAT(Next(), UnorderedElementsAre(&a_, &b_));
}

TEST_F(RecentPortsTest, TheOneHeardOfLongestAgoMakesRoom) {
  EpollSays({&a_});
  EpollSays({&b_});
  EpollSays({&a_});
  EpollSays({&c_});
  EXPECT_THAT(Next(), UnorderedElementsAre(&a_, &c_));
}

TEST_F(RecentPortsTest, EpollIsAskedEveryRoundWhileManyPortsHaveSomething) {
  EpollSays({&a_, &b_});
  EpollSays({&a_, &b_, &c_});
  EXPECT_THAT(Next(), IsEmpty());
}

TEST_F(RecentPortsTest, APortThatIsGoneIsReadNoMore) {
  EpollSays({&a_, &b_});
  recent_.Forget(&a_);
  EXPECT_THAT(Next(), UnorderedElementsAre(&b_));
  recent_.Forget(&b_);
  EXPECT_THAT(Next(), IsEmpty());
}

}  // namespace
}  // namespace taploom::worker
