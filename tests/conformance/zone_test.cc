// AZ: regions and availability zones (vpc-semantics §13).
#include <string>

#include "tests/conformance/check.h"
#include "tests/conformance/lab.h"
#include "tests/conformance/pages.h"

namespace taploom::test {
namespace {

class Zones : public Lab {};

PROVED_BY(AZ_01, "broken/az_of_other_region.yaml", kZones,
          "A region has its own availability zones, named after it.");

FOLLOWS(Zones, AZ_02, kRegions, "Each VPC is in one region; a fabric may have several.") {
  Apply(
      "vpcs:\n  far: {cidr: 10.1.0.0/16, region: ap-northeast-2, subnets: {s: {cidr: "
      "10.1.0.0/24, az: ap-northeast-2c}}}\n  near: {cidr: 10.0.0.0/16, subnets: {t: {cidr: "
      "10.0.0.0/24, az: eu-central-1a}}}\n");
  EXPECT_EQ(plan().config.vpcs(0).region(), "ap-northeast-2");
  EXPECT_EQ(plan().config.vpcs(1).region(), "eu-central-1");
}

FOLLOWS(Zones, AZ_03, kZones, "Subnets of different zones reach each other by the local route.") {
  Apply(R"(
vpcs:
  main:
    cidr: 10.0.0.0/16
    subnets: {a: {cidr: 10.0.1.0/24, az: eu-central-1a}, b: {cidr: 10.0.2.0/24, az: eu-central-1b}}
instances: {a-1: {subnet: a, private_ip: 10.0.1.10}, b-1: {subnet: b, private_ip: 10.0.2.10}}
)");
  EXPECT_EQ(Fate(Send("a-1", Tcp("10.0.1.10:4000", "10.0.2.10:80"))), "b-1");
}

OUTSIDE(AZ_04, kZones, "Zones of one region are up to 100 km apart, 1 to 2 ms.",
        "A fabric's packets take no longer than the machine needs.");
OUTSIDE(AZ_05, kZones, "Traffic between zones, through gateways and out costs money.",
        "Nothing here is billed; bytes are counted.");
OUTSIDE(AZ_06, kBandwidth, "A single flow has at most 5 Gbit/s; the internet half the bandwidth.",
        "The fabric does not slow packets down.");
OUTSIDE(AZ_07, kZones, "A zone's name is an account's own; its id is physical.",
        "A fabric is one account: its names are enough.");

}  // namespace
}  // namespace taploom::test
