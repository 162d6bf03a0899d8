// The schema cannot drift from the parser: both know the same keys in the same places.
#include "control/topology_schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "control/quota.h"
#include "control/topology_keys.h"

namespace taploom::control {
namespace {

using testing::UnorderedElementsAreArray;

std::vector<std::string> KeysOf(const nlohmann::json& schema) {
  EXPECT_EQ(schema.at("additionalProperties"), false);
  std::vector<std::string> names;
  for (const auto& [key, value] : schema.at("properties").items()) names.push_back(key);
  return names;
}

TEST(TopologySchemaTest, KnowsTheKeysOfTheParser) {
  const nlohmann::json schema = nlohmann::json::parse(TopologySchema());
  const nlohmann::json& top = schema.at("properties");
  EXPECT_THAT(KeysOf(schema), UnorderedElementsAreArray(keys::kTopology));
  EXPECT_THAT(KeysOf(top.at("internet")), UnorderedElementsAreArray(keys::kInternet));
  EXPECT_THAT(KeysOf(top.at("limits")), UnorderedElementsAreArray(kQuotaKeys));
  const nlohmann::json& definitions = schema.at("definitions");
  EXPECT_THAT(KeysOf(definitions.at("target").at("anyOf").at(1)),
              UnorderedElementsAreArray(keys::kTarget));
  const std::vector<std::pair<std::string, keys::Keys>> maps = {
      {"vpc", keys::kVpc},
      {"subnet", keys::kSubnet},
      {"nat_gateway", keys::kNatGateway},
      {"route_table", keys::kRouteTable},
      {"route", keys::kRoute},
      {"security_group", keys::kSecurityGroup},
      {"ingress_rule", keys::kIngressRule},
      {"egress_rule", keys::kEgressRule},
      {"network_acl", keys::kNetworkAcl},
      {"network_acl_rule", keys::kNetworkAclRule},
      {"load_balancer", keys::kLoadBalancer},
      {"listener", keys::kListener},
      {"target_group", keys::kTargetGroup},
      {"health_check", keys::kHealthCheck},
      {"instance", keys::kInstance},
      {"interface", keys::kInterface},
      {"connection_tracking", keys::kConnectionTracking},
      {"internet_host", keys::kInternetHost},
      {"peering", keys::kPeering},
      {"gateway_endpoint", keys::kGatewayEndpoint},
  };
  for (const auto& [name, expected] : maps) {
    SCOPED_TRACE(name);
    EXPECT_THAT(KeysOf(definitions.at(name)),
                UnorderedElementsAreArray(expected.begin(), expected.end()));
  }
}

TEST(TopologySchemaTest, IsDraft7AndItsReferencesResolve) {
  const std::string text = TopologySchema();
  const nlohmann::json schema = nlohmann::json::parse(text);
  EXPECT_EQ(schema.at("$schema"), "http://json-schema.org/draft-07/schema#");
  EXPECT_EQ(text.back(), '\n');
  const std::string marker = "#/definitions/";
  for (std::size_t at = text.find(marker); at != std::string::npos;
       at = text.find(marker, at + 1)) {
    const std::size_t start = at + marker.size();
    const std::string name = text.substr(start, text.find('"', start) - start);
    EXPECT_TRUE(schema.at("definitions").contains(name)) << name;
  }
}

}  // namespace
}  // namespace taploom::control
