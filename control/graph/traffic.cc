#include "control/graph/traffic.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "control/quantity.h"

namespace taploom::control {
namespace {

// Where a plan's ports, gateways and addresses stand in its graph, by id of a node.
class Places {
 public:
  explicit Places(const config::FabricConfig& config) {
    std::unordered_map<std::string, std::string> vpc_of_subnet;
    for (const config::Subnet& subnet : config.subnets())
      vpc_of_subnet[subnet.id()] = subnet.vpc_id();
    for (const config::Eni& eni : config.enis()) {
      if (eni.port() != 0) by_port_[eni.port()] = eni.id();
      const std::string& vpc = vpc_by_node_[eni.id()] = vpc_of_subnet[eni.subnet_id()];
      for (const config::EniAddress& address : eni.addresses()) {
        by_address_[vpc + address.private_address()] = eni.id();
        if (!address.public_address().empty()) by_address_[address.public_address()] = eni.id();
      }
    }
    for (const config::InternetHost& host : config.internet_hosts()) {
      by_port_[host.port()] = host.id();
      for (const std::string& address : host.addresses()) by_address_[address] = host.id();
    }
    for (const config::NatGateway& gateway : config.nat_gateways())
      by_gateway_[gateway.id()] = gateway.eni_id();
  }

  // Empty when it stands nowhere.
  std::string AtPort(std::uint32_t port) const { return Find(by_port_, port); }
  std::string OfNatGateway(const std::string& id) const { return Find(by_gateway_, id); }
  // Whom an address means to somebody at `node`: his own VPC's first.
  std::string WithAddress(const std::string& address, const std::string& node) const {
    const std::string inside = Find(by_address_, Find(vpc_by_node_, node) + address);
    return inside.empty() ? Find(by_address_, address) : inside;
  }

 private:
  template <typename Map, typename Key>
  static std::string Find(const Map& map, const Key& key) {
    const auto found = map.find(key);
    return found == map.end() ? std::string() : found->second;
  }

  std::unordered_map<std::uint32_t, std::string> by_port_;
  std::unordered_map<std::string, std::string> by_gateway_, by_address_, vpc_by_node_;
};

using Pair = std::pair<std::string, std::string>;

std::map<Pair, Traffic::Sum> SumsByNodes(const Places& places, const Traffic& traffic) {
  std::map<Pair, Traffic::Sum> sums;
  const auto add = [&sums](const std::string& from, const std::string& to,
                           const Traffic::Sum& sum) {
    if (from.empty() || to.empty() || from == to) return;
    sums[{from, to}].connections += sum.connections;
    sums[{from, to}].bytes += sum.bytes;
  };
  for (const auto& [way, sum] : traffic.sums()) {
    const std::string from = places.AtPort(way.from), to = places.AtPort(way.to);
    const std::string gateway = places.OfNatGateway(way.nat_gateway_id);
    if (gateway.empty()) {
      add(from, to, sum);
    } else {
      add(from, gateway, sum);
      add(gateway, to, sum);
    }
  }
  return sums;
}

std::string ConnectionsText(std::uint64_t count) {
  return fmt::format("{} connection{}", count, count == 1 ? "" : "s");
}

std::uint64_t DropsOf(const config::PortCounters& port) {
  std::uint64_t packets = 0;
  for (const config::DropCount& drop : port.drops()) packets += drop.packets();
  return packets;
}

GraphNode* NodeWithId(Graph& graph, const std::string& id) {
  const auto find = [&id](std::vector<GraphNode>& nodes) -> GraphNode* {
    const auto found = std::find_if(nodes.begin(), nodes.end(),
                                    [&id](const GraphNode& node) { return node.id == id; });
    return found == nodes.end() ? nullptr : &*found;
  };
  if (GraphNode* host = find(graph.hosts)) return host;
  for (GraphVpc& vpc : graph.vpcs) {
    for (GraphZone& zone : vpc.zones) {
      for (GraphSubnet& subnet : zone.subnets) {
        if (GraphNode* node = find(subnet.nodes)) return node;
      }
    }
  }
  return nullptr;
}

void AddCounters(const Places& places, const config::Counters& counters, Graph& graph) {
  for (const config::PortCounters& port : counters.ports()) {
    const std::string id = places.AtPort(port.port());
    GraphNode* node = NodeWithId(graph, id);
    if (node == nullptr) continue;
    const std::uint64_t drops = DropsOf(port);
    node->lines.push_back(fmt::format("sent {}, got {}", BytesText(port.received_bytes()),
                                      BytesText(port.sent_bytes())));
    if (drops == 0) continue;
    node->lines.push_back(fmt::format("{} dropped", drops));
    if (!port.has_last_drop()) continue;
    const std::string meant = places.WithAddress(port.last_drop().destination(), id);
    if (meant.empty() || meant == id) continue;
    graph.edges.push_back(
        {.from = id,
         .to = meant,
         .label = fmt::format("{} dropped, last {}", drops, port.last_drop().reason()),
         .kind = EdgeKind::kDrops,
         .weight = drops});
  }
}

}  // namespace

void Traffic::Add(const config::Connections& page) {
  for (const config::Connection& connection : page.connections()) {
    Sum& sum =
        sums_[{connection.ingress_port(), connection.egress_port(), connection.nat_gateway_id()}];
    ++sum.connections;
    sum.bytes += connection.original_bytes() + connection.reply_bytes();
  }
}

void AddTraffic(const FabricPlan& plan, const Traffic& traffic, const config::Counters& counters,
                Graph& graph) {
  const Places places(plan.config);
  const auto sums = SumsByNodes(places, traffic);
  std::erase_if(graph.edges, [&](const GraphEdge& edge) {
    return sums.contains({edge.from, edge.to});
  });
  for (const auto& [pair, sum] : sums) {
    graph.edges.push_back(
        {.from = pair.first,
         .to = pair.second,
         .label = fmt::format("{}, {}", ConnectionsText(sum.connections), BytesText(sum.bytes)),
         .kind = EdgeKind::kTraffic,
         .weight = sum.bytes});
  }
  AddCounters(places, counters, graph);
}

}  // namespace taploom::control
