// Faults: parts of a running fabric that were made to fail, through the API (vpc-semantics §13).
//
// A fault belongs to the running fabric, not to its topology file: `apply` leaves it as it is.
#ifndef TAPLOOM_CONTROL_FAULT_H_
#define TAPLOOM_CONTROL_FAULT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/config/fabric_config.pb.h"

namespace taploom::control {

struct Fault {
  enum class Kind { kAvailabilityZone, kNatGateway };
  Kind kind = Kind::kAvailabilityZone;
  std::string part;  // the zone's name, or the NAT gateway's id
  // The part works again. The fault is kept all the same: what the part had forgotten stays
  // forgotten.
  bool is_over = false;
  std::uint64_t began_at_generation = 0;
};
using Faults = std::vector<Fault>;

// What a person calls "az" or "nat" and by a name (of a gateway also "vpc/name" or the id): a Fault
// of that part, or the sentence that says why there is no such part.
struct FaultOfPart {
  std::optional<Fault> fault;
  std::string error;
};
FaultOfPart FindFaultyPart(const config::FabricConfig& config, std::string_view kind,
                           const std::string& name);

// The part fails, or works again. False when it is so already.
bool Begin(Faults& faults, const Fault& part, std::uint64_t generation);
bool End(Faults& faults, const Fault& part);

// Whether the zone is down.
bool IsDown(const Faults& faults, std::string_view availability_zone);

// Writes the faults whose part the configuration has.
void LowerFaults(const Faults& faults, config::FabricConfig& config);

}  // namespace taploom::control

#endif  // TAPLOOM_CONTROL_FAULT_H_
