// Who resolves which name to which address: hosts files and resolvers of every namespace.
#include <algorithm>
#include <cctype>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "control/lower_sections.h"

namespace taploom::control {
namespace {

using wire::IpAddress;

// The domain AWS's default DHCP options hand out (vpc-semantics §7).
std::string DomainOf(const std::string& region) {
  return region == "us-east-1" ? "ec2.internal" : region + ".compute.internal";
}

class NameBook {
 public:
  explicit NameBook(LowerContext& context) : context_(context) {
    for (const config::Eni& eni : context.plan.config.enis()) enis_[eni.id()] = &eni;
    for (const config::Subnet& subnet : context.plan.config.subnets()) {
      vpc_of_subnet_[subnet.id()] = subnet.vpc_id();
    }
    for (const NamespacePlan& plan : context.plan.namespaces) {
      const auto eni = enis_.find(plan.interfaces.front().object_id);
      if (eni != enis_.end()) first_eni_[plan.name] = eni->second;
    }
  }

  void Write() {
    std::vector<HostsEntry> internet = InternetNames();
    std::map<std::string, std::vector<HostsEntry>> in_vpc;
    std::map<std::string, std::pair<IpAddress, std::string>>
        resolver;  // VPC id → nameserver, search domain
    for (const Vpc& vpc : context_.topology.vpcs) {
      const std::string id = context_.VpcId(vpc);
      in_vpc[id] = NamesIn(id);
      in_vpc[id].insert(in_vpc[id].end(), internet.begin(), internet.end());
      resolver[id] = {vpc.cidrs.front().value.prefix().address.Plus(2),
                      DomainOf(RegionOf(context_.topology, vpc))};
    }
    for (config::Vpc& vpc : *context_.plan.config.mutable_vpcs()) {
      std::vector<HostsEntry> entries = in_vpc[vpc.id()];
      AddPrivateNames(vpc.id(), resolver[vpc.id()].second, entries);
      WriteRecords(entries, *vpc.mutable_names());
    }
    WriteRecords(internet, *context_.plan.config.mutable_internet_names());
    for (NamespacePlan& plan : context_.plan.namespaces) {
      if (plan.kind == NamespaceKind::kInternetHost) {
        plan.hosts = internet;
        if (const auto& gateway = plan.interfaces.front().gateway_v4) plan.nameservers = {*gateway};
        continue;
      }
      const std::string& vpc = VpcOf(plan.interfaces.front());
      plan.hosts = in_vpc[vpc];
      plan.nameservers = {resolver[vpc].first};
      plan.search_domain = resolver[vpc].second;
    }
  }

 private:
  const std::string& VpcOf(const InterfacePlan& interface) const {
    return vpc_of_subnet_.at(enis_.at(interface.object_id)->subnet_id());
  }

  static void Add(std::vector<HostsEntry>& entries, const IpAddress& address,
                  std::vector<std::string> names) {
    entries.push_back({address, std::move(names)});
  }

  // What everybody resolves in the same way: internet hosts, and load balancers with public
  // addresses.
  std::vector<HostsEntry> InternetNames() const {
    std::vector<HostsEntry> entries;
    for (const LoadBalancerPlan& balancer : context_.plan.load_balancers) {
      for (const LoadBalancerNodePlan& node : balancer.nodes) {
        const config::EniAddress& address = NodeEni(node).addresses(0);
        if (address.public_address().empty() || !IsNamed(balancer, node)) continue;
        Add(entries, *IpAddress::FromBytes(address.public_address()), {balancer.dns_name});
      }
    }
    for (const InternetHost& host : context_.topology.internet_hosts) {
      std::vector<std::string> names = {host.name.value};
      for (const Name& name : host.dns_names) names.push_back(name.value);
      for (const Address& address : host.addresses) Add(entries, address.value, names);
    }
    return entries;
  }

  // What only a VPC's own machines resolve: its instances, and its internal load balancers.
  std::vector<HostsEntry> NamesIn(const std::string& vpc) const {
    std::vector<HostsEntry> entries;
    for (const NamespacePlan& plan : context_.plan.namespaces) {
      if (plan.instance_id.empty()) continue;
      for (const InterfacePlan& interface : plan.interfaces) {
        if (VpcOf(interface) != vpc) continue;
        bool v4_named = false;  // a name means the primary address, not the secondary ones
        for (const InterfaceAddress& address : interface.addresses) {
          if (address.address.is_v4() && std::exchange(v4_named, true)) continue;
          Add(entries, address.address, {plan.name});
        }
        break;
      }
    }
    for (const LoadBalancerPlan& balancer : context_.plan.load_balancers) {
      for (const LoadBalancerNodePlan& node : balancer.nodes) {
        const config::Eni& eni = NodeEni(node);
        if (vpc_of_subnet_.at(eni.subnet_id()) != vpc ||
            !eni.addresses(0).public_address().empty() || !IsNamed(balancer, node)) {
          continue;
        }
        Add(entries, node.address, {balancer.dns_name});
      }
    }
    return entries;
  }

  // A node whose zone has failed is taken out of the load balancer's name (vpc-semantics §13); when
  // no zone is left, the name means all of them, as of Route 53.
  bool IsNamed(const LoadBalancerPlan& balancer, const LoadBalancerNodePlan& node) const {
    const auto is_down = [&](const LoadBalancerNodePlan& each) {
      return IsDown(context_.faults, each.az);
    };
    return !is_down(node) || std::all_of(balancer.nodes.begin(), balancer.nodes.end(), is_down);
  }

  // "ip-10-0-2-50.ap-northeast-2.compute.internal": the name AWS gives every private IPv4 address
  // (vpc-semantics §7).
  void AddPrivateNames(const std::string& vpc, const std::string& domain,
                       std::vector<HostsEntry>& entries) const {
    for (const config::Eni& eni : context_.plan.config.enis()) {
      if (vpc_of_subnet_.at(eni.subnet_id()) != vpc) continue;
      for (const config::EniAddress& address : eni.addresses()) {
        const IpAddress parsed = *IpAddress::FromBytes(address.private_address());
        if (!parsed.is_v4()) continue;
        std::string name = "ip-" + parsed.ToString();
        std::replace(name.begin(), name.end(), '.', '-');
        Add(entries, parsed, {name, name + "." + domain});
      }
    }
  }

  // The same entries as the resolver's table: one record per name, with all its addresses.
  static void WriteRecords(const std::vector<HostsEntry>& entries,
                           google::protobuf::RepeatedPtrField<config::NameRecord>& records) {
    std::map<std::string, config::NameRecord*> by_name;
    for (const HostsEntry& entry : entries) {
      for (std::string name : entry.names) {
        std::transform(name.begin(), name.end(), name.begin(),
                       [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        config::NameRecord*& record = by_name[name];
        if (record == nullptr) {
          record = records.Add();
          record->set_name(name);
        }
        record->add_addresses(ToBytes(entry.address));
      }
    }
  }

  const config::Eni& NodeEni(const LoadBalancerNodePlan& node) const {
    return *first_eni_.at(node.namespace_name);
  }

  LowerContext& context_;
  std::map<std::string, const config::Eni*> enis_;
  std::map<std::string, const config::Eni*> first_eni_;  // by namespace; internet hosts have none
  std::map<std::string, std::string> vpc_of_subnet_;
};

}  // namespace

void LowerNames(LowerContext& context) { NameBook(context).Write(); }

}  // namespace taploom::control
