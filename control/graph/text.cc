// The graph for Graphviz and for Mermaid, which lay it out themselves.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "control/graph/graph.h"

namespace taploom::control {
namespace {

// Names are the user's: quotes and backslashes in them must not end a string.
std::string Escaped(const std::string& text, const char* quote) {
  std::string result;
  for (const char letter : text) {
    if (letter == '"') {
      result += quote;
    } else if (letter == '\\') {
      result += "\\\\";
    } else {
      result += letter;
    }
  }
  return result;
}

const char* DotStyle(NodeKind kind) {
  switch (kind) {
    case NodeKind::kLoadBalancer:
      return "fillcolor=\"#e9defa\"";
    case NodeKind::kNatGateway:
      return "fillcolor=\"#fde6cf\"";
    case NodeKind::kInternetGateway:
      return "fillcolor=\"#fde6cf\", shape=diamond";
    case NodeKind::kInternetHost:
      return "fillcolor=\"#eeeeee\"";
    case NodeKind::kInstance:
      break;
  }
  return "fillcolor=\"#ffffff\"";
}

std::string DotNode(const GraphNode& node, const std::string& indent) {
  std::string label = Escaped(node.name, "\\\"");
  for (const std::string& line : node.lines) label += "\\n" + line;
  return fmt::format("{}\"{}\" [label=\"{}\", {}];\n", indent, node.id, label, DotStyle(node.kind));
}

std::string DotSubnet(const GraphSubnet& subnet) {
  std::string label = Escaped(fmt::format("{}  {}", subnet.name, subnet.cidr), "\\\"");
  for (const std::string& route : subnet.routes) label += "\\n" + route;
  std::string text = fmt::format(
      "      subgraph \"cluster_{}\" {{\n        label=\"{}\"; style=\"filled\"; "
      "fillcolor=\"{}\"; color=\"{}\";\n",
      subnet.id, label, subnet.is_public ? "#eef7e8" : "#e8f1fb",
      subnet.is_public ? "#7aa116" : "#147eba");
  // A cluster without nodes is not drawn.
  if (subnet.nodes.empty())
    text += fmt::format("        \"{}\" [label=\"\", style=invis];\n", subnet.id);
  for (const GraphNode& node : subnet.nodes) text += DotNode(node, "        ");
  return text + "      }\n";
}

const char* DotLook(EdgeKind kind) {
  switch (kind) {
    case EdgeKind::kTraffic:
      return ", color=\"#1f6feb\", penwidth=2";
    case EdgeKind::kDrops:
      return ", color=\"#d1242f\", fontcolor=\"#d1242f\", style=dashed";
    case EdgeKind::kPlan:
      break;
  }
  return "";
}

const char* MermaidArrow(EdgeKind kind) {
  switch (kind) {
    case EdgeKind::kTraffic:
      return "==>";
    case EdgeKind::kDrops:
      return "-.-x";
    case EdgeKind::kPlan:
      break;
  }
  return "-->";
}

// Mermaid's ids are words.
std::string Word(std::string id) {
  std::replace_if(
      id.begin(), id.end(),
      [](char letter) {
        return !((letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9'));
      },
      '_');
  return id;
}

std::string MermaidNode(const GraphNode& node, const std::string& indent) {
  std::string label = Escaped(node.name, "#quot;");
  for (const std::string& line : node.lines) label += "<br/>" + line;
  const bool is_round =
      node.kind == NodeKind::kInternetGateway || node.kind == NodeKind::kNatGateway;
  return fmt::format("{}{}{}\"{}\"{}\n", indent, Word(node.id), is_round ? "([" : "[", label,
                     is_round ? "])" : "]");
}

}  // namespace

std::string ToDot(const Graph& graph) {
  std::string text = fmt::format(
      "digraph \"{}\" {{\n  rankdir=TB; compound=true; fontname=\"sans-serif\";\n"
      "  node [shape=box, style=\"filled,rounded\", fontname=\"sans-serif\", fontsize=11];\n"
      "  edge [fontname=\"sans-serif\", fontsize=9, color=\"#555555\"];\n",
      Escaped(graph.name, "\\\""));
  text += "  \"internet\" [label=\"internet\", shape=ellipse, fillcolor=\"#eeeeee\"];\n";
  for (const GraphNode& host : graph.hosts) {
    text += DotNode(host, "  ");
    text += fmt::format("  \"{}\" -> \"internet\" [dir=none];\n", host.id);
  }
  for (const GraphVpc& vpc : graph.vpcs) {
    text += fmt::format("  subgraph \"cluster_{}\" {{\n    label=\"{}\"; color=\"#8c4fff\";\n",
                        vpc.id, Escaped(fmt::format("{}  {}", vpc.name, vpc.cidrs), "\\\""));
    for (const GraphNode& gateway : vpc.gateways) text += DotNode(gateway, "    ");
    for (const GraphZone& zone : vpc.zones) {
      text += fmt::format(
          "    subgraph \"cluster_{}_{}\" {{\n      label=\"{}\"; style=dashed; "
          "color=\"#888888\";\n",
          vpc.id, zone.name, Escaped(zone.name, "\\\""));
      for (const GraphSubnet& subnet : zone.subnets) text += DotSubnet(subnet);
      text += "    }\n";
    }
    text += "  }\n";
    for (const GraphNode& gateway : vpc.gateways)
      text += fmt::format("  \"internet\" -> \"{}\" [dir=none];\n", gateway.id);
  }
  for (const GraphEdge& edge : graph.edges)
    text += fmt::format("  \"{}\" -> \"{}\" [label=\"{}\"{}];\n", edge.from, edge.to, edge.label,
                        DotLook(edge.kind));
  return text + "}\n";
}

std::string ToMermaid(const Graph& graph) {
  std::string text = "flowchart TB\n  internet((internet))\n";
  for (const GraphNode& host : graph.hosts) {
    text += MermaidNode(host, "  ");
    text += fmt::format("  {} --- internet\n", Word(host.id));
  }
  for (const GraphVpc& vpc : graph.vpcs) {
    text += fmt::format("  subgraph {}[\"{}  {}\"]\n", Word(vpc.id), Escaped(vpc.name, "#quot;"),
                        vpc.cidrs);
    for (const GraphNode& gateway : vpc.gateways) text += MermaidNode(gateway, "    ");
    for (const GraphZone& zone : vpc.zones) {
      text += fmt::format("    subgraph {}[\"{}\"]\n", Word(vpc.id + zone.name), zone.name);
      for (const GraphSubnet& subnet : zone.subnets) {
        std::string label = fmt::format("{}  {}", Escaped(subnet.name, "#quot;"), subnet.cidr);
        for (const std::string& route : subnet.routes) label += "<br/>" + route;
        text += fmt::format("      subgraph {}[\"{}\"]\n", Word(subnet.id), label);
        for (const GraphNode& node : subnet.nodes) text += MermaidNode(node, "        ");
        text += "      end\n";
      }
      text += "    end\n";
    }
    text += "  end\n";
    for (const GraphNode& gateway : vpc.gateways)
      text += fmt::format("  internet --- {}\n", Word(gateway.id));
  }
  for (const GraphEdge& edge : graph.edges) {
    const std::string label = edge.label.empty() ? "" : fmt::format("|\"{}\"|", edge.label);
    text += fmt::format("  {} {}{} {}\n", Word(edge.from), MermaidArrow(edge.kind), label,
                        Word(edge.to));
  }
  return text;
}

}  // namespace taploom::control
