// What packets come from and go to: ENIs, NAT gateways, internet hosts.
#include <chrono>
#include <string>
#include <utility>

#include "dataplane/tables/compiler.h"

namespace taploom::tables {

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
  host.has_the_rest = source.has_the_rest();
  if (source.addresses().empty() && !host.has_the_rest) Reject(subject, "has no address");
  if (host.has_the_rest && snapshot_->rest_of_internet.exists())
    Reject(subject, "has the rest of the internet, which another host has");
  if (host.has_the_rest) snapshot_->rest_of_internet = index;
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
    if (!address.is_v4()) {
      const std::string* vpc_id = routed_v6_blocks_.Add(wire::IpPrefix::Host(address), host.id);
      if (vpc_id != nullptr)
        Reject(subject, "address {} is inside VPC {}", address.ToString(), *vpc_id);
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

}  // namespace taploom::tables
