// Ids and MAC addresses derived from an object's path, so that they are the same in every run.
#ifndef TAPLOOM_CONTROL_AWS_ID_H_
#define TAPLOOM_CONTROL_AWS_ID_H_

#include <string>
#include <string_view>

#include "dataplane/wire/mac_address.h"

namespace taploom::control {

// AwsId("eni", "three-tier/instances/web-1") is "eni-0" and 16 hex digits, AWS's own shape.
std::string AwsId(std::string_view prefix, std::string_view path);

// A locally administered unicast address. `attempt` gives another one when the first belongs to
// somebody else.
wire::MacAddress MacAddressFor(std::string_view id, unsigned attempt = 0);

}  // namespace taploom::control

#endif  // TAPLOOM_CONTROL_AWS_ID_H_
