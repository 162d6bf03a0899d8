#include "dataplane/worker/command_queue.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <thread>
#include <vector>

namespace taploom::worker {
namespace {

bool IsReadable(int descriptor, int timeout_ms) {
  pollfd poll_descriptor{descriptor, POLLIN, 0};
  return poll(&poll_descriptor, 1, timeout_ms) == 1;
}

TEST(CommandQueue, IsReadableOnlyWhileCommandsWait) {
  CommandQueue queue;
  EXPECT_FALSE(IsReadable(queue.descriptor(), 0));
  std::thread control([&] { queue.Execute([] {}); });
  EXPECT_TRUE(IsReadable(queue.descriptor(), -1));
  queue.RunAll();
  control.join();
  EXPECT_FALSE(IsReadable(queue.descriptor(), 0));
}

TEST(CommandQueue, ExecuteReturnsAfterTheCommandRanOnTheWorkersThread) {
  CommandQueue queue;
  std::thread::id ran_on;
  std::thread control([&] {
    queue.Execute([&] { ran_on = std::this_thread::get_id(); });
    EXPECT_NE(ran_on, std::thread::id());
  });
  ASSERT_TRUE(IsReadable(queue.descriptor(), -1));
  queue.RunAll();
  control.join();
  EXPECT_EQ(ran_on, std::this_thread::get_id());
}

TEST(CommandQueue, NoCommandOfManyThreadsIsLost) {
  constexpr int kThreads = 4, kCommands = 500;
  CommandQueue queue;
  int executed = 0;  // without a lock: the worker's thread alone touches it
  std::atomic<int> finished{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < kCommands; ++j) queue.Execute([&] { ++executed; });
      // The last one wakes the loop below, so that it sees that all are done.
      queue.Execute([&] { ++finished; });
    });
  }
  while (finished < kThreads) {
    ASSERT_TRUE(IsReadable(queue.descriptor(), -1));
    queue.RunAll();
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(executed, kThreads * kCommands);
}

}  // namespace
}  // namespace taploom::worker
