// ICMP errors that the fabric's routers send: too big, time exceeded.
#ifndef TAPLOOM_DATAPLANE_SLOWPATH_ICMP_ERROR_H_
#define TAPLOOM_DATAPLANE_SLOWPATH_ICMP_ERROR_H_

#include <algorithm>
#include <cstdint>

#include "dataplane/packet.h"
#include "dataplane/tick.h"
#include "dataplane/wire/ip_address.h"

namespace taploom::slowpath {

enum class ErrorKind : std::uint8_t { kTooBig, kTimeExceeded };

struct IcmpTypeAndCode {
  std::uint8_t type = 0, code = 0;
};
IcmpTypeAndCode TypeOf(ErrorKind kind, wire::Family family);

// True when RFC 1122 §3.2.2 and RFC 4443 §2.4(e) allow an error about this packet: never about an
// ICMP error, a later fragment, or a source that is no single host.
bool MayCauseError(const wire::Headers& headers);

// Turns the packet, which has not been rewritten yet, into an error to its sender from `router`,
// quoting the original header and as much of the rest as RFC 792 (IPv4: 576 bytes in all, RFC 1812
// §4.3.2.3) and RFC 4443 (1280 bytes) allow and the head holds. `mtu`: of the next hop, for
// kTooBig. REQUIRES: MayCauseError(packet.headers).
void TurnIntoError(Packet& packet, ErrorKind kind, const wire::IpAddress& router,
                   std::uint16_t mtu);

// A token bucket: routers limit the errors they send (RFC 1812 §4.3.2.8, RFC 4443 §2.4(f)).
class ErrorLimiter {
 public:
  static constexpr std::int64_t kPerSecond = 1000, kBurst = 100;

  bool Take(Tick now) {
    milli_tokens_ = std::min(kBurst * 1000, milli_tokens_ + (now - last_).count() * kPerSecond);
    last_ = now;
    if (milli_tokens_ < 1000) return false;
    milli_tokens_ -= 1000;
    return true;
  }

 private:
  std::int64_t milli_tokens_ = kBurst * 1000;
  Tick last_{};
};

}  // namespace taploom::slowpath

#endif  // TAPLOOM_DATAPLANE_SLOWPATH_ICMP_ERROR_H_
