#include "dataplane/flow/nat_ports.h"

#include <bit>
#include <cassert>

namespace taploom::flow {

NatPorts::NatPorts(std::size_t max_destinations, std::uint64_t seed)
    : places_(std::bit_ceil(max_destinations * 2)), mask_(places_.size() - 1), seed_(seed) {}

std::size_t NatPorts::HomeOf(const Destination& destination) const {
  // Put together from its fields, which have just been written one by one: a wide load would wait
  // for those stores.
  const std::uint64_t addresses = destination.nat_address | std::uint64_t{destination.address}
                                                                << 32;
  const std::uint64_t rest = destination.port | std::uint64_t{destination.protocol} << 16;
  const auto product = static_cast<unsigned __int128>(addresses ^ seed_ ^ 0xa0761d6478bd642full) *
                       (rest ^ 0xe7037ed1a0b428dbull);
  return static_cast<std::size_t>(static_cast<std::uint64_t>(product) ^
                                  static_cast<std::uint64_t>(product >> 64)) &
         mask_;
}

// The destination's place, or the empty place where it would go.
std::size_t NatPorts::FindPlace(const Destination& destination) const {
  std::size_t at = HomeOf(destination);
  while (places_[at].destination.used != 0 && !(places_[at].destination == destination))
    at = (at + 1) & mask_;
  return at;
}

std::uint32_t NatPorts::InUse(Destination destination) const {
  destination.used = 1;
  return places_[FindPlace(destination)].count;
}

void NatPorts::Add(Destination destination) {
  destination.used = 1;
  Place& place = places_[FindPlace(destination)];
  place.destination = destination;
  ++place.count;
  ++total_;
}

void NatPorts::Remove(Destination destination) {
  destination.used = 1;
  std::size_t hole = FindPlace(destination);
  assert(places_[hole].count > 0);
  --total_;
  if (--places_[hole].count > 0) return;
  // Close the gap: move back every follower whose home does not lie behind the hole (Knuth, TAOCP
  // 3, 6.4 algorithm R).
  for (std::size_t next = (hole + 1) & mask_; places_[next].destination.used != 0;
       next = (next + 1) & mask_) {
    const std::size_t home = HomeOf(places_[next].destination);
    if (((next - home) & mask_) >= ((next - hole) & mask_)) {
      places_[hole] = places_[next];
      hole = next;
    }
  }
  places_[hole] = Place();
}

}  // namespace taploom::flow
