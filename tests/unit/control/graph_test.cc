// Pictures of a plan: everything is in them, nothing lies on anything else.
#include "control/graph/graph.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <regex>
#include <set>

#include "control/graph/traffic.h"
#include "tests/unit/control/topology_test_support.h"

namespace taploom::control {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string FiftySubnetsText() {
  std::string text =
      "name: large\nregion: eu-west-1\nvpcs:\n  main:\n    cidr: 10.0.0.0/16\n"
      "    internet_gateway: igw\n    subnets:\n";
  std::string instances = "instances:\n";
  for (int i = 0; i < 50; ++i) {
    text += fmt::format("      s{}: {{cidr: 10.0.{}.0/24, az: eu-west-1{}, route_table: {}}}\n", i,
                        i, "abc"[i % 3], i % 2 == 0 ? "out" : "inside");
    for (int k = 0; k < i % 4; ++k)
      instances += fmt::format("  i{}-{}: {{subnet: s{}}}\n", i, k, i);
  }
  text +=
      "    route_tables:\n      out: {routes: [{to: 0.0.0.0/0, via: igw}]}\n      inside: {routes: "
      "[]}\n";
  return text + instances;
}

struct Rectangle {
  double x, y, width, height;
  bool Overlaps(const Rectangle& other) const {
    return x < other.x + other.width && other.x < x + width && y < other.y + other.height &&
           other.y < y + height;
  }
};

std::vector<Rectangle> RectanglesFilled(const std::string& svg, const std::string& fills) {
  const std::regex pattern(
      "<rect x=\"(\\d+)\" y=\"(\\d+)\" width=\"(\\d+)\" height=\"(\\d+)\" rx=\"5\" fill=\"(" +
      fills + ")\"");
  std::vector<Rectangle> found;
  for (std::sregex_iterator at(svg.begin(), svg.end(), pattern), end; at != end; ++at) {
    found.push_back(
        {std::stod((*at)[1]), std::stod((*at)[2]), std::stod((*at)[3]), std::stod((*at)[4])});
  }
  return found;
}

void ExpectDisjoint(const std::vector<Rectangle>& boxes) {
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    for (std::size_t k = 0; k < i; ++k) EXPECT_FALSE(boxes[i].Overlaps(boxes[k])) << i << " " << k;
  }
}

TEST(Graph, KnowsTheThreeTiers) {
  const Graph graph = GraphOf(PlanOf(ThreeTier()));
  ASSERT_EQ(graph.vpcs.size(), 1u);
  EXPECT_EQ(graph.vpcs[0].gateways.size(), 1u);
  std::set<std::string> names;
  for (const GraphZone& zone : graph.vpcs[0].zones) {
    for (const GraphSubnet& subnet : zone.subnets) {
      EXPECT_EQ(subnet.is_public, subnet.name == "public-a");
      for (const GraphNode& node : subnet.nodes) names.insert(node.name);
    }
  }
  EXPECT_EQ(names, (std::set<std::string>{"web-1", "db-1", "nat-a", "front/public-a"}));
  bool forwards = false;
  for (const GraphEdge& edge : graph.edges) forwards |= edge.label == "http:80";
  EXPECT_TRUE(forwards) << "the load balancer's line to its target";
}

TEST(Graph, IsWholeInEveryFormat) {
  const Graph graph = GraphOf(PlanOf(ThreeTier()));
  for (const std::string& text : {ToSvg(graph), ToDot(graph), ToMermaid(graph)}) {
    EXPECT_THAT(text, AllOf(HasSubstr("web-1"), HasSubstr("10.0.2.50"), HasSubstr("front/public-a"),
                            HasSubstr("0.0.0.0/0 → nat-a"), HasSubstr("10.0.3.0/24"),
                            HasSubstr("203.0.113.10"), HasSubstr("client")));
  }
}

TEST(Graph, BoxesOfFiftySubnetsDoNotOverlapAndMakeAPage) {
  const std::string svg = ToSvg(GraphOf(PlanOf(FiftySubnetsText())));
  const auto subnets = RectanglesFilled(svg, "#eef7e8|#e8f1fb");
  ASSERT_EQ(subnets.size(), 50u);
  ExpectDisjoint(subnets);
  const auto nodes = RectanglesFilled(svg, "#ffffff");
  ASSERT_EQ(nodes.size(), 1u + 73u) << "the VPC and its instances";
  ExpectDisjoint({nodes.begin() + 1, nodes.end()});
  const Rectangle vpc = nodes.front();
  EXPECT_LT(vpc.width / vpc.height, 3.0);
  EXPECT_LT(vpc.height / vpc.width, 3.0);
}

std::uint32_t PortOf(const FabricPlan& plan, const std::string& name) {
  for (const config::Eni& eni : plan.config.enis()) {
    if (eni.name() == name) return eni.port();
  }
  for (const config::InternetHost& host : plan.config.internet_hosts()) {
    if (host.name() == name) return host.port();
  }
  return 0;
}

config::Connection ConnectionBetween(std::uint32_t from, std::uint32_t to, std::uint64_t bytes) {
  config::Connection connection;
  connection.set_ingress_port(from);
  connection.set_egress_port(to);
  connection.set_original_bytes(bytes);
  connection.set_reply_bytes(bytes);
  return connection;
}

// "web-1 -> nat-a: 2 connections, 3.0 kB" per edge.
std::multiset<std::string> EdgesOf(const Graph& graph, EdgeKind kind) {
  std::map<std::string, std::string> names;
  for (const GraphNode& host : graph.hosts) names[host.id] = host.name;
  for (const GraphVpc& vpc : graph.vpcs) {
    for (const GraphNode& gateway : vpc.gateways) names[gateway.id] = gateway.name;
    for (const GraphZone& zone : vpc.zones) {
      for (const GraphSubnet& subnet : zone.subnets) {
        for (const GraphNode& node : subnet.nodes) names[node.id] = node.name;
      }
    }
  }
  std::multiset<std::string> texts;
  for (const GraphEdge& edge : graph.edges) {
    if (edge.kind == kind)
      texts.insert(fmt::format("{} -> {}: {}", names.at(edge.from), names.at(edge.to), edge.label));
  }
  return texts;
}

TEST(Graph, EdgesCarryTrafficAndDrops) {
  const FabricPlan plan = PlanOf(ThreeTier());
  const std::uint32_t web = PortOf(plan, "web-1"), db = PortOf(plan, "db-1"),
                      front = PortOf(plan, "front/public-a"), client = PortOf(plan, "client");
  Traffic traffic;
  config::Connections page;
  *page.add_connections() = ConnectionBetween(client, front, 500);
  *page.add_connections() = ConnectionBetween(front, web, 400);
  *page.add_connections() = ConnectionBetween(web, client, 1000);
  page.mutable_connections(2)->set_nat_gateway_id(plan.config.nat_gateways(0).id());
  traffic.Add(page);
  page.Clear();
  *page.add_connections() = ConnectionBetween(front, web, 100);
  traffic.Add(page);
  config::Counters counters;
  config::PortCounters& port = *counters.add_ports();
  port.set_port(web);
  port.set_received_bytes(1500);
  config::DropCount& drop = *port.add_drops();
  drop.set_reason("SG_INGRESS_DENIED");
  drop.set_packets(7);
  port.mutable_last_drop()->set_reason("SG_INGRESS_DENIED");
  port.mutable_last_drop()->set_destination(std::string("\x0a\x00\x03\xc8", 4));  // db-1
  ASSERT_NE(db, 0u);

  Graph graph = GraphOf(plan);
  AddTraffic(plan, traffic, counters, graph);
  EXPECT_EQ(EdgesOf(graph, EdgeKind::kTraffic),
            (std::multiset<std::string>{"client -> front/public-a: 1 connection, 1.0 kB",
                                        "front/public-a -> web-1: 2 connections, 1.0 kB",
                                        "nat-a -> client: 1 connection, 2.0 kB",
                                        "web-1 -> nat-a: 1 connection, 2.0 kB"}));
  EXPECT_EQ(EdgesOf(graph, EdgeKind::kDrops),
            (std::multiset<std::string>{"web-1 -> db-1: 7 dropped, last SG_INGRESS_DENIED"}));
  for (const std::string& text : {ToSvg(graph), ToDot(graph), ToMermaid(graph)}) {
    EXPECT_THAT(text, AllOf(HasSubstr("2 connections, 1.0 kB"), HasSubstr("7 dropped, last"),
                            HasSubstr("sent 1.5 kB, got 0 B")));
  }
}

TEST(Graph, LabelsOfTrafficDoNotLieOnEachOther) {
  const FabricPlan plan = PlanOf(FiftySubnetsText());
  config::Connections page;
  const auto& enis = plan.config.enis();
  for (int i = 0; i < enis.size(); ++i) {
    *page.add_connections() =
        ConnectionBetween(enis[i].port(), enis[(i * 7 + 3) % enis.size()].port(),
                          static_cast<std::uint64_t>(i) << i % 20);
  }
  Traffic traffic;
  traffic.Add(page);
  Graph graph = GraphOf(plan);
  AddTraffic(plan, traffic, {}, graph);
  const std::string svg = ToSvg(graph);
  const std::regex pattern("<text class=\"traffic\" x=\"(\\d+)\" y=\"(\\d+)\"[^>]*>([^<]*)</text>");
  std::vector<Rectangle> labels;
  for (std::sregex_iterator at(svg.begin(), svg.end(), pattern), end; at != end; ++at) {
    const double width = static_cast<double>((*at)[3].length()) * 5;
    labels.push_back({std::stod((*at)[1]) - width / 2, std::stod((*at)[2]), width, 12});
  }
  EXPECT_GE(labels.size(), 20u);
  EXPECT_LE(labels.size(), 40u) << "the heaviest; the others have a title";
  ExpectDisjoint(labels);
}

TEST(Graph, NamesCannotBreakOut) {
  Graph graph;
  graph.name = "<script>\"";
  graph.hosts.push_back({"host-1", "a\"b\\<c>", NodeKind::kInternetHost, {}});
  EXPECT_THAT(ToSvg(graph), AllOf(Not(HasSubstr("<script>")), HasSubstr("a&quot;b\\&lt;c&gt;")));
  EXPECT_THAT(ToDot(graph), HasSubstr("a\\\"b\\\\<c>"));
  EXPECT_THAT(ToMermaid(graph), HasSubstr("a#quot;b"));
}

}  // namespace
}  // namespace taploom::control
