#include "control/explain/fix.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <vector>

#include "control/explain/near_miss.h"
#include "dataplane/slowpath/describe.h"

namespace taploom::control {
namespace {

using tables::Snapshot;

// Where AWS says that clients' ports may lie (vpc-semantics §6).
constexpr int kFirstEphemeral = 1024, kLastEphemeral = 65'535;
constexpr int kLargestRuleNumber = 32'766;

// --- the three languages ---

// {"vpcs", "main", "subnets"} and "a: {…}" as nested block maps.
std::string Nested(const std::vector<std::string>& keys, const std::vector<std::string>& lines) {
  std::string text, indent;
  for (const std::string& key : keys) {
    text += fmt::format("{}{}:\n", indent, key);
    indent += "  ";
  }
  for (const std::string& line : lines) text += fmt::format("{}{}\n", indent, line);
  return text;
}

// A name as Terraform's identifiers may be.
std::string Identifier(std::string name) {
  for (char& letter : name) {
    const bool fits = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
                      (letter >= '0' && letter <= '9');
    if (!fits) letter = '_';
  }
  return name;
}

std::string Resource(const std::string& type, const std::string& name,
                     const std::vector<std::pair<std::string, std::string>>& arguments) {
  std::size_t width = 0;
  for (const auto& [key, value] : arguments) width = std::max(width, key.size());
  std::string text = fmt::format("resource \"{}\" \"{}\" {{\n", type, Identifier(name));
  for (const auto& [key, value] : arguments)
    text += fmt::format("  {:<{}} = {}\n", key, width, value);
  return text + "}\n";
}

std::string Quoted(const std::string& text) { return '"' + text + '"'; }

std::string InstanceOf(const tables::Eni& eni) { return eni.name.substr(0, eni.name.find('/')); }

// The keys under which an instance's first, or only, interface stands.
std::string InstanceYaml(const tables::Eni& eni, const std::string& line) {
  const std::string text = Nested({"instances", InstanceOf(eni)}, {line});
  if (eni.name.find('/') == std::string::npos) return text;
  return fmt::format("# of the interface {}\n{}", eni.name, text);
}

// --- what a packet needs: protocol and ports ---

struct Service {
  std::string yaml;      // "protocol: tcp, ports: 80"
  std::string words;     // "tcp 80"
  std::string protocol;  // AWS's
  int from = -1, to = -1;
};

Service ServiceOf(const Failure& failure, bool any_client_port) {
  const flow::FiveTuple& tuple = failure.stage.before;
  Service service;
  service.protocol = slowpath::ProtocolText(tuple.protocol);
  if (tuple.protocol == wire::kProtocolTcp || tuple.protocol == wire::kProtocolUdp) {
    service.from = any_client_port ? kFirstEphemeral : tuple.destination_port;
    service.to = any_client_port ? kLastEphemeral : tuple.destination_port;
    const std::string ports = service.from == service.to
                                  ? std::to_string(service.from)
                                  : fmt::format("{}-{}", service.from, service.to);
    service.yaml = fmt::format("protocol: {}, ports: {}", service.protocol, ports);
    service.words = fmt::format("{} {}", service.protocol, ports);
  } else if (tuple.protocol == wire::kProtocolIcmp || tuple.protocol == wire::kProtocolIcmpv6) {
    service.from = failure.icmp_type;
    service.to = failure.icmp_code;
    service.yaml =
        fmt::format("protocol: {}, type: {}, code: {}", service.protocol, service.from, service.to);
    service.words = fmt::format("{} type {} code {}", service.protocol, service.from, service.to);
  } else {
    service.yaml = fmt::format("protocol: {}", service.protocol);
    service.words = fmt::format("protocol {}", service.protocol);
  }
  return service;
}

// --- who is who ---

const tables::Eni* EniWithId(const Snapshot& snapshot, const std::string& id) {
  for (const tables::Eni& eni : snapshot.enis) {
    if (eni.id == id) return &eni;
  }
  return nullptr;
}

template <typename Object>
const Object* WithId(const std::vector<Object>& objects, const std::string& id) {
  for (const Object& object : objects) {
    if (object.id == id) return &object;
  }
  return nullptr;
}

const tables::Eni* OwnerIn(const Snapshot& snapshot, tables::VpcIndex vpc,
                           const wire::IpAddress& address) {
  const auto found = snapshot[vpc].eni_by_address.find(address);
  return found == snapshot[vpc].eni_by_address.end() ? nullptr : &snapshot[found->second];
}

bool IsPublic(const tables::Eni& eni, const wire::IpAddress& address) {
  const tables::EniAddress* own = eni.FindAddress(address);
  return own != nullptr && (own->public_address || !address.is_v4());
}

const tables::Route* RouteTo(const Snapshot& snapshot, const tables::Subnet& subnet,
                             const wire::IpAddress& destination) {
  const tables::RouteTable& table = snapshot[subnet.route_table];
  const std::uint32_t position = table.lpm.Find(destination);
  return position == tables::Lpm::kNotFound ? nullptr : &table.routes[position];
}

bool LeadsToInternet(const Snapshot& snapshot, const tables::Subnet& subnet,
                     const wire::IpAddress& destination) {
  const tables::Route* route = RouteTo(snapshot, subnet, destination);
  return route != nullptr && route->target == tables::RouteTargetKind::kInternetGateway;
}

// A NAT gateway of the VPC that reaches the destination itself.
const tables::NatGateway* UsableNatGateway(const Snapshot& snapshot, tables::VpcIndex vpc,
                                           const wire::IpAddress& destination) {
  for (const tables::NatGateway& gateway : snapshot.nat_gateways) {
    const tables::Eni& eni = snapshot[gateway.eni];
    if (eni.vpc == vpc && destination.is_v4() &&
        LeadsToInternet(snapshot, snapshot[eni.subnet], destination))
      return &gateway;
  }
  return nullptr;
}

// --- security groups ---

// Whom to name as the peer: its security group inside the VPC, else its address.
struct Peer {
  std::string yaml;  // "sg:web", "1.2.3.4/32"
  std::string aws;   // of an IpPermission
  std::string terraform_key, terraform_value;
};

Peer PeerOf(const Snapshot& snapshot, tables::VpcIndex vpc, const wire::IpAddress& address) {
  const tables::Eni* owner = OwnerIn(snapshot, vpc, address);
  if (owner != nullptr && !owner->security_groups.empty()) {
    const tables::SecurityGroup& group = snapshot[owner->security_groups.front()];
    return {"sg:" + group.name, fmt::format("UserIdGroupPairs=[{{GroupId={}}}]", group.id),
            "referenced_security_group_id",
            fmt::format("aws_security_group.{}.id", Identifier(group.name))};
  }
  const std::string cidr = wire::IpPrefix::Host(address).ToString();
  return {cidr,
          address.is_v4() ? fmt::format("IpRanges=[{{CidrIp={}}}]", cidr)
                          : fmt::format("Ipv6Ranges=[{{CidrIpv6={}}}]", cidr),
          address.is_v4() ? "cidr_ipv4" : "cidr_ipv6", Quoted(cidr)};
}

// The default group's rules are implicit until the file writes them; then it has to write all.
std::vector<std::string> ImplicitRules(const tables::Eni& eni, const std::string& group,
                                       bool is_ingress) {
  std::vector<std::string> lines;
  if (group != "default") return lines;
  const tables::RuleSet& rules = is_ingress ? *eni.ingress_rules : *eni.egress_rules;
  for (const tables::Rule& rule : rules.rules()) {
    if (rule.owner_name == group && rule.protocol < 0 && rule.peer_text == "sg:default")
      lines.push_back("- {protocol: all, from: sg:default}");
  }
  return lines;
}

Fix AllowInGroup(const Snapshot& snapshot, const tables::Eni& eni, const std::string& group_id,
                 const Service& service, const Peer& peer, bool is_ingress) {
  const tables::SecurityGroup* group = WithId(snapshot.security_groups, group_id);
  if (group == nullptr) group = &snapshot[eni.security_groups.front()];
  const char* const direction = is_ingress ? "ingress" : "egress";
  Fix fix;
  fix.summary =
      fmt::format("let security group {} {} {} {} {}", group->name, is_ingress ? "accept" : "send",
                  service.words, is_ingress ? "from" : "to", peer.yaml);
  std::vector<std::string> lines = ImplicitRules(eni, group->name, is_ingress);
  lines.push_back(
      fmt::format("- {{{}, {}: {}}}", service.yaml, is_ingress ? "from" : "to", peer.yaml));
  fix.topology =
      Nested({"vpcs", snapshot[eni.vpc].name, "security_groups", group->name, direction}, lines);
  const std::string ports = service.from < 0 && service.to < 0
                                ? ""
                                : fmt::format(",FromPort={},ToPort={}", service.from, service.to);
  fix.aws = fmt::format(
      "aws ec2 authorize-security-group-{} --group-id {} \\\n  --ip-permissions "
      "'IpProtocol={}{},{}'\n",
      direction, group->id, service.protocol, ports, peer.aws);
  std::vector<std::pair<std::string, std::string>> arguments = {
      {"security_group_id", fmt::format("aws_security_group.{}.id", Identifier(group->name))},
      {peer.terraform_key, peer.terraform_value},
      {"ip_protocol", Quoted(service.protocol)}};
  if (service.from >= 0 || service.to >= 0) {
    arguments.emplace_back("from_port", std::to_string(service.from));
    arguments.emplace_back("to_port", std::to_string(service.to));
  }
  fix.terraform = Resource(fmt::format("aws_vpc_security_group_{}_rule", direction),
                           fmt::format("{}_{}", group->name, service.words), arguments);
  return fix;
}

std::optional<Fix> AllowInSecurityGroup(const Failure& failure) {
  const Snapshot& snapshot = failure.snapshot;
  const tables::Eni* eni = EniWithId(snapshot, failure.stage.component_id);
  if (eni == nullptr || eni->security_groups.empty()) return std::nullopt;
  const auto asked =
      FilterQuestionOf(snapshot, failure.stage, failure.icmp_type, failure.icmp_code);
  if (!asked) return std::nullopt;
  const auto nearest = NearestRule(asked->rules->rules(), asked->query, asked->is_ingress);
  // The group whose rule comes closest is the one that was meant to.
  const std::string group = nearest ? nearest->rule->owner_id : "";
  return AllowInGroup(snapshot, *eni, group, ServiceOf(failure, false),
                      PeerOf(snapshot, eni->vpc, asked->query.peer), asked->is_ingress);
}

// --- network ACLs ---

int NumberOf(const tables::Rule& rule) {
  int number = 0;
  std::from_chars(rule.id.data(), rule.id.data() + rule.id.size(), number);
  return number;
}

// A free number before the entry that denies, or after all others when none does.
std::optional<int> FreeNumber(const tables::RuleSet& entries, std::uint32_t denying) {
  std::set<int> taken;
  for (const tables::Rule& entry : entries.rules()) taken.insert(NumberOf(entry));
  if (denying == tables::RuleSet::kNoMatch) {
    const int last = taken.empty() ? 0 : *taken.rbegin();
    const int next = last / 10 * 10 + 10;
    if (next <= kLargestRuleNumber) return next;
    denying = static_cast<std::uint32_t>(entries.rules().size() - 1);
  }
  for (int number = NumberOf(entries.rule(denying)) - 1; number >= 1; --number) {
    if (!taken.contains(number)) return number;
  }
  return std::nullopt;
}

std::optional<Fix> AllowInNetworkAcl(const Failure& failure) {
  const Snapshot& snapshot = failure.snapshot;
  const tables::NetworkAcl* acl = WithId(snapshot.network_acls, failure.stage.component_id);
  const auto asked =
      FilterQuestionOf(snapshot, failure.stage, failure.icmp_type, failure.icmp_code);
  if (acl == nullptr || !asked) return std::nullopt;
  const tables::VpcIndex vpc = [&] {
    for (const tables::Subnet& subnet : snapshot.subnets) {
      if (snapshot[subnet.network_acl].id == acl->id) return subnet.vpc;
    }
    return tables::VpcIndex();
  }();
  const auto number = FreeNumber(*asked->rules, asked->rules->Match(asked->query));
  if (!vpc.exists() || !number) return std::nullopt;
  // Replies go to whatever port the client chose.
  const Service service = ServiceOf(failure, failure.is_reply);
  const std::string cidr = wire::IpPrefix::Host(asked->query.peer).ToString();
  const char* const direction = asked->is_ingress ? "ingress" : "egress";
  Fix fix;
  fix.summary = fmt::format("let network ACL {} pass {} {} {}{}", acl->name, service.words,
                            asked->is_ingress ? "from" : "to", cidr,
                            failure.is_reply ? ": an ACL is stateless, replies need a rule" : "");
  fix.topology = Nested(
      {"vpcs", snapshot[vpc].name, "network_acls", acl->name, direction},
      {fmt::format("- {{rule: {}, action: allow, {}, cidr: {}}}", *number, service.yaml, cidr)});
  const bool is_icmp = service.protocol.starts_with("icmp");
  const bool has_ports = service.from >= 0 && !is_icmp;
  const std::string what =
      has_ports ? fmt::format(" --port-range From={},To={}", service.from, service.to)
      : is_icmp ? fmt::format(" --icmp-type-code Type={},Code={}", service.from, service.to)
                : "";
  fix.aws = fmt::format(
      "aws ec2 create-network-acl-entry --network-acl-id {} --{} --rule-number {} \\\n"
      "  --rule-action allow --protocol {}{} --{} {}\n",
      acl->id, direction, *number, service.protocol, what,
      asked->query.peer.is_v4() ? "cidr-block" : "ipv6-cidr-block", cidr);
  std::vector<std::pair<std::string, std::string>> arguments = {
      {"network_acl_id", fmt::format("aws_network_acl.{}.id", Identifier(acl->name))},
      {"egress", asked->is_ingress ? "false" : "true"},
      {"rule_number", std::to_string(*number)},
      {"rule_action", Quoted("allow")},
      {"protocol", Quoted(service.protocol)},
      {asked->query.peer.is_v4() ? "cidr_block" : "ipv6_cidr_block", Quoted(cidr)}};
  if (has_ports) {
    arguments.emplace_back("from_port", std::to_string(service.from));
    arguments.emplace_back("to_port", std::to_string(service.to));
  } else if (is_icmp) {
    arguments.emplace_back("icmp_type", std::to_string(service.from));
    arguments.emplace_back("icmp_code", std::to_string(service.to));
  }
  fix.terraform = Resource("aws_network_acl_rule",
                           fmt::format("{}_{}_{}", acl->name, direction, *number), arguments);
  return fix;
}

// --- routes ---

// The VPC, other than this, in which the address lies, and its block. Blocks that overlap cannot be
// peered.
struct OtherNetwork {
  const tables::Vpc* vpc = nullptr;
  tables::VpcIndex index;
  wire::IpPrefix cidr;
};
std::optional<OtherNetwork> NetworkOf(const Snapshot& snapshot, tables::VpcIndex self,
                                      const wire::IpAddress& address) {
  for (std::uint32_t i = 0; i < snapshot.vpcs.size(); ++i) {
    const tables::Vpc& vpc = snapshot.vpcs[i];
    if (i == self.value) continue;
    for (const wire::IpPrefix& cidr : vpc.cidrs) {
      const auto overlaps = [&](const wire::IpPrefix& own) { return own.Overlaps(cidr); };
      const auto& own = snapshot[self].cidrs;
      if (cidr.Contains(address) && std::none_of(own.begin(), own.end(), overlaps))
        return OtherNetwork{&vpc, tables::VpcIndex{i}, cidr};
    }
  }
  return std::nullopt;
}

std::optional<Fix> RouteToPeer(const Failure& failure, const tables::RouteTable& table,
                               bool replaces) {
  const Snapshot& snapshot = failure.snapshot;
  const auto other = NetworkOf(snapshot, table.vpc, failure.stage.before.destination);
  if (!other) return std::nullopt;
  const tables::Vpc& vpc = snapshot[table.vpc];
  const tables::VpcPeering* peering = nullptr;
  for (const tables::VpcPeering& each : snapshot.vpc_peerings) {
    const bool is_ours = each.requester == table.vpc || each.accepter == table.vpc;
    if (is_ours && each.OtherThan(table.vpc) == other->index) peering = &each;
  }
  const std::string name =
      peering != nullptr ? peering->name : fmt::format("{}-{}", vpc.name, other->vpc->name);
  const std::string id = peering != nullptr ? peering->id : "pcx-NEW";
  const std::string to = other->cidr.ToString();
  Fix fix;
  fix.summary = fmt::format("{} {} via peering {} in route table {} of VPC {}",
                            replaces ? "lead" : "route", to, name, table.name, vpc.name);
  if (peering == nullptr) {
    fix.summary =
        fmt::format("peer VPC {} with {}, and {}", vpc.name, other->vpc->name, fix.summary);
    fix.topology = Nested({"peerings"}, {fmt::format("{}: {{requester: {}, accepter: {}}}", name,
                                                     vpc.name, other->vpc->name)});
    fix.aws = fmt::format(
        "aws ec2 create-vpc-peering-connection --vpc-id {} --peer-vpc-id {}    # answers pcx-NEW\n"
        "aws ec2 accept-vpc-peering-connection --vpc-peering-connection-id pcx-NEW\n",
        vpc.id, other->vpc->id);
    fix.terraform =
        Resource("aws_vpc_peering_connection", name,
                 {{"vpc_id", fmt::format("aws_vpc.{}.id", Identifier(vpc.name))},
                  {"peer_vpc_id", fmt::format("aws_vpc.{}.id", Identifier(other->vpc->name))},
                  {"auto_accept", "true"}});
  }
  fix.topology += Nested({"vpcs", vpc.name, "route_tables", table.name, "routes"},
                         {fmt::format("- {{to: {}, via: \"peering:{}\"}}", to, name)});
  const bool is_v4 = other->cidr.address.is_v4();
  fix.aws +=
      fmt::format("aws ec2 {}-route --route-table-id {} --{} {} --vpc-peering-connection-id {}\n",
                  replaces ? "replace" : "create", table.id,
                  is_v4 ? "destination-cidr-block" : "destination-ipv6-cidr-block", to, id);
  fix.terraform +=
      Resource("aws_route", fmt::format("{}_{}", table.name, other->vpc->name),
               {{"route_table_id", fmt::format("aws_route_table.{}.id", Identifier(table.name))},
                {is_v4 ? "destination_cidr_block" : "destination_ipv6_cidr_block", Quoted(to)},
                {"vpc_peering_connection_id",
                 fmt::format("aws_vpc_peering_connection.{}.id", Identifier(name))}});
  return fix;
}

// A peer passes nothing on: the two ends need a peering connection of their own.
std::optional<Fix> PeerDirectly(const Failure& failure) {
  const Snapshot& snapshot = failure.snapshot;
  if (!failure.asked.source.eni.exists() || failure.is_reply) return std::nullopt;
  const tables::Subnet& subnet = snapshot[snapshot[failure.asked.source.eni].subnet];
  return RouteToPeer(failure, snapshot[subnet.route_table], true);
}

// The endpoint of this VPC that leads to the service with that address.
const tables::GatewayEndpoint* EndpointTo(const Snapshot& snapshot, const tables::Vpc& vpc,
                                          const wire::IpAddress& destination) {
  for (const tables::GatewayEndpointIndex index : vpc.gateway_endpoints) {
    const tables::GatewayEndpoint& endpoint = snapshot[index];
    const auto contains = [&](const wire::IpPrefix& cidr) { return cidr.Contains(destination); };
    if (std::any_of(endpoint.cidrs.begin(), endpoint.cidrs.end(), contains)) return &endpoint;
  }
  return nullptr;
}

Fix UseEndpoint(const tables::GatewayEndpoint& endpoint, const tables::Vpc& vpc,
                const tables::RouteTable& table) {
  Fix fix;
  fix.summary = fmt::format(
      "put gateway endpoint {} into route table {}: it serves only the tables "
      "that it names",
      endpoint.name, table.name);
  fix.topology = Nested({"vpcs", vpc.name, "gateway_endpoints", endpoint.name},
                        {fmt::format("route_tables: [{}]", table.name)});
  fix.aws =
      fmt::format("aws ec2 modify-vpc-endpoint --vpc-endpoint-id {} --add-route-table-ids {}\n",
                  endpoint.id, table.id);
  fix.terraform = Resource(
      "aws_vpc_endpoint_route_table_association", fmt::format("{}_{}", endpoint.name, table.name),
      {{"vpc_endpoint_id", fmt::format("aws_vpc_endpoint.{}.id", Identifier(endpoint.name))},
       {"route_table_id", fmt::format("aws_route_table.{}.id", Identifier(table.name))}});
  return fix;
}

std::optional<Fix> AddRoute(const Failure& failure, bool replaces) {
  const Snapshot& snapshot = failure.snapshot;
  const tables::RouteTable* table = WithId(snapshot.route_tables, failure.stage.component_id);
  if (table == nullptr) return std::nullopt;
  const tables::Vpc& vpc = snapshot[table->vpc];
  const wire::IpAddress& destination = failure.stage.before.destination;
  const bool is_outside = snapshot.internet_host_by_address.contains(destination) ||
                          snapshot.public_bindings.contains(destination);
  if (!is_outside) return RouteToPeer(failure, *table, replaces);
  if (const auto* endpoint = EndpointTo(snapshot, vpc, destination))
    return UseEndpoint(*endpoint, vpc, *table);
  const tables::Eni* sender = OwnerIn(snapshot, table->vpc, failure.stage.before.source);
  const bool is_public = sender != nullptr && IsPublic(*sender, failure.stage.before.source);
  const tables::NatGateway* nat =
      is_public ? nullptr : UsableNatGateway(snapshot, table->vpc, destination);
  const std::string to = destination.is_v4() ? "0.0.0.0/0" : "::/0";

  const bool has_gateway = vpc.internet_gateway.exists();
  const std::string igw_name = has_gateway ? snapshot[vpc.internet_gateway].name : "igw";
  const std::string igw_id = has_gateway ? snapshot[vpc.internet_gateway].id : "igw-NEW";
  const std::string via = nat != nullptr ? nat->name : igw_name;
  const std::string route = fmt::format("{{to: {}, via: {}}}", to, via);
  Fix fix;
  fix.summary = fmt::format("{} {} via {} in route table {}", replaces ? "lead" : "route", to, via,
                            table->name);
  fix.topology = "vpcs:\n  " + vpc.name + ":\n";
  if (nat == nullptr && !has_gateway) {
    fix.summary =
        fmt::format("attach an internet gateway to VPC {}, and {}", vpc.name, fix.summary);
    fix.topology += fmt::format("    internet_gateway: {}\n", igw_name);
    fix.aws = fmt::format(
        "aws ec2 create-internet-gateway    # answers igw-NEW\n"
        "aws ec2 attach-internet-gateway --internet-gateway-id igw-NEW --vpc-id {}\n",
        vpc.id);
    fix.terraform = Resource("aws_internet_gateway", igw_name,
                             {{"vpc_id", fmt::format("aws_vpc.{}.id", Identifier(vpc.name))}});
  }
  fix.topology += fmt::format("    route_tables:\n      {}:\n        routes:\n          - {}\n",
                              table->name, route);
  fix.aws += fmt::format(
      "aws ec2 {}-route --route-table-id {} --{} {} {}\n", replaces ? "replace" : "create",
      table->id, destination.is_v4() ? "destination-cidr-block" : "destination-ipv6-cidr-block", to,
      nat != nullptr ? "--nat-gateway-id " + nat->id : "--gateway-id " + igw_id);
  fix.terraform += Resource(
      "aws_route", fmt::format("{}_default", table->name),
      {{"route_table_id", fmt::format("aws_route_table.{}.id", Identifier(table->name))},
       {destination.is_v4() ? "destination_cidr_block" : "destination_ipv6_cidr_block", Quoted(to)},
       {nat != nullptr ? "nat_gateway_id" : "gateway_id",
        nat != nullptr ? fmt::format("aws_nat_gateway.{}.id", Identifier(nat->name))
                       : fmt::format("aws_internet_gateway.{}.id", Identifier(igw_name))}});
  return fix;
}

// The gateway's own subnet sends its packets back to it: it has to stand in a public one.
std::optional<Fix> MoveNatGateway(const Failure& failure) {
  const Snapshot& snapshot = failure.snapshot;
  const tables::NatGateway* gateway = WithId(snapshot.nat_gateways, failure.stage.component_id);
  if (gateway == nullptr) return std::nullopt;
  const tables::Eni& eni = snapshot[gateway->eni];
  for (const tables::Subnet& subnet : snapshot.subnets) {
    if (subnet.vpc != eni.vpc ||
        !LeadsToInternet(snapshot, subnet, failure.stage.before.destination))
      continue;
    Fix fix;
    fix.summary = fmt::format(
        "put NAT gateway {} into public subnet {}: a NAT gateway needs a way out itself",
        gateway->name, subnet.name);
    fix.topology = Nested({"vpcs", snapshot[eni.vpc].name, "nat_gateways", gateway->name},
                          {fmt::format("subnet: {}", subnet.name)});
    fix.aws = fmt::format(
        "aws ec2 create-nat-gateway --subnet-id {} --allocation-id eipalloc-NEW    # answers "
        "nat-NEW\naws ec2 replace-route --route-table-id {} --destination-cidr-block 0.0.0.0/0 "
        "--nat-gateway-id nat-NEW\naws ec2 delete-nat-gateway --nat-gateway-id {}\n",
        subnet.id, snapshot[snapshot[eni.subnet].route_table].id, gateway->id);
    fix.terraform =
        fmt::format("# in resource \"aws_nat_gateway\" \"{}\"\nsubnet_id = aws_subnet.{}.id\n",
                    Identifier(gateway->name), Identifier(subnet.name));
    return fix;
  }
  return std::nullopt;
}

// --- interfaces ---

std::optional<Fix> GivePublicAddress(const Snapshot& snapshot, const tables::Eni& eni) {
  Fix fix;
  if (eni.type == tables::EniType::kInterface) {
    fix.summary = fmt::format("give {} a public address", eni.name);
    fix.topology = InstanceYaml(eni, "public_ip: true");
    fix.aws = fmt::format(
        "aws ec2 allocate-address --domain vpc    # answers eipalloc-NEW\n"
        "aws ec2 associate-address --allocation-id eipalloc-NEW --network-interface-id {}\n",
        eni.id);
    fix.terraform =
        Resource("aws_eip", InstanceOf(eni),
                 {{"domain", Quoted("vpc")},
                  {"instance", fmt::format("aws_instance.{}.id", Identifier(InstanceOf(eni)))}});
    return fix;
  }
  if (eni.type == tables::EniType::kNatGateway) {
    const tables::NatGateway& gateway = snapshot[eni.nat_gateway];
    fix.summary = fmt::format("make NAT gateway {} a public one", gateway.name);
    fix.topology = Nested({"vpcs", snapshot[eni.vpc].name, "nat_gateways", gateway.name},
                          {"connectivity: public"});
    fix.aws = fmt::format(
        "aws ec2 create-nat-gateway --connectivity-type public --subnet-id {} --allocation-id "
        "eipalloc-NEW    # in place of {}\n",
        snapshot[eni.subnet].id, gateway.id);
    fix.terraform = fmt::format(
        "# in resource \"aws_nat_gateway\" \"{}\"\nconnectivity_type = \"public\"\n"
        "allocation_id     = aws_eip.{}.id\n",
        Identifier(gateway.name), Identifier(gateway.name));
    return fix;
  }
  return std::nullopt;  // an internal load balancer is meant to be one
}

std::optional<Fix> SwitchSourceCheckOff(const tables::Eni& eni) {
  if (eni.type != tables::EniType::kInterface) return std::nullopt;
  Fix fix;
  fix.summary = fmt::format("switch {}'s source/dest check off: it forwards for others", eni.name);
  fix.topology = InstanceYaml(eni, "source_dest_check: false");
  fix.aws = fmt::format(
      "aws ec2 modify-network-interface-attribute --network-interface-id {} "
      "--no-source-dest-check\n",
      eni.id);
  fix.terraform = fmt::format("# in resource \"aws_instance\" \"{}\"\nsource_dest_check = false\n",
                              Identifier(InstanceOf(eni)));
  return fix;
}

}  // namespace

std::optional<Fix> SmallestFix(const Failure& failure) {
  const Snapshot& snapshot = failure.snapshot;
  const tables::Eni* eni = EniWithId(snapshot, failure.stage.component_id);
  switch (failure.stage.reason) {
    case DropReason::kSecurityGroupEgress:
    case DropReason::kSecurityGroupIngress:
      return AllowInSecurityGroup(failure);
    case DropReason::kNetworkAclInbound:
    case DropReason::kNetworkAclOutbound:
      return AllowInNetworkAcl(failure);
    case DropReason::kNoRoute:
      return AddRoute(failure, false);
    case DropReason::kBlackhole:
      return AddRoute(failure, true);
    case DropReason::kPeeringOutsideVpc:
      return PeerDirectly(failure);
    case DropReason::kNatSameSubnet:
      return MoveNatGateway(failure);
    case DropReason::kSourceCheck:
    case DropReason::kDestinationCheck:
      return eni == nullptr ? std::nullopt : SwitchSourceCheckOff(*eni);
    case DropReason::kNoPublicAddress:
      for (const tables::Eni& each : snapshot.enis) {
        const bool is_behind_gateway =
            snapshot[each.vpc].internet_gateway.exists() &&
            snapshot[snapshot[each.vpc].internet_gateway].id == failure.stage.component_id;
        if (is_behind_gateway && each.FindAddress(failure.stage.before.source) != nullptr)
          return GivePublicAddress(snapshot, each);
      }
      return std::nullopt;
    case DropReason::kNoInternetDestination:
      if (!failure.is_reply && failure.asked.destination.eni.exists())
        return GivePublicAddress(snapshot, snapshot[failure.asked.destination.eni]);
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

Fix AdmitTooBig(const Snapshot& snapshot, const tables::Eni& eni, wire::Family family) {
  const bool is_v4 = family == wire::Family::kIpv4;
  const Service service{is_v4 ? "protocol: icmp, type: 3, code: 4" : "protocol: icmpv6, type: 2",
                        is_v4 ? "icmp type 3 code 4" : "icmpv6 type 2", is_v4 ? "icmp" : "icmpv6",
                        is_v4 ? 3 : 2, is_v4 ? 4 : -1};
  const std::string cidr = is_v4 ? "0.0.0.0/0" : "::/0";
  const Peer peer{cidr, is_v4 ? "IpRanges=[{CidrIp=0.0.0.0/0}]" : "Ipv6Ranges=[{CidrIpv6=::/0}]",
                  is_v4 ? "cidr_ipv4" : "cidr_ipv6", Quoted(cidr)};
  return AllowInGroup(snapshot, eni, "", service, peer, true);
}

}  // namespace taploom::control
