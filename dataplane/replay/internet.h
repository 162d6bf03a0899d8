// The rest of the internet: captures speak to and from public addresses that no topology names.
#ifndef TAPLOOM_DATAPLANE_REPLAY_INTERNET_H_
#define TAPLOOM_DATAPLANE_REPLAY_INTERNET_H_

#include "dataplane/config/fabric_config.pb.h"

namespace taploom::replay {

// As `explain` calls any public host.
inline constexpr const char* kInternetName = "internet";

// Adds an internet host that has every public address which nobody in the fabric has, at a port
// nobody uses. Does nothing when the topology has a host of that name.
void AddInternet(config::FabricConfig& config);

}  // namespace taploom::replay

#endif  // TAPLOOM_DATAPLANE_REPLAY_INTERNET_H_
