// Who has which address: every private one lies free in its subnet, every public one belongs to one
// object.
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "control/address_ranges.h"
#include "control/validate_sections.h"

namespace taploom::control {
namespace {

using wire::IpAddress;
using wire::IpPrefix;

// Collects the private addresses written in the file and the number of those to be chosen, per
// subnet.
class PrivateAddresses {
 public:
  // `what` is the key that says the address, `owner` who claims it: "instance \"web-1\"".
  template <typename Report>
  void Claim(const SubnetRef& subnet, std::string_view what, const Address& address,
             const std::string& owner, Report& report) {
    if (!subnet) return;
    Use& use = uses_[subnet.subnet];
    const bool v4 = address.value.is_v4();
    const std::optional<Located<Cidr>>& block = v4 ? subnet.subnet->cidr : subnet.subnet->ipv6_cidr;
    if (v4) ++use.count;
    if (!block) return;
    const std::string text = address.value.ToString();
    const IpPrefix prefix = block->value.prefix();
    if (!prefix.Contains(address.value)) {
      report.Add(address.at, "{} {} is outside subnet \"{}\" ({})", what, text,
                 subnet.subnet->name.value, prefix.ToString());
      return;
    }
    if (const std::string_view reserved = ReservedFor(prefix, address.value); !reserved.empty()) {
      report.Add(address.at, "{} {} is reserved in subnet \"{}\": {}", what, text,
                 subnet.subnet->name.value, reserved);
      return;
    }
    const auto [first, is_new] = use.owners.emplace(address.value, owner);
    if (!is_new) report.Add(address.at, "{} {} belongs to {} already", what, text, first->second);
  }

  void CountChosen(const SubnetRef& subnet) {
    if (subnet) ++uses_[subnet.subnet].count;
  }

  void CheckCapacity(const Topology& topology, Findings& findings) const {
    for (const Vpc& vpc : topology.vpcs) {
      for (const Subnet& subnet : vpc.subnets) {
        const auto use = uses_.find(&subnet);
        if (use == uses_.end() || !subnet.cidr || subnet.cidr->value.length < 16 ||
            subnet.cidr->value.length > 28) {
          continue;
        }
        const std::uint32_t usable = UsableAddresses(subnet.cidr->value.prefix());
        if (use->second.count > usable) {
          findings.Add(subnet.cidr->at,
                       "subnet \"{}\" ({}) has {} usable addresses, and {} are needed",
                       subnet.name.value, subnet.cidr->value.ToString(), usable, use->second.count);
        }
      }
    }
  }

 private:
  struct Use {
    std::map<IpAddress, std::string> owners;
    std::uint32_t count = 0;  // IPv4 addresses, written and chosen
  };
  std::map<const Subnet*, Use> uses_;
};

// The public addresses of the whole fabric: there is one internet.
class PublicAddresses {
 public:
  template <typename Report>
  void Claim(std::string_view what, const Address& address, const std::string& owner,
             Report& report) {
    if (!IsPublic(address.value)) {
      report.Add(address.at, "{} {} is not a public address", what, address.value.ToString());
      return;
    }
    const auto [first, is_new] = owners_.emplace(address.value, owner);
    if (!is_new) {
      report.Add(address.at, "{} {} belongs to {} already", what, address.value.ToString(),
                 first->second);
    }
  }

 private:
  std::map<IpAddress, std::string> owners_;
};

void CheckInstance(const Topology& topology, const Instance& instance,
                   PrivateAddresses& private_addresses, PublicAddresses& public_addresses,
                   Findings& all_findings) {
  InstanceFindings findings(instance, all_findings);
  const std::string owner = fmt::format("instance \"{}\"", instance.name.value);
  for (const Interface& interface : instance.interfaces) {
    const SubnetRef subnet = SubnetOf(topology, interface);
    if (interface.private_ip) {
      private_addresses.Claim(subnet, "private_ip", *interface.private_ip, owner, findings);
    } else {
      private_addresses.CountChosen(subnet);
    }
    for (const Address& address : interface.secondary_private_ips) {
      private_addresses.Claim(subnet, "private_ips:", address, owner, findings);
    }
    for (const Address& address : interface.ipv6) {
      private_addresses.Claim(subnet, "ipv6", address, owner, findings);
    }
    if (interface.elastic_ip) {
      public_addresses.Claim("elastic_ip", *interface.elastic_ip, owner, findings);
    }
  }
}

void CheckVpc(const Vpc& vpc, PrivateAddresses& private_addresses,
              PublicAddresses& public_addresses, Findings& findings) {
  const auto subnet_named = [&](const Name& name) -> SubnetRef {
    const auto within = NameWithin(vpc, name.value);
    return within ? SubnetRef{&vpc, FindByName(vpc.subnets, *within)} : SubnetRef{};
  };
  for (const NatGateway& gateway : vpc.nat_gateways) {
    const std::string owner = fmt::format("NAT gateway \"{}\"", gateway.name.value);
    const SubnetRef subnet = gateway.subnet ? subnet_named(*gateway.subnet) : SubnetRef{};
    if (gateway.private_ip) {
      private_addresses.Claim(subnet, "private_ip", *gateway.private_ip, owner, findings);
    } else {
      private_addresses.CountChosen(subnet);
    }
    if (gateway.elastic_ip) {
      public_addresses.Claim("elastic_ip", *gateway.elastic_ip, owner, findings);
    }
    for (std::size_t i = 0; i < gateway.secondary_count(); ++i) {
      if (i < gateway.secondary_private_ips.size()) {
        private_addresses.Claim(subnet, "private_ip", gateway.secondary_private_ips[i], owner,
                                findings);
      } else {
        private_addresses.CountChosen(subnet);
      }
    }
    for (const Address& address : gateway.secondary_elastic_ips) {
      public_addresses.Claim("elastic_ip", address, owner, findings);
    }
  }
  for (const LoadBalancer& balancer : vpc.load_balancers) {
    const std::string owner = fmt::format("load balancer \"{}\"", balancer.name.value);
    for (const LoadBalancerSubnet& node : balancer.subnets) {
      const SubnetRef subnet = subnet_named(node.name);
      if (node.address) {
        private_addresses.Claim(subnet, "address", *node.address, owner, findings);
      } else {
        private_addresses.CountChosen(subnet);
      }
      if (node.elastic_ip) public_addresses.Claim("elastic_ip", *node.elastic_ip, owner, findings);
    }
  }
}

void CheckInternetHost(const Topology& topology, const InternetHost& host,
                       PublicAddresses& public_addresses, Findings& findings) {
  for (const Address& address : host.addresses) {
    public_addresses.Claim("address", address, fmt::format("internet host \"{}\"", host.name.value),
                           findings);
    // IPv4 may be public space that a VPC uses although it is not its own (vpc-semantics §3).
    if (address.value.is_v4()) continue;
    for (const Vpc& vpc : topology.vpcs) {
      for (const Located<Cidr>& block : vpc.ipv6_cidrs) {
        if (block.value.prefix().Contains(address.value)) {
          findings.Add(address.at, "address {} lies in {} of vpc \"{}\"", address.value.ToString(),
                       block.value.ToString(), vpc.name.value);
        }
      }
    }
  }
}

}  // namespace

void CheckAddresses(const Topology& topology, Findings& findings) {
  PrivateAddresses private_addresses;
  PublicAddresses public_addresses;
  for (const Vpc& vpc : topology.vpcs) CheckVpc(vpc, private_addresses, public_addresses, findings);
  for (const Instance& instance : topology.instances) {
    CheckInstance(topology, instance, private_addresses, public_addresses, findings);
  }
  for (const InternetHost& host : topology.internet_hosts) {
    CheckInternetHost(topology, host, public_addresses, findings);
  }
  private_addresses.CheckCapacity(topology, findings);
}

}  // namespace taploom::control
