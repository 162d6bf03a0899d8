#include "dataplane/replay/internet.h"

#include <algorithm>
#include <cstdint>
#include <string>

namespace taploom::replay {

void AddInternet(config::FabricConfig& config) {
  std::uint32_t port = 1;
  for (const config::Eni& eni : config.enis()) port = std::max(port, eni.port() + 1);
  for (const config::InternetHost& host : config.internet_hosts()) {
    if (host.name() == kInternetName) return;
    port = std::max(port, host.port() + 1);
  }
  config::InternetHost* host = config.add_internet_hosts();
  host->set_id("host-00000000000000000");
  host->set_name(kInternetName);
  host->set_has_the_rest(true);
  host->set_mac(std::string("\x02\x00\x00\x00\x00\x01", 6));
  host->set_router_mac(std::string("\x02\x00\x00\x00\x00\x02", 6));
  host->set_port(port);
}

}  // namespace taploom::replay
