// Graph: a plan as boxes inside boxes, and the lines that matter. What `taploom graph` draws.
#ifndef TAPLOOM_CONTROL_GRAPH_GRAPH_H_
#define TAPLOOM_CONTROL_GRAPH_GRAPH_H_

#include <cstdint>
#include <string>
#include <vector>

#include "control/plan.h"

namespace taploom::control {

enum class NodeKind { kInstance, kLoadBalancer, kNatGateway, kInternetGateway, kInternetHost };

struct GraphNode {
  std::string id, name;
  NodeKind kind = NodeKind::kInstance;
  std::vector<std::string> lines;  // addresses, "= 203.0.113.10" for a public one
};

struct GraphSubnet {
  std::string id, name, cidr, route_table;
  std::vector<std::string>
      routes;              // "0.0.0.0/0 → nat-a"; local routes are everywhere, and left out
  bool is_public = false;  // it has a way to the internet gateway
  std::vector<GraphNode> nodes;
};

struct GraphZone {
  std::string name;
  std::vector<GraphSubnet> subnets;
};

struct GraphVpc {
  std::string id, name, cidrs;
  std::vector<GraphNode> gateways;  // at its edge
  std::vector<GraphZone> zones;
};

enum class EdgeKind { kPlan, kTraffic, kDrops };

struct GraphEdge {
  std::string from, to;  // ids of nodes
  std::string label;     // of a way to a target; ways to a gateway have none
  EdgeKind kind = EdgeKind::kPlan;
  std::uint64_t weight = 0;  // bytes of traffic, packets that were dropped
};

struct Graph {
  std::string name;
  std::vector<GraphVpc> vpcs;
  std::vector<GraphNode> hosts;  // the internet's
  std::vector<GraphEdge> edges;  // load balancer → target, NAT gateway → internet gateway, …
};

Graph GraphOf(const FabricPlan& plan);

std::string ToDot(const Graph& graph);      // Graphviz
std::string ToMermaid(const Graph& graph);  // flowchart
// Boxes are laid out here and not by Graphviz: subnets stand under each other in the column of
// their zone, as everybody draws a VPC, and fifty of them still make a page.
std::string ToSvg(const Graph& graph);

}  // namespace taploom::control

#endif  // TAPLOOM_CONTROL_GRAPH_GRAPH_H_
