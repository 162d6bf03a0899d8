// Regions and their availability zones (vpc-semantics §13).
#ifndef TAPLOOM_CONTROL_REGION_H_
#define TAPLOOM_CONTROL_REGION_H_

#include <string>
#include <string_view>
#include <vector>

namespace taploom::control {

// Where a fabric is when its file names no region.
inline constexpr std::string_view kDefaultRegion = "eu-west-1";

// "ap-northeast-2": words and a number, joined by dashes.
bool IsRegionName(std::string_view name);

// The zones of a region, in order: "eu-west-1a", … Three unless AWS is known to have others there.
std::vector<std::string> AvailabilityZones(std::string_view region);

}  // namespace taploom::control

#endif  // TAPLOOM_CONTROL_REGION_H_
