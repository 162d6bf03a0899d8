#include "control/allocate.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "control/address_ranges.h"
#include "control/object_path.h"
#include "control/references.h"

namespace taploom::control {
namespace {

using wire::IpAddress;
using wire::IpPrefix;

// The addresses of one block: those taken, and the lowest that may still be free.
class AddressBlock {
 public:
  // `offset` of the first address to hand out.
  AddressBlock(const IpPrefix& prefix, std::uint32_t offset)
      : prefix_(prefix), next_(prefix.address.Plus(offset)) {}

  bool IsFree(const IpAddress& address) const {
    return prefix_.Contains(address) && ReservedFor(prefix_, address).empty() &&
           !taken_.contains(address);
  }
  void Take(const IpAddress& address) { taken_.insert(address); }

  // The lowest free address; nullopt when the block is full.
  std::optional<IpAddress> TakeLowest() {
    while (prefix_.Contains(next_) && !IsFree(next_)) next_ = next_.Plus(1);
    if (!prefix_.Contains(next_)) return std::nullopt;
    Take(next_);
    return next_;
  }

 private:
  IpPrefix prefix_;
  IpAddress next_;
  std::set<IpAddress> taken_;
};

constexpr std::uint32_t kReservedAtStart = 4;

// Private addresses, IPv4 and IPv6, of every subnet.
class PrivateAllocator {
 public:
  explicit PrivateAllocator(const std::map<std::string, IpAddress>& earlier) : earlier_(earlier) {}

  void Take(const SubnetRef& subnet, const IpAddress& address) {
    BlockOf(subnet, address.family()).Take(address);
  }
  void Request(std::string path, const SubnetRef& subnet, wire::Family family) {
    requests_.push_back({std::move(path), subnet, family});
  }

  // Earlier choices first, so that a new object cannot take the address of an old one.
  std::map<std::string, IpAddress> Resolve() {
    std::map<std::string, IpAddress> chosen;
    for (const RequestedAddress& request : requests_) {
      const auto earlier = earlier_.find(request.path);
      if (earlier == earlier_.end()) continue;
      AddressBlock& block = BlockOf(request.subnet, request.family);
      if (!block.IsFree(earlier->second)) continue;
      block.Take(earlier->second);
      chosen.insert(*earlier);
    }
    for (const RequestedAddress& request : requests_) {
      if (chosen.contains(request.path)) continue;
      const auto address = BlockOf(request.subnet, request.family).TakeLowest();
      assert(address.has_value());  // Validate() counted
      if (address) chosen.emplace(request.path, *address);
    }
    return chosen;
  }

 private:
  struct RequestedAddress {
    std::string path;
    SubnetRef subnet;
    wire::Family family;
  };

  AddressBlock& BlockOf(const SubnetRef& subnet, wire::Family family) {
    const auto key = std::make_pair(subnet.subnet, family);
    const auto found = blocks_.find(key);
    if (found != blocks_.end()) return found->second;
    const auto& cidr =
        family == wire::Family::kIpv4 ? subnet.subnet->cidr : subnet.subnet->ipv6_cidr;
    return blocks_.emplace(key, AddressBlock(cidr->value.prefix(), kReservedAtStart)).first->second;
  }

  const std::map<std::string, IpAddress>& earlier_;
  std::vector<RequestedAddress> requests_;
  std::map<std::pair<const Subnet*, wire::Family>, AddressBlock> blocks_;
};

// Public addresses for `public_ip: true` and load balancer nodes. The first range is TEST-NET-2
// (RFC 5737), as a reader expects of an example; the second, for fabrics with more than 254, is
// from the benchmarking range (RFC 2544).
class PublicAllocator {
 public:
  PublicAllocator(const Topology& topology, const std::map<std::string, IpAddress>& earlier)
      : topology_(topology), earlier_(earlier) {}

  void Take(const IpAddress& address) { taken_.insert(address); }
  void Request(std::string path) { requests_.push_back(std::move(path)); }

  std::map<std::string, IpAddress> Resolve() {
    std::map<std::string, IpAddress> chosen;
    for (const std::string& path : requests_) {
      const auto earlier = earlier_.find(path);
      if (earlier == earlier_.end() || !IsFree(earlier->second)) continue;
      taken_.insert(earlier->second);
      chosen.insert(*earlier);
    }
    for (const std::string& path : requests_) {
      if (chosen.contains(path)) continue;
      while (!IsFree(next_)) Advance();
      taken_.insert(next_);
      chosen.emplace(path, next_);
    }
    return chosen;
  }

 private:
  // An address inside a VPC's block is local there, so that VPC could never reach it as a public
  // one.
  bool IsFree(const IpAddress& address) const {
    if (taken_.contains(address)) return false;
    for (const Vpc& vpc : topology_.vpcs) {
      for (const Located<Cidr>& cidr : vpc.cidrs) {
        if (cidr.value.prefix().Contains(address)) return false;
      }
    }
    return true;
  }
  void Advance() {
    static const IpAddress end_of_first = IpAddress::V4(0xc63364feu);            // 198.51.100.254
    next_ = next_ == end_of_first ? IpAddress::V4(0xc6120001u) : next_.Plus(1);  // 198.18.0.1
  }

  const Topology& topology_;
  const std::map<std::string, IpAddress>& earlier_;
  std::vector<std::string> requests_;
  std::set<IpAddress> taken_;
  IpAddress next_ = IpAddress::V4(0xc6336401u);  // 198.51.100.1
};

class PortAllocator {
 public:
  explicit PortAllocator(const std::map<std::string, std::uint16_t>& earlier) : earlier_(earlier) {}

  void Request(std::string path) { requests_.push_back(std::move(path)); }

  std::map<std::string, std::uint16_t> Resolve() const {
    std::set<std::uint16_t> taken;
    for (const auto& [path, port] : earlier_) taken.insert(port);
    std::map<std::string, std::uint16_t> chosen;
    std::uint16_t next = 1;
    for (const std::string& path : requests_) {
      const auto earlier = earlier_.find(path);
      if (earlier != earlier_.end()) {
        chosen.insert(*earlier);
        continue;
      }
      // Quotas keep the number of interfaces, old and new, below 2^16.
      while (taken.contains(next)) ++next;
      taken.insert(next);
      chosen.emplace(path, next);
    }
    return chosen;
  }

 private:
  const std::map<std::string, std::uint16_t>& earlier_;
  std::vector<std::string> requests_;
};

class Allocator {
 public:
  Allocator(const Topology& topology, const Allocations& earlier)
      : topology_(topology),
        ports_(earlier.ports),
        private_(earlier.private_addresses),
        public_(topology, earlier.public_addresses) {}

  Allocations Run() {
    for (const Vpc& vpc : topology_.vpcs) {
      for (const NatGateway& gateway : vpc.nat_gateways) AddNatGateway(vpc, gateway);
      for (const LoadBalancer& balancer : vpc.load_balancers) AddLoadBalancer(vpc, balancer);
    }
    for (const Instance& instance : topology_.instances) {
      for (std::size_t i = 0; i < instance.interfaces.size(); ++i) AddInterface(instance, i);
    }
    for (const InternetHost& host : topology_.internet_hosts) {
      ports_.Request(PathOf(host));
      for (const Address& address : host.addresses) public_.Take(address.value);
    }
    return {ports_.Resolve(), private_.Resolve(), public_.Resolve()};
  }

 private:
  void AddPrivate(std::string path, const SubnetRef& subnet,
                  const std::optional<Address>& written) {
    if (written) {
      private_.Take(subnet, written->value);
    } else {
      private_.Request(std::move(path), subnet, wire::Family::kIpv4);
    }
  }

  void AddNatGateway(const Vpc& vpc, const NatGateway& gateway) {
    const SubnetRef subnet{&vpc, FindByName(vpc.subnets, *NameWithin(vpc, gateway.subnet->value))};
    AddPrivate(PathOf(vpc, gateway), subnet, gateway.private_ip);
    if (gateway.elastic_ip) public_.Take(gateway.elastic_ip->value);
    for (std::size_t i = 0; i < gateway.secondary_count(); ++i) {
      const auto& written = gateway.secondary_private_ips;
      AddPrivate(SecondaryPathOf(vpc, gateway, i), subnet,
                 i < written.size() ? std::optional(written[i]) : std::nullopt);
    }
    for (const Address& address : gateway.secondary_elastic_ips) public_.Take(address.value);
  }

  void AddLoadBalancer(const Vpc& vpc, const LoadBalancer& balancer) {
    for (const LoadBalancerSubnet& node : balancer.subnets) {
      const std::string path = PathOf(vpc, balancer, node);
      ports_.Request(path);
      AddPrivate(path, {&vpc, FindByName(vpc.subnets, node.name.value)}, node.address);
      if (node.elastic_ip) {
        public_.Take(node.elastic_ip->value);
      } else if (IsInternetFacing(balancer)) {
        public_.Request(path);
      }
    }
  }

  void AddInterface(const Instance& instance, std::size_t index) {
    const Interface& interface = instance.interfaces[index];
    const std::string path = PathOf(instance, index);
    const SubnetRef subnet = SubnetOf(topology_, interface);
    ports_.Request(path);
    AddPrivate(path, subnet, interface.private_ip);
    for (const Address& address : interface.secondary_private_ips) {
      private_.Take(subnet, address.value);
    }
    for (const Address& address : interface.ipv6) private_.Take(subnet, address.value);
    if (interface.ipv6_auto) {
      private_.Request(Ipv6PathOf(instance, index), subnet, wire::Family::kIpv6);
    }
    if (interface.elastic_ip) {
      public_.Take(interface.elastic_ip->value);
    } else if (interface.public_ip && interface.public_ip->value) {
      public_.Request(path);
    }
  }

  const Topology& topology_;
  PortAllocator ports_;
  PrivateAllocator private_;
  PublicAllocator public_;
};

}  // namespace

void Allocate(const Topology& topology, Allocations& allocations) {
  allocations = Allocator(topology, allocations).Run();
}

}  // namespace taploom::control
