#include "tests/unit/control/topology_test_support.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <stdexcept>

#include "control/describe.h"

namespace taploom::control {
namespace {

std::vector<std::string> ToTexts(const std::vector<Finding>& findings) {
  std::vector<std::string> texts;
  for (const Finding& finding : findings) {
    const std::string text = finding.ToString("");
    texts.push_back(finding.at.in_file() ? text.substr(1) : text);
  }
  return texts;
}

// The attributes of the one described object of that kind and name ("route-table", "main/private").
DescribedObject Described(const FabricPlan& plan, std::string_view object, std::string_view name) {
  for (DescribedObject& described : Describe(plan)) {
    if (described.object == object && described.name.ends_with(fmt::format("/{}", name)))
      return described;
  }
  throw std::out_of_range(fmt::format("no {} {}", object, name));
}

}  // namespace

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string ThreeTier() { return ReadFile(TAPLOOM_TOPOLOGY_TEST_DIR "/three_tier.yaml"); }

std::string Replace(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  if (at != std::string::npos) text.replace(at, from.size(), to);
  return text;
}

std::vector<std::string> FindingsOf(std::string_view text) {
  return ToTexts(LoadTopology(text).findings);
}

std::vector<std::string> FindingsOf(const Topology& topology) {
  return ToTexts(Validate(topology).findings.Sorted());
}

FabricPlan PlanOf(std::string_view text, Allocations& allocations) {
  const LoadResult loaded = LoadTopology(text);
  EXPECT_TRUE(loaded.valid.has_value()) << FormatFindings(loaded.findings, "topology");
  return loaded.valid ? Lower(*loaded.valid, allocations) : FabricPlan{};
}

FabricPlan PlanOf(std::string_view text) {
  Allocations allocations;
  return PlanOf(text, allocations);
}

FabricPlan PlanOf(const Topology& topology, Allocations& allocations) {
  const ValidateResult result = Validate(topology);
  EXPECT_TRUE(result.valid.has_value()) << FormatFindings(result.findings.Sorted(), "topology");
  return result.valid ? Lower(*result.valid, allocations) : FabricPlan{};
}

const NamespacePlan& NamespaceNamed(const FabricPlan& plan, std::string_view name) {
  for (const NamespacePlan& candidate : plan.namespaces) {
    if (candidate.name == name) return candidate;
  }
  throw std::out_of_range(fmt::format("no namespace {}", name));
}

const config::Eni& EniNamed(const FabricPlan& plan, std::string_view name) {
  for (const config::Eni& eni : plan.config.enis()) {
    if (eni.name() == name) return eni;
  }
  throw std::out_of_range(fmt::format("no ENI {}", name));
}

std::string AddressText(const std::string& bytes) {
  const auto address = wire::IpAddress::FromBytes(bytes);
  return address ? address->ToString() : "none";
}

std::vector<std::string> RoutesOf(const FabricPlan& plan, std::string_view table) {
  std::vector<std::string> routes;
  for (const auto& [label, value] : Described(plan, "route-table", table).attributes) {
    if (label != "main") routes.push_back(label + " " + value);
  }
  return routes;
}

std::vector<std::string> RulesOf(const FabricPlan& plan, std::string_view group) {
  std::vector<std::string> rules;
  for (const DescribedObject& described : Describe(plan)) {
    if (described.object == "security-group-rule" &&
        described.name.ends_with(fmt::format("/{}", group))) {
      rules.push_back(described.summary);
    }
  }
  return rules;
}

std::vector<std::string> HostsOf(const FabricPlan& plan, std::string_view name) {
  std::vector<std::string> lines;
  for (const HostsEntry& entry : NamespaceNamed(plan, name).hosts) {
    lines.push_back(fmt::format("{} {}", entry.address.ToString(), fmt::join(entry.names, " ")));
  }
  return lines;
}

}  // namespace taploom::control
