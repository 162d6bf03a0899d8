// OffloadProbe: a frame that leaves work to the kernel, and the judge of what becomes of it.
#ifndef TAPLOOM_CONTROL_NETNS_OFFLOAD_PROBE_H_
#define TAPLOOM_CONTROL_NETNS_OFFLOAD_PROBE_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "control/netns/offloads.h"
#include "dataplane/wire/ip_address.h"
#include "dataplane/wire/mac_address.h"

namespace taploom::netns {

// The addresses between which probes travel: from a host behind the near device, by a router that
// has the near and the far device, to a host behind the far one (RFC 5737, RFC 3849).
struct ProbeAddresses {
  wire::MacAddress near_mac, far_mac;
  wire::IpAddress near_router, far_router;  // the router's own, by family
  wire::IpAddress source, destination;

  static ProbeAddresses Of(wire::Family family);
};

class OffloadProbe {
 public:
  enum class Work : std::uint8_t { kNone, kChecksum, kSegmentation };

  // A frame with `payload_size` bytes of data over TCP or UDP (`protocol`); with kSegmentation a
  // superframe of segments of kSegmentSize. `number` (below 10,000) tells it from other probes, of
  // which something may still be on its way.
  OffloadProbe(wire::Family family, std::uint8_t protocol, Work work, std::size_t payload_size,
               std::uint16_t number);

  static constexpr std::size_t kSegmentSize = 1400;

  // A virtio-net header of 12 bytes and the frame, as a TAP takes it.
  std::span<const std::uint8_t> message() const { return message_; }

  // Takes a message that left by the far device; what is not part of the probe is ignored. False
  // when it is, and is not what was sent: a byte, an order, a checksum.
  bool Take(std::span<const std::uint8_t> message);
  // Everything has arrived.
  bool complete() const { return arrived_ == payload_.size(); }

 private:
  const wire::Family family_;
  const std::uint8_t protocol_;
  const std::uint16_t destination_port_;
  std::vector<std::uint8_t> payload_;
  std::vector<std::uint8_t> message_;
  std::size_t arrived_ = 0;  // bytes of the payload
};

}  // namespace taploom::netns

#endif  // TAPLOOM_CONTROL_NETNS_OFFLOAD_PROBE_H_
