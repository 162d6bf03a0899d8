// What `limits:` of a topology may say: AWS's quotas (vpc-semantics §14), and how large the
// dataplane's tables are. One list, so that the parser, the schema and the checks agree.
#ifndef TAPLOOM_CONTROL_QUOTA_H_
#define TAPLOOM_CONTROL_QUOTA_H_

#include <fmt/format.h>

#include <array>
#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>

#include "control/topology.h"

namespace taploom::control {

struct Quota {
  std::string_view key;  // of `limits:`
  int Limits::*limit;    // its default stands there
  int most;              // that may be asked for; what AWS grants, where it says so
};

inline constexpr Quota kQuotas[] = {
    {"connections", &Limits::connections, 1 << 26},
    {"connections_per_eni", &Limits::connections_per_eni, 1 << 26},
    {"vpcs_per_region", &Limits::vpcs_per_region, 500},
    {"ipv4_cidrs_per_vpc", &Limits::ipv4_cidrs_per_vpc, 50},
    {"ipv6_cidrs_per_vpc", &Limits::ipv6_cidrs_per_vpc, 50},
    {"subnets_per_vpc", &Limits::subnets_per_vpc, 500},
    {"route_tables_per_vpc", &Limits::route_tables_per_vpc, 1000},
    {"routes_per_route_table", &Limits::routes_per_route_table, 1000},
    {"network_acls_per_vpc", &Limits::network_acls_per_vpc, 1000},
    {"rules_per_network_acl", &Limits::rules_per_network_acl, 40},
    {"security_groups_per_region", &Limits::security_groups_per_region, 5000},
    {"rules_per_security_group", &Limits::rules_per_security_group, 1000},
    {"security_groups_per_eni", &Limits::security_groups_per_eni, 16},
    {"enis_per_region", &Limits::enis_per_region, 20'000},
    {"elastic_ips_per_region", &Limits::elastic_ips_per_region, 5000},
    {"nat_gateways_per_az", &Limits::nat_gateways_per_az, 200},
    {"elastic_ips_per_nat_gateway", &Limits::elastic_ips_per_nat_gateway, 8},
    {"peerings_per_vpc", &Limits::peerings_per_vpc, 125},
    {"prefix_lists_per_region", &Limits::prefix_lists_per_region, 1000},
    {"entries_per_prefix_list", &Limits::entries_per_prefix_list, 10'000},
    {"gateway_endpoints_per_region", &Limits::gateway_endpoints_per_region, 255},
    {"load_balancers_per_region", &Limits::load_balancers_per_region, 500},
    {"network_address_units_per_vpc", &Limits::network_address_units_per_vpc, 256'000},
    {"network_address_units_peered", &Limits::network_address_units_peered, 512'000},
};

inline constexpr auto kQuotaKeys = [] {
  std::array<std::string_view, std::size(kQuotas)> keys{};
  for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = kQuotas[i].key;
  return keys;
}();

constexpr const Quota& QuotaOf(int Limits::*limit) {
  for (const Quota& quota : kQuotas) {
    if (quota.limit == limit) return quota;
  }
  return kQuotas[0];
}

// What the rules of a group times the groups of an ENI may be; not adjustable.
inline constexpr int kMostRulesPerEni = 1000;

// "the quota is 5 (limits.vpcs_per_region, at most 500)": for messages about what exceeds it.
inline std::string QuotaText(const Limits& limits, int Limits::*limit) {
  const Quota& quota = QuotaOf(limit);
  return fmt::format("the quota is {} (limits.{}, at most {})", limits.*limit, quota.key,
                     quota.most);
}

}  // namespace taploom::control

#endif  // TAPLOOM_CONTROL_QUOTA_H_
