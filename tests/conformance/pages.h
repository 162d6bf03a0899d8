// The pages that checks cite. All but the RFCs are below https://docs.aws.amazon.com/.
#ifndef TAPLOOM_TESTS_CONFORMANCE_PAGES_H_
#define TAPLOOM_TESTS_CONFORMANCE_PAGES_H_

namespace taploom::test {

inline constexpr char kAcls[] = "vpc/latest/userguide/vpc-network-acls.html";
inline constexpr char kAclBasics[] = "vpc/latest/userguide/nacl-basics.html";
inline constexpr char kRouteTables[] = "vpc/latest/userguide/VPC_Route_Tables.html";
inline constexpr char kRoutePriority[] = "vpc/latest/userguide/route-tables-priority.html";
inline constexpr char kRouteOptions[] = "vpc/latest/userguide/route-table-options.html";
inline constexpr char kGatewayRoutes[] = "vpc/latest/userguide/gateway-route-tables.html";
inline constexpr char kReachability[] = "vpc/latest/reachability/explanation-codes.html";
inline constexpr char kCidrBlocks[] = "vpc/latest/userguide/vpc-cidr-blocks.html";
inline constexpr char kSubnetSizing[] = "vpc/latest/userguide/subnet-sizing.html";
inline constexpr char kSubnets[] = "vpc/latest/userguide/configure-subnets.html";
inline constexpr char kInterfaces[] = "AWSEC2/latest/UserGuide/using-eni.html";
inline constexpr char kIgw[] = "vpc/latest/userguide/VPC_Internet_Gateway.html";
inline constexpr char kEips[] = "vpc/latest/userguide/vpc-eips.html";
inline constexpr char kEigw[] = "vpc/latest/userguide/egress-only-internet-gateway.html";
inline constexpr char kNat[] = "vpc/latest/userguide/nat-gateway-basics.html";
inline constexpr char kNatTrouble[] = "vpc/latest/userguide/nat-gateway-troubleshooting.html";
inline constexpr char kNatCompared[] = "vpc/latest/userguide/vpc-nat-comparison.html";
inline constexpr char kNatCloudWatch[] = "vpc/latest/userguide/vpc-nat-gateway-cloudwatch.html";
inline constexpr char kNatRegional[] = "vpc/latest/userguide/nat-gateways-regional.html";
inline constexpr char kNat64[] = "vpc/latest/userguide/nat-gateway-nat64-dns64.html";
inline constexpr char kTracking[] =
    "AWSEC2/latest/UserGuide/security-group-connection-tracking.html";
inline constexpr char kGroupRules[] = "vpc/latest/userguide/security-group-rules.html";
inline constexpr char kGroups[] = "vpc/latest/userguide/vpc-security-groups.html";
inline constexpr char kDefaultGroup[] = "vpc/latest/userguide/default-security-group.html";
inline constexpr char kEnaCounters[] =
    "AWSEC2/latest/UserGuide/monitoring-network-performance-ena.html";
inline constexpr char kDns[] = "vpc/latest/userguide/vpc-dns.html";
inline constexpr char kDhcp[] = "vpc/latest/userguide/VPC_DHCP_Options.html";
inline constexpr char kImds[] = "AWSEC2/latest/UserGuide/instance-metadata-v2-how-it-works.html";
inline constexpr char kTimeSync[] = "AWSEC2/latest/UserGuide/set-time.html";
inline constexpr char kMtu[] = "AWSEC2/latest/UserGuide/network_mtu.html";
inline constexpr char kPeering[] = "vpc/latest/peering/vpc-peering-basics.html";
inline constexpr char kPeeringGroups[] = "vpc/latest/peering/vpc-peering-security-groups.html";
inline constexpr char kGatewayEndpoints[] = "vpc/latest/privatelink/gateway-endpoints.html";
inline constexpr char kTransitGateways[] = "vpc/latest/tgw/how-transit-gateways-work.html";
inline constexpr char kZones[] =
    "whitepapers/latest/aws-fault-isolation-boundaries/availability-zones.html";
inline constexpr char kRegions[] = "whitepapers/latest/aws-fault-isolation-boundaries/regions.html";
inline constexpr char kQuotas[] = "vpc/latest/userguide/amazon-vpc-limits.html";
inline constexpr char kFlowLogs[] = "vpc/latest/userguide/flow-log-records.html";
inline constexpr char kBlockPublicAccess[] = "vpc/latest/userguide/security-vpc-bpa.html";
inline constexpr char kBandwidth[] = "AWSEC2/latest/UserGuide/ec2-instance-network-bandwidth.html";
inline constexpr char kElb[] =
    "elasticloadbalancing/latest/userguide/how-elastic-load-balancing-works.html";
inline constexpr char kNlb[] = "elasticloadbalancing/latest/network/network-load-balancers.html";
inline constexpr char kPrefixLists[] = "vpc/latest/userguide/managed-prefix-lists.html";

inline constexpr char kRfc4787[] = "RFC 4787";
inline constexpr char kRfc5382[] = "RFC 5382";
inline constexpr char kRfc5508[] = "RFC 5508";
inline constexpr char kRfc7857[] = "RFC 7857";

}  // namespace taploom::test

#endif  // TAPLOOM_TESTS_CONFORMANCE_PAGES_H_
