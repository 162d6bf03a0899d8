#include "control/aws_id.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace taploom::control {
namespace {

// A change of this value would rename every object of every running fabric.
TEST(AwsIdTest, IsTheSameInEveryRunAndVersion) {
  EXPECT_EQ(AwsId("eni", "three-tier/instances/web-1"), "eni-0d8ad5201bc3bfe36");
  EXPECT_EQ(MacAddressFor("eni-0d8ad5201bc3bfe36").ToString(), "02:30:d0:61:e8:b9");
}

TEST(AwsIdTest, HasThePrefixAndSeventeenHexDigits) {
  EXPECT_THAT(AwsId("subnet", ""), testing::MatchesRegex("subnet-0[0-9a-f]{16}"));
}

TEST(AwsIdTest, DiffersWithFabricKindAndName) {
  EXPECT_NE(AwsId("sg", "a/vpcs/main"), AwsId("sg", "b/vpcs/main"));
  EXPECT_NE(AwsId("sg", "a/vpcs/main"), AwsId("sg", "a/vpcs/main2"));
}

TEST(AwsIdTest, MacsAreLocallyAdministeredUnicastAndHaveAlternatives) {
  const wire::MacAddress first = MacAddressFor("eni-1"), second = MacAddressFor("eni-1", 1);
  EXPECT_EQ(first.bytes[0], 0x02);
  EXPECT_FALSE(first.is_group());
  EXPECT_FALSE(first == second);
}

}  // namespace
}  // namespace taploom::control
