// TwoTiers: a small FabricConfig for the tests of Compile, and the pieces to change it with.
#ifndef TAPLOOM_TESTS_UNIT_TABLES_TWO_TIERS_H_
#define TAPLOOM_TESTS_UNIT_TABLES_TWO_TIERS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/config/fabric_config.pb.h"

namespace taploom::tables {

// Where the objects of TwoTiers() stand in its arrays.
enum : int { kPublicTable = 0, kPrivateTable = 1 };
enum : int { kPublicSubnet = 0, kAppSubnet = 1 };
enum : int { kAlbGroup = 0, kWebGroup = 1 };
enum : int { kAlbEni = 0, kWeb1Eni = 1, kWeb2Eni = 2, kNatEni = 3 };

std::string Bytes(std::string_view address);
std::string Mac(std::uint8_t last);
void SetPrefix(config::Prefix* prefix, std::string_view text);
void SetMatch(config::Match* match, std::int32_t protocol, std::uint32_t from_port = 0,
              std::uint32_t to_port = 65535);
void AddRoute(config::RouteTable* table, std::string_view destination, config::RouteTargetKind kind,
              std::string_view target_id = "");
config::Subnet* AddSubnet(config::FabricConfig& fabric, std::string_view name,
                          std::vector<std::string_view> cidrs, std::string_view route_table_id);
config::SecurityGroupRule* AddRule(config::SecurityGroup* group, std::string_view id,
                                   config::Direction direction, std::int32_t protocol,
                                   std::uint32_t from_port, std::uint32_t to_port);
config::Eni* AddEni(config::FabricConfig& fabric, std::string_view name, std::string_view subnet_id,
                    std::vector<std::string_view> addresses, std::uint8_t mac,
                    std::vector<std::string_view> groups);
config::NetworkAclEntry* AddAclEntry(config::NetworkAcl* acl, std::uint32_t number,
                                     config::Direction direction, bool allow,
                                     std::string_view cidr);
// A load balancer in public, two dual-stack web servers in app, a NAT gateway, and a client on the
// internet.
config::FabricConfig TwoTiers();
// A second VPC with the same blocks, and one object of each kind.
void AddOtherVpc(config::FabricConfig& fabric);

}  // namespace taploom::tables

#endif  // TAPLOOM_TESTS_UNIT_TABLES_TWO_TIERS_H_
