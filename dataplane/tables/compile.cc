#include "dataplane/tables/compile.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <set>
#include <unordered_set>
#include <utility>
#include <vector>

#include "dataplane/config/fabric_config.pb.h"
#include "dataplane/tables/compile_rules.h"
#include "dataplane/tables/config_fields.h"

namespace taploom::tables {
namespace {

const std::string& NameOrId(const std::string& name, const std::string& id) {
  return name.empty() ? id : name;
}

template <typename Message>
Subject SubjectOf(std::string_view kind, const Message& message) {
  return {kind, message.id(), message.name()};
}

Subject SubjectOf(const config::Vpc& vpc) { return SubjectOf("VPC", vpc); }
Subject SubjectOf(const config::Subnet& subnet) { return SubjectOf("subnet", subnet); }
Subject SubjectOf(const config::RouteTable& table) { return SubjectOf("route table", table); }
Subject SubjectOf(const config::NetworkAcl& acl) { return SubjectOf("network ACL", acl); }
Subject SubjectOf(const config::SecurityGroup& group) { return SubjectOf("security group", group); }
Subject SubjectOf(const config::Eni& eni) { return SubjectOf("ENI", eni); }
Subject SubjectOf(const config::InternetGateway& igw) { return SubjectOf("internet gateway", igw); }
Subject SubjectOf(const config::NatGateway& nat) { return SubjectOf("NAT gateway", nat); }
Subject SubjectOf(const config::InternetHost& host) { return SubjectOf("internet host", host); }

// Builds one snapshot. Objects come in an order in which every reference points backwards; routes
// and rules, which may name anything, come last.
class Compiler {
 public:
  explicit Compiler(const config::FabricConfig& config) : config_(config) {}

  std::shared_ptr<const Snapshot> Run() {
    snapshot_->name = config_.name();
    snapshot_->generation = config_.generation();
    ReadLimits();
    for (const config::Vpc& vpc : config_.vpcs()) AddVpc(vpc);
    for (const config::InternetGateway& igw : config_.internet_gateways()) AddInternetGateway(igw);
    for (const config::NetworkAcl& acl : config_.network_acls()) AddNetworkAcl(acl);
    for (const config::RouteTable& table : config_.route_tables()) AddRouteTable(table);
    for (const config::Subnet& subnet : config_.subnets()) AddSubnet(subnet);
    for (const config::SecurityGroup& group : config_.security_groups()) AddSecurityGroup(group);
    for (const config::Eni& eni : config_.enis()) AddEni(eni);
    for (const config::NatGateway& nat : config_.nat_gateways()) AddNatGateway(nat);
    for (const config::InternetHost& host : config_.internet_hosts()) AddInternetHost(host);
    CheckNatGatewayEnis();
    for (int i = 0; i < config_.route_tables_size(); ++i) {
      AddRoutes(config_.route_tables(i), snapshot_->route_tables[static_cast<std::size_t>(i)]);
    }
    AttachSecurityGroups();
    return snapshot_;
  }

 private:
  void ReadLimits();
  void AddVpc(const config::Vpc& source);
  void AddInternetGateway(const config::InternetGateway& source);
  void AddNetworkAcl(const config::NetworkAcl& source);
  void AddRouteTable(const config::RouteTable& source);
  void AddSubnet(const config::Subnet& source);
  void AddSecurityGroup(const config::SecurityGroup& source);
  void AddEni(const config::Eni& source);
  void AddEniAddress(const Subject& subject, const config::EniAddress& source, EniIndex index,
                     Eni& eni);
  void AddNatGateway(const config::NatGateway& source);
  void CheckNatGatewayEnis();
  void AddInternetHost(const config::InternetHost& source);
  void AddRoutes(const config::RouteTable& source, RouteTable& table);
  void SetRouteTarget(const Subject& subject, const config::Route& source, VpcIndex vpc,
                      Route& route);
  void AttachSecurityGroups();
  NamedPeersById SecurityGroupMembers() const;

  // Records that `owner` hangs on `port`; a port carries one thing.
  void OccupyPort(const Subject& subject, PortId port, PortOwner owner);
  // The station address `mac` belongs to `subject` alone within the subnet.
  void OccupyMac(const Subject& subject, SubnetIndex subnet, const wire::MacAddress& mac);

  const config::FabricConfig& config_;
  std::shared_ptr<Snapshot> snapshot_ = std::make_shared<Snapshot>();

  IdTable<Vpc> vpcs_{"VPC"};
  IdTable<InternetGateway> internet_gateways_{"internet gateway"};
  IdTable<NetworkAcl> network_acls_{"network ACL"};
  IdTable<RouteTable> route_tables_{"route table"};
  IdTable<Subnet> subnets_{"subnet"};
  IdTable<SecurityGroup> security_groups_{"security group"};
  IdTable<Eni> enis_{"ENI"};
  IdTable<NatGateway> nat_gateways_{"NAT gateway"};
  IdTable<InternetHost> internet_hosts_{"internet host"};

  std::vector<VpcIndex> vpc_of_network_acl_;          // the snapshot needs it no longer
  std::vector<DisjointPrefixes> subnet_blocks_;       // by VPC
  std::unordered_set<std::uint32_t> vpcs_with_main_;  // route table
  DisjointPrefixes routed_v6_blocks_;                 // of VPCs with an internet gateway
  std::set<std::pair<std::uint32_t, std::array<std::uint8_t, 6>>> macs_;  // subnet, address
};

void Compiler::ReadLimits() {
  const config::Limits& limits = config_.limits();
  if (limits.connections() != 0) snapshot_->limits.connections = limits.connections();
  if (limits.connections_per_eni() != 0) {
    snapshot_->limits.connections_per_eni = limits.connections_per_eni();
  }
}

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
  snapshot_->internet_gateways.push_back({source.id(), source.name(), vpc_index});
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

void Compiler::AddSecurityGroup(const config::SecurityGroup& source) {
  const Subject subject = SubjectOf(source);
  security_groups_.Add(subject);
  snapshot_->security_groups.push_back(
      {source.id(), source.name(), vpcs_.Get(subject, source.vpc_id())});
}

void Compiler::AddEni(const config::Eni& source) {
  const Subject subject = SubjectOf(source);
  enis_.Add(subject);
  const EniIndex index{static_cast<std::uint32_t>(snapshot_->enis.size())};
  Eni eni;
  eni.id = source.id();
  eni.name = source.name();
  switch (source.type()) {
    case config::Eni::INTERFACE:
      eni.type = EniType::kInterface;
      break;
    case config::Eni::NAT_GATEWAY:
      eni.type = EniType::kNatGateway;
      break;
    case config::Eni::LOAD_BALANCER:
      eni.type = EniType::kLoadBalancer;
      break;
    default:  // proto3 enums are open
      Reject(subject, "unknown type {}", static_cast<int>(source.type()));
  }
  eni.subnet = subnets_.Get(subject, source.subnet_id());
  eni.vpc = (*snapshot_)[eni.subnet].vpc;
  eni.mac = ReadMac(subject, "MAC", source.mac());
  OccupyMac(subject, eni.subnet, eni.mac);

  if (source.addresses().empty()) Reject(subject, "has no address");
  for (const config::EniAddress& address : source.addresses()) {
    AddEniAddress(subject, address, index, eni);
  }

  const bool is_nat_gateway = eni.type == EniType::kNatGateway;
  if (is_nat_gateway && !source.security_group_ids().empty()) {
    Reject(subject, "a NAT gateway cannot have security groups");
  }
  for (const std::string& id : source.security_group_ids()) {
    const SecurityGroupIndex group = security_groups_.Get(subject, id);
    if ((*snapshot_)[group].vpc != eni.vpc)
      Reject(subject, "security group {} is in another VPC", id);
    for (const SecurityGroupIndex earlier : eni.security_groups) {
      if (earlier == group) Reject(subject, "security group {} is named twice", id);
    }
    eni.security_groups.push_back(group);
  }

  eni.source_dest_check = source.source_dest_check();
  eni.port = ReadPort(subject, source.port());
  if (is_nat_gateway && eni.port != kNoPort) Reject(subject, "a NAT gateway cannot have a port");
  OccupyPort(subject, eni.port, {.eni = index, .internet_host = {}});

  const config::ConnectionTracking& timers = source.connection_tracking();
  const auto set_unless_default = [](std::chrono::seconds& timer, std::uint32_t seconds) {
    if (seconds != 0) timer = std::chrono::seconds(seconds);
  };
  set_unless_default(eni.timers.tcp_established, timers.tcp_established_seconds());
  set_unless_default(eni.timers.udp_stream, timers.udp_stream_seconds());
  set_unless_default(eni.timers.udp, timers.udp_seconds());
  snapshot_->enis.push_back(std::move(eni));
}

void Compiler::AddEniAddress(const Subject& subject, const config::EniAddress& source,
                             EniIndex index, Eni& eni) {
  EniAddress address;
  address.private_address = ReadHostAddress(subject, "private address", source.private_address());
  const std::string text = address.private_address.ToString();
  const Subnet& subnet = (*snapshot_)[eni.subnet];
  Vpc& vpc = snapshot_->vpcs[eni.vpc.value];
  if (!subnet.Contains(address.private_address)) {
    Reject(subject, "private address {} is outside subnet {}", text, subnet.id);
  }
  if (subnet.RouterAddress(address.private_address.family()) == address.private_address) {
    Reject(subject, "private address {} is that of the router of subnet {}", text, subnet.id);
  }
  const auto [owner, is_new] = vpc.eni_by_address.emplace(address.private_address, index);
  if (!is_new) {
    const std::string& owner_id = owner->second == index ? eni.id : (*snapshot_)[owner->second].id;
    Reject(subject, "private address {} already belongs to {}", text, owner_id);
  }

  if (!source.public_address().empty()) {
    address.public_address = ReadHostAddress(subject, "public address", source.public_address());
    const std::string public_text = address.public_address->ToString();
    if (!address.public_address->is_v4() || !address.private_address.is_v4()) {
      Reject(subject, "public address {} for {}: both must be IPv4", public_text, text);
    }
    const auto [binding, is_unbound] = snapshot_->public_bindings.emplace(
        *address.public_address, PublicBinding{index, address.private_address});
    if (!is_unbound) {
      const EniIndex holder = binding->second.eni;
      Reject(subject, "public address {} is already bound to {}", public_text,
             holder == index ? eni.id : (*snapshot_)[holder].id);
    }
  }
  eni.addresses.push_back(address);
}

void Compiler::AddNatGateway(const config::NatGateway& source) {
  const Subject subject = SubjectOf(source);
  nat_gateways_.Add(subject);
  const NatGatewayIndex index{static_cast<std::uint32_t>(snapshot_->nat_gateways.size())};
  const EniIndex eni_index = enis_.Get(subject, source.eni_id());
  Eni& eni = snapshot_->enis[eni_index.value];
  if (eni.type != EniType::kNatGateway) {
    Reject(subject, "ENI {} is not of type NAT gateway", eni.id);
  }
  if (eni.nat_gateway.exists()) {
    Reject(subject, "ENI {} already belongs to NAT gateway {}", eni.id,
           (*snapshot_)[eni.nat_gateway].id);
  }
  for (const EniAddress& address : eni.addresses) {
    const bool is_public = address.public_address.has_value();
    if (source.public_connectivity() && address.private_address.is_v4() && !is_public) {
      Reject(subject, "is public, but {} has no public address",
             address.private_address.ToString());
    }
    if (!source.public_connectivity() && is_public) {
      Reject(subject, "is private, but {} has a public address",
             address.private_address.ToString());
    }
  }
  eni.nat_gateway = index;
  snapshot_->nat_gateways.push_back(
      {source.id(), source.name(), eni_index, source.public_connectivity()});
}

void Compiler::CheckNatGatewayEnis() {
  for (const Eni& eni : snapshot_->enis) {
    if (eni.type == EniType::kNatGateway && !eni.nat_gateway.exists()) {
      Reject({"ENI", eni.id, eni.name}, "is of type NAT gateway, but no NAT gateway has it");
    }
  }
}

void Compiler::AddInternetHost(const config::InternetHost& source) {
  const Subject subject = SubjectOf(source);
  internet_hosts_.Add(subject);
  const InternetHostIndex index{static_cast<std::uint32_t>(snapshot_->internet_hosts.size())};
  InternetHost host;
  host.id = source.id();
  host.name = source.name();
  if (source.addresses().empty()) Reject(subject, "has no address");
  for (const std::string& bytes : source.addresses()) {
    const wire::IpAddress address = ReadHostAddress(subject, "address", bytes);
    if (const auto bound = snapshot_->public_bindings.find(address);
        bound != snapshot_->public_bindings.end()) {
      Reject(subject, "address {} is a public address of ENI {}", address.ToString(),
             (*snapshot_)[bound->second.eni].id);
    }
    if (!snapshot_->internet_host_by_address.emplace(address, index).second) {
      Reject(subject, "address {} already belongs to an internet host", address.ToString());
    }
    for (const Vpc& vpc : snapshot_->vpcs) {
      if (address.is_v4() || !vpc.internet_gateway.exists()) continue;
      for (const wire::IpPrefix& cidr : vpc.cidrs) {
        if (cidr.Contains(address)) {
          Reject(subject, "address {} is inside VPC {}", address.ToString(), vpc.id);
        }
      }
    }
    host.addresses.push_back(address);
  }
  host.mac = ReadMac(subject, "MAC", source.mac());
  host.router_mac = ReadMac(subject, "router MAC", source.router_mac());
  if (host.mac == host.router_mac) Reject(subject, "has the MAC of its router");
  host.port = ReadPort(subject, source.port());
  OccupyPort(subject, host.port, {.eni = {}, .internet_host = index});
  snapshot_->internet_hosts.push_back(std::move(host));
}

void Compiler::AddRoutes(const config::RouteTable& source, RouteTable& table) {
  const Subject subject = SubjectOf(source);
  std::set<wire::IpPrefix> destinations;
  std::vector<Lpm::Entry> entries;
  for (const config::Route& source_route : source.routes()) {
    Route route;
    route.destination = ReadPrefix(subject, "route destination", source_route.destination());
    if (!destinations.insert(route.destination).second) {
      Reject(subject, "two routes to {}", route.destination.ToString());
    }
    SetRouteTarget(subject, source_route, table.vpc, route);
    entries.push_back({route.destination, static_cast<std::uint32_t>(table.routes.size())});
    table.routes.push_back(std::move(route));
  }
  table.lpm = Lpm(entries);
}

void Compiler::SetRouteTarget(const Subject& subject, const config::Route& source, VpcIndex vpc,
                              Route& route) {
  const std::string destination = route.destination.ToString();
  const std::string& id = source.target_id();
  route.target_id = id;
  const auto require_same_vpc = [&](std::string_view kind, VpcIndex target_vpc) {
    if (target_vpc != vpc) {
      Reject(subject, "route to {}: {} {} is in another VPC", destination, kind, id);
    }
  };
  switch (source.target()) {
    case config::ROUTE_TARGET_LOCAL:
    case config::ROUTE_TARGET_BLACKHOLE:
      if (!id.empty()) {
        Reject(subject, "route to {}: local and blackhole have no target id", destination);
      }
      route.target = source.target() == config::ROUTE_TARGET_LOCAL ? RouteTargetKind::kLocal
                                                                   : RouteTargetKind::kBlackhole;
      return;
    case config::ROUTE_TARGET_INTERNET_GATEWAY: {
      const InternetGatewayIndex igw = internet_gateways_.Get(subject, id);
      require_same_vpc("internet gateway", (*snapshot_)[igw].vpc);
      route.target = RouteTargetKind::kInternetGateway;
      route.target_index = igw.value;
      return;
    }
    case config::ROUTE_TARGET_NAT_GATEWAY: {
      const NatGatewayIndex nat = nat_gateways_.Get(subject, id);
      require_same_vpc("NAT gateway", (*snapshot_)[(*snapshot_)[nat].eni].vpc);
      route.target = RouteTargetKind::kNatGateway;
      route.target_index = nat.value;
      return;
    }
    case config::ROUTE_TARGET_ENI: {
      const EniIndex eni = enis_.Get(subject, id);
      require_same_vpc("ENI", (*snapshot_)[eni].vpc);
      route.target = RouteTargetKind::kEni;
      route.target_index = eni.value;
      return;
    }
    default:  // unspecified, or a kind this dataplane does not know
      Reject(subject, "route to {}: unknown target kind {}", destination,
             static_cast<int>(source.target()));
  }
}

void Compiler::AttachSecurityGroups() {
  const NamedPeersById prefix_lists = ReadPrefixLists(config_);
  const NamedPeersById members = SecurityGroupMembers();
  std::vector<DirectedRules> rules_of_group;
  std::unordered_set<std::string> rule_ids;
  for (const config::SecurityGroup& group : config_.security_groups()) {
    for (const config::SecurityGroupRule& rule : group.rules()) {
      if (!rule_ids.insert(rule.id()).second) {
        Reject(SubjectOf(group), "rule {}: id is used twice", rule.id());
      }
    }
    rules_of_group.push_back(ReadSecurityGroupRules(group, members, prefix_lists));
  }

  struct Filters {
    std::shared_ptr<const RuleSet> ingress, egress;
  };
  std::map<std::vector<std::uint32_t>, Filters> filters_of_groups;
  for (Eni& eni : snapshot_->enis) {
    if (eni.type == EniType::kNatGateway) continue;
    std::vector<std::uint32_t> groups;
    for (const SecurityGroupIndex group : eni.security_groups) groups.push_back(group.value);
    const auto [entry, is_new] = filters_of_groups.try_emplace(groups);
    Filters& filters = entry->second;
    if (is_new) {
      DirectedRules all;
      for (const std::uint32_t group : groups) {
        const DirectedRules& own = rules_of_group[group];
        all.ingress.insert(all.ingress.end(), own.ingress.begin(), own.ingress.end());
        all.egress.insert(all.egress.end(), own.egress.begin(), own.egress.end());
      }
      filters.ingress = std::make_shared<const RuleSet>(std::move(all.ingress));
      filters.egress = std::make_shared<const RuleSet>(std::move(all.egress));
    }
    eni.ingress_rules = filters.ingress;
    eni.egress_rules = filters.egress;
  }
}

// A group as a peer stands for the private addresses of the ENIs that carry it, of both families;
// public addresses never match (vpc-semantics §5).
NamedPeersById Compiler::SecurityGroupMembers() const {
  NamedPeersById members;
  for (const config::SecurityGroup& group : config_.security_groups()) {
    members[group.id()] = {NameOrId(group.name(), group.id()), group.vpc_id(), {}};
  }
  for (const Eni& eni : snapshot_->enis) {
    for (const SecurityGroupIndex group : eni.security_groups) {
      NamedPeers& peers = members[(*snapshot_)[group].id];
      for (const EniAddress& address : eni.addresses) {
        peers.prefixes.push_back(wire::IpPrefix::Host(address.private_address));
      }
    }
  }
  return members;
}

void Compiler::OccupyPort(const Subject& subject, PortId port, PortOwner owner) {
  if (port == kNoPort) return;
  if (snapshot_->ports.size() <= port) snapshot_->ports.resize(port + std::size_t{1});
  PortOwner& occupant = snapshot_->ports[port];
  if (occupant.eni.exists() || occupant.internet_host.exists()) {
    Reject(subject, "port {} is used twice", port);
  }
  occupant = owner;
}

void Compiler::OccupyMac(const Subject& subject, SubnetIndex subnet, const wire::MacAddress& mac) {
  if (!macs_.emplace(subnet.value, mac.bytes).second) {
    Reject(subject, "MAC {} is used twice in its subnet", mac.ToString());
  }
}

}  // namespace

CompileResult Compile(const config::FabricConfig& config) {
  try {
    return {Compiler(config).Run(), ""};
  } catch (const ConfigFault& fault) {
    return {nullptr, fault.what()};
  }
}

}  // namespace taploom::tables
