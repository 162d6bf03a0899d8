// Ownership: which of several workers the connection between two addresses belongs to.
//
// Workers share no connections, so question and answer, fragments, the errors about them, and
// whatever else the walk may ask the connection table about a packet must find the same worker.
// Ports cannot take part (a later fragment has none, a NAT gateway changes them), nor can the route
// (an answer may take another), and addresses only as far as no gateway changes them:
//
//   one address lies outside of every VPC   that address alone. Nothing translates it, and a NAT
//                                           gateway's ports are counted and chosen for it by one
//   both lie in one VPC, or are IPv6        the two addresses, in either order: nothing translates
//                                           what stays in a VPC
//   they lie in two VPCs                    the two VPCs: what goes from one to the other may take
//                                           the address of any NAT gateway on its way
//   one is a public address of a VPC        the first worker. Between interfaces by their public
//                                           addresses: rare, and translated at both ends
//
// VPCs whose blocks overlap count as one here, because an address does not tell them apart. A
// fabric in which the distinctions above do not hold (see Of) belongs to the first worker as a
// whole.
#ifndef TAPLOOM_DATAPLANE_TABLES_OWNERSHIP_H_
#define TAPLOOM_DATAPLANE_TABLES_OWNERSHIP_H_

#include <cstdint>
#include <vector>

#include "dataplane/tables/lpm.h"
#include "dataplane/wire/ip_address.h"

namespace taploom::tables {

struct Snapshot;

// Part of a Snapshot, and as immutable.
class Ownership {
 public:
  // Everything belongs to the first worker.
  Ownership() = default;
  // Of a snapshot that is complete but for this. The first worker owns everything when an address
  // of an internet host or a public address lies in a block of a VPC, when a NAT gateway may
  // translate between addresses of its own VPC, or when VPCs are peered that count as one here.
  static Ownership Of(const Snapshot& snapshot);

  // The worker, of `workers`, that owns what passes between `one` and `other`: the same for
  // (other, one), and for the packet as it leaves. `snapshot`: the one that this is part of.
  std::uint32_t OwnerOf(const Snapshot& snapshot, const wire::IpAddress& one,
                        const wire::IpAddress& other, std::uint32_t workers) const;

  bool is_of_first_worker() const { return is_of_first_worker_; }

 private:
  bool is_of_first_worker_ = true;
  Lpm vpc_blocks_;                           // block → position in group_hashes_
  std::vector<std::uint64_t> group_hashes_;  // of VPCs that count as one
};

}  // namespace taploom::tables

#endif  // TAPLOOM_DATAPLANE_TABLES_OWNERSHIP_H_
