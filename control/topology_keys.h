// The keys of every map in a topology file: the parser refuses others, and the JSON Schema lists
// the same.
#ifndef TAPLOOM_CONTROL_TOPOLOGY_KEYS_H_
#define TAPLOOM_CONTROL_TOPOLOGY_KEYS_H_

#include <span>
#include <string_view>

namespace taploom::control::keys {

using Keys = std::span<const std::string_view>;

inline constexpr std::string_view kTopology[] = {"name",      "region",   "vpcs",  "peerings",
                                                 "instances", "internet", "limits"};
inline constexpr std::string_view kPeering[] = {"requester", "accepter"};
inline constexpr std::string_view kVpc[] = {"cidr",
                                            "ipv6_cidr",
                                            "region",
                                            "internet_gateway",
                                            "subnets",
                                            "nat_gateways",
                                            "route_tables",
                                            "security_groups",
                                            "network_acls",
                                            "prefix_lists",
                                            "load_balancers",
                                            "egress_only_internet_gateway",
                                            "edge_route_table",
                                            "gateway_endpoints"};
inline constexpr std::string_view kGatewayEndpoint[] = {"service", "prefix_list", "route_tables"};
inline constexpr std::string_view kSubnet[] = {"cidr", "ipv6_cidr", "az", "route_table", "acl"};
inline constexpr std::string_view kNatGateway[] = {"subnet", "elastic_ip", "connectivity",
                                                   "private_ip"};
inline constexpr std::string_view kRouteTable[] = {"routes", "main"};
inline constexpr std::string_view kRoute[] = {"to", "via"};
inline constexpr std::string_view kSecurityGroup[] = {"ingress", "egress", "description"};
inline constexpr std::string_view kIngressRule[] = {"protocol", "ports", "type",
                                                    "code",     "from",  "description"};
inline constexpr std::string_view kEgressRule[] = {"protocol", "ports", "type",
                                                   "code",     "to",    "description"};
inline constexpr std::string_view kNetworkAcl[] = {"ingress", "egress"};
inline constexpr std::string_view kNetworkAclRule[] = {"rule", "action", "protocol", "ports",
                                                       "type", "code",   "cidr"};
inline constexpr std::string_view kLoadBalancer[] = {
    "type",     "scheme",       "subnets",   "elastic_ips",  "security_groups",
    "dns_name", "idle_timeout", "listeners", "target_groups"};
inline constexpr std::string_view kListener[] = {"protocol", "port", "forward", "redirect"};
inline constexpr std::string_view kTargetGroup[] = {"protocol", "port", "targets", "health_check"};
inline constexpr std::string_view kTarget[] = {"instance", "port"};
inline constexpr std::string_view kHealthCheck[] = {
    "path",   "port", "protocol", "interval", "timeout", "healthy_threshold", "unhealthy_threshold",
    "matcher"};
// An instance with one interface has the interface's keys itself; one with several lists them under
// `interfaces`.
inline constexpr std::string_view kInstance[] = {
    "subnet",    "private_ip",        "private_ips",
    "ipv6",      "security_groups",   "elastic_ip",
    "public_ip", "source_dest_check", "connection_tracking",
    "run",       "interfaces"};
inline constexpr std::string_view kInterface[] = {
    "subnet",    "private_ip",        "private_ips",        "ipv6", "security_groups", "elastic_ip",
    "public_ip", "source_dest_check", "connection_tracking"};
inline constexpr std::string_view kConnectionTracking[] = {"tcp_established", "udp_stream", "udp"};
inline constexpr std::string_view kInternet[] = {"hosts"};
inline constexpr std::string_view kInternetHost[] = {"address", "dns_names", "run"};

// Words that people bring from AWS's own interfaces, and the key they mean here.
struct OtherWord {
  std::string_view word, key;
};
inline constexpr OtherWord kOtherWords[] = {
    {"to", "from"},
    {"from", "to"},
    {"source", "from"},
    {"destination", "to"},
    {"destination_cidr_block", "to"},
    {"target", "via"},
    {"gateway_id", "via"},
    {"cidr_block", "cidr"},
    {"availability_zone", "az"},
    {"network_acl", "acl"},
    {"address", "private_ip"},
    {"ip", "private_ip"},
    {"eip", "elastic_ip"},
    {"rule_number", "rule"},
    {"igw", "internet_gateway"},
    {"vpc_security_group_ids", "security_groups"},
    {"peering", "peerings"},
    {"vpc_peering", "peerings"},
    {"vpc_peering_connections", "peerings"},
    {"egress_only_gateway", "egress_only_internet_gateway"},
    {"eigw", "egress_only_internet_gateway"},
    {"vpc_id", "requester"},
    {"peer_vpc_id", "accepter"},
};

// AWS objects a topology will be able to name later: refused by name rather than as a typing
// mistake.
inline constexpr std::string_view kNotModelledYet[] = {"transit_gateways",
                                                       "transit_gateway",
                                                       "endpoints",
                                                       "vpc_endpoints",
                                                       "interface_endpoints",
                                                       "gateway_load_balancers",
                                                       "vpn_gateways",
                                                       "vpn_gateway",
                                                       "propagating_vgws",
                                                       "customer_gateways",
                                                       "carrier_gateways",
                                                       "local_gateways",
                                                       "dhcp_options",
                                                       "enable_dns_support",
                                                       "enable_dns_hostnames",
                                                       "enable_dns64",
                                                       "ipv6_native",
                                                       "map_public_ip_on_launch",
                                                       "availability_mode",
                                                       "interface_type",
                                                       "ipv4_prefixes",
                                                       "ipv6_prefixes",
                                                       "metadata_options",
                                                       "flow_logs",
                                                       "traffic_mirrors",
                                                       "block_public_access",
                                                       "dns",
                                                       "faults",
                                                       "tests",
                                                       "network_firewalls",
                                                       "allow_remote_vpc_dns_resolution"};

}  // namespace taploom::control::keys

#endif  // TAPLOOM_CONTROL_TOPOLOGY_KEYS_H_
