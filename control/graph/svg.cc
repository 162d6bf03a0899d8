// The graph as a picture of its own.
//
//   internet      a row of hosts at the top
//   VPC           under each other; its gateway on the upper edge
//   zone          columns side by side, broken into several when there are many subnets
//   subnet        boxes under each other: name and block, routes, then its machines two by two
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "control/graph/graph.h"

namespace taploom::control {
namespace {

constexpr double kGap = 14, kLine = 15, kLetter = 6.4;  // pixels; of a 12-pixel sans-serif letter
constexpr double kHeader = 26;
constexpr std::size_t kNodesPerRow = 2, kSubnetsPerColumn = 10;
constexpr double kLeastNodeWidth = 130, kTextInset = 10;
constexpr double kTextSize = 12, kLabelSize = 10;
constexpr double kAside = 10;
constexpr std::size_t kMostLabels = 40;
constexpr int kLabelTries = 6;

struct Box {
  double x = 0, y = 0, width = 0, height = 0;
  double middle() const { return x + width / 2; }
};

// Letters, not bytes: routes have an arrow.
double WidthOf(const std::string& text) {
  const auto letters =
      std::count_if(text.begin(), text.end(), [](char byte) { return (byte & 0xc0) != 0x80; });
  return static_cast<double>(letters) * kLetter + 2 * kTextInset;
}

std::string Escaped(const std::string& text) {
  std::string result;
  for (const char letter : text) {
    switch (letter) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      default:
        result += letter;
    }
  }
  return result;
}

struct EdgeLook {
  const char *color, *arrow;
  double width;
};
EdgeLook LookOf(const GraphEdge& edge) {
  switch (edge.kind) {
    case EdgeKind::kTraffic:
      // A thousandfold of bytes is a pixel and a half.
      return {"#1f6feb", "arrow-traffic",
              1.4 + std::log10(static_cast<double>(edge.weight) + 1) / 2};
    case EdgeKind::kDrops:
      return {"#d1242f", "arrow-drops", 1.8};
    case EdgeKind::kPlan:
      break;
  }
  return {"#6b4fb3", "arrow", 1.4};
}

std::string Marker(const char* id, const char* color) {
  return fmt::format(
      "<marker id=\"{}\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"9\" "
      "markerHeight=\"9\" markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path d=\"M 0 0 L 8 4 L 0 "
      "8 z\" fill=\"{}\"/></marker>",
      id, color);
}

class Drawing {
 public:
  std::string Of(const Graph& graph);

 private:
  double NodeWidth(const GraphNode& node) const;
  double NodeHeight(const GraphNode& node) const {
    return kLine * static_cast<double>(1 + node.lines.size()) + 10;
  }
  Box Subnet(const GraphSubnet& subnet, double x, double y, double width);
  double SubnetWidth(const GraphSubnet& subnet) const;
  Box Zone(const GraphZone& zone, double x, double y);
  Box Vpc(const GraphVpc& vpc, double x, double y);
  void Node(const GraphNode& node, const Box& box);
  void Edges(const Graph& graph);
  void Label(const GraphEdge& edge, double x, double y);

  void Rectangle(const Box& box, const char* fill, const char* stroke, bool is_dashed = false);
  void Text(double x, double y, const std::string& text, const char* style = "");
  void Line(double x1, double y1, double x2, double y2);

  // Boxes are drawn before what stands in them, and their size is known after: so they are put at
  // the front of what is inside.
  std::string body_;
  std::map<std::string, Box> boxes_;  // of nodes, by id
  std::vector<Box> labels_;           // of edges, placed so far
};

void Drawing::Rectangle(const Box& box, const char* fill, const char* stroke, bool is_dashed) {
  body_ += fmt::format(
      "<rect x=\"{:.0f}\" y=\"{:.0f}\" width=\"{:.0f}\" height=\"{:.0f}\" rx=\"5\" fill=\"{}\" "
      "stroke=\"{}\"{}/>\n",
      box.x, box.y, box.width, box.height, fill, stroke,
      is_dashed ? " stroke-dasharray=\"5 4\"" : "");
}

void Drawing::Text(double x, double y, const std::string& text, const char* style) {
  body_ += fmt::format("<text x=\"{:.0f}\" y=\"{:.0f}\"{}>{}</text>\n", x, y, style, Escaped(text));
}

void Drawing::Line(double x1, double y1, double x2, double y2) {
  body_ += fmt::format(
      "<line x1=\"{:.0f}\" y1=\"{:.0f}\" x2=\"{:.0f}\" y2=\"{:.0f}\" stroke=\"#888\"/>\n", x1, y1,
      x2, y2);
}

double Drawing::NodeWidth(const GraphNode& node) const {
  double width = std::max(kLeastNodeWidth, WidthOf(node.name));
  for (const std::string& line : node.lines) width = std::max(width, WidthOf(line));
  return width;
}

void Drawing::Node(const GraphNode& node, const Box& box) {
  struct Look {
    const char *fill, *stroke;
  };
  const Look look = [&]() -> Look {
    switch (node.kind) {
      case NodeKind::kLoadBalancer:
        return {"#e9defa", "#8c4fff"};
      case NodeKind::kNatGateway:
      case NodeKind::kInternetGateway:
        return {"#fde6cf", "#d9730d"};
      case NodeKind::kInternetHost:
        return {"#f2f2f2", "#777777"};
      case NodeKind::kInstance:
        break;
    }
    return {"#ffffff", "#555555"};
  }();
  Rectangle(box, look.fill, look.stroke);
  Text(box.x + kTextInset, box.y + kLine + 2, node.name, " font-weight=\"bold\"");
  for (std::size_t i = 0; i < node.lines.size(); ++i)
    Text(box.x + kTextInset, box.y + kLine * static_cast<double>(i + 2) + 2, node.lines[i],
         " fill=\"#444\"");
  boxes_[node.id] = box;
}

double Drawing::SubnetWidth(const GraphSubnet& subnet) const {
  double width = WidthOf(subnet.name + "  " + subnet.cidr) * 1.08;
  for (const std::string& route : subnet.routes) width = std::max(width, WidthOf(route));
  double widest_node = 0;
  for (const GraphNode& node : subnet.nodes) widest_node = std::max(widest_node, NodeWidth(node));
  const auto columns = static_cast<double>(std::min(subnet.nodes.size(), kNodesPerRow));
  return std::max(width, columns * widest_node + (columns + 1) * kGap);
}

Box Drawing::Subnet(const GraphSubnet& subnet, double x, double y, double width) {
  const std::string before = std::exchange(body_, "");
  double bottom = y + 19;
  Text(x + kTextInset, bottom, subnet.name + "  " + subnet.cidr, " font-weight=\"bold\"");
  for (const std::string& route : subnet.routes)
    Text(x + kTextInset, bottom += kLine, route, " fill=\"#666\"");
  bottom += 9;
  double node_width = 0;
  for (const GraphNode& node : subnet.nodes) node_width = std::max(node_width, NodeWidth(node));
  for (std::size_t row = 0; row < subnet.nodes.size(); row += kNodesPerRow) {
    double height = 0;
    for (std::size_t i = row; i < std::min(row + kNodesPerRow, subnet.nodes.size()); ++i)
      height = std::max(height, NodeHeight(subnet.nodes[i]));
    for (std::size_t i = row; i < std::min(row + kNodesPerRow, subnet.nodes.size()); ++i) {
      const double left = x + kGap + static_cast<double>(i - row) * (node_width + kGap);
      Node(subnet.nodes[i], {left, bottom, node_width, height});
    }
    bottom += height + kGap;
  }
  const Box box{x, y, width, bottom - y};
  const std::string inside = std::exchange(body_, before);
  Rectangle(box, subnet.is_public ? "#eef7e8" : "#e8f1fb",
            subnet.is_public ? "#7aa116" : "#147eba");
  body_ += inside;
  return box;
}

Box Drawing::Zone(const GraphZone& zone, double x, double y) {
  const std::string before = std::exchange(body_, "");
  Text(x + kTextInset, y + 18, zone.name, " fill=\"#555\"");
  double left = x + kGap, bottom = y + kHeader, deepest = bottom;
  // Columns of about the same length, not one full and one nearly empty.
  const std::size_t count = zone.subnets.size();
  const std::size_t columns =
      std::max<std::size_t>(1, (count + kSubnetsPerColumn - 1) / kSubnetsPerColumn);
  const std::size_t per_column = (count + columns - 1) / columns;
  for (std::size_t first = 0; first < count; first += per_column) {
    const std::size_t end = std::min(first + per_column, count);
    double width = 0;
    for (std::size_t i = first; i < end; ++i) width = std::max(width, SubnetWidth(zone.subnets[i]));
    bottom = y + kHeader;
    for (std::size_t i = first; i < end; ++i)
      bottom += Subnet(zone.subnets[i], left, bottom, width).height + kGap;
    deepest = std::max(deepest, bottom);
    left += width + kGap;
  }
  const Box box{x, y, std::max(left - x, WidthOf(zone.name)), deepest - y};
  const std::string inside = std::exchange(body_, before);
  Rectangle(box, "none", "#999999", true);
  body_ += inside;
  return box;
}

Box Drawing::Vpc(const GraphVpc& vpc, double x, double y) {
  const std::string before = std::exchange(body_, "");
  Text(x + kTextInset, y + 20, "VPC " + vpc.name + "  " + vpc.cidrs,
       " font-weight=\"bold\" font-size=\"14\"");
  double left = x + kGap, deepest = y + kHeader + 12;
  for (const GraphZone& zone : vpc.zones) {
    const Box box = Zone(zone, left, y + kHeader + 12);
    left += box.width + kGap;
    deepest = std::max(deepest, box.y + box.height);
  }
  const double title = WidthOf("VPC " + vpc.name + "  " + vpc.cidrs) * 1.2;
  const Box box{x, y, std::max(left - x, title + 160), deepest + kGap - y};
  const std::string inside = std::exchange(body_, before);
  Rectangle(box, "#ffffff", "#8c4fff");
  body_ += inside;
  double right = x + box.width - kGap;
  for (const GraphNode& gateway : vpc.gateways) {
    const double width = std::max(60.0, WidthOf(gateway.name));
    Node(gateway, {right - width, y - 13, width, 26});
    right -= width + kGap;
  }
  return box;
}

// A curve that leaves at the bottom, or the top, and arrives at the right side, where no text
// stands in its way; beside each other, straight from side to side. What leads to a gateway is
// written at the subnet.
void Drawing::Edges(const Graph& graph) {
  std::vector<GraphEdge> edges = graph.edges;
  std::stable_sort(edges.begin(), edges.end(), [](const GraphEdge& a, const GraphEdge& b) {
    return std::pair(a.kind == EdgeKind::kDrops, a.weight) >
           std::pair(b.kind == EdgeKind::kDrops, b.weight);
  });
  for (const GraphEdge& edge : edges) {
    const auto from = boxes_.find(edge.from), to = boxes_.find(edge.to);
    if (from == boxes_.end() || to == boxes_.end() || edge.label.empty()) continue;
    const Box &a = from->second, &b = to->second;
    const bool is_below = b.y >= a.y + a.height, is_above = b.y + b.height <= a.y;
    // Beside the traffic between the same two, not under it.
    const double aside = edge.kind == EdgeKind::kDrops ? kAside : 0;
    double x1 = a.middle() + aside, y1 = is_above ? a.y : a.y + a.height;
    double bend_x = x1, bend_y = y1 + (is_above ? -1 : 1) * std::abs(b.y - y1) / 2;
    const bool is_left = b.x < a.x;
    double x2 = b.x + b.width, arrival = x2 + 40;
    const double y2 = b.y + b.height / 2 + aside;
    if (!is_below && !is_above) {
      x1 = is_left ? a.x : a.x + a.width;
      y1 = a.y + a.height / 2 + aside;
      x2 = is_left ? b.x + b.width : b.x;
      bend_x = arrival = (x1 + x2) / 2;
      bend_y = y1;
    }
    const EdgeLook look = LookOf(edge);
    body_ += fmt::format(
        "<path d=\"M {:.0f} {:.0f} C {:.0f} {:.0f}, {:.0f} {:.0f}, {:.0f} {:.0f}\" fill=\"none\" "
        "stroke=\"{}\" stroke-opacity=\"0.75\" stroke-width=\"{:.1f}\"{} "
        "marker-end=\"url(#{})\"><title>{}</title></path>\n",
        x1, y1, bend_x, bend_y, arrival, y2, x2, y2, look.color, look.width,
        edge.kind == EdgeKind::kDrops ? " stroke-dasharray=\"4 3\"" : "", look.arrow,
        Escaped(edge.label));
    // The middle of a cubic Bézier curve.
    Label(edge, (x1 + 3 * bend_x + 3 * arrival + x2) / 8, (y1 + 3 * bend_y + 3 * y2 + y2) / 8);
  }
}

// What the plan says is told by the picture; what flows, by words too, as long as there is room:
// the heaviest edges come first, and a label that finds no place near its edge is left to the
// edge's title.
void Drawing::Label(const GraphEdge& edge, double x, double y) {
  if (edge.kind == EdgeKind::kPlan || labels_.size() >= kMostLabels) return;
  const double width = WidthOf(edge.label) * kLabelSize / kTextSize;
  Box box{x - width / 2, y - kLine / 2, width, kLine};
  const auto is_taken = [&](const Box& other) {
    return box.x < other.x + other.width && other.x < box.x + box.width &&
           box.y < other.y + other.height && other.y < box.y + box.height;
  };
  for (int tries = 0; std::any_of(labels_.begin(), labels_.end(), is_taken); ++tries) {
    if (tries == kLabelTries) return;
    box.y += kLine;
  }
  labels_.push_back(box);
  body_ += fmt::format(
      "<text class=\"traffic\" x=\"{:.0f}\" y=\"{:.0f}\" font-size=\"{}\" text-anchor=\"middle\" "
      "fill=\"{}\" stroke=\"#ffffff\" stroke-width=\"3\" paint-order=\"stroke\">{}</text>\n",
      box.middle(), box.y + kLine - 4, kLabelSize, LookOf(edge).color, Escaped(edge.label));
}

std::string Drawing::Of(const Graph& graph) {
  double y = kGap, width = 300;
  double left = kGap, hosts_bottom = y;
  for (const GraphNode& host : graph.hosts) {
    const Box box{left, y, NodeWidth(host), NodeHeight(host)};
    Node(host, box);
    left += box.width + kGap;
    hosts_bottom = std::max(hosts_bottom, box.y + box.height);
  }
  width = std::max(width, left);
  const double backbone = hosts_bottom + 22;
  y = backbone + 40;
  std::string hosts = std::exchange(body_, "");
  for (const GraphVpc& vpc : graph.vpcs) {
    const Box box = Vpc(vpc, kGap, y);
    width = std::max(width, box.x + box.width + kGap);
    y = box.y + box.height + 40;
  }
  Edges(graph);
  const std::string vpcs = std::exchange(body_, "");
  // The internet is one line that hosts and gateways hang on; it runs down the right edge to the
  // VPCs further below.
  bool has_gateway = false;
  const double right = width + 4;
  double lowest = backbone;
  for (const GraphVpc& vpc : graph.vpcs) {
    for (const GraphNode& gateway : vpc.gateways) {
      const Box& box = boxes_.at(gateway.id);
      const double level = box.y + box.height / 2;
      Line(box.x + box.width, level, right, level);
      lowest = std::max(lowest, level);
      has_gateway = true;
    }
  }
  if (!graph.hosts.empty() || has_gateway) {
    Line(kGap, backbone, right, backbone);
    Line(right, backbone, right, lowest);
    Text(kGap, backbone + 16, "internet", " fill=\"#777\"");
    for (const GraphNode& host : graph.hosts) {
      const Box& box = boxes_.at(host.id);
      Line(box.middle(), box.y + box.height, box.middle(), backbone);
    }
  }
  const double full_width = right + kGap, full_height = y - 40 + kGap;
  return fmt::format(
             "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" "
             "viewBox=\"0 0 {0:.0f} {1:.0f}\" font-family=\"sans-serif\" font-size=\"12\">\n"
             "<title>{2}</title>\n<defs>{3}{4}{5}</defs>\n"
             "<rect width=\"100%\" height=\"100%\" fill=\"#fbfbfb\"/>\n",
             full_width, full_height, Escaped(graph.name), Marker("arrow", "#6b4fb3"),
             Marker("arrow-traffic", "#1f6feb"), Marker("arrow-drops", "#d1242f")) +
         body_ + hosts + vpcs + "</svg>\n";
}

}  // namespace

std::string ToSvg(const Graph& graph) { return Drawing().Of(graph); }

}  // namespace taploom::control
