#include "tests/conformance/lab.h"

#include "control/describe.h"
#include "control/explain/explain.h"
#include "control/lower.h"
#include "control/validate.h"

namespace taploom::test {
namespace {

const char kHead[] = "name: lab\nregion: eu-central-1\n";

}  // namespace

std::string RefusalOf(const std::string& topology) {
  std::string text;
  for (const control::Finding& finding : control::LoadTopology(kHead + topology).findings) {
    text += (text.empty() ? "" : "\n") + finding.message;
  }
  return text;
}

std::string Lab::Refusal(const std::string& topology) const { return RefusalOf(topology); }

void Lab::Apply(const std::string& topology) {
  topology_ = topology;
  const control::LoadResult loaded = control::LoadTopology(kHead + topology);
  ASSERT_TRUE(loaded.valid) << control::FormatFindings(loaded.findings, "lab.yaml");
  plan_ = control::Lower(*loaded.valid, allocations_, faults_);
  fabric.Use(plan_.config);
  Publish();
}

void Lab::Fail(const std::string& kind, const std::string& name) {
  const control::FaultOfPart part = control::FindFaultyPart(plan_.config, kind, name);
  ASSERT_TRUE(part.fault) << part.error;
  ASSERT_TRUE(control::Begin(faults_, *part.fault, fabric.config().generation() + 1));
  Apply(topology_);
}

void Lab::Restore(const std::string& kind, const std::string& name) {
  const control::FaultOfPart part = control::FindFaultyPart(plan_.config, kind, name);
  ASSERT_TRUE(part.fault) << part.error;
  ASSERT_TRUE(control::End(faults_, *part.fault));
  Apply(topology_);
}

std::string Lab::Explained(const std::string& source, const std::string& destination) const {
  return control::ExplainPath(plan_, source, destination).text;
}

std::vector<std::string> Lab::RoutesOf(const std::string& table) const {
  std::vector<std::string> routes;
  for (const control::DescribedObject& object : control::Describe(plan_)) {
    if (object.object != "route-table" || !object.name.ends_with("/" + table)) continue;
    for (const auto& [destination, target] : object.attributes) {
      if (destination != "main") routes.push_back(destination + " " + target);
    }
  }
  return routes;
}

std::string Lab::AddressOf(const std::string& name) const {
  for (const config::Eni& eni : plan_.config.enis()) {
    if (eni.name() == name)
      return wire::IpAddress::FromBytes(eni.addresses(0).private_address())->ToString();
  }
  return "";
}

}  // namespace taploom::test
