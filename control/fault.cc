#include "control/fault.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "control/did_you_mean.h"

namespace taploom::control {
namespace {

std::vector<std::string> ZonesOf(const config::FabricConfig& config) {
  std::set<std::string> zones;
  for (const config::Subnet& subnet : config.subnets()) zones.insert(subnet.az());
  return {zones.begin(), zones.end()};
}

std::string VpcNameOf(const config::FabricConfig& config, const config::NatGateway& gateway) {
  for (const config::Eni& eni : config.enis()) {
    if (eni.id() != gateway.eni_id()) continue;
    for (const config::Subnet& subnet : config.subnets()) {
      if (subnet.id() != eni.subnet_id()) continue;
      for (const config::Vpc& vpc : config.vpcs()) {
        if (vpc.id() == subnet.vpc_id()) return vpc.name();
      }
    }
  }
  return "";
}

FaultOfPart FindZone(const config::FabricConfig& config, const std::string& name) {
  const std::vector<std::string> zones = ZonesOf(config);
  if (std::find(zones.begin(), zones.end(), name) != zones.end())
    return {Fault{.kind = Fault::Kind::kAvailabilityZone, .part = name}, ""};
  return {std::nullopt,
          fmt::format("no subnet is in availability zone \"{}\"{}", name, DidYouMean(name, zones))};
}

FaultOfPart FindNatGateway(const config::FabricConfig& config, const std::string& name) {
  std::vector<std::string> names;
  const config::NatGateway* found = nullptr;
  for (const config::NatGateway& gateway : config.nat_gateways()) {
    names.push_back(gateway.name());
    const std::string scoped = VpcNameOf(config, gateway) + "/" + gateway.name();
    if (name != gateway.name() && name != gateway.id() && name != scoped) continue;
    if (found != nullptr) {
      return {std::nullopt, fmt::format("several VPCs have a NAT gateway \"{}\"; say {} or {}",
                                        name, VpcNameOf(config, *found) + "/" + name, scoped)};
    }
    found = &gateway;
  }
  if (found == nullptr)
    return {std::nullopt, fmt::format("no NAT gateway \"{}\"{}", name, DidYouMean(name, names))};
  return {Fault{.kind = Fault::Kind::kNatGateway, .part = found->id()}, ""};
}

Faults::iterator Find(Faults& faults, const Fault& part) {
  return std::find_if(faults.begin(), faults.end(), [&](const Fault& fault) {
    return fault.kind == part.kind && fault.part == part.part;
  });
}

bool Has(const config::FabricConfig& config, const Fault& fault) {
  if (fault.kind == Fault::Kind::kAvailabilityZone) {
    return std::any_of(config.subnets().begin(), config.subnets().end(),
                       [&](const config::Subnet& subnet) { return subnet.az() == fault.part; });
  }
  return std::any_of(config.nat_gateways().begin(), config.nat_gateways().end(),
                     [&](const config::NatGateway& gateway) { return gateway.id() == fault.part; });
}

}  // namespace

FaultOfPart FindFaultyPart(const config::FabricConfig& config, std::string_view kind,
                           const std::string& name) {
  if (kind == "az") return FindZone(config, name);
  if (kind == "nat") return FindNatGateway(config, name);
  return {std::nullopt, fmt::format("\"{}\" cannot be made to fail; az and nat can", kind)};
}

bool Begin(Faults& faults, const Fault& part, std::uint64_t generation) {
  const auto known = Find(faults, part);
  if (known != faults.end() && !known->is_over) return false;
  if (known != faults.end()) faults.erase(known);
  faults.push_back(part);
  faults.back().began_at_generation = generation;
  return true;
}

bool End(Faults& faults, const Fault& part) {
  const auto known = Find(faults, part);
  if (known == faults.end() || known->is_over) return false;
  known->is_over = true;
  return true;
}

bool IsDown(const Faults& faults, std::string_view availability_zone) {
  return std::any_of(faults.begin(), faults.end(), [&](const Fault& fault) {
    return fault.kind == Fault::Kind::kAvailabilityZone && !fault.is_over &&
           fault.part == availability_zone;
  });
}

void LowerFaults(const Faults& faults, config::FabricConfig& config) {
  for (const Fault& fault : faults) {
    if (!Has(config, fault)) continue;
    config::Fault* lowered = config.add_faults();
    if (fault.kind == Fault::Kind::kAvailabilityZone) {
      lowered->set_availability_zone(fault.part);
    } else {
      lowered->set_nat_gateway_id(fault.part);
    }
    lowered->set_is_over(fault.is_over);
    lowered->set_began_at_generation(fault.began_at_generation);
  }
}

}  // namespace taploom::control
