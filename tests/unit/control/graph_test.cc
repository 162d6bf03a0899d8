// Pictures of a plan: everything is in them, nothing lies on anything else.
#include "control/graph/graph.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>
#include <set>

#include "tests/unit/control/topology_test_support.h"

namespace taploom::control {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

Graph FiftySubnets() {
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
  return GraphOf(PlanOf(text + instances));
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
  const std::string svg = ToSvg(FiftySubnets());
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
