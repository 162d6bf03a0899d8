#include "control/describe.h"

#include <fmt/format.h>

#include <map>

#include "control/references.h"
#include "control/rule_match.h"

namespace taploom::control {
namespace {

using Attributes = std::vector<std::pair<std::string, std::string>>;

std::string ToText(const config::Prefix& prefix) {
  return fmt::format("{}/{}", wire::IpAddress::FromBytes(prefix.address())->ToString(),
                     prefix.length());
}

template <typename Prefixes>
std::string ToText(const Prefixes& prefixes) {
  std::vector<std::string> texts;
  for (const config::Prefix& prefix : prefixes) texts.push_back(ToText(prefix));
  return fmt::format("{}", fmt::join(texts, ", "));
}

std::string AddressText(const std::string& bytes) {
  return wire::IpAddress::FromBytes(bytes)->ToString();
}

std::string OrNone(std::string text) { return text.empty() ? "none" : text; }

class Describer {
 public:
  explicit Describer(const FabricPlan& plan) : plan_(plan), config_(plan.config) {
    for (const config::Vpc& vpc : config_.vpcs()) names_[vpc.id()] = vpc.name();
    NameAll(config_.subnets());
    NameAll(config_.route_tables());
    NameAll(config_.security_groups());
    NameAll(config_.network_acls());
    for (const config::PrefixList& list : config_.prefix_lists()) names_[list.id()] = list.name();
    for (const config::InternetGateway& gateway : config_.internet_gateways()) {
      names_[gateway.id()] = gateway.name();
    }
    for (const config::NatGateway& gateway : config_.nat_gateways()) {
      names_[gateway.id()] = gateway.name();
    }
    NameAll(config_.egress_only_internet_gateways());
    NameAll(config_.gateway_endpoints());
    for (const config::VpcPeeringConnection& peering : config_.vpc_peering_connections()) {
      names_[peering.id()] = "peering:" + peering.name();
    }
    for (const config::Eni& eni : config_.enis()) {
      names_[eni.id()] = eni.name();
      enis_[eni.id()] = &eni;
    }
  }

  std::vector<DescribedObject> Run() {
    DescribeFabric();
    for (const config::Vpc& vpc : config_.vpcs()) DescribeVpc(vpc);
    for (const config::VpcPeeringConnection& peering : config_.vpc_peering_connections()) {
      const std::string ends =
          NameOf(peering.requester_vpc_id()) + " and " + NameOf(peering.accepter_vpc_id());
      Add(peering.id(), "vpc-peering-connection", peering.name(), ends, {{"vpcs", ends}});
    }
    for (const config::PrefixList& list : config_.prefix_lists()) DescribePrefixList(list);
    for (const LoadBalancerPlan& balancer : plan_.load_balancers) DescribeLoadBalancer(balancer);
    for (const NamespacePlan& name_space : plan_.namespaces) {
      if (name_space.kind == NamespaceKind::kInstance ||
          name_space.kind == NamespaceKind::kAttached) {
        DescribeInstance(name_space);
      } else if (name_space.kind == NamespaceKind::kInternetHost) {
        DescribeInternetHost(name_space);
      }
    }
    for (const config::Fault& fault : config_.faults()) DescribeFault(fault);
    return std::move(objects_);
  }

 private:
  template <typename Objects>
  void NameAll(const Objects& objects) {
    for (const auto& object : objects) names_[object.id()] = object.name();
  }

  std::string NameOf(const std::string& id) const {
    const auto found = names_.find(id);
    return found == names_.end() ? id : found->second;
  }

  void Add(std::string key, std::string object, std::string name, std::string summary,
           Attributes attributes) {
    objects_.push_back({std::move(key), std::move(object), std::move(name), std::move(summary),
                        std::move(attributes)});
  }

  void DescribeFabric() {
    if (plan_.name.empty()) return;  // the plan before the first one
    Add("fabric", "fabric", plan_.name, {},
        {{"region", plan_.region},
         {"connections", std::to_string(config_.limits().connections())},
         {"connections_per_eni", std::to_string(config_.limits().connections_per_eni())}});
  }

  void DescribeFault(const config::Fault& fault) {
    if (fault.is_over()) return;
    const bool is_zone = fault.has_availability_zone();
    const std::string name =
        is_zone ? "az " + fault.availability_zone() : "nat " + NameOf(fault.nat_gateway_id());
    Add("fault " + (is_zone ? fault.availability_zone() : fault.nat_gateway_id()), "fault", name,
        {}, {});
  }

  void DescribeVpc(const config::Vpc& vpc) {
    const std::string blocks = ToText(vpc.cidrs());
    Add(vpc.id(), "vpc", vpc.name(), blocks, {{"cidr", blocks}, {"region", vpc.region()}});
    for (const config::InternetGateway& gateway : config_.internet_gateways()) {
      if (gateway.vpc_id() == vpc.id()) {
        Add(gateway.id(), "internet-gateway", Scoped(vpc, gateway), {},
            {{"edge route table",
              gateway.route_table_id().empty() ? "none" : NameOf(gateway.route_table_id())}});
      }
    }
    for (const auto& gateway : config_.egress_only_internet_gateways()) {
      if (gateway.vpc_id() == vpc.id())
        Add(gateway.id(), "egress-only-internet-gateway", Scoped(vpc, gateway), {}, {});
    }
    for (const config::GatewayEndpoint& endpoint : config_.gateway_endpoints()) {
      if (endpoint.vpc_id() != vpc.id()) continue;
      const std::string list = "pl:" + PrefixListName(endpoint.prefix_list_id());
      Add(endpoint.id(), "gateway-endpoint", Scoped(vpc, endpoint), list, {{"service", list}});
    }
    for (const config::Subnet& subnet : config_.subnets()) {
      if (subnet.vpc_id() == vpc.id()) DescribeSubnet(vpc, subnet);
    }
    for (const config::NatGateway& gateway : config_.nat_gateways()) {
      DescribeNatGateway(vpc, gateway);
    }
    for (const config::RouteTable& table : config_.route_tables()) {
      if (table.vpc_id() == vpc.id()) DescribeRouteTable(vpc, table);
    }
    for (const config::SecurityGroup& group : config_.security_groups()) {
      if (group.vpc_id() == vpc.id()) DescribeSecurityGroup(vpc, group);
    }
    for (const config::NetworkAcl& acl : config_.network_acls()) {
      if (acl.vpc_id() == vpc.id()) DescribeNetworkAcl(vpc, acl);
    }
  }

  template <typename Object>
  static std::string Scoped(const config::Vpc& vpc, const Object& object) {
    return vpc.name() + "/" + object.name();
  }

  std::string PrefixListName(const std::string& id) const { return NameOf(id); }

  void DescribeSubnet(const config::Vpc& vpc, const config::Subnet& subnet) {
    const std::string blocks = ToText(subnet.cidrs());
    Add(subnet.id(), "subnet", Scoped(vpc, subnet), fmt::format("{} in {}", blocks, subnet.az()),
        {{"cidr", blocks},
         {"az", subnet.az()},
         {"route table", NameOf(subnet.route_table_id())},
         {"acl", NameOf(subnet.network_acl_id())}});
  }

  void DescribeNatGateway(const config::Vpc& vpc, const config::NatGateway& gateway) {
    const config::Eni& eni = *enis_.at(gateway.eni_id());
    if (!IsIn(eni, vpc)) return;
    const std::string subnet = NameOf(eni.subnet_id());
    const std::string private_address = AddressesText(eni);
    std::vector<std::string> elastic_ips;
    for (const config::EniAddress& address : eni.addresses()) {
      if (!address.public_address().empty())
        elastic_ips.push_back(AddressText(address.public_address()));
    }
    const std::string elastic_ip = OrNone(fmt::format("{}", fmt::join(elastic_ips, " ")));
    Add(gateway.id(), "nat-gateway", Scoped(vpc, gateway),
        fmt::format("{} in {}, elastic IP {}", private_address, subnet, elastic_ip),
        {{"subnet", subnet}, {"address", private_address}, {"elastic IP", elastic_ip}});
  }

  bool IsIn(const config::Eni& eni, const config::Vpc& vpc) const {
    for (const config::Subnet& subnet : config_.subnets()) {
      if (subnet.id() == eni.subnet_id()) return subnet.vpc_id() == vpc.id();
    }
    return false;
  }

  void DescribeRouteTable(const config::Vpc& vpc, const config::RouteTable& table) {
    Attributes attributes = {{"main", table.main() ? "yes" : "no"}};
    std::vector<std::string> written;
    for (const config::Route& route : table.routes()) {
      const std::string destination = ToText(route.destination());
      const std::string target = TargetText(route);
      if (route.target() != config::ROUTE_TARGET_LOCAL) {
        written.push_back(destination + " " + target);
      }
      attributes.emplace_back(destination, target);
    }
    Add(table.id(), "route-table", Scoped(vpc, table), fmt::format("{}", fmt::join(written, ", ")),
        std::move(attributes));
  }

  std::string TargetText(const config::Route& route) const {
    switch (route.target()) {
      case config::ROUTE_TARGET_LOCAL:
        return "local";
      case config::ROUTE_TARGET_BLACKHOLE:
        return "blackhole";
      case config::ROUTE_TARGET_ENI:
        return "eni:" + NameOf(route.target_id());
      default:
        return NameOf(route.target_id());
    }
  }

  void DescribeSecurityGroup(const config::Vpc& vpc, const config::SecurityGroup& group) {
    Add(group.id(), "security-group", Scoped(vpc, group), {}, {});
    for (const config::SecurityGroupRule& rule : group.rules()) {
      const bool ingress = rule.direction() == config::INGRESS;
      Add(rule.id(), "security-group-rule", Scoped(vpc, group),
          fmt::format("{} {} {} {}", ingress ? "ingress" : "egress", control::ToText(rule.match()),
                      ingress ? "from" : "to", PeerText(rule)),
          {});
    }
  }

  std::string PeerText(const config::SecurityGroupRule& rule) const {
    if (rule.has_cidr()) return ToText(rule.cidr());
    if (rule.has_security_group_id()) return "sg:" + NameOf(rule.security_group_id());
    return "pl:" + NameOf(rule.prefix_list_id());
  }

  void DescribeNetworkAcl(const config::Vpc& vpc, const config::NetworkAcl& acl) {
    Attributes attributes;
    for (const config::NetworkAclEntry& entry : acl.entries()) {
      const bool ingress = entry.direction() == config::INGRESS;
      attributes.emplace_back(
          fmt::format("{} {}", ingress ? "ingress" : "egress", entry.rule_number()),
          fmt::format("{} {} {} {}", entry.allow() ? "allow" : "deny",
                      control::ToText(entry.match()), ingress ? "from" : "to",
                      ToText(entry.cidr())));
    }
    Add(acl.id(), "network-acl", Scoped(vpc, acl), {}, std::move(attributes));
  }

  void DescribePrefixList(const config::PrefixList& list) {
    const std::string blocks = ToText(list.cidrs());
    Add(list.id(), "prefix-list", list.name(), blocks, {{"cidrs", blocks}});
  }

  std::string AddressesText(const config::Eni& eni) const {
    std::vector<std::string> addresses;
    for (const config::EniAddress& address : eni.addresses()) {
      addresses.push_back(AddressText(address.private_address()));
    }
    return fmt::format("{}", fmt::join(addresses, " "));
  }
  std::string GroupsText(const config::Eni& eni) const {
    std::vector<std::string> groups;
    for (const std::string& id : eni.security_group_ids()) groups.push_back(NameOf(id));
    return fmt::format("{}", fmt::join(groups, " "));
  }
  static std::string PublicText(const config::Eni& eni) {
    const std::string& address = eni.addresses(0).public_address();
    return address.empty() ? "none" : AddressText(address);
  }
  std::string SubnetText(const config::Eni& eni) const {
    for (const config::Subnet& subnet : config_.subnets()) {
      if (subnet.id() == eni.subnet_id()) return NameOf(subnet.vpc_id()) + "/" + subnet.name();
    }
    return eni.subnet_id();
  }

  // `prefix` distinguishes the interfaces of one instance: "" for eth0, "eth1 " for the next.
  void DescribeEni(const config::Eni& eni, const std::string& prefix,
                   Attributes& attributes) const {
    const config::ConnectionTracking& timers = eni.connection_tracking();
    attributes.emplace_back(prefix + "subnet", SubnetText(eni));
    attributes.emplace_back(prefix + "address", AddressesText(eni));
    attributes.emplace_back(prefix + "public address", PublicText(eni));
    attributes.emplace_back(prefix + "security groups", OrNone(GroupsText(eni)));
    attributes.emplace_back(prefix + "source/dest check", eni.source_dest_check() ? "on" : "off");
    attributes.emplace_back(
        prefix + "connection tracking",
        fmt::format("tcp_established={} udp_stream={} udp={}", timers.tcp_established_seconds(),
                    timers.udp_stream_seconds(), timers.udp_seconds()));
  }

  void DescribeInstance(const NamespacePlan& plan) {
    Attributes attributes;
    for (std::size_t i = 0; i < plan.interfaces.size(); ++i) {
      DescribeEni(*enis_.at(plan.interfaces[i].object_id),
                  i == 0 ? "" : plan.interfaces[i].device + " ", attributes);
    }
    attributes.emplace_back("run", OrNone(fmt::format("{}", fmt::join(plan.run, "; "))));
    const config::Eni& first = *enis_.at(plan.interfaces.front().object_id);
    std::string summary = fmt::format("{} in {}", AddressesText(first), SubnetText(first));
    if (plan.kind == NamespaceKind::kAttached) {
      attributes.emplace_back("network namespace", plan.attached_netns);
      summary += ", attached from " + plan.attached_netns;
    }
    Add(plan.instance_id, "instance", plan.name, std::move(summary), std::move(attributes));
  }

  void DescribeInternetHost(const NamespacePlan& plan) {
    std::vector<std::string> addresses;
    for (const InterfaceAddress& address : plan.interfaces.front().addresses) {
      addresses.push_back(address.address.ToString());
    }
    const std::string text = fmt::format("{}", fmt::join(addresses, " "));
    Add(plan.interfaces.front().object_id, "internet-host", plan.name, text,
        {{"address", text}, {"run", OrNone(fmt::format("{}", fmt::join(plan.run, "; ")))}});
  }

  void DescribeLoadBalancer(const LoadBalancerPlan& plan) {
    Attributes attributes = {{"dns_name", plan.dns_name},
                             {"idle timeout", fmt::format("{} s", plan.idle_timeout_seconds)}};
    std::vector<std::string> nodes;
    for (const LoadBalancerNodePlan& node : plan.nodes) {
      const config::Eni& eni = EniOfNode(node);
      nodes.push_back(fmt::format("{} in {}", node.address.ToString(), SubnetText(eni)));
      DescribeEni(eni, "node " + NameOf(eni.subnet_id()) + " ", attributes);
    }
    for (const ListenerPlan& listener : plan.listeners) {
      attributes.emplace_back(
          fmt::format("listener {}", listener.port),
          listener.redirect_to_https
              ? fmt::format("{} redirect to https {}", listener.protocol, listener.redirect_port)
              : fmt::format("{} forward {}", listener.protocol, listener.forward));
    }
    for (const TargetGroupPlan& group : plan.target_groups) DescribeTargetGroup(group, attributes);
    Add(plan.id, "load-balancer", plan.name, fmt::format("{}", fmt::join(nodes, ", ")),
        std::move(attributes));
  }

  const config::Eni& EniOfNode(const LoadBalancerNodePlan& node) const {
    for (const config::Eni& eni : config_.enis()) {
      if (eni.type() == config::Eni::LOAD_BALANCER && eni.name() == node.namespace_name) return eni;
    }
    return config::Eni::default_instance();
  }

  static void DescribeTargetGroup(const TargetGroupPlan& group, Attributes& attributes) {
    std::vector<std::string> targets;
    for (const TargetPlan& target : group.targets) {
      targets.push_back(
          fmt::format("{}={}:{}", target.name, target.address.ToString(), target.port));
    }
    const HealthCheckPlan& check = group.health_check;
    const std::string label = "target group " + group.name;
    attributes.emplace_back(label, fmt::format("{} {}", group.protocol, group.port));
    attributes.emplace_back(label + " targets", OrNone(fmt::format("{}", fmt::join(targets, " "))));
    attributes.emplace_back(
        label + " health check",
        fmt::format("{} {} port {} every {} s, timeout {} s, {} up, {} down, {}", check.protocol,
                    check.path, check.port == 0 ? "traffic" : std::to_string(check.port),
                    check.interval_seconds, check.timeout_seconds, check.healthy_threshold,
                    check.unhealthy_threshold, check.matcher));
  }

  const FabricPlan& plan_;
  const config::FabricConfig& config_;
  std::map<std::string, std::string> names_;  // by id
  std::map<std::string, const config::Eni*> enis_;
  std::vector<DescribedObject> objects_;
};

}  // namespace

std::vector<DescribedObject> Describe(const FabricPlan& plan) { return Describer(plan).Run(); }

}  // namespace taploom::control
