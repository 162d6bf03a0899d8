// FabricBuilder: small fabrics for tests, written the way one would say them.
//
//   FabricBuilder fabric;
//   fabric.Vpc("shop", {"10.0.0.0/16"}).InternetGateway();
//   fabric.Group("web", {"in tcp 80 from 0.0.0.0/0", "out all to 0.0.0.0/0"});
//   fabric.Subnet("public", {"10.0.0.0/24"}).Route("public", "0.0.0.0/0 igw");
//   fabric.Eni("web-1", "public", {"10.0.0.10 = 203.0.113.10"}, {"web"});
//   fabric.InternetHost("visitor", {"198.51.100.7"});
//
// Groups, ACLs, subnets, interfaces and gateways belong to the VPC named last. Every subnet has a
// route table of its own with the local routes, and an ACL that allows everything until Acl is
// called. Ids are AWS-shaped and derived from the names; ports count from 1 in the order of the
// calls. A text that makes no sense throws std::invalid_argument: the test is wrong.
#ifndef TAPLOOM_TESTS_SUPPORT_FABRIC_BUILDER_H_
#define TAPLOOM_TESTS_SUPPORT_FABRIC_BUILDER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/tables/snapshot.h"
#include "dataplane/wire/mac_address.h"

namespace taploom::config {
class FabricConfig;
class Fault;
class RouteTable;
}  // namespace taploom::config

namespace taploom::test {

struct EniOptions {
  bool source_dest_check = true;
  bool attached = true;  // has a port
  std::uint32_t tcp_established_seconds = 0, udp_stream_seconds = 0, udp_seconds = 0;
};

class FabricBuilder {
 public:
  using Texts = std::vector<std::string>;

  FabricBuilder();
  ~FabricBuilder();

  FabricBuilder& Vpc(const std::string& name, const Texts& cidrs);
  FabricBuilder& InternetGateway();
  FabricBuilder& EgressOnlyGateway();
  FabricBuilder& EdgeTable();  // of the VPC's internet gateway
  FabricBuilder& GatewayEndpoint(const std::string& name, const std::string& prefix_list,
                                 bool always_tracked = false);
  FabricBuilder& Peering(const std::string& name, const std::string& requester,
                         const std::string& accepter);
  FabricBuilder& Subnet(const std::string& name, const Texts& cidrs,
                        const std::string& zone = "eu-central-1a");
  // A zone or a NAT gateway fails with the next Build, or works again.
  FabricBuilder& ZoneFault(const std::string& zone, bool down);
  FabricBuilder& NatFault(const std::string& name, bool down);

  // "0.0.0.0/0 igw", "::/0 eigw", "0.0.0.0/0 nat:NAME", "10.9.0.0/16 eni:NAME",
  // "10.9.0.0/16 pcx:NAME", "52.0.0.0/8 vpce:NAME", "10.9.0.0/16 local", "10.9.0.0/16 blackhole".
  // Replaces a route to the same block. Instead of a subnet: "VPC-edge", when it has an EdgeTable.
  FabricBuilder& Route(const std::string& subnet, const std::string& route);
  FabricBuilder& RemoveRoute(const std::string& subnet, const std::string& destination);

  // "in tcp 80 from 0.0.0.0/0", "in icmp 3/4 from 10.0.0.0/16", "out udp 53-60 to pl:dns", "in all
  // from sg:web".
  FabricBuilder& Group(const std::string& name,
                       const Texts& rules);  // replaces the rules of a group that exists
  // "100 in allow tcp 443 0.0.0.0/0", "200 out deny all ::/0". Replaces the entries of the subnet's
  // ACL.
  FabricBuilder& Acl(const std::string& subnet, const Texts& entries);
  FabricBuilder& PrefixList(const std::string& name, const Texts& cidrs);

  // Addresses: "10.0.0.10", "10.0.0.10 = 203.0.113.10" (with a public one), "2001:db8::10".
  FabricBuilder& Eni(const std::string& name, const std::string& subnet, const Texts& addresses,
                     const Texts& groups, const EniOptions& options = {});
  FabricBuilder& SetAddresses(const std::string& eni, const Texts& addresses);
  FabricBuilder& NatGateway(const std::string& name, const std::string& subnet,
                            const Texts& addresses);
  FabricBuilder& InternetHost(const std::string& name, const Texts& addresses);
  FabricBuilder& ConnectionsPerEni(std::uint32_t count);

  // Takes over a fabric that control has made; its objects keep their names.
  FabricBuilder& Use(const config::FabricConfig& config);

  // The fabric as it now stands, compiled, each time with the next generation. Throws
  // std::invalid_argument when Compile finds a fault.
  std::shared_ptr<const tables::Snapshot> Build();
  const config::FabricConfig& config() const { return *config_; }

  tables::PortId port(const std::string& name) const { return ports_.at(name); }
  const std::map<std::string, tables::PortId>& ports() const { return ports_; }
  std::string name_of(tables::PortId port) const;
  wire::MacAddress mac(const std::string& name) const { return macs_.at(name); }
  // Of the subnet of that interface, or of that internet host's router.
  wire::MacAddress router_mac(const std::string& name) const { return router_macs_.at(name); }
  std::string id(const std::string& kind, const std::string& name) const;

 private:
  wire::MacAddress NextMac(std::uint8_t kind);
  config::RouteTable& RouteTableOf(const std::string& subnet);
  config::RouteTable& AddRouteTable(const std::string& name);
  void SetFault(const config::Fault& part, bool down);

  std::unique_ptr<config::FabricConfig> config_;
  std::string vpc_;  // named last
  std::map<std::string, tables::PortId> ports_;
  std::map<std::string, wire::MacAddress> macs_, router_macs_;
  std::uint16_t next_mac_ = 1;
};

}  // namespace taploom::test

#endif  // TAPLOOM_TESTS_SUPPORT_FABRIC_BUILDER_H_
