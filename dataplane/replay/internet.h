// The rest of the internet: captures speak to and from public addresses that no topology names.
#ifndef TAPLOOM_DATAPLANE_REPLAY_INTERNET_H_
#define TAPLOOM_DATAPLANE_REPLAY_INTERNET_H_

#include <cstddef>
#include <unordered_set>
#include <vector>

#include "dataplane/config/fabric_config.pb.h"
#include "dataplane/io/frame_source.h"
#include "dataplane/replay/prefix_map.h"
#include "dataplane/wire/ip_address.h"

namespace taploom::replay {

// As `explain` calls any public host.
inline constexpr const char* kInternetName = "internet";

// Collects the public addresses, given one by one, that nobody in a fabric has.
class PublicAddresses {
 public:
  // More than this many are not kept: memory stays bounded whatever the capture. Packets of the
  // others are then dropped as NO_INTERNET_DESTINATION, or have no entrance.
  static constexpr std::size_t kMost = 262'144;

  // `config` must outlive the collector.
  explicit PublicAddresses(const config::FabricConfig& config);
  void Add(const wire::IpAddress& address);
  // In the order in which they came.
  const std::vector<wire::IpAddress>& addresses() const { return addresses_; }
  bool overflowed() const { return overflowed_; }

 private:
  std::unordered_set<wire::IpAddress> known_;
  std::vector<wire::IpPrefix> vpc_cidrs_;
  std::vector<wire::IpAddress> addresses_;
  // What was looked at lately, by hash: most packets of a capture are between a few addresses.
  std::vector<wire::IpAddress> recent_;
  bool overflowed_ = false;
};

// Gives `collector` both addresses of every packet of `source`, as `map` changes them.
void CollectAddresses(io::FrameSource& source, const PrefixMap& map, PublicAddresses& collector);

// Adds an internet host that has all of `addresses`, at a port nobody uses. Does nothing when there
// are none, or when the topology has a host of that name.
void AddInternet(const std::vector<wire::IpAddress>& addresses, config::FabricConfig& config);

}  // namespace taploom::replay

#endif  // TAPLOOM_DATAPLANE_REPLAY_INTERNET_H_
