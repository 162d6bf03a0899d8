#include "dataplane/slowpath/next_hop.h"

namespace taploom::slowpath {

wire::MacAddress NextHopMac(const tables::Snapshot& snapshot, tables::PortId port,
                            const wire::IpAddress& destination) {
  const tables::PortOwner owner = snapshot.OwnerOf(port);
  if (owner.internet_host.exists()) return snapshot[owner.internet_host].router_mac;
  if (!owner.eni.exists()) return {};
  const tables::Eni& eni = snapshot[owner.eni];
  const tables::Subnet& subnet = snapshot[eni.subnet];
  const auto& by_address = snapshot[eni.vpc].eni_by_address;
  const auto neighbor = by_address.find(destination);
  const bool on_link = subnet.Contains(destination) && neighbor != by_address.end();
  return on_link ? snapshot[neighbor->second].mac : subnet.router_mac;
}

}  // namespace taploom::slowpath
