#include "cli/bench/rig.h"

#include <fmt/format.h>

#include <chrono>

#include "cli/bench/program.h"

namespace taploom::bench {

const char* Setup::server() const {
  if (is_inside()) return ipv6 ? "2001:db8:1:3::20" : "10.0.3.20";
  return ipv6 ? "2001:db8:ffff::7" : "198.51.100.7";
}

absl::Status Rig::SetMtu(const Setup& setup) const {
  for (const int netns : {client(), server()}) {
    const absl::Status set =
        Run(netns, {"ip", "link", "set", "eth0", "mtu", fmt::to_string(setup.mtu)},
            std::chrono::seconds(20))
            .status();
    if (!set.ok()) return set;
  }
  return absl::OkStatus();
}

}  // namespace taploom::bench
