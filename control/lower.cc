#include "control/lower.h"

#include "control/allocate.h"
#include "control/lower_sections.h"

namespace taploom::control {
namespace {

void LowerLimits(LowerContext& context) {
  constexpr std::uint32_t kConnectionsPerEni = 100'000;  // vpc-semantics §17
  const Limits& limits = context.topology.limits;
  config::Limits* lowered = context.plan.config.mutable_limits();
  lowered->set_connections(static_cast<std::uint32_t>(limits.connections));
  lowered->set_connections_per_eni(limits.connections_per_eni == 0
                                       ? kConnectionsPerEni
                                       : static_cast<std::uint32_t>(limits.connections_per_eni));
}

}  // namespace

FabricPlan Lower(const ValidTopology& topology, Allocations& allocations, const Faults& faults) {
  Allocate(topology.topology(), allocations);
  FabricPlan plan;
  LowerContext context(topology.topology(), allocations, faults, plan);
  plan.name = context.topology.name.value;
  plan.region =
      context.topology.region ? context.topology.region->value : std::string(kDefaultRegion);
  plan.config.set_name(plan.name);
  LowerLimits(context);
  LowerVpcs(context);
  LowerPeerings(context);
  LowerRouteTables(context);
  LowerSecurityGroups(context);
  LowerNetworkAcls(context);
  LowerInstances(context);
  LowerLoadBalancers(context);
  LowerInternetHosts(context);
  LowerNames(context);
  LowerFaults(faults, plan.config);
  return plan;
}

}  // namespace taploom::control
