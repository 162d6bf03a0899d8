#include "dataplane/daemon/tap_descriptor.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <unistd.h>

#include <thread>

#include "tests/unit/daemon/tap_instance.h"

namespace taploom::daemon {
namespace {

TEST(DescribeTapProblem, AcceptsWhatControlMakesAndNamesWhatIsWrongWithOthers) {
  if (geteuid() != 0) GTEST_SKIP() << "TAPs need root";
  constexpr short kFlags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
  const struct {
    TapOptions options;
    const char* problem;
  } kRows[] = {
      {TapOptions::AsControlMakesThem(), ""},
      {{kFlags, 12, true}, ""},
      {{IFF_TUN | IFF_NO_PI | IFF_VNET_HDR, 12, true}, "is a TUN, not a TAP"},
      {{IFF_TAP | IFF_NO_PI, 0, true}, "is a TAP without IFF_VNET_HDR"},
      {{kFlags, 10, true}, "is a TAP with a vnet header of 10 bytes instead of 12"},
      {{kFlags, 12, false}, "is a TAP that blocks (O_NONBLOCK is not set)"},
  };
  for (const auto& row : kRows) {
    std::thread([&] {
      ASSERT_EQ(unshare(CLONE_NEWNET), 0);
      const io::UniqueFd tap = MakeTap(row.options);
      EXPECT_EQ(DescribeTapProblem(tap.get()), row.problem);
    }).join();
  }
}

TEST(DescribeTapProblem, NoticesThatAQueueHasNoDeviceYet) {
  if (access("/dev/net/tun", R_OK | W_OK) != 0) GTEST_SKIP() << "no /dev/net/tun";
  const io::UniqueFd queue(open("/dev/net/tun", O_RDWR | O_CLOEXEC));
  EXPECT_EQ(DescribeTapProblem(queue.get()), "is not a TAP queue");
}

}  // namespace
}  // namespace taploom::daemon
