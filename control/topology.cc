#include "control/topology.h"

#include <algorithm>
#include <utility>

namespace taploom::control {

void AddAttachedInstance(Topology& topology, const AttachRequest& request) {
  Interface interface;
  interface.subnet = Name{request.subnet, {}};
  for (const std::optional<wire::IpAddress>& address : {request.address, request.ipv6}) {
    if (!address) continue;
    if (!address->is_v4()) {
      interface.ipv6.push_back({*address, {}});
    } else if (!interface.private_ip) {
      interface.private_ip = Address{*address, {}};
    } else {
      interface.secondary_private_ips.push_back({*address, {}});
    }
  }
  if (!request.security_groups.empty()) {
    interface.security_groups.emplace();
    for (const std::string& group : request.security_groups) {
      interface.security_groups->push_back({group, {}});
    }
  }
  Instance instance;
  instance.name.value = request.name;
  instance.attached_netns = request.netns_path;
  instance.interfaces.push_back(std::move(interface));
  topology.instances.push_back(std::move(instance));
}

bool RemoveAttachedInstance(Topology& topology, const std::string& name) {
  return std::erase_if(topology.instances, [&](const Instance& instance) {
           return instance.attached() && instance.name.value == name;
         }) > 0;
}

}  // namespace taploom::control
