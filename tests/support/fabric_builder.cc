#include "tests/support/fabric_builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>
#include <stdexcept>

#include "dataplane/config/fabric_config.pb.h"
#include "dataplane/tables/compile.h"
#include "dataplane/wire/ip_address.h"

namespace taploom::test {
namespace {

[[noreturn]] void Reject(const std::string& text) {
  throw std::invalid_argument("not understood: \"" + text + "\"");
}

FabricBuilder::Texts WordsOf(const std::string& text) {
  std::istringstream stream(text);
  FabricBuilder::Texts words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

std::string BytesOf(const std::string& text) {
  const auto address = wire::IpAddress::Parse(text);
  if (!address) Reject(text);
  const auto bytes = address->bytes();
  return {bytes.begin(), bytes.end()};
}

std::string BytesOf(const wire::MacAddress& mac) { return {mac.bytes.begin(), mac.bytes.end()}; }

void SetPrefix(const std::string& text, config::Prefix& prefix) {
  const auto parsed = wire::IpPrefix::Parse(text);
  if (!parsed) Reject(text);
  const auto bytes = parsed->address.bytes();
  prefix.set_address({bytes.begin(), bytes.end()});
  prefix.set_length(parsed->length);
}

bool IsPrefix(const config::Prefix& prefix, const std::string& text) {
  config::Prefix other;
  SetPrefix(text, other);
  return prefix.address() == other.address() && prefix.length() == other.length();
}

// "80", "8000-8010" or, for ICMP, "3", "3/4".
void SetRange(const std::string& text, config::Match& match) {
  const bool is_icmp = match.protocol() == 1 || match.protocol() == 58;
  const auto split = text.find(is_icmp ? '/' : '-');
  const int first = std::stoi(text);
  const int second =
      split == std::string::npos ? (is_icmp ? -1 : first) : std::stoi(text.substr(split + 1));
  if (is_icmp) {
    match.set_icmp_type(first);
    match.set_icmp_code(second);
  } else {
    match.set_from_port(static_cast<std::uint32_t>(first));
    match.set_to_port(static_cast<std::uint32_t>(second));
  }
}

int ProtocolOf(const std::string& word) {
  static const std::map<std::string, int> kNames = {
      {"all", -1}, {"tcp", 6}, {"udp", 17}, {"icmp", 1}, {"icmpv6", 58}};
  const auto named = kNames.find(word);
  return named != kNames.end() ? named->second : std::stoi(word);
}

// Reads "tcp 80" or "all" from the front of [word, end) and leaves `word` behind it.
template <typename Iterator>
void SetMatch(Iterator& word, Iterator end, config::Match& match) {
  if (word == end) Reject("a rule without a protocol");
  match.set_protocol(ProtocolOf(*word++));
  match.set_to_port(65'535);
  match.set_icmp_type(-1);
  match.set_icmp_code(-1);
  const bool is_range = word != end && word->find_first_not_of("0123456789-/") == std::string::npos;
  // "10.0.0.0/16" has dots, "::/0" colons: a bare "3/4" can only be a type and a code.
  if (is_range) SetRange(*word++, match);
}

template <typename Repeated>
auto* FindByName(Repeated& objects, const std::string& name) {
  const auto found = std::find_if(objects.begin(), objects.end(),
                                  [&](const auto& object) { return object.name() == name; });
  return found == objects.end() ? nullptr : &*found;
}

template <typename Repeated>
auto& GetByName(Repeated& objects, const std::string& name) {
  auto* found = FindByName(objects, name);
  if (found == nullptr) Reject(name);
  return *found;
}

// "10.0.0.10 = 203.0.113.10"
template <typename Eni>
void AddAddresses(const FabricBuilder::Texts& addresses, Eni& eni) {
  for (const std::string& text : addresses) {
    const auto words = WordsOf(text);
    config::EniAddress& address = *eni.add_addresses();
    address.set_private_address(BytesOf(words.at(0)));
    if (words.size() == 3 && words[1] == "=") {
      address.set_public_address(BytesOf(words[2]));
    } else if (words.size() != 1) {
      Reject(text);
    }
  }
}

}  // namespace

FabricBuilder::FabricBuilder() : config_(std::make_unique<config::FabricConfig>()) {
  config_->set_name("test");
}
FabricBuilder::~FabricBuilder() = default;

std::string FabricBuilder::id(const std::string& kind, const std::string& name) const {
  std::uint64_t hash = 0xcbf29ce484222325ull;  // FNV-1a
  for (const char letter : kind + "/" + name)
    hash = (hash ^ static_cast<std::uint8_t>(letter)) * 0x100000001b3ull;
  return fmt::format("{}-{:016x}0", kind, hash);
}

wire::MacAddress FabricBuilder::NextMac(std::uint8_t kind) {
  const std::uint16_t number = next_mac_++;
  return {
      {kind, 0, 0, 0, static_cast<std::uint8_t>(number >> 8), static_cast<std::uint8_t>(number)}};
}

FabricBuilder& FabricBuilder::Vpc(const std::string& name, const Texts& cidrs) {
  config::Vpc& vpc = *config_->add_vpcs();
  vpc_ = name;
  vpc.set_id(id("vpc", name));
  vpc.set_name(name);
  vpc.set_region("eu-central-1");
  for (const std::string& cidr : cidrs) SetPrefix(cidr, *vpc.add_cidrs());
  return *this;
}

FabricBuilder& FabricBuilder::InternetGateway() {
  config::InternetGateway& gateway = *config_->add_internet_gateways();
  gateway.set_id(id("igw", vpc_));
  gateway.set_name(vpc_ + "-igw");
  gateway.set_vpc_id(id("vpc", vpc_));
  return *this;
}

FabricBuilder& FabricBuilder::EgressOnlyGateway() {
  config::EgressOnlyInternetGateway& gateway = *config_->add_egress_only_internet_gateways();
  gateway.set_id(id("eigw", vpc_));
  gateway.set_name(vpc_ + "-eigw");
  gateway.set_vpc_id(id("vpc", vpc_));
  return *this;
}

FabricBuilder& FabricBuilder::EdgeTable() {
  const std::string table_id = AddRouteTable(vpc_ + "-edge").id();
  GetByName(*config_->mutable_internet_gateways(), vpc_ + "-igw").set_route_table_id(table_id);
  return *this;
}

FabricBuilder& FabricBuilder::GatewayEndpoint(const std::string& name,
                                              const std::string& prefix_list, bool always_tracked) {
  config::GatewayEndpoint& endpoint = *config_->add_gateway_endpoints();
  endpoint.set_id(id("vpce", name));
  endpoint.set_name(name);
  endpoint.set_vpc_id(id("vpc", vpc_));
  endpoint.set_prefix_list_id(GetByName(*config_->mutable_prefix_lists(), prefix_list).id());
  endpoint.set_always_tracked(always_tracked);
  return *this;
}

FabricBuilder& FabricBuilder::Peering(const std::string& name, const std::string& requester,
                                      const std::string& accepter) {
  config::VpcPeeringConnection& peering = *config_->add_vpc_peering_connections();
  peering.set_id(id("pcx", name));
  peering.set_name(name);
  peering.set_requester_vpc_id(id("vpc", requester));
  peering.set_accepter_vpc_id(id("vpc", accepter));
  return *this;
}

void FabricBuilder::SetFault(const config::Fault& part, bool down) {
  const auto same = [&](const config::Fault& fault) {
    return fault.availability_zone() == part.availability_zone() &&
           fault.nat_gateway_id() == part.nat_gateway_id();
  };
  auto& faults = *config_->mutable_faults();
  const auto known = std::find_if(faults.begin(), faults.end(), same);
  const bool is_known = known != faults.end();
  config::Fault& fault = is_known ? *known : *faults.Add();
  const bool begins = down && (!is_known || fault.is_over());
  const std::uint64_t began = begins ? config_->generation() + 1 : fault.began_at_generation();
  fault = part;
  fault.set_is_over(!down);
  fault.set_began_at_generation(began);
}

FabricBuilder& FabricBuilder::ZoneFault(const std::string& zone, bool down) {
  config::Fault part;
  part.set_availability_zone(zone);
  SetFault(part, down);
  return *this;
}

FabricBuilder& FabricBuilder::NatFault(const std::string& name, bool down) {
  config::Fault part;
  part.set_nat_gateway_id(id("nat", name));
  SetFault(part, down);
  return *this;
}

config::RouteTable& FabricBuilder::AddRouteTable(const std::string& name) {
  config::RouteTable& table = *config_->add_route_tables();
  table.set_id(id("rtb", name));
  table.set_name(name);
  table.set_vpc_id(id("vpc", vpc_));
  for (const config::Prefix& cidr : GetByName(*config_->mutable_vpcs(), vpc_).cidrs()) {
    config::Route& local = *table.add_routes();
    *local.mutable_destination() = cidr;
    local.set_target(config::ROUTE_TARGET_LOCAL);
  }
  return table;
}

FabricBuilder& FabricBuilder::Subnet(const std::string& name, const Texts& cidrs,
                                     const std::string& zone) {
  const std::string table_id = AddRouteTable(name).id();
  config::NetworkAcl& acl = *config_->add_network_acls();
  acl.set_id(id("acl", name));
  acl.set_name(name);
  acl.set_vpc_id(id("vpc", vpc_));

  config::Subnet& subnet = *config_->add_subnets();
  subnet.set_id(id("subnet", name));
  subnet.set_name(name);
  subnet.set_vpc_id(id("vpc", vpc_));
  subnet.set_az(zone);
  for (const std::string& cidr : cidrs) SetPrefix(cidr, *subnet.add_cidrs());
  subnet.set_route_table_id(table_id);
  subnet.set_network_acl_id(acl.id());
  router_macs_[name] = NextMac(0x0a);
  subnet.set_router_mac(BytesOf(router_macs_[name]));
  return Acl(name, {"100 in allow all 0.0.0.0/0", "100 out allow all 0.0.0.0/0",
                    "101 in allow all ::/0", "101 out allow all ::/0"});
}

config::RouteTable& FabricBuilder::RouteTableOf(const std::string& subnet) {
  return GetByName(*config_->mutable_route_tables(), subnet);
}

FabricBuilder& FabricBuilder::RemoveRoute(const std::string& subnet,
                                          const std::string& destination) {
  auto& routes = *RouteTableOf(subnet).mutable_routes();
  routes.erase(std::remove_if(routes.begin(), routes.end(),
                              [&](const config::Route& route) {
                                return IsPrefix(route.destination(), destination);
                              }),
               routes.end());
  return *this;
}

FabricBuilder& FabricBuilder::Route(const std::string& subnet, const std::string& text) {
  const auto words = WordsOf(text);
  if (words.size() != 2) Reject(text);
  RemoveRoute(subnet, words[0]);
  config::Route& route = *RouteTableOf(subnet).add_routes();
  SetPrefix(words[0], *route.mutable_destination());
  const std::string& target = words[1];
  if (target == "igw") {
    const std::string vpc_id = RouteTableOf(subnet).vpc_id();
    for (const config::InternetGateway& gateway : config_->internet_gateways()) {
      if (gateway.vpc_id() == vpc_id) route.set_target_id(gateway.id());
    }
    route.set_target(config::ROUTE_TARGET_INTERNET_GATEWAY);
  } else if (target.starts_with("nat:")) {
    route.set_target(config::ROUTE_TARGET_NAT_GATEWAY);
    route.set_target_id(id("nat", target.substr(4)));
  } else if (target.starts_with("eni:")) {
    route.set_target(config::ROUTE_TARGET_ENI);
    route.set_target_id(id("eni", target.substr(4)));
  } else if (target.starts_with("pcx:")) {
    route.set_target(config::ROUTE_TARGET_VPC_PEERING);
    route.set_target_id(
        GetByName(*config_->mutable_vpc_peering_connections(), target.substr(4)).id());
  } else if (target.starts_with("vpce:")) {
    route.set_target(config::ROUTE_TARGET_GATEWAY_ENDPOINT);
    route.set_target_id(id("vpce", target.substr(5)));
  } else if (target == "eigw") {
    const std::string vpc_id = RouteTableOf(subnet).vpc_id();
    for (const auto& gateway : config_->egress_only_internet_gateways()) {
      if (gateway.vpc_id() == vpc_id) route.set_target_id(gateway.id());
    }
    route.set_target(config::ROUTE_TARGET_EGRESS_ONLY_INTERNET_GATEWAY);
  } else if (target == "local") {
    route.set_target(config::ROUTE_TARGET_LOCAL);
  } else if (target == "blackhole") {
    route.set_target(config::ROUTE_TARGET_BLACKHOLE);
  } else {
    Reject(text);
  }
  return *this;
}

FabricBuilder& FabricBuilder::Group(const std::string& name, const Texts& rules) {
  config::SecurityGroup* group = FindByName(*config_->mutable_security_groups(), name);
  if (group == nullptr) {
    group = config_->add_security_groups();
    group->set_id(id("sg", name));
    group->set_name(name);
    group->set_vpc_id(id("vpc", vpc_));
  }
  group->clear_rules();
  for (const std::string& text : rules) {
    const auto words = WordsOf(text);
    config::SecurityGroupRule& rule = *group->add_rules();
    rule.set_id(id("sgr", name + "/" + text));
    if (words.size() < 4 || (words[0] != "in" && words[0] != "out")) Reject(text);
    rule.set_direction(words[0] == "in" ? config::INGRESS : config::EGRESS);
    auto word = words.begin() + 1;
    SetMatch(word, words.end(), *rule.mutable_match());
    if (words.end() - word != 2 || *word != (words[0] == "in" ? "from" : "to")) Reject(text);
    const std::string& peer = *++word;
    if (peer.starts_with("sg:")) {
      rule.set_security_group_id(id("sg", peer.substr(3)));
    } else if (peer.starts_with("pl:")) {
      rule.set_prefix_list_id(id("pl", peer.substr(3)));
    } else {
      SetPrefix(peer, *rule.mutable_cidr());
    }
  }
  return *this;
}

FabricBuilder& FabricBuilder::Acl(const std::string& subnet, const Texts& entries) {
  config::NetworkAcl& acl = GetByName(*config_->mutable_network_acls(), subnet);
  acl.clear_entries();
  for (const std::string& text : entries) {
    const auto words = WordsOf(text);
    if (words.size() < 5 || (words[1] != "in" && words[1] != "out") ||
        (words[2] != "allow" && words[2] != "deny"))
      Reject(text);
    config::NetworkAclEntry& entry = *acl.add_entries();
    entry.set_rule_number(static_cast<std::uint32_t>(std::stoul(words[0])));
    entry.set_direction(words[1] == "in" ? config::INGRESS : config::EGRESS);
    entry.set_allow(words[2] == "allow");
    auto word = words.begin() + 3;
    SetMatch(word, words.end(), *entry.mutable_match());
    if (words.end() - word != 1) Reject(text);
    SetPrefix(*word, *entry.mutable_cidr());
  }
  return *this;
}

FabricBuilder& FabricBuilder::PrefixList(const std::string& name, const Texts& cidrs) {
  config::PrefixList& list = *config_->add_prefix_lists();
  list.set_id(id("pl", name));
  list.set_name(name);
  for (const std::string& cidr : cidrs) SetPrefix(cidr, *list.add_cidrs());
  return *this;
}

FabricBuilder& FabricBuilder::Eni(const std::string& name, const std::string& subnet,
                                  const Texts& addresses, const Texts& groups,
                                  const EniOptions& options) {
  config::Eni& eni = *config_->add_enis();
  eni.set_id(id("eni", name));
  eni.set_name(name);
  eni.set_subnet_id(GetByName(*config_->mutable_subnets(), subnet).id());
  macs_[name] = NextMac(0x02);
  router_macs_[name] = router_macs_.at(subnet);
  eni.set_mac(BytesOf(macs_[name]));
  AddAddresses(addresses, eni);
  for (const std::string& group : groups)
    eni.add_security_group_ids(GetByName(*config_->mutable_security_groups(), group).id());
  eni.set_source_dest_check(options.source_dest_check);
  if (options.attached) {
    ports_[name] = static_cast<tables::PortId>(ports_.size() + 1);
    eni.set_port(ports_[name]);
  }
  config::ConnectionTracking& tracking = *eni.mutable_connection_tracking();
  tracking.set_tcp_established_seconds(options.tcp_established_seconds);
  tracking.set_udp_stream_seconds(options.udp_stream_seconds);
  tracking.set_udp_seconds(options.udp_seconds);
  return *this;
}

FabricBuilder& FabricBuilder::SetAddresses(const std::string& name, const Texts& addresses) {
  config::Eni& eni = GetByName(*config_->mutable_enis(), name);
  eni.clear_addresses();
  AddAddresses(addresses, eni);
  return *this;
}

FabricBuilder& FabricBuilder::NatGateway(const std::string& name, const std::string& subnet,
                                         const Texts& addresses) {
  config::Eni& eni = *config_->add_enis();
  eni.set_id(id("eni", name));
  eni.set_name(name);
  eni.set_type(config::Eni::NAT_GATEWAY);
  eni.set_subnet_id(GetByName(*config_->mutable_subnets(), subnet).id());
  macs_[name] = NextMac(0x02);
  eni.set_mac(BytesOf(macs_[name]));
  AddAddresses(addresses, eni);
  config::NatGateway& gateway = *config_->add_nat_gateways();
  gateway.set_id(id("nat", name));
  gateway.set_name(name);
  gateway.set_eni_id(eni.id());
  gateway.set_public_connectivity(!eni.addresses(0).public_address().empty());
  return *this;
}

FabricBuilder& FabricBuilder::InternetHost(const std::string& name, const Texts& addresses) {
  config::InternetHost& host = *config_->add_internet_hosts();
  host.set_id(id("host", name));
  host.set_name(name);
  for (const std::string& address : addresses) host.add_addresses(BytesOf(address));
  macs_[name] = NextMac(0x02);
  router_macs_[name] = NextMac(0x0a);
  host.set_mac(BytesOf(macs_[name]));
  host.set_router_mac(BytesOf(router_macs_[name]));
  ports_[name] = static_cast<tables::PortId>(ports_.size() + 1);
  host.set_port(ports_[name]);
  return *this;
}

FabricBuilder& FabricBuilder::ConnectionsPerEni(std::uint32_t count) {
  config_->mutable_limits()->set_connections_per_eni(count);
  return *this;
}

FabricBuilder& FabricBuilder::Use(const config::FabricConfig& config) {
  const std::uint64_t generation = config_->generation();
  *config_ = config;
  config_->set_generation(generation);
  ports_.clear();
  std::map<std::string, wire::MacAddress> router_of_subnet;
  for (const config::Subnet& subnet : config.subnets()) {
    router_of_subnet[subnet.id()] = *wire::MacAddress::FromBytes(subnet.router_mac());
    router_macs_[subnet.name()] = router_of_subnet[subnet.id()];
  }
  for (const config::Eni& eni : config.enis()) {
    macs_[eni.name()] = *wire::MacAddress::FromBytes(eni.mac());
    router_macs_[eni.name()] = router_of_subnet.at(eni.subnet_id());
    if (eni.port() != 0) ports_[eni.name()] = static_cast<tables::PortId>(eni.port());
  }
  for (const config::InternetHost& host : config.internet_hosts()) {
    macs_[host.name()] = *wire::MacAddress::FromBytes(host.mac());
    router_macs_[host.name()] = *wire::MacAddress::FromBytes(host.router_mac());
    ports_[host.name()] = static_cast<tables::PortId>(host.port());
  }
  return *this;
}

std::shared_ptr<const tables::Snapshot> FabricBuilder::Build() {
  config_->set_generation(config_->generation() + 1);
  tables::CompileResult result = tables::Compile(*config_);
  if (result.snapshot == nullptr) throw std::invalid_argument(result.error);
  return result.snapshot;
}

std::string FabricBuilder::name_of(tables::PortId port) const {
  for (const auto& [name, candidate] : ports_) {
    if (candidate == port) return name;
  }
  return "port " + std::to_string(port);
}

}  // namespace taploom::test
