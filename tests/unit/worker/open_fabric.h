// A fabric that lets everything pass: ENIs 10.0.1.10, 10.0.1.11, … in one dual-stack subnet, on
// ports 1, 2, …
#ifndef TAPLOOM_TESTS_UNIT_WORKER_OPEN_FABRIC_H_
#define TAPLOOM_TESTS_UNIT_WORKER_OPEN_FABRIC_H_

#include <cstdint>
#include <string>

#include "dataplane/config/fabric_config.pb.h"

namespace taploom {

config::FabricConfig OpenFabric(std::uint64_t generation, unsigned eni_count);

// Of the ENI on port `port`: "10.0.1.10" for 1, "fd00:1::10" likewise, "02:00:00:00:00:01".
std::string AddressOfPort(unsigned port);
std::string AddressV6OfPort(unsigned port);
std::string MacOfPort(unsigned port);

}  // namespace taploom

#endif  // TAPLOOM_TESTS_UNIT_WORKER_OPEN_FABRIC_H_
