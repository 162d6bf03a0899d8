// PrefixMap: `--map OLD=NEW`: a captured network takes the place of one in the topology.
#ifndef TAPLOOM_DATAPLANE_REPLAY_PREFIX_MAP_H_
#define TAPLOOM_DATAPLANE_REPLAY_PREFIX_MAP_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dataplane/flow/five_tuple.h"
#include "dataplane/wire/ip_address.h"

namespace taploom::replay {

class PrefixMap {
 public:
  // "192.168.7.0/24=10.0.2.0/24"; an address stands for itself alone. Returns a sentence when the
  // text is no such pair, else "".
  std::string Add(std::string_view text);

  // The address in its new network, host bits kept; of several that match, the first added counts.
  wire::IpAddress Map(const wire::IpAddress& address) const;
  flow::FiveTuple Map(flow::FiveTuple tuple) const;
  bool empty() const { return pairs_.empty(); }

 private:
  std::vector<std::pair<wire::IpPrefix, wire::IpPrefix>> pairs_;
};

}  // namespace taploom::replay

#endif  // TAPLOOM_DATAPLANE_REPLAY_PREFIX_MAP_H_
