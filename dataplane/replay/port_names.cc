#include "dataplane/replay/port_names.h"

#include <fmt/format.h>

#include "dataplane/replay/json.h"

namespace taploom::replay {

PortNames::PortNames(const tables::Snapshot& snapshot) : ports_(snapshot.ports.size()) {
  for (std::size_t i = 0; i < ports_.size(); ++i) {
    const auto port = static_cast<tables::PortId>(i);
    const tables::PortOwner owner = snapshot.OwnerOf(port);
    if (owner.eni.exists()) {
      const tables::Eni& eni = snapshot[owner.eni];
      ports_[i] = {eni.name, eni.id,
                   fmt::format("{} in subnet {}", eni.id, snapshot[eni.subnet].name), ""};
    } else if (owner.internet_host.exists()) {
      const tables::InternetHost& host = snapshot[owner.internet_host];
      ports_[i] = {host.name, host.id, fmt::format("{} on the internet", host.id), ""};
    } else {
      continue;
    }
    ports_[i].json.clear();
    AppendJson(ports_[i].json, ports_[i].name);
    by_text_.emplace(ports_[i].name, port);
    by_text_.emplace(ports_[i].id, port);
    // A load balancer's node is "front/public-a".
    if (owner.eni.exists() && snapshot[owner.eni].type == tables::EniType::kLoadBalancer)
      by_text_.emplace(ports_[i].name.substr(0, ports_[i].name.find('/')), port);
  }
}

const PortName& PortNames::operator[](tables::PortId port) const {
  static const PortName kNobody;
  return port < ports_.size() ? ports_[port] : kNobody;
}

tables::PortId PortNames::Find(std::string_view text) const {
  const auto found = by_text_.find(text);
  return found == by_text_.end() ? tables::kNoPort : found->second;
}

std::vector<std::string> PortNames::names() const {
  std::vector<std::string> names;
  for (const PortName& port : ports_) {
    if (!port.name.empty()) names.push_back(port.name);
  }
  return names;
}

io::AddressNames AddressNamesOf(const tables::Snapshot& snapshot) {
  io::AddressNames names;
  for (const tables::Eni& eni : snapshot.enis) {
    for (const tables::EniAddress& address : eni.addresses) {
      names.emplace_back(address.private_address, eni.name);
      if (address.public_address) names.emplace_back(*address.public_address, eni.name);
    }
  }
  for (const tables::InternetHost& host : snapshot.internet_hosts) {
    // A host that stands for the whole internet has no name worth giving to its addresses.
    if (host.addresses.size() > 16) continue;
    for (const wire::IpAddress& address : host.addresses) names.emplace_back(address, host.name);
  }
  return names;
}

}  // namespace taploom::replay
