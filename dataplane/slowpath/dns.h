// Dns: the resolver of every VPC, at base+2, 169.254.169.253 and fd00:ec2::253 (vpc-semantics §7).
//
// It knows the names of the fabric and nothing else: there is no internet behind the simulated one
// to ask. A and AAAA are answered; any other type of a known name is an empty answer, an unknown
// name is NXDOMAIN. UDP only: no answer is so large that it needs TCP. Answers are built in place,
// so the resolver needs no process, no socket and no memory.
#ifndef TAPLOOM_DATAPLANE_SLOWPATH_DNS_H_
#define TAPLOOM_DATAPLANE_SLOWPATH_DNS_H_

#include "dataplane/packet.h"
#include "dataplane/tables/snapshot.h"
#include "dataplane/verdict.h"

namespace taploom::slowpath {

inline constexpr std::uint16_t kDnsPort = 53;

// The names that machines behind `port` resolve.
const tables::NameTable& NamesFor(const tables::Snapshot& snapshot, tables::PortId port);

// True when `address` is the resolver as seen from `port`: the VPC's base+2, 169.254.169.253 or
// fd00:ec2::253; for internet hosts, their router.
bool IsResolver(const tables::Snapshot& snapshot, tables::PortId port,
                const wire::IpAddress& address);

// Answers the query in place (RFC 1035 §4). A message that is no query for one name gets FORMERR or
// NOTIMP; one too short for a header is malformed. REQUIRES: packet.headers.is_udp(), a whole
// datagram, addressed to a resolver.
Verdict AnswerDns(Packet& packet, const tables::NameTable& names);

}  // namespace taploom::slowpath

#endif  // TAPLOOM_DATAPLANE_SLOWPATH_DNS_H_
