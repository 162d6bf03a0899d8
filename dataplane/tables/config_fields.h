// Fields of a FabricConfig → values, or the reason why not. Everything Compile() reads passes here.
//
// A fault travels as an exception from where it is found to Compile(), which turns it into
// CompileResult::error. That happens on the control thread only; no packet ever sees it.
#ifndef TAPLOOM_DATAPLANE_TABLES_CONFIG_FIELDS_H_
#define TAPLOOM_DATAPLANE_TABLES_CONFIG_FIELDS_H_

#include <fmt/format.h>

#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "dataplane/config/fabric_config.pb.h"
#include "dataplane/tables/snapshot.h"
#include "dataplane/wire/ip_address.h"
#include "dataplane/wire/mac_address.h"

namespace taploom::tables {

class ConfigFault : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The object that a fault is reported against: `subnet app-a (subnet-0a1b…)`. Valid as long as the
// strings it refers to.
struct Subject {
  std::string_view kind;
  const std::string& id;
  const std::string& name;

  std::string ToString() const;
};

inline Subject SubjectOf(const config::Vpc& vpc) { return {"VPC", vpc.id(), vpc.name()}; }
inline Subject SubjectOf(const config::Subnet& subnet) {
  return {"subnet", subnet.id(), subnet.name()};
}
inline Subject SubjectOf(const config::RouteTable& table) {
  return {"route table", table.id(), table.name()};
}
inline Subject SubjectOf(const config::SecurityGroup& group) {
  return {"security group", group.id(), group.name()};
}
inline Subject SubjectOf(const config::NetworkAcl& acl) {
  return {"network ACL", acl.id(), acl.name()};
}
inline Subject SubjectOf(const config::PrefixList& list) {
  return {"prefix list", list.id(), list.name()};
}
inline Subject SubjectOf(const config::Eni& eni) { return {"ENI", eni.id(), eni.name()}; }
inline Subject SubjectOf(const config::InternetGateway& igw) {
  return {"internet gateway", igw.id(), igw.name()};
}
inline Subject SubjectOf(const config::EgressOnlyInternetGateway& gateway) {
  return {"egress-only internet gateway", gateway.id(), gateway.name()};
}
inline Subject SubjectOf(const config::VpcPeeringConnection& peering) {
  return {"VPC peering connection", peering.id(), peering.name()};
}
inline Subject SubjectOf(const config::GatewayEndpoint& endpoint) {
  return {"gateway endpoint", endpoint.id(), endpoint.name()};
}
inline Subject SubjectOf(const config::NatGateway& nat) {
  return {"NAT gateway", nat.id(), nat.name()};
}
inline Subject SubjectOf(const config::InternetHost& host) {
  return {"internet host", host.id(), host.name()};
}

template <typename... Args>
[[noreturn]] void Reject(const Subject& subject, fmt::format_string<Args...> reason,
                         Args&&... args) {
  throw ConfigFault(subject.ToString() + ": " + fmt::format(reason, std::forward<Args>(args)...));
}

// In all of these `what` says which field it is: "private address", "route destination".
wire::IpPrefix ReadPrefix(const Subject& subject, std::string_view what,
                          const config::Prefix& prefix);
// An address that a host can have: neither multicast, broadcast, unspecified nor link-local.
wire::IpAddress ReadHostAddress(const Subject& subject, std::string_view what,
                                const std::string& bytes);
// The address of one station: not a group address, not all zeros.
wire::MacAddress ReadMac(const Subject& subject, std::string_view what, const std::string& bytes);
PortId ReadPort(const Subject& subject, std::uint32_t port);
NameTable ReadNames(const Subject& subject,
                    const google::protobuf::RepeatedPtrField<config::NameRecord>& records);

// The objects of one kind by id.
template <typename T>
class IdTable {
 public:
  explicit IdTable(std::string_view kind) : kind_(kind) {}

  // Objects are added in the order of their array.
  void Add(const Subject& subject) {
    if (subject.id.empty()) Reject(subject, "has no id");
    const Index<T> index{static_cast<std::uint32_t>(index_by_id_.size())};
    if (!index_by_id_.emplace(subject.id, index).second) Reject(subject, "id is used twice");
  }

  Index<T> Get(const Subject& referrer, const std::string& id) const {
    const auto found = index_by_id_.find(id);
    if (found == index_by_id_.end()) Reject(referrer, "unknown {} \"{}\"", kind_, id);
    return found->second;
  }

 private:
  std::string_view kind_;
  std::unordered_map<std::string, Index<T>> index_by_id_;
};

// CIDR blocks of which no two may overlap, each with the id of its owner.
class DisjointPrefixes {
 public:
  // Adds `prefix` and returns null, or returns the owner of a block that overlaps it.
  const std::string* Add(const wire::IpPrefix& prefix, const std::string& owner_id);

 private:
  std::map<std::pair<wire::Family, wire::IpPrefix>, std::string> owner_by_prefix_;
};

}  // namespace taploom::tables

#endif  // TAPLOOM_DATAPLANE_TABLES_CONFIG_FIELDS_H_
