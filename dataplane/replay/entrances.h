// Entrances: where a captured packet enters the fabric, and as what.
#ifndef TAPLOOM_DATAPLANE_REPLAY_ENTRANCES_H_
#define TAPLOOM_DATAPLANE_REPLAY_ENTRANCES_H_

#include <absl/container/flat_hash_map.h>

#include <vector>

#include "dataplane/flow/five_tuple.h"
#include "dataplane/replay/answer_memory.h"
#include "dataplane/tables/snapshot.h"
#include "dataplane/wire/mac_address.h"

namespace taploom::replay {

struct Entrance {
  tables::PortId port = tables::kNoPort;  // kNoPort: nobody in the fabric sends from the source
  flow::FiveTuple tuple;                  // as the sender there would send it
};

class Entrances {
 public:
  // `snapshot` must outlive it.
  explicit Entrances(const tables::Snapshot& snapshot);

  // In this order: an answer enters where its question left; a packet enters at the owner of its
  // source address. Addresses are turned into those its sender uses: a public source that is bound
  // to an interface becomes the private one behind it, and towards an internet host's peers a
  // private destination becomes the public one (a capture may have been taken on either side of an
  // internet gateway).
  Entrance Find(const flow::FiveTuple& captured, const AnswerMemory& answers) const;

  // The same when the port is known: only an answer is turned into what its question left as.
  Entrance At(tables::PortId port, const flow::FiveTuple& captured,
              const AnswerMemory& answers) const;

  // The port whose interface has this MAC; kNoPort when none.
  tables::PortId OwnerOf(const wire::MacAddress& mac) const;

 private:
  struct Owner {
    tables::PortId port = tables::kNoPort;
    tables::VpcIndex vpc;
  };
  const Owner* FindOwner(const flow::FiveTuple& tuple) const;
  wire::IpAddress PublicOf(const wire::IpAddress& address) const;

  const tables::Snapshot& snapshot_;
  // Two VPCs may use the same addresses.
  tables::AddressMap<std::vector<Owner>> owners_;
  tables::AddressMap<wire::IpAddress> public_by_private_;
  absl::flat_hash_map<std::uint64_t, tables::PortId> port_by_mac_;
};

}  // namespace taploom::replay

#endif  // TAPLOOM_DATAPLANE_REPLAY_ENTRANCES_H_
