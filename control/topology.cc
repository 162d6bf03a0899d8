#include "control/topology.h"

#include <algorithm>
#include <utility>

namespace taploom::control {

void AddAttachedInstance(Topology& topology, const AttachRequest& request) {
  Interface interface;
  interface.subnet = Name{request.subnet, {}};
  if (request.address) interface.private_ip = Address{*request.address, {}};
  if (request.ipv6) interface.ipv6.push_back({*request.ipv6, {}});
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
