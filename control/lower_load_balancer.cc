// Load balancers: an ENI and a namespace for each node, and what haproxy has to know.
#include "control/lower_sections.h"

namespace taploom::control {
namespace {

using wire::IpAddress;

// A load balancer without a name gets one of AWS's shape.
std::string DnsNameOf(const LowerContext& context, const Vpc& vpc, const LoadBalancer& balancer) {
  if (balancer.dns_name) return balancer.dns_name->value;
  const std::string id = context.Id("lb", PathOf(vpc, balancer));
  return fmt::format("{}-{}.{}.elb.amazonaws.com", balancer.name.value, id.substr(id.size() - 10),
                     RegionOf(context.topology, vpc));
}

void LowerNode(LowerContext& context, const Vpc& vpc, const LoadBalancer& balancer,
               const LoadBalancerSubnet& node, LoadBalancerPlan& plan) {
  const std::string path = PathOf(vpc, balancer, node);
  const SubnetRef subnet{&vpc, FindByName(vpc.subnets, node.name.value)};
  const IpAddress address =
      node.address ? node.address->value : context.allocations.private_addresses.at(path);

  config::Eni* eni = context.plan.config.add_enis();
  eni->set_id(context.Id("eni", path));
  eni->set_name(balancer.name.value + "/" + node.name.value);
  eni->set_type(config::Eni::LOAD_BALANCER);
  eni->set_subnet_id(context.SubnetId(vpc, node.name.value));
  eni->set_mac(ToBytes(context.NewMac(eni->id())));
  eni->set_port(context.allocations.ports.at(path));
  eni->set_source_dest_check(true);
  config::EniAddress* lowered = eni->add_addresses();
  lowered->set_private_address(ToBytes(address));
  if (IsInternetFacing(balancer)) {
    lowered->set_public_address(ToBytes(
        node.elastic_ip ? node.elastic_ip->value : context.allocations.public_addresses.at(path)));
  }
  if (balancer.security_groups) {
    for (const Name& group : *balancer.security_groups) {
      eni->add_security_group_ids(context.SecurityGroupId(vpc, group.value));
    }
  } else {
    eni->add_security_group_ids(context.SecurityGroupId(vpc, kDefaultName));
  }

  NamespacePlan name_space;
  name_space.name = eni->name();
  name_space.kind = NamespaceKind::kLoadBalancerNode;
  name_space.interfaces.push_back(VpcInterface(*eni, subnet, 0));
  plan.nodes.push_back({name_space.name, ZoneOf(context.topology, vpc, *subnet.subnet), address});
  context.plan.namespaces.push_back(std::move(name_space));
}

ListenerPlan LowerListener(const LoadBalancer& balancer, const Listener& listener) {
  ListenerPlan plan;
  plan.protocol = listener.protocol->value;
  plan.port = static_cast<std::uint16_t>(listener.port->value);
  if (listener.forward) plan.forward = listener.forward->value;
  if (!listener.redirect) return plan;
  plan.redirect_to_https = true;
  for (const Listener& other : balancer.listeners) {
    if (other.protocol->value != "https") continue;
    plan.redirect_port = static_cast<std::uint16_t>(other.port->value);
    break;
  }
  return plan;
}

HealthCheckPlan LowerHealthCheck(const HealthCheck& check) {
  HealthCheckPlan plan;
  const auto set = [](unsigned& field, const std::optional<Located<int>>& value) {
    if (value) field = static_cast<unsigned>(value->value);
  };
  if (check.protocol) plan.protocol = check.protocol->value;
  if (check.path) plan.path = check.path->value;
  if (check.port) plan.port = static_cast<std::uint16_t>(check.port->value);
  if (check.matcher) plan.matcher = check.matcher->value;
  set(plan.interval_seconds, check.interval);
  set(plan.timeout_seconds, check.timeout);
  set(plan.healthy_threshold, check.healthy_threshold);
  set(plan.unhealthy_threshold, check.unhealthy_threshold);
  return plan;
}

TargetGroupPlan LowerTargetGroup(const LowerContext& context, const std::string& path,
                                 const TargetGroup& group) {
  TargetGroupPlan plan;
  plan.id = context.Id("tg", path + "/target_groups/" + group.name.value);
  plan.name = group.name.value;
  if (group.protocol) plan.protocol = group.protocol->value;
  plan.port = static_cast<std::uint16_t>(group.port->value);
  for (const Target& target : group.targets) {
    const Instance& instance = *FindByName(context.topology.instances, target.instance.value);
    const std::optional<Address>& written = instance.interfaces.front().private_ip;
    plan.targets.push_back(
        {target.instance.value,
         written ? written->value : context.allocations.private_addresses.at(PathOf(instance, 0)),
         target.port ? static_cast<std::uint16_t>(target.port->value) : plan.port});
  }
  plan.health_check = LowerHealthCheck(group.health_check);
  return plan;
}

void LowerLoadBalancer(LowerContext& context, const Vpc& vpc, const LoadBalancer& balancer) {
  const std::string path = PathOf(vpc, balancer);
  LoadBalancerPlan plan;
  plan.id = context.Id("lb", path);
  plan.name = balancer.name.value;
  plan.dns_name = DnsNameOf(context, vpc, balancer);
  if (balancer.idle_timeout) {
    plan.idle_timeout_seconds = static_cast<unsigned>(balancer.idle_timeout->value);
  }
  for (const LoadBalancerSubnet& node : balancer.subnets) {
    LowerNode(context, vpc, balancer, node, plan);
  }
  for (const Listener& listener : balancer.listeners) {
    plan.listeners.push_back(LowerListener(balancer, listener));
  }
  for (const TargetGroup& group : balancer.target_groups) {
    plan.target_groups.push_back(LowerTargetGroup(context, path, group));
  }
  context.plan.load_balancers.push_back(std::move(plan));
}

}  // namespace

void LowerLoadBalancers(LowerContext& context) {
  for (const Vpc& vpc : context.topology.vpcs) {
    for (const LoadBalancer& balancer : vpc.load_balancers) {
      LowerLoadBalancer(context, vpc, balancer);
    }
  }
}

}  // namespace taploom::control
