#include "control/services/target_health.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace taploom::control {
namespace {

// A server's line of `show stat`, with the columns out of haproxy's order: they are found by name.
std::string Statistics(const std::string& rows) {
  return "# check_status,pxname,svname,status,check_code,last_chk,\n" + rows;
}

TargetHealth OnlyRow(const std::string& row) {
  const auto rows = ParseTargetHealth(Statistics(row + "\n"));
  EXPECT_TRUE(rows.ok()) << rows.status();
  return rows.ok() && rows->size() == 1 ? rows->front() : TargetHealth{};
}

TargetHealth Row(TargetState state, std::string reason, std::string description) {
  return {.target_group = "web",
          .target = "web-1",
          .port = 80,
          .state = state,
          .reason = std::move(reason),
          .description = std::move(description)};
}

TEST(TargetHealthTest, BeforeTheFirstCheckATargetIsInitial) {
  EXPECT_EQ(
      OnlyRow("INI,tg:web,web-1:80,UP 1/2,,,"),
      Row(TargetState::kInitial, "Elb.InitialHealthChecking", "Initial health checks in progress"));
  EXPECT_EQ(OnlyRow("* INI,tg:web,web-1:80,UP 1/2,,,").state, TargetState::kInitial);
}

TEST(TargetHealthTest, StateTakenOverByAReloadHoldsBeforeTheFirstCheck) {
  EXPECT_EQ(OnlyRow("INI,tg:web,web-1:80,UP,,,").state, TargetState::kHealthy);
  EXPECT_EQ(OnlyRow("INI,tg:web,web-1:80,DOWN,,,").state, TargetState::kUnhealthy);
}

TEST(TargetHealthTest, PassingTargetIsHealthyWithoutAReason) {
  EXPECT_EQ(OnlyRow("L7OK,tg:web,web-1:80,UP,200,,"), Row(TargetState::kHealthy, "", ""));
}

TEST(TargetHealthTest, TargetStaysHealthyUntilTheThresholdOfFailures) {
  EXPECT_EQ(OnlyRow("* L7STS,tg:web,web-1:80,UP 1/2,500,,").state, TargetState::kHealthy);
}

TEST(TargetHealthTest, WrongStatusCodeIsNamed) {
  EXPECT_EQ(OnlyRow("L7STS,tg:web,web-1:80,DOWN,404,,"),
            Row(TargetState::kUnhealthy, "Target.ResponseCodeMismatch",
                "Health checks failed with these codes: [404]"));
}

TEST(TargetHealthTest, NoAnswerIsATimeoutWhateverTheLayer) {
  for (const char* check : {"L4TOUT", "L6TOUT", "L7TOUT", "* L4TOUT"}) {
    EXPECT_EQ(OnlyRow(std::string(check) + ",tg:web,web-1:80,DOWN,,,"),
              Row(TargetState::kUnhealthy, "Target.Timeout", "Request timed out"))
        << check;
  }
}

TEST(TargetHealthTest, EveryOtherFailureIsAFailedCheck) {
  for (const char* check : {"L4CON", "L6RSP", "L7RSP", "SOCKERR"}) {
    EXPECT_EQ(OnlyRow(std::string(check) + ",tg:web,web-1:80,DOWN,,,"),
              Row(TargetState::kUnhealthy, "Target.FailedHealthChecks", "Health checks failed"))
        << check;
  }
}

TEST(TargetHealthTest, TargetStaysUnhealthyUntilTheThresholdOfSuccesses) {
  EXPECT_EQ(OnlyRow("L7OK,tg:web,web-1:80,DOWN 1/5,200,,").state, TargetState::kUnhealthy);
}

TEST(TargetHealthTest, DrainedServerIsBeingDeregistered) {
  EXPECT_EQ(OnlyRow("L7OK,tg:web,web-1:80,DRAIN,200,,"),
            Row(TargetState::kDraining, "Target.DeregistrationInProgress",
                "Target deregistration is in progress"));
}

TEST(TargetHealthTest, FrontendsBackendsAndTheFailOpenTwinAreNoTargets) {
  const auto rows =
      ParseTargetHealth(Statistics(",listener:443,FRONTEND,OPEN,,,\n"
                                   "L7OK,tg:web,web-1:80,UP,200,,\n"
                                   ",tg:web,BACKEND,UP,,,\n"
                                   ",tg:web:fail-open,web-1:80,no check,,,\n"
                                   "\n"));
  ASSERT_TRUE(rows.ok()) << rows.status();
  EXPECT_THAT(*rows, testing::ElementsAre(Row(TargetState::kHealthy, "", "")));
}

TEST(TargetHealthTest, QuotedFieldsMayHoldCommasAndQuotes) {
  const auto rows = ParseTargetHealth(
      "# last_chk,pxname,svname,status,check_status,check_code\n"
      "\"said \"\"no\"\", twice\",tg:web,web-1:80,DOWN,L7STS,503\n");
  ASSERT_TRUE(rows.ok()) << rows.status();
  ASSERT_EQ(rows->size(), 1u);
  EXPECT_EQ(rows->front().description, "Health checks failed with these codes: [503]");
}

TEST(TargetHealthTest, OtherTextIsAnError) {
  EXPECT_EQ(ParseTargetHealth("").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ParseTargetHealth("Permission denied\n").status().code(),
            absl::StatusCode::kInvalidArgument);
  const absl::Status status = ParseTargetHealth("# pxname,svname,status\n").status();
  EXPECT_EQ(status.message(), "haproxy's statistics have no column \"check_status\"");
}

TEST(TargetHealthTest, NobodyListeningIsUnavailable) {
  EXPECT_EQ(ReadTargetHealth("/nonexistent/stats.sock").status().code(),
            absl::StatusCode::kUnavailable);
}

TEST(TargetHealthTest, PathTooLongForASocketIsInvalid) {
  EXPECT_EQ(ReadTargetHealth("/" + std::string(200, 'x')).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace taploom::control
