#include "dataplane/replay/entrances.h"

#include <algorithm>

namespace taploom::replay {
namespace {

std::uint64_t KeyOf(const wire::MacAddress& mac) {
  std::uint64_t key = 0;
  for (const std::uint8_t byte : mac.bytes) key = key << 8 | byte;
  return key;
}

}  // namespace

Entrances::Entrances(const tables::Snapshot& snapshot) : snapshot_(snapshot) {
  for (const tables::Eni& eni : snapshot.enis) {
    if (eni.port == tables::kNoPort) continue;
    port_by_mac_.emplace(KeyOf(eni.mac), eni.port);
    for (const tables::EniAddress& address : eni.addresses) {
      owners_[address.private_address].push_back({eni.port, eni.vpc});
      if (address.public_address)
        public_by_private_.emplace(address.private_address, *address.public_address);
    }
  }
  for (const tables::InternetHost& host : snapshot.internet_hosts) {
    port_by_mac_.emplace(KeyOf(host.mac), host.port);
    for (const wire::IpAddress& address : host.addresses)
      owners_[address].push_back({host.port, {}});
  }
}

tables::PortId Entrances::OwnerOf(const wire::MacAddress& mac) const {
  const auto found = port_by_mac_.find(KeyOf(mac));
  return found == port_by_mac_.end() ? tables::kNoPort : found->second;
}

const Entrances::Owner* Entrances::FindOwner(const flow::FiveTuple& tuple) const {
  const auto found = owners_.find(tuple.source);
  if (found == owners_.end()) return nullptr;
  // Of several, the one that shares its VPC with the destination.
  for (const Owner& owner : found->second) {
    if (owner.vpc.exists() && snapshot_[owner.vpc].eni_by_address.contains(tuple.destination))
      return &owner;
  }
  return &found->second.front();
}

wire::IpAddress Entrances::PublicOf(const wire::IpAddress& address) const {
  const auto found = public_by_private_.find(address);
  return found == public_by_private_.end() ? address : found->second;
}

Entrance Entrances::Find(const flow::FiveTuple& captured, const AnswerMemory& answers) const {
  if (const auto* question = answers.FindQuestion(captured))
    return {question->port, question->tuple.Reversed()};
  Entrance entrance{tables::kNoPort, captured};
  const Owner* owner = FindOwner(captured);
  if (owner == nullptr) {
    const auto binding = snapshot_.public_bindings.find(captured.source);
    if (binding == snapshot_.public_bindings.end()) {
      const auto host = snapshot_.FindInternetHost(captured.source);
      if (!host.exists()) return entrance;
      entrance.port = snapshot_[host].port;
      entrance.tuple.destination = PublicOf(captured.destination);
      return entrance;
    }
    entrance.port = snapshot_[binding->second.eni].port;  // none: a NAT gateway's address
    entrance.tuple.source = binding->second.private_address;
    return entrance;
  }
  entrance.port = owner->port;
  if (!owner->vpc.exists()) entrance.tuple.destination = PublicOf(captured.destination);
  return entrance;
}

Entrance Entrances::At(tables::PortId port, const flow::FiveTuple& captured,
                       const AnswerMemory& answers) const {
  const auto* question = answers.FindQuestion(captured);
  if (question != nullptr && question->port == port) return {port, question->tuple.Reversed()};
  return {port, captured};
}

}  // namespace taploom::replay
