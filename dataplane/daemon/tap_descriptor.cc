#include "dataplane/daemon/tap_descriptor.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include "dataplane/packet.h"

namespace taploom::daemon {

std::string DescribeTapProblem(int descriptor) {
  ifreq request{};
  if (ioctl(descriptor, TUNGETIFF, &request) != 0) return "is not a TAP queue";
  const unsigned flags = static_cast<unsigned short>(request.ifr_flags);
  if ((flags & IFF_TAP) == 0) return "is a TUN, not a TAP";
  if ((flags & IFF_VNET_HDR) == 0) return "is a TAP without IFF_VNET_HDR";

  int vnet_header_size = 0;
  if (ioctl(descriptor, TUNGETVNETHDRSZ, &vnet_header_size) != 0 ||
      vnet_header_size != sizeof(VnetHeader)) {
    return fmt::format("is a TAP with a vnet header of {} bytes instead of {}", vnet_header_size,
                       sizeof(VnetHeader));
  }
  if ((fcntl(descriptor, F_GETFL) & O_NONBLOCK) == 0)
    return "is a TAP that blocks (O_NONBLOCK is not set)";
  return "";
}

}  // namespace taploom::daemon
