#include "control/runtime/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/support/temp_folder.h"

namespace taploom::runtime {
namespace {

class JournalTest : public ::testing::Test {
 protected:
  const test::TempFolder folder_;
  const std::string path_ = (folder_ / "journal.json").string();
};

JournalEntries Everything() {
  JournalEntries entries;
  entries.namespaces = {"tl-shop-web-1", "tl-shop-front.public-a"};
  entries.files = {"/etc/netns/tl-shop-web-1/hosts"};
  entries.folders = {"/etc/netns", "/etc/netns/tl-shop-web-1"};
  entries.processes = {{4711, 123456789012}};
  entries.mounts = {{{4712, 42}, "/run/taploom/shop/instances/box/hosts", "/etc/hosts"}};
  return entries;
}

TEST_F(JournalTest, WhatWasWrittenIsReadBack) {
  Journal journal(path_);
  ASSERT_TRUE(journal.Write(Everything()).ok());
  EXPECT_EQ(journal.entries(), Everything());
  const auto read = Journal::Read(path_);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, Everything());
}

TEST_F(JournalTest, TheLastWritingIsTheTruth) {
  Journal journal(path_);
  ASSERT_TRUE(journal.Write(Everything()).ok());
  ASSERT_TRUE(journal.Write({}).ok());
  EXPECT_EQ(*Journal::Read(path_), JournalEntries());
  EXPECT_FALSE(std::filesystem::exists(path_ + ".new"));
}

TEST_F(JournalTest, AFailedWritingLeavesTheOldOne) {
  Journal journal("/nonexistent-folder/journal.json");
  EXPECT_FALSE(journal.Write(Everything()).ok());
  EXPECT_EQ(journal.entries(), JournalEntries());
}

TEST_F(JournalTest, NoneAndBrokenAreToldApart) {
  EXPECT_TRUE(absl::IsNotFound(Journal::Read(path_).status()));
  for (const char* text :
       {"", "{", "[]", R"({"namespaces": 3})",
        R"({"namespaces":[],"files":[],"folders":[],"processes":[{}],"mounts":[]})"}) {
    std::ofstream(path_) << text;
    EXPECT_TRUE(absl::IsDataLoss(Journal::Read(path_).status())) << text;
  }
}

TEST_F(JournalTest, MergingKeepsBoth) {
  JournalEntries entries;
  entries.namespaces = {"tl-shop-db-1"};
  Merge(entries, Everything());
  EXPECT_THAT(entries.namespaces,
              ::testing::ElementsAre("tl-shop-db-1", "tl-shop-front.public-a", "tl-shop-web-1"));
  EXPECT_EQ(entries.mounts.size(), 1u);
}

}  // namespace
}  // namespace taploom::runtime
