#include "cli/bench/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace taploom::bench {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kRate = "new HTTP connections", kLatency = "TCP round trip p50";

class ReportTest : public testing::Test {
 protected:
  void Rounds(const std::string& rig, std::string_view metric, std::vector<double> values) {
    for (const double value : values) report_.Add(rig, {{metric, value}});
  }
  nlohmann::ordered_json Row(std::string_view metric, const std::string& yardstick) {
    const auto json = report_.Json();
    for (const auto& row : json["rows"]) {
      if (row["name"] == metric && row["yardstick_name"] == yardstick) return row;
    }
    return nullptr;
  }

  Report report_{{"taploom", "no-op forwarder", "kernel router"}};
};

TEST_F(ReportTest, AFigureIsTheMedianOfItsRoundsAndTheRatioThatOfTheMedians) {
  Rounds("taploom", kRate, {130, 100, 1000});
  Rounds("kernel router", kRate, {100, 90, 120});
  const auto row = Row(kRate, "kernel router");
  EXPECT_EQ(row["value"], 130);
  EXPECT_EQ(row["yardstick"], 100);
  EXPECT_EQ(row["unit"], "/s");
  EXPECT_DOUBLE_EQ(row["ratio"], 1.3);
  EXPECT_DOUBLE_EQ(row["spread"], (1000.0 - 100) / 2 / 130);
}

TEST_F(ReportTest, OfAnEvenNumberOfRoundsTheMedianLiesBetweenTheMiddleTwo) {
  Rounds("taploom", kRate, {4, 1, 2, 100});
  Rounds("kernel router", kRate, {1});
  EXPECT_EQ(Row(kRate, "kernel router")["value"], 3);
}

TEST_F(ReportTest, ATargetIsMetFromItOnUpwardsOrDownwardsAsTheFigureGoes) {
  Rounds("taploom", kRate, {120});
  Rounds("kernel router", kRate, {100});
  EXPECT_EQ(Row(kRate, "kernel router")["met"], true) << "1.2 of at least 1.2";
  Rounds("taploom", kLatency, {61});
  Rounds("kernel router", kLatency, {100});
  Rounds("no-op forwarder", kLatency, {60});
  EXPECT_EQ(Row(kLatency, "kernel router")["met"], false) << "0.61 of at most 0.6";
  EXPECT_EQ(Row(kLatency, "no-op forwarder")["met"], true) << "1.02 of at most 1.1";
  EXPECT_THAT(report_.Table(), AllOf(HasSubstr("0.61x ✗"), HasSubstr("1.02x ✓")));
}

TEST_F(ReportTest, WhatHasNoTargetIsNeitherMetNorMissed) {
  Rounds("taploom", "TCP round trip p99", {10});
  Rounds("kernel router", "TCP round trip p99", {20});
  const auto row = Row("TCP round trip p99", "kernel router");
  EXPECT_TRUE(row["target"].is_null());
  EXPECT_TRUE(row["met"].is_null());
}

TEST_F(ReportTest, AYardstickOfZeroGivesNoRatio) {
  Rounds("taploom", "UDP 16 B lost", {1});
  Rounds("kernel router", "UDP 16 B lost", {0});
  EXPECT_TRUE(Row("UDP 16 B lost", "kernel router")["ratio"].is_null());
}

TEST_F(ReportTest, WhatWasNotMeasuredIsNotShown) {
  Rounds("taploom", kRate, {100});
  Rounds("kernel router", kRate, {100});
  EXPECT_EQ(report_.Json()["rows"].size(), 1u);
  EXPECT_THAT(report_.Table(), Not(HasSubstr("TCP round trip")));
  EXPECT_THAT(report_.Svg(), Not(HasSubstr("TCP round trip")));
}

TEST_F(ReportTest, ThePictureHasABarForEveryRig) {
  for (const char* rig : {"taploom", "no-op forwarder", "kernel router"}) Rounds(rig, kRate, {50});
  const std::string svg = report_.Svg();
  EXPECT_THAT(svg, HasSubstr("<svg"));
  std::size_t bars = 0;
  for (std::size_t at = 0; (at = svg.find("width=\"420.0\"", at)) != std::string::npos; ++at)
    ++bars;
  EXPECT_EQ(bars, 3u) << "equal figures, equal bars";
}

}  // namespace
}  // namespace taploom::bench
