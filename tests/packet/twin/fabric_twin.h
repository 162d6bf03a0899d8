// FabricTwin: the dataplane once more, slow and obvious, to check the clever one against.
//
// It reads the FabricConfig itself: rules, routes and addresses are lists that are searched from
// the front, connections lie in a std::map by the text of their keys. Nothing is cached: every
// packet is decided from the beginning, in the order of vpc-semantics §0, so a stale action or a
// forgotten generation of the pipeline shows as a different answer. It knows TCP without RST, UDP
// and IPv4's echo, in small frames that nobody has to fragment, and everything that such packets
// can meet: internet, egress-only and NAT gateways, peering connections, gateway endpoints, edge
// route tables, appliances, and zones and gateways that fail.
#ifndef TAPLOOM_TESTS_PACKET_TWIN_FABRIC_TWIN_H_
#define TAPLOOM_TESTS_PACKET_TWIN_FABRIC_TWIN_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/config/fabric_config.pb.h"
#include "dataplane/flow/five_tuple.h"
#include "dataplane/tick.h"

namespace taploom::test {

// What is sent: the tuple, and of TCP the flags as letters.
struct TwinPacket {
  std::uint16_t port = 0;  // where it enters
  flow::FiveTuple tuple;
  std::string tcp_flags;
  bool is_reply = false;         // of an echo
  bool has_foreign_mac = false;  // its frame says that another interface sent it
  // Which address a NAT gateway with several will choose is not predicted, but told; it must be one
  // of the gateway's.
  std::optional<wire::IpAddress> nat_address;
};

// What becomes of it.
struct TwinAnswer {
  enum class Kind { kDrop, kReset, kDeliver };
  Kind kind = Kind::kDrop;
  std::string reason;      // kDrop: as TextOf names it
  std::uint16_t port = 0;  // kDeliver
  flow::FiveTuple tuple;   // kDeliver; of a new NAT binding the source port is not predicted
  bool port_is_chosen = false;
  bool is_stateless = false;  // of a connection, but not translated as it expects: nothing is kept
};

class FabricTwin {
 public:
  FabricTwin() = default;

  void Publish(const config::FabricConfig& config) { config_ = config; }

  // Decides the packet and moves the connections. When the answer's port_is_chosen, the caller says
  // with Chose which one the pipeline took.
  TwinAnswer Decide(const TwinPacket& packet, Tick now);
  // The port that the pipeline gave to the connection made last: "" when that was a right choice.
  std::string Chose(std::uint16_t nat_port);

  std::size_t live_connections(Tick now) const;
  std::size_t live_nat_connections(Tick now) const;
  // Connections that only a NAT gateway remembered, and that went on.
  int readmissions() const { return readmissions_; }

 private:
  enum class State {
    kSynSent,
    kSynReceived,
    kEstablished,
    kFinWait,
    kTimeWait,
    kUdpOneWay,
    kUdpReplied,
    kUdpStream,
    kEcho
  };
  struct Connection {
    std::uint16_t source_port = 0, destination_port = 0;  // of the fabric, where its two ends are
    flow::FiveTuple sent, received;  // the original as it enters and as it leaves
    bool tracked_at_source = false, tracked_at_destination = false;
    std::optional<wire::IpAddress> nat;  // the gateway's private address
    std::string nat_gateway;             // its id
    std::uint64_t decided = 0;           // the generation in which a packet of it went through last
    State state = State::kEcho;
    bool original_closed = false, reply_closed = false;
    bool is_mapping_only = false;    // known to the NAT gateway alone
    bool egress_only_knows = false;  // the originator's packets went through an egress-only gateway
    Tick last_seen{};
  };
  struct Related {
    std::shared_ptr<Connection> connection;
    bool is_reply = false;
  };
  // One packet's way; members as they stand along it.
  struct Journey {
    flow::FiveTuple tuple;
    const TwinPacket* packet = nullptr;
    Related related;
    std::string subnet_id;  // it comes from; "" = outside
    std::string vpc_id;     // where it is
    bool tracked_at_source = false, tracked_at_destination = false, is_always_tracked = false;
    bool is_forwarded = false;  // by an appliance
    bool is_through_endpoint = false, is_through_egress_only = false;
    Related admitted_by;  // a connection that is not the packet's own
    std::optional<wire::IpAddress> new_nat;
    std::string nat_gateway;
    TwinAnswer answer;
  };

  Related Find(std::uint16_t port, const flow::FiveTuple& tuple, Tick now);
  void Remove(const std::shared_ptr<Connection>& connection);
  void Insert(const std::shared_ptr<Connection>& connection);
  Journey Travel(const TwinPacket& packet, const Related& related) const;

  void LeaveEni(Journey& journey, const config::Eni& eni) const;
  void EnterEni(Journey& journey, const config::Eni& eni, bool is_appliance) const;
  void LeaveSubnet(Journey& journey, const config::Subnet& subnet) const;
  void FollowRoute(Journey& journey, const config::Subnet& subnet,
                   const config::Route& route) const;
  void EnterNatFromInside(Journey& journey, const config::NatGateway& gateway) const;
  void EnterNatFromOutside(Journey& journey, const config::Eni& gateway) const;
  void LeaveThroughInternetGateway(Journey& journey) const;
  void LeaveThroughEgressOnlyGateway(Journey& journey) const;
  void LeaveThroughEndpoint(Journey& journey, const config::GatewayEndpoint& endpoint) const;
  bool ReturnsThroughEndpoint(Journey& journey) const;
  void CrossPeering(Journey& journey, const config::VpcPeeringConnection& peering) const;
  void CrossInternet(Journey& journey) const;
  void EnterThroughGateway(Journey& journey, const std::string& vpc_id) const;
  bool ReachesInternetHost(Journey& journey) const;
  void EnterVpc(Journey& journey, const std::string& vpc_id) const;

  bool PassesAcl(const Journey& journey, const config::Subnet& subnet,
                 config::Direction direction) const;
  bool PassesGroups(Journey& journey, const config::Eni& eni, config::Direction direction,
                    bool& tracked) const;
  static bool IsTrackedByOwn(const Related& own, std::uint16_t port,
                             const flow::FiveTuple& as_sent);
  // A connection that tracks the key, and whether that is its reply's.
  Related TrackedBy(std::uint16_t port, const flow::FiveTuple& as_sent) const;

  const config::Route* LongestRoute(const std::string& table_id,
                                    const wire::IpAddress& destination) const;
  const config::Subnet& SubnetOf(const config::Eni& eni) const;
  bool IsInVpc(const std::string& vpc_id, const wire::IpAddress& address) const;
  bool IsZoneDown(const config::Eni& eni) const;
  // The generation in which the part failed last; 0 = it never did.
  std::uint64_t ZoneFailedAt(const config::Eni& eni) const;
  bool IsLost(const Connection& connection) const;
  const config::Eni* EniAt(std::uint16_t port) const;
  const config::Eni* EniWith(const std::string& vpc_id, const wire::IpAddress& address) const;

  static Tick TimeoutOf(const Connection& connection);
  // How long somebody knows it: the NAT gateway longer than the interfaces.
  static Tick LifetimeOf(const Connection& connection);
  void Readmit(const Journey& journey, const Related& related);
  static void Advance(Connection& connection, bool is_reply, const std::string& tcp_flags);

  config::FabricConfig config_;
  std::map<std::string, Related> by_key_;
  std::shared_ptr<Connection> newest_;
  mutable Tick now_{};
  int readmissions_ = 0;
};

}  // namespace taploom::test

#endif  // TAPLOOM_TESTS_PACKET_TWIN_FABRIC_TWIN_H_
