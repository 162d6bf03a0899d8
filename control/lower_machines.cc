// Instances and attached namespaces with their ENIs, and the hosts of the internet.
#include "control/lower_sections.h"

namespace taploom::control {
namespace {

using wire::IpAddress;

constexpr unsigned kVpcMtu = 9001;  // vpc-semantics §8
constexpr unsigned kInternetMtu = 1500;

void AddEniAddress(config::Eni* eni, const IpAddress& address,
                   const std::optional<IpAddress>& public_address) {
  config::EniAddress* lowered = eni->add_addresses();
  lowered->set_private_address(ToBytes(address));
  if (public_address) lowered->set_public_address(ToBytes(*public_address));
}

std::optional<IpAddress> PublicAddressOf(const LowerContext& context, const Interface& interface,
                                         const std::string& path) {
  if (interface.elastic_ip) return interface.elastic_ip->value;
  if (interface.public_ip && interface.public_ip->value) {
    return context.allocations.public_addresses.at(path);
  }
  return std::nullopt;
}

std::uint32_t Seconds(const std::optional<Located<int>>& timer) {
  return timer ? static_cast<std::uint32_t>(timer->value) : 0;
}

// The returned reference holds until the next ENI is added.
const config::Eni& LowerEni(LowerContext& context, const Instance& instance, std::size_t index,
                            const SubnetRef& subnet) {
  const Interface& interface = instance.interfaces[index];
  const std::string path = PathOf(instance, index);
  config::Eni* eni = context.plan.config.add_enis();
  eni->set_id(context.InterfaceId(instance, index));
  eni->set_name(EniName(instance.name.value, index));
  eni->set_type(config::Eni::INTERFACE);
  eni->set_subnet_id(context.SubnetId(*subnet.vpc, subnet.subnet->name.value));
  eni->set_mac(ToBytes(context.NewMac(eni->id())));
  eni->set_port(context.allocations.ports.at(path));
  eni->set_source_dest_check(interface.source_dest_check);

  const auto& chosen = context.allocations.private_addresses;
  AddEniAddress(eni, interface.private_ip ? interface.private_ip->value : chosen.at(path),
                PublicAddressOf(context, interface, path));
  for (const Address& address : interface.secondary_private_ips) {
    AddEniAddress(eni, address.value, std::nullopt);
  }
  for (const Address& address : interface.ipv6) AddEniAddress(eni, address.value, std::nullopt);
  if (interface.ipv6_auto) AddEniAddress(eni, chosen.at(Ipv6PathOf(instance, index)), std::nullopt);

  if (interface.security_groups) {
    for (const Name& group : *interface.security_groups) {
      eni->add_security_group_ids(context.SecurityGroupId(*subnet.vpc, group.value));
    }
  } else {
    eni->add_security_group_ids(context.SecurityGroupId(*subnet.vpc, kDefaultName));
  }
  config::ConnectionTracking* timers = eni->mutable_connection_tracking();
  timers->set_tcp_established_seconds(Seconds(interface.connection_tracking.tcp_established));
  timers->set_udp_stream_seconds(Seconds(interface.connection_tracking.udp_stream));
  timers->set_udp_seconds(Seconds(interface.connection_tracking.udp));
  return *eni;
}

void LowerInstance(LowerContext& context, const Instance& instance) {
  NamespacePlan plan;
  plan.name = instance.name.value;
  plan.kind = instance.attached() ? NamespaceKind::kAttached : NamespaceKind::kInstance;
  plan.instance_id = context.Id("i", "instances/" + instance.name.value);
  plan.attached_netns = instance.attached_netns;
  plan.run = instance.run;
  for (std::size_t i = 0; i < instance.interfaces.size(); ++i) {
    const SubnetRef subnet = SubnetOf(context.topology, instance.interfaces[i]);
    plan.interfaces.push_back(VpcInterface(LowerEni(context, instance, i, subnet), subnet, i));
  }
  context.plan.namespaces.push_back(std::move(plan));
}

void LowerInternetHost(LowerContext& context, const InternetHost& host) {
  const std::string path = PathOf(host);
  config::InternetHost* lowered = context.plan.config.add_internet_hosts();
  lowered->set_id(context.Id("host", path));
  lowered->set_name(host.name.value);
  lowered->set_mac(ToBytes(context.NewMac(lowered->id())));
  lowered->set_router_mac(ToBytes(context.NewMac(lowered->id() + "/router")));
  lowered->set_port(context.allocations.ports.at(path));

  InterfacePlan interface;
  interface.device = "eth0";
  interface.object_id = lowered->id();
  interface.port = context.allocations.ports.at(path);
  interface.mac = *wire::MacAddress::FromBytes(lowered->mac());
  interface.gateway_on_link = true;
  interface.mtu = kInternetMtu;
  for (const Address& address : host.addresses) {
    lowered->add_addresses(ToBytes(address.value));
    interface.addresses.push_back({address.value, wire::IpPrefix::Host(address.value).length});
    if (address.value.is_v4()) {
      interface.gateway_v4 = IpAddress::Parse("169.254.1.1");
    } else {
      interface.gateway_v6 = IpAddress::Parse("fe80::1");
    }
  }
  NamespacePlan plan;
  plan.name = host.name.value;
  plan.kind = NamespaceKind::kInternetHost;
  plan.run = host.run;
  plan.interfaces.push_back(std::move(interface));
  context.plan.namespaces.push_back(std::move(plan));
}

}  // namespace

InterfacePlan VpcInterface(const config::Eni& eni, const SubnetRef& subnet, std::size_t index) {
  InterfacePlan plan;
  plan.device = "eth" + std::to_string(index);
  plan.object_id = eni.id();
  plan.port = static_cast<std::uint16_t>(eni.port());
  plan.mac = *wire::MacAddress::FromBytes(eni.mac());
  plan.mtu = kVpcMtu;
  for (const config::EniAddress& lowered : eni.addresses()) {
    const IpAddress address = *IpAddress::FromBytes(lowered.private_address());
    const auto& block = address.is_v4() ? subnet.subnet->cidr : subnet.subnet->ipv6_cidr;
    plan.addresses.push_back({address, block->value.length});
    if (index > 0) continue;
    // The VPC router is the first address of every subnet (vpc-semantics §1).
    (address.is_v4() ? plan.gateway_v4 : plan.gateway_v6) = block->value.prefix().address.Plus(1);
  }
  return plan;
}

void LowerInstances(LowerContext& context) {
  for (const Instance& instance : context.topology.instances) LowerInstance(context, instance);
}

void LowerInternetHosts(LowerContext& context) {
  for (const InternetHost& host : context.topology.internet_hosts) LowerInternetHost(context, host);
}

}  // namespace taploom::control
