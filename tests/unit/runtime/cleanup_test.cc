// What a crashed fabric left behind, and what taking it away must not touch.
#include "control/runtime/cleanup.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "control/netns/network_namespace.h"
#include "control/process/exit_watcher.h"
#include "control/process/spawn.h"
#include "tests/support/temp_folder.h"

namespace taploom::runtime {
namespace {

class CleanupTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    setenv("TAPLOOM_RUN_DIR", (folder_ / "run").c_str(), 1);
    paths_ = PathsOf("shop");
    std::filesystem::create_directories(paths_.logs);
    ASSERT_TRUE(netns::PrepareNamespaceFolder().ok());
  }
  void TearDown() override { netns::RemoveNamespace(name_).IgnoreError(); }

  pid_t Program(int netns, const std::string& script) {
    process::SpawnRequest request;
    request.argv = {"sh", "-c", script};
    request.environment = process::EnvironmentWith({});
    if (netns >= 0) request.entry = {netns, {}};
    const auto pid = process::Spawn(request);
    EXPECT_TRUE(pid.ok()) << pid.status();
    return *pid;
  }

  const std::string name_ = "tl-cleanup-test-" + std::to_string(getpid());
  const test::TempFolder folder_;
  FabricPaths paths_;
};

TEST_F(CleanupTest, TakesAwayWhatTheJournalNames) {
  auto netns = netns::CreateNamespace(name_);
  ASSERT_TRUE(netns.ok());
  const pid_t inside = Program(netns->get(), "trap '' TERM; while :; do sleep 0.01; done");
  const pid_t outside = Program(-1, "exec sleep 1000");
  const pid_t bystander = Program(-1, "exec sleep 1000");
  std::filesystem::create_directories(folder_ / "etc/netns/box");
  std::ofstream(folder_ / "etc/netns/box/hosts") << "x";
  std::ofstream(folder_ / "etc/netns/kept") << "somebody else's";

  JournalEntries entries;
  entries.namespaces = {name_, "tl-never-made"};
  entries.files = {folder_ / "etc/netns/box/hosts", folder_ / "etc/netns/box/never-made"};
  entries.folders = {folder_ / "etc/netns", folder_ / "etc/netns/box"};
  entries.processes = {*process::Identify(outside), {1, 12345}};
  Journal journal(paths_.journal);
  ASSERT_TRUE(journal.Write(entries).ok());
  netns->reset();

  EXPECT_TRUE(CleanUpCrashed(paths_).ok());
  for (const pid_t pid : {inside, outside}) {
    int wait_status = 0;
    EXPECT_EQ(waitpid(pid, &wait_status, WNOHANG), pid) << "has ended";
  }
  EXPECT_FALSE(process::IsExiting(bystander));
  EXPECT_FALSE(std::filesystem::exists(netns::NamespacePath(name_)));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "etc/netns/box"));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "etc/netns/kept"));
  EXPECT_FALSE(std::filesystem::exists(RunRoot()));
  kill(bystander, SIGKILL);
  waitpid(bystander, nullptr, 0);
}

TEST_F(CleanupTest, AnotherFabricsFolderStays) {
  std::filesystem::create_directories(PathsOf("other").folder);
  EXPECT_TRUE(CleanUpCrashed(paths_).ok());
  EXPECT_FALSE(std::filesystem::exists(paths_.folder));
  EXPECT_TRUE(std::filesystem::exists(PathsOf("other").folder));
}

TEST_F(CleanupTest, ARunningFabricIsLeftAlone) {
  const auto lock = LockFabric(paths_);
  ASSERT_TRUE(lock.ok());
  EXPECT_TRUE(IsRunning(paths_));
  EXPECT_TRUE(absl::IsAlreadyExists(CleanUpCrashed(paths_)));
  EXPECT_TRUE(std::filesystem::exists(paths_.folder));
}

TEST_F(CleanupTest, AnUnreadableJournalKeepsTheFolderForAPersonToLookAt) {
  std::ofstream(paths_.journal) << "{";
  EXPECT_TRUE(absl::IsDataLoss(CleanUpCrashed(paths_)));
  EXPECT_TRUE(std::filesystem::exists(paths_.journal));
}

TEST_F(CleanupTest, WhatIsNotThereIsNotFound) {
  EXPECT_TRUE(absl::IsNotFound(CleanUpCrashed(PathsOf("absent"))));
}

TEST_F(CleanupTest, FabricsAreFoundByTheirFolders) {
  std::filesystem::create_directories(PathsOf("aside").folder);
  std::ofstream(RunRoot() + "/.made-run-netns") << "";
  EXPECT_EQ(KnownFabrics(), (std::vector<std::string>{"aside", "shop"}));
}

}  // namespace
}  // namespace taploom::runtime
