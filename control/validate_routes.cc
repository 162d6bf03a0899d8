// Internet gateways, NAT gateways, prefix lists and route tables (vpc-semantics §2 to §4).
#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "control/address_ranges.h"
#include "control/validate_sections.h"

namespace taploom::control {
namespace {

using wire::Family;
using wire::IpPrefix;

// Routes name gateways by bare words, so a gateway cannot be called as one of the other targets.
void CheckGatewayName(const Name& gateway, Findings& findings) {
  if (gateway.value == "local" || gateway.value == "blackhole") {
    findings.Add(gateway.at, "\"{}\" is a route target of its own and no name for a gateway",
                 gateway.value);
  }
}

void CheckNatGateway(const Topology& topology, const Vpc& vpc, const NatGateway& gateway,
                     Findings& findings) {
  CheckGatewayName(gateway.name, findings);
  if (vpc.internet_gateway && vpc.internet_gateway->value == gateway.name.value) {
    findings.Add(
        gateway.name.at,
        "\"{}\" is the name of the VPC's internet gateway; routes could not tell them apart",
        gateway.name.value);
  }
  if (gateway.subnet) {
    Resolve(topology, vpc, &Vpc::subnets, "subnet", "subnets", *gateway.subnet, findings);
  }
  if (!gateway.is_public && gateway.elastic_ip) {
    findings.Add(gateway.elastic_ip->at, "a private NAT gateway has no elastic_ip");
  }
  const std::size_t elastic_ips = gateway.secondary_elastic_ips.size() + 1;
  const auto limit = static_cast<std::size_t>(topology.limits.elastic_ips_per_nat_gateway);
  if (elastic_ips > limit) {
    findings.Add(gateway.secondary_elastic_ips[limit - 1].at,
                 "{} elastic IPs on one NAT gateway; {}", elastic_ips,
                 QuotaText(topology.limits, &Limits::elastic_ips_per_nat_gateway));
  }
  if (gateway.secondary_private_ips.size() > 7) {
    findings.Add(gateway.secondary_private_ips[7].at, "a NAT gateway has at most 8 addresses");
  }
  if (gateway.is_public &&
      gateway.secondary_private_ips.size() > gateway.secondary_elastic_ips.size()) {
    findings.Add(gateway.secondary_private_ips[gateway.secondary_elastic_ips.size()].at,
                 "each private_ip of a public NAT gateway needs an elastic_ip");
  }
  if (gateway.is_public && !vpc.internet_gateway &&
      !topology.unreadable.contains("internet_gateway")) {
    findings.Add(gateway.name.at,
                 "public NAT gateway \"{}\" needs an internet gateway, and vpc \"{}\" has none; "
                 "add internet_gateway "
                 "or connectivity: private",
                 gateway.name.value, vpc.name.value);
  }
}

void CheckEgressOnlyGateway(const Vpc& vpc, Findings& findings) {
  const Name& gateway = *vpc.egress_only_internet_gateway;
  CheckGatewayName(gateway, findings);
  if (vpc.ipv6_cidrs.empty()) {
    findings.Add(gateway.at,
                 "an egress-only internet gateway forwards IPv6, and vpc \"{}\" has no ipv6_cidr",
                 vpc.name.value);
  }
  const bool is_taken = (vpc.internet_gateway && vpc.internet_gateway->value == gateway.value) ||
                        FindByName(vpc.nat_gateways, gateway.value) != nullptr;
  if (is_taken) {
    findings.Add(gateway.at,
                 "\"{}\" is the name of another gateway; routes could not tell them apart",
                 gateway.value);
  }
}

// Checks that `name` is a table of the VPC, written or the implicit main one.
void CheckTableReference(const Topology& topology, const Vpc& vpc, const Name& name,
                         Findings& findings) {
  if (name.value == kMainName) return;
  Resolve(topology, vpc, &Vpc::route_tables, "route table", "route_tables", name, findings);
}

void CheckGatewayEndpoint(const Topology& topology, const Vpc& vpc, const GatewayEndpoint& endpoint,
                          Findings& findings) {
  for (const Name& table : endpoint.route_tables) {
    CheckTableReference(topology, vpc, table, findings);
  }
  if (!endpoint.prefix_list) return;
  const PrefixList* list = Resolve(topology, vpc, &Vpc::prefix_lists, "prefix list", "prefix_lists",
                                   *endpoint.prefix_list, findings);
  if (list == nullptr) return;
  for (const Located<Cidr>& cidr : list->cidrs) {
    if (cidr.value.family() == Family::kIpv4) continue;
    findings.Add(endpoint.prefix_list->at,
                 "a gateway endpoint forwards IPv4 only here, and prefix list \"{}\" holds {}",
                 list->name.value, cidr.value.ToString());
  }
}

// The table of what enters through the internet gateway (vpc-semantics §2, edge).
class EdgeTableCheck {
 public:
  EdgeTableCheck(const Topology& topology, const Vpc& vpc, Findings& findings)
      : topology_(topology), vpc_(vpc), findings_(findings) {}

  void Check(const Name& reference) {
    if (!vpc_.internet_gateway) {
      findings_.Add(reference.at,
                    "edge_route_table needs an internet gateway, and vpc \"{}\" has none",
                    vpc_.name.value);
    }
    const RouteTable* main = MainRouteTable(vpc_);
    if (reference.value == kMainName || (main != nullptr && reference.value == main->name.value)) {
      findings_.Add(reference.at, "the main route table cannot be a gateway's");
      return;
    }
    const RouteTable* table = Resolve(topology_, vpc_, &Vpc::route_tables, "route table",
                                      "route_tables", reference, findings_);
    if (table == nullptr) return;
    for (const Route& route : table->routes) CheckRoute(route);
  }

 private:
  void CheckRoute(const Route& route) {
    if (!route.to || !route.via) return;
    if (!route.to->value.cidr) {
      findings_.Add(route.to->at, "a gateway's route table has no routes to prefix lists");
      return;
    }
    if (!LiesInside(route.to->value.cidr->prefix())) {
      findings_.Add(route.to->at,
                    "a gateway's route table has routes to whole blocks of the VPC or of its "
                    "subnets, and {} is none",
                    route.to->value.cidr->ToString());
    }
    CheckTarget(*route.via);
  }

  // That a route inside the VPC is for a whole block is a rule of every table.
  bool LiesInside(const IpPrefix& prefix) const {
    const auto contains = [&](const Located<Cidr>& cidr) {
      return cidr.value.prefix().Contains(prefix);
    };
    return std::any_of(vpc_.cidrs.begin(), vpc_.cidrs.end(), contains) ||
           std::any_of(vpc_.ipv6_cidrs.begin(), vpc_.ipv6_cidrs.end(), contains);
  }

  void CheckTarget(const Located<RouteTarget>& via) {
    using Kind = RouteTarget::Kind;
    if (via.value.kind == Kind::kLocal || via.value.kind == Kind::kBlackhole) return;
    if (via.value.kind != Kind::kInstance && via.value.kind != Kind::kEni) {
      findings_.Add(via.at, "a gateway's route table leads to local, an instance or an ENI only");
      return;
    }
    const InterfaceRef eni = FindEni(topology_, via.value.name);
    if (!eni) return;  // reported with the table
    const Interface& interface = eni.interface();
    const bool is_public =
        interface.elastic_ip || (interface.public_ip && interface.public_ip->value);
    if (!is_public) {
      findings_.Add(via.at, "{} needs a public address to take what enters through the gateway",
                    EniName(eni.instance->name.value, eni.index));
    }
  }

  const Topology& topology_;
  const Vpc& vpc_;
  Findings& findings_;
};

void CheckPrefixList(const PrefixList& list, Findings& findings) {
  for (std::size_t i = 0; i < list.cidrs.size(); ++i) {
    const Located<Cidr>& cidr = list.cidrs[i];
    if (cidr.value.has_host_bits()) {
      findings.Add(cidr.at, "{} has host bits; the block is {}", cidr.value.ToString(),
                   cidr.value.prefix().ToString());
    }
    for (std::size_t j = 0; j < i; ++j) {
      if (list.cidrs[j].value.prefix() == cidr.value.prefix()) {
        findings.Add(cidr.at, "{} is listed twice in prefix list \"{}\"", cidr.value.ToString(),
                     list.name.value);
        break;
      }
    }
  }
}

// What is wrong with a route depends on its table's VPC; this checks the routes of one.
class RouteTableCheck {
 public:
  RouteTableCheck(const Topology& topology, const Vpc& vpc, Findings& findings)
      : topology_(topology), vpc_(vpc), findings_(findings) {}

  void Check(const RouteTable& table) {
    std::map<IpPrefix, Position> destinations;
    std::set<std::string> prefix_lists;
    std::map<Family, int> count;
    for (const Route& route : table.routes) {
      if (route.to) CheckDestination(*route.to, destinations, prefix_lists, count);
      if (route.via) CheckTarget(*route.via);
      if (route.to && route.via) CheckPair(*route.to, *route.via);
    }
    for (const auto& [family, number] : count) {
      if (number <= topology_.limits.routes_per_route_table) continue;
      findings_.Add(table.name.at, "route table \"{}\" has {} routes of one family; {}",
                    table.name.value, number,
                    QuotaText(topology_.limits, &Limits::routes_per_route_table));
    }
  }

 private:
  void CheckDestination(const Located<RouteDestination>& to,
                        std::map<IpPrefix, Position>& destinations,
                        std::set<std::string>& prefix_lists, std::map<Family, int>& count) {
    static const IpPrefix link_local = PrefixLiteral("169.254.168.0/22"),
                          amazon = PrefixLiteral("fd00:ec2::/32");
    if (!to.value.cidr) {
      const Name name{to.value.prefix_list, to.at};
      const PrefixList* list = Resolve(topology_, vpc_, &Vpc::prefix_lists, "prefix list",
                                       "prefix_lists", name, findings_);
      if (list == nullptr) return;
      if (!prefix_lists.insert(list->name.value).second) {
        findings_.Add(to.at, "the table has a route to pl:{} already", list->name.value);
      }
      for (const Located<Cidr>& cidr : list->cidrs) {
        ++count[cidr.value.family()];
        if (const Located<Cidr>* block = BlockContaining(cidr.value.prefix())) {
          findings_.Add(to.at, "pl:{} holds {}, which lies in the VPC ({})", list->name.value,
                        cidr.value.ToString(), block->value.ToString());
        }
      }
      return;
    }
    const Cidr& cidr = *to.value.cidr;
    ++count[cidr.family()];
    if (cidr.has_host_bits()) {
      findings_.Add(to.at, "{} has host bits; the block is {}", cidr.ToString(),
                    cidr.prefix().ToString());
    }
    const auto [first, is_new] = destinations.emplace(cidr.prefix(), to.at);
    if (!is_new) {
      findings_.Add(to.at, "the table has a route to {} already, at {}:{}",
                    cidr.prefix().ToString(), first->second.line, first->second.column);
    }
    for (const IpPrefix& reserved : {link_local, amazon}) {
      if (reserved.Contains(cidr.prefix())) {
        findings_.Add(to.at, "{} lies in {}, which AWS keeps for its own services", cidr.ToString(),
                      reserved.ToString());
      }
    }
  }

  void CheckTarget(const Located<RouteTarget>& via) {
    switch (via.value.kind) {
      case RouteTarget::Kind::kGateway:
        return CheckGateway({via.value.name, via.at});
      case RouteTarget::Kind::kInstance:
        return CheckInstance({via.value.name, via.at});
      case RouteTarget::Kind::kEni:
        return CheckEni({via.value.name, via.at});
      case RouteTarget::Kind::kPeering:
        return CheckPeering({via.value.name, via.at});
      case RouteTarget::Kind::kLocal:
      case RouteTarget::Kind::kBlackhole:
        return;
    }
  }

  void CheckPeering(const Name& via) {
    const Peering* peering = FindByName(topology_.peerings, via.value);
    if (peering == nullptr) {
      if (topology_.unreadable.contains("peerings")) return;
      findings_.Add(via.at, "via: peering \"{}\" does not exist{}", via.value,
                    DidYouMean(via.value, NamesOf(topology_.peerings)));
      return;
    }
    if (!peering->requester || !peering->accepter) return;
    const std::string& own = vpc_.name.value;
    if (peering->requester->value == own || peering->accepter->value == own) return;
    findings_.Add(via.at, "peering \"{}\" connects vpc \"{}\" and vpc \"{}\", not vpc \"{}\"",
                  via.value, peering->requester->value, peering->accepter->value, own);
  }

  void CheckGateway(const Name& via) {
    if (vpc_.internet_gateway && vpc_.internet_gateway->value == via.value) return;
    if (IsEgressOnlyGateway(via.value)) return;
    if (FindByName(vpc_.nat_gateways, via.value) != nullptr) return;
    if (topology_.unreadable.contains("nat_gateways") ||
        topology_.unreadable.contains("internet_gateway") ||
        topology_.unreadable.contains("egress_only_internet_gateway"))
      return;
    for (const Vpc& other : topology_.vpcs) {
      if (other.internet_gateway && other.internet_gateway->value == via.value) {
        findings_.Add(via.at,
                      "internet gateway \"{}\" is attached to vpc \"{}\", not to vpc \"{}\"",
                      via.value, other.name.value, vpc_.name.value);
        return;
      }
      if (FindByName(other.nat_gateways, via.value) != nullptr) {
        findings_.Add(via.at, "NAT gateway \"{}\" is in vpc \"{}\", not in vpc \"{}\"", via.value,
                      other.name.value, vpc_.name.value);
        return;
      }
    }
    if (FindByName(topology_.instances, via.value) != nullptr) {
      findings_.Add(via.at, "via: \"{}\" is an instance; write instance:{}", via.value, via.value);
      return;
    }
    std::vector<std::string> known = NamesOf(vpc_.nat_gateways);
    if (vpc_.internet_gateway) known.push_back(vpc_.internet_gateway->value);
    if (vpc_.egress_only_internet_gateway)
      known.push_back(vpc_.egress_only_internet_gateway->value);
    known.insert(known.end(), {"local", "blackhole"});
    findings_.Add(via.at, "via: vpc \"{}\" has no gateway \"{}\"{}", vpc_.name.value, via.value,
                  DidYouMean(via.value, known));
  }

  void CheckInstance(const Name& via) {
    const Instance* instance = FindByName(topology_.instances, via.value);
    if (instance == nullptr) return ReportNoInstance(via);
    if (instance->interfaces.size() > 1) {
      findings_.Add(via.at, "instance \"{}\" has {} interfaces; name one, as in eni:{}", via.value,
                    instance->interfaces.size(), EniName(via.value, 1));
      return;
    }
    CheckSameVpc({instance, 0}, via.at);
  }

  void CheckEni(const Name& via) {
    const InterfaceRef eni = FindEni(topology_, via.value);
    if (eni) return CheckSameVpc(eni, via.at);
    const ScopedName parts = SplitScope(via.value);
    const Instance* instance =
        FindByName(topology_.instances, parts.vpc.empty() ? parts.name : parts.vpc);
    if (instance == nullptr) {
      return ReportNoInstance({std::string(parts.vpc.empty() ? parts.name : parts.vpc), via.at});
    }
    findings_.Add(via.at, "instance \"{}\" has no interface \"{}\"; its last is eth{}",
                  instance->name.value, parts.name, instance->interfaces.size() - 1);
  }

  void ReportNoInstance(const Name& via) {
    if (topology_.unreadable.contains("instances")) return;
    findings_.Add(via.at, "via: instance \"{}\" does not exist{}", via.value,
                  DidYouMean(via.value, NamesOf(topology_.instances)));
  }

  void CheckSameVpc(const InterfaceRef& eni, Position at) {
    const SubnetRef subnet = SubnetOf(topology_, eni.interface());
    if (!subnet || subnet.vpc == &vpc_) return;
    findings_.Add(at, "via: {} is in vpc \"{}\", not in vpc \"{}\"",
                  EniName(eni.instance->name.value, eni.index), subnet.vpc->name.value,
                  vpc_.name.value);
  }

  bool IsInternetGateway(const RouteTarget& target) const {
    return target.kind == RouteTarget::Kind::kGateway && vpc_.internet_gateway &&
           vpc_.internet_gateway->value == target.name;
  }
  bool IsEgressOnlyGateway(std::string_view name) const {
    return vpc_.egress_only_internet_gateway && vpc_.egress_only_internet_gateway->value == name;
  }
  bool IsNatGateway(const RouteTarget& target) const {
    return target.kind == RouteTarget::Kind::kGateway &&
           FindByName(vpc_.nat_gateways, target.name) != nullptr;
  }

  // Rules about a destination and a target together.
  void CheckPair(const Located<RouteDestination>& to, const Located<RouteTarget>& via) {
    if (!to.value.cidr) {
      if (via.value.kind == RouteTarget::Kind::kLocal) {
        findings_.Add(via.at, "via: local delivers to the VPC's own blocks, not to a prefix list");
      }
      return;
    }
    const IpPrefix destination = to.value.cidr->prefix();
    if (destination.family() == Family::kIpv6 && IsNatGateway(via.value)) {
      findings_.Add(via.at,
                    "NAT gateway \"{}\" forwards IPv4 only (NAT64 is not modelled yet); {} is IPv6",
                    via.value.name, destination.ToString());
    }
    const bool is_egress_only =
        via.value.kind == RouteTarget::Kind::kGateway && IsEgressOnlyGateway(via.value.name);
    if (destination.family() == Family::kIpv4 && is_egress_only) {
      findings_.Add(via.at, "egress-only internet gateway \"{}\" forwards IPv6 only; {} is IPv4",
                    via.value.name, destination.ToString());
    }
    const Located<Cidr>* block = BlockContaining(destination);
    if (block == nullptr) {
      if (via.value.kind == RouteTarget::Kind::kLocal) {
        findings_.Add(via.at, "via: local is for a block of the VPC itself, and {} is none",
                      destination.ToString());
      }
      return;
    }
    const bool whole_block = block->value.prefix() == destination;
    if (via.value.kind == RouteTarget::Kind::kLocal) {
      if (!whole_block) {
        findings_.Add(to.at, "{} is local already: it lies in {}", destination.ToString(),
                      block->value.ToString());
      }
      return;
    }
    if (!whole_block && !IsSubnet(destination)) {
      findings_.Add(to.at,
                    "{} is more specific than the local route {}; such a route must be for the "
                    "whole block of a subnet",
                    destination.ToString(), block->value.ToString());
      return;
    }
    if (IsInternetGateway(via.value) || is_egress_only ||
        via.value.kind == RouteTarget::Kind::kPeering) {
      findings_.Add(via.at,
                    "{} lies in the VPC ({}); only an instance, an ENI or a NAT gateway can take "
                    "over local traffic",
                    destination.ToString(), block->value.ToString());
    }
  }

  // The VPC's block that a destination is equal to or lies in; null when it does not.
  const Located<Cidr>* BlockContaining(const IpPrefix& destination) const {
    for (const auto* blocks : {&vpc_.cidrs, &vpc_.ipv6_cidrs}) {
      for (const Located<Cidr>& block : *blocks) {
        if (block.value.prefix().Contains(destination)) return &block;
      }
    }
    return nullptr;
  }

  bool IsSubnet(const IpPrefix& destination) const {
    return std::any_of(vpc_.subnets.begin(), vpc_.subnets.end(), [&](const Subnet& subnet) {
      return (subnet.cidr && subnet.cidr->value.prefix() == destination) ||
             (subnet.ipv6_cidr && subnet.ipv6_cidr->value.prefix() == destination);
    });
  }

  const Topology& topology_;
  const Vpc& vpc_;
  Findings& findings_;
};

void CheckMainTable(const Vpc& vpc, Findings& findings) {
  const RouteTable* main = nullptr;
  for (const RouteTable& table : vpc.route_tables) {
    const bool written_main = table.main && table.main->value;
    if (table.name.value == kMainName && table.main && !table.main->value) {
      findings.Add(table.main->at,
                   "the route table called \"main\" is the VPC's main table; give it another name");
      continue;
    }
    if (!written_main && table.name.value != kMainName) continue;
    if (main != nullptr) {
      findings.Add(table.main ? table.main->at : table.name.at,
                   "route table \"{}\" is the main table of vpc \"{}\" already", main->name.value,
                   vpc.name.value);
    } else {
      main = &table;
    }
  }
}

}  // namespace

void CheckRoutes(const Topology& topology, Findings& findings) {
  for (const Vpc& vpc : topology.vpcs) {
    if (vpc.internet_gateway) CheckGatewayName(*vpc.internet_gateway, findings);
    for (const NatGateway& gateway : vpc.nat_gateways) {
      CheckNatGateway(topology, vpc, gateway, findings);
    }
    if (vpc.egress_only_internet_gateway) CheckEgressOnlyGateway(vpc, findings);
    for (const PrefixList& list : vpc.prefix_lists) CheckPrefixList(list, findings);
    for (const GatewayEndpoint& endpoint : vpc.gateway_endpoints) {
      CheckGatewayEndpoint(topology, vpc, endpoint, findings);
    }
    if (vpc.edge_route_table) EdgeTableCheck(topology, vpc, findings).Check(*vpc.edge_route_table);
    CheckMainTable(vpc, findings);
    RouteTableCheck check(topology, vpc, findings);
    for (const RouteTable& table : vpc.route_tables) {
      if (findings.full()) return;
      check.Check(table);
    }
  }
}

}  // namespace taploom::control
