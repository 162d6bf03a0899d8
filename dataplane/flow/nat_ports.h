// NatPorts: how many ports of each NAT address are in use towards each destination.
//
// A NAT gateway may use a port again for another destination (vpc-semantics §4: endpoint-dependent,
// 55,000 per address, destination, port and protocol). Whether one particular port is free is known
// to the connection table, whose reply keys contain it; this class holds the counts that the limit
// needs. Fixed size, open addressing, no allocation after construction.
#ifndef TAPLOOM_DATAPLANE_FLOW_NAT_PORTS_H_
#define TAPLOOM_DATAPLANE_FLOW_NAT_PORTS_H_

#include <cstddef>
#include <cstdint>

#include "dataplane/flow/mapped_array.h"
#include "dataplane/wire/ip_address.h"

namespace taploom::flow {

class NatPorts {
 public:
  static constexpr std::uint32_t kMaxPerDestination = 55'000;
  static constexpr std::uint16_t kFirstPort = 1024;
  static constexpr std::uint32_t kPortCount = 65'536 - kFirstPort;

  struct Destination {
    std::uint32_t nat_address = 0;  // memory order
    std::uint32_t address = 0;      // memory order; NAT gateways translate IPv4
    std::uint16_t port = 0;
    std::uint8_t protocol = 0;
    std::uint8_t used = 0;  // 0 = empty place
    // Two words, not a call to memcmp.
    friend bool operator==(const Destination& a, const Destination& b) {
      return ((a.nat_address ^ b.nat_address) | (a.address ^ b.address) |
              static_cast<std::uint32_t>((a.port ^ b.port) | (a.protocol ^ b.protocol) |
                                         (a.used ^ b.used))) == 0;
    }
  };

  // Room for as many different destinations as there can be connections.
  NatPorts(std::size_t max_destinations, std::uint64_t seed);

  // Live bindings towards a destination. Expected O(1).
  std::uint32_t InUse(Destination destination) const;
  void Add(Destination destination);     // REQUIRES: fewer than max_destinations are in use
  void Remove(Destination destination);  // REQUIRES: InUse > 0
  // The sum over all destinations; equals the number of connections that hold a binding.
  std::uint64_t total() const { return total_; }

 private:
  struct Place {
    Destination destination;
    std::uint32_t count = 0;
  };

  std::size_t HomeOf(const Destination& destination) const;
  std::size_t FindPlace(const Destination& destination) const;

  MappedArray<Place> places_;
  std::size_t mask_;
  std::uint64_t seed_;
  std::uint64_t total_ = 0;
};

}  // namespace taploom::flow

#endif  // TAPLOOM_DATAPLANE_FLOW_NAT_PORTS_H_
