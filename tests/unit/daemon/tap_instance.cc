#include "tests/unit/daemon/tap_instance.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>

#include <cstdlib>
#include <cstring>
#include <thread>

#include "dataplane/packet.h"
#include "tests/unit/worker/open_fabric.h"

namespace taploom::daemon {

TapOptions TapOptions::AsControlMakesThem() {
  return {static_cast<short>(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE),
          sizeof(VnetHeader), true};
}

io::UniqueFd MakeTap(const TapOptions& options) {
  io::UniqueFd tap(
      open("/dev/net/tun", O_RDWR | O_CLOEXEC | (options.non_blocking ? O_NONBLOCK : 0)));
  EXPECT_TRUE(tap.valid());
  ifreq request{};
  std::strcpy(request.ifr_name, "eth%d");  // eth0 is the first
  request.ifr_flags = options.flags;
  EXPECT_EQ(ioctl(tap.get(), TUNSETIFF, &request), 0);
  if ((options.flags & IFF_VNET_HDR) != 0) {
    EXPECT_EQ(ioctl(tap.get(), TUNSETVNETHDRSZ, &options.vnet_header_size), 0);
    EXPECT_EQ(ioctl(tap.get(), TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6), 0);
  }
  return tap;
}

TapInstance::TapInstance(unsigned port) {
  std::thread([this] {
    ASSERT_EQ(unshare(CLONE_NEWNET), 0);
    namespace_.Reset(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    tap_ = MakeTap();
  }).join();
  Ip("link set eth0 address " + MacOfPort(port) + " mtu 9001");
  Ip("link set lo up");
  Ip("link set eth0 up");
  Ip("address add " + AddressOfPort(port) + "/24 dev eth0");
  Ip("address add " + AddressV6OfPort(port) + "/64 dev eth0 nodad");
}

void TapInstance::Run(const std::function<void()>& work) const {
  std::thread([&] {
    ASSERT_EQ(setns(namespace_.get(), CLONE_NEWNET), 0);
    work();
  }).join();
}

void TapInstance::Ip(const std::string& arguments) const {
  Run([&] { EXPECT_EQ(std::system(("ip " + arguments).c_str()), 0) << arguments; });
}

}  // namespace taploom::daemon
