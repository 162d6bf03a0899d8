#include "control/parse.h"

#include <string>

#include "control/field_reader.h"
#include "control/object_name.h"
#include "control/parse_sections.h"
#include "control/quota.h"
#include "control/topology_keys.h"
#include "control/yaml_reader.h"

namespace taploom::control {
namespace {

void ParseName(ParseContext& context, const MapReader& map, Topology& topology) {
  map.Require("name", map.at());
  const auto name = map.Text("name");
  if (!name) return;
  topology.name = *name;
  if (!IsObjectName(name->value)) {
    context.findings.Add(name->at, "\"{}\" is no name for a fabric: {}", name->value,
                         kObjectNameRule);
  }
}

void ParseInternet(ParseContext& context, const YamlNode& node, Topology& topology) {
  const MapReader map(context, node, "internet", keys::kInternet);
  map.ForEachNamed("hosts", [&](const Name& name, const YamlNode& host) {
    topology.internet_hosts.push_back(ParseInternetHost(context, name, host));
  });
}

void ParseLimits(ParseContext& context, const YamlNode& node, Limits& limits) {
  const MapReader map(context, node, "limits", kQuotaKeys);
  limits.at = map.at();
  for (const Quota& quota : kQuotas) {
    if (const auto value = map.Integer(quota.key, 1, quota.most))
      limits.*quota.limit = value->value;
  }
}

}  // namespace

ParseResult Parse(std::string_view text) {
  ParseResult result;
  const YamlNodePtr root = ReadYaml(text, result.findings);
  if (root == nullptr) return result;
  result.is_yaml = true;

  Topology& topology = result.topology;
  ParseContext context{result.findings, topology.unreadable};
  const MapReader map(context, *root, "the topology", keys::kTopology);
  if (!map.is_map()) {
    result.is_yaml = false;
    return result;
  }
  ParseName(context, map, topology);
  topology.region = map.Text("region");
  map.Require("vpcs", map.at());
  map.ForEachNamed("vpcs", [&](const Name& name, const YamlNode& node) {
    topology.vpcs.push_back(ParseVpc(context, name, node));
  });
  map.ForEachNamed("peerings", [&](const Name& name, const YamlNode& node) {
    topology.peerings.push_back(ParsePeering(context, name, node));
  });
  map.ForEachNamed("instances", [&](const Name& name, const YamlNode& node) {
    topology.instances.push_back(ParseInstance(context, name, node));
  });
  if (const YamlNode* internet = map.Find("internet")) ParseInternet(context, *internet, topology);
  if (const YamlNode* limits = map.Find("limits")) ParseLimits(context, *limits, topology.limits);
  return result;
}

}  // namespace taploom::control
