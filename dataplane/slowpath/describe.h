// Words for what the stages found. Only explanations call these.
#ifndef TAPLOOM_DATAPLANE_SLOWPATH_DESCRIBE_H_
#define TAPLOOM_DATAPLANE_SLOWPATH_DESCRIBE_H_

#include <string>

#include "dataplane/slowpath/decision.h"
#include "dataplane/slowpath/sink.h"
#include "dataplane/tables/snapshot.h"

namespace taploom::slowpath {

// "10.0.1.5:443", "[2001:db8::1]:443", or the bare address for protocols without ports.
std::string EndpointText(const wire::IpAddress& address, std::uint16_t port, std::uint8_t protocol);
// Appends the same, without a string of its own.
void AppendEndpoint(std::string& out, const wire::IpAddress& address, std::uint16_t port,
                    std::uint8_t protocol);
// "tcp", "udp", "icmp", "icmpv6", or the number.
std::string ProtocolText(std::uint8_t protocol);
// "tcp 80", "tcp 8000-8010", "icmp type 3 code 4", "all".
std::string MatchText(const tables::Rule& rule);

// `tracking`: "tracked", "not tracked" or nothing.
StageReport DescribeRule(const tables::Rule& rule, const char* direction, const char* tracking);
std::string DescribeNoRule(const tables::Snapshot& snapshot, const tables::Eni& eni,
                           const char* direction, const flow::FiveTuple& tuple,
                           const PacketView& packet);
StageReport DescribeAclEntry(const tables::NetworkAcl& acl, const tables::Rule& entry,
                             const tables::Subnet& subnet);
std::string DescribeAclDenial(const tables::RuleSet& entries, std::uint32_t entry,
                              const tables::Subnet& subnet);
StageReport DescribeRoute(const tables::Snapshot& snapshot, const tables::RouteTable& table,
                          const tables::Route& route);

// Where a drop belongs that no stage of the walk reported.
Stage StageOf(DropReason reason);

}  // namespace taploom::slowpath

#endif  // TAPLOOM_DATAPLANE_SLOWPATH_DESCRIBE_H_
