// VPCs and what divides them: gateways to the internet, network ACLs, route tables, subnets.
#include <algorithm>
#include <string>
#include <utility>

#include "dataplane/tables/compiler.h"

namespace taploom::tables {

void Compiler::AddVpc(const config::Vpc& source) {
  const Subject subject = SubjectOf(source);
  vpcs_.Add(subject);
  Vpc vpc;
  vpc.id = source.id();
  vpc.name = source.name();
  vpc.region = source.region();
  if (source.cidrs().empty()) Reject(subject, "has no CIDR");
  DisjointPrefixes blocks;
  for (const config::Prefix& cidr : source.cidrs()) {
    vpc.cidrs.push_back(ReadPrefix(subject, "CIDR", cidr));
    if (blocks.Add(vpc.cidrs.back(), source.id()) != nullptr) {
      Reject(subject, "CIDR {} overlaps another of its own", vpc.cidrs.back().ToString());
    }
  }
  vpc.names = ReadNames(subject, source.names());
  snapshot_->vpcs.push_back(std::move(vpc));
  subnet_blocks_.emplace_back();
}

void Compiler::AddInternetGateway(const config::InternetGateway& source) {
  const Subject subject = SubjectOf(source);
  internet_gateways_.Add(subject);
  const InternetGatewayIndex index{static_cast<std::uint32_t>(snapshot_->internet_gateways.size())};
  const VpcIndex vpc_index = vpcs_.Get(subject, source.vpc_id());
  Vpc& vpc = snapshot_->vpcs[vpc_index.value];
  if (vpc.internet_gateway.exists()) {
    Reject(subject, "VPC {} already has internet gateway {}", vpc.id,
           (*snapshot_)[vpc.internet_gateway].id);
  }
  vpc.internet_gateway = index;
  // IPv6 addresses are not translated: the internet finds the VPC by its block.
  for (const wire::IpPrefix& cidr : vpc.cidrs) {
    if (cidr.family() != wire::Family::kIpv6) continue;
    if (const std::string* other = routed_v6_blocks_.Add(cidr, vpc.id)) {
      Reject(subject, "CIDR {} of VPC {} is already reachable in VPC {}", cidr.ToString(), vpc.id,
             *other);
    }
  }
  snapshot_->internet_gateways.push_back({source.id(), source.name(), vpc_index, {}});
}

void Compiler::AddEgressOnlyInternetGateway(const config::EgressOnlyInternetGateway& source) {
  const Subject subject = SubjectOf(source);
  egress_only_gateways_.Add(subject);
  const VpcIndex vpc_index = vpcs_.Get(subject, source.vpc_id());
  Vpc& vpc = snapshot_->vpcs[vpc_index.value];
  if (vpc.egress_only_gateway.exists()) {
    Reject(subject, "VPC {} already has egress-only internet gateway {}", vpc.id,
           (*snapshot_)[vpc.egress_only_gateway].id);
  }
  vpc.egress_only_gateway = {
      static_cast<std::uint32_t>(snapshot_->egress_only_internet_gateways.size())};
  snapshot_->egress_only_internet_gateways.push_back({source.id(), source.name(), vpc_index});
  if (vpc.internet_gateway.exists()) return;  // which has made the blocks known
  for (const wire::IpPrefix& cidr : vpc.cidrs) {
    if (cidr.family() != wire::Family::kIpv6) continue;
    if (const std::string* other = routed_v6_blocks_.Add(cidr, vpc.id)) {
      Reject(subject, "CIDR {} of VPC {} is already reachable in VPC {}", cidr.ToString(), vpc.id,
             *other);
    }
  }
}

void Compiler::AddVpcPeering(const config::VpcPeeringConnection& source) {
  const Subject subject = SubjectOf(source);
  vpc_peerings_.Add(subject);
  VpcPeering peering{source.id(), source.name(), vpcs_.Get(subject, source.requester_vpc_id()),
                     vpcs_.Get(subject, source.accepter_vpc_id())};
  const Vpc& requester = (*snapshot_)[peering.requester];
  const Vpc& accepter = (*snapshot_)[peering.accepter];
  if (peering.requester == peering.accepter)
    Reject(subject, "connects VPC {} to itself", requester.id);
  for (const wire::IpPrefix& left : requester.cidrs) {
    for (const wire::IpPrefix& right : accepter.cidrs) {
      if (left.Overlaps(right)) {
        Reject(subject, "CIDR {} of VPC {} overlaps {} of VPC {}", left.ToString(), requester.id,
               right.ToString(), accepter.id);
      }
    }
  }
  peering.is_inter_region = requester.region != accepter.region;
  if (!peering.is_inter_region) {
    peered_in_region_.emplace(requester.id, accepter.id);
    peered_in_region_.emplace(accepter.id, requester.id);
  }
  snapshot_->vpc_peerings.push_back(std::move(peering));
}

void Compiler::AddGatewayEndpoint(const config::GatewayEndpoint& source,
                                  const NamedPeersById& lists) {
  const Subject subject = SubjectOf(source);
  gateway_endpoints_.Add(subject);
  GatewayEndpoint endpoint{source.id(), source.name(), vpcs_.Get(subject, source.vpc_id())};
  endpoint.is_always_tracked = source.always_tracked();
  const auto list = lists.find(source.prefix_list_id());
  if (list == lists.end()) Reject(subject, "unknown prefix list \"{}\"", source.prefix_list_id());
  for (const wire::IpPrefix& cidr : list->second.prefixes) {
    if (cidr.family() != wire::Family::kIpv4) {
      Reject(subject, "{} is not IPv4", cidr.ToString());
    }
    endpoint.cidrs.push_back(cidr);
  }
  snapshot_->vpcs[endpoint.vpc.value].gateway_endpoints.push_back(
      {static_cast<std::uint32_t>(snapshot_->gateway_endpoints.size())});
  snapshot_->gateway_endpoints.push_back(std::move(endpoint));
}

void Compiler::SetEdgeRouteTable(const config::InternetGateway& source, InternetGateway& gateway) {
  if (source.route_table_id().empty()) return;
  const Subject subject = SubjectOf(source);
  gateway.route_table = route_tables_.Get(subject, source.route_table_id());
  const RouteTable& table = (*snapshot_)[gateway.route_table];
  if (table.vpc != gateway.vpc)
    Reject(subject, "route table {} is in another VPC", source.route_table_id());
  for (const Route& route : table.routes) {
    const bool may_stand_here = route.target == RouteTargetKind::kLocal ||
                                route.target == RouteTargetKind::kEni ||
                                route.target == RouteTargetKind::kBlackhole;
    if (!may_stand_here) {
      Reject(subject, "route table {} leads {} to another gateway", source.route_table_id(),
             route.destination.ToString());
    }
  }
}

void Compiler::AddNetworkAcl(const config::NetworkAcl& source) {
  const Subject subject = SubjectOf(source);
  network_acls_.Add(subject);
  vpc_of_network_acl_.push_back(vpcs_.Get(subject, source.vpc_id()));
  DirectedRules rules = ReadNetworkAclRules(source);
  snapshot_->network_acls.push_back({source.id(), source.name(), RuleSet(std::move(rules.ingress)),
                                     RuleSet(std::move(rules.egress))});
}

void Compiler::AddRouteTable(const config::RouteTable& source) {
  const Subject subject = SubjectOf(source);
  route_tables_.Add(subject);
  RouteTable table;
  table.id = source.id();
  table.name = source.name();
  table.vpc = vpcs_.Get(subject, source.vpc_id());
  table.main = source.main();
  if (table.main && !vpcs_with_main_.insert(table.vpc.value).second) {
    Reject(subject, "VPC {} already has a main route table", source.vpc_id());
  }
  snapshot_->route_tables.push_back(std::move(table));
}

void Compiler::AddSubnet(const config::Subnet& source) {
  const Subject subject = SubjectOf(source);
  subnets_.Add(subject);
  const SubnetIndex index{static_cast<std::uint32_t>(snapshot_->subnets.size())};
  Subnet subnet;
  subnet.id = source.id();
  subnet.name = source.name();
  subnet.az = source.az();
  subnet.vpc = vpcs_.Get(subject, source.vpc_id());
  const Vpc& vpc = (*snapshot_)[subnet.vpc];

  if (source.cidrs().empty()) Reject(subject, "has no CIDR");
  for (const config::Prefix& source_cidr : source.cidrs()) {
    const wire::IpPrefix cidr = ReadPrefix(subject, "CIDR", source_cidr);
    if (subnet.RouterAddress(cidr.family())) {
      Reject(subject, "has two CIDRs of the same family");
    }
    const bool inside = std::any_of(vpc.cidrs.begin(), vpc.cidrs.end(),
                                    [&](const auto& block) { return block.Contains(cidr); });
    if (!inside) Reject(subject, "CIDR {} is outside VPC {}", cidr.ToString(), vpc.id);
    if (const std::string* other = subnet_blocks_[subnet.vpc.value].Add(cidr, source.id())) {
      Reject(subject, "CIDR {} overlaps subnet {}", cidr.ToString(), *other);
    }
    subnet.cidrs.push_back(cidr);
  }

  subnet.route_table = route_tables_.Get(subject, source.route_table_id());
  if ((*snapshot_)[subnet.route_table].vpc != subnet.vpc) {
    Reject(subject, "route table {} is in another VPC", source.route_table_id());
  }
  subnet.network_acl = network_acls_.Get(subject, source.network_acl_id());
  if (vpc_of_network_acl_[subnet.network_acl.value] != subnet.vpc) {
    Reject(subject, "network ACL {} is in another VPC", source.network_acl_id());
  }
  subnet.router_mac = ReadMac(subject, "router MAC", source.router_mac());
  OccupyMac(subject, index, subnet.router_mac);
  snapshot_->subnets.push_back(std::move(subnet));
}

}  // namespace taploom::tables
