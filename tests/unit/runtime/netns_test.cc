// Namespaces, TAP devices and interfaces of this host.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <string>

#include "control/netns/device_drops.h"
#include "control/netns/interface.h"
#include "control/netns/network_namespace.h"
#include "control/netns/offload_test.h"
#include "control/netns/tap_device.h"

namespace taploom::netns {
namespace {

using process::UniqueFd;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::string Shell(const std::string& command) {
  std::string text;
  if (FILE* const pipe = popen((command + " 2>&1").c_str(), "r")) {
    std::array<char, 512> chunk;
    while (fgets(chunk.data(), chunk.size(), pipe) != nullptr) text += chunk.data();
    pclose(pipe);
  }
  return text;
}

class NetnsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    ASSERT_TRUE(PrepareNamespaceFolder().ok());
    auto netns = CreateNamespace(name_);
    ASSERT_TRUE(netns.ok()) << netns.status();
    netns_ = *std::move(netns);
  }
  void TearDown() override {
    if (!netns_.valid()) return;
    EXPECT_TRUE(RemoveNamespace(name_).ok());
  }

  // "ip -n NAME WORDS"
  std::string Ip(const std::string& words) const { return Shell("ip -n " + name_ + " " + words); }

  UniqueFd Tap(const std::string& device) const {
    UniqueFd tap;
    const absl::Status status = InNamespace(netns_.get(), [&] {
      auto made = CreateTap(device, Offloads());
      if (made.ok()) tap = *std::move(made);
      return made.status();
    });
    EXPECT_TRUE(status.ok()) << status;
    return tap;
  }

  std::vector<std::string> Configure(const control::InterfacePlan& plan) const {
    std::vector<std::string> notes;
    const absl::Status status = InNamespace(netns_.get(), [&] {
      auto configured = ConfigureInterface(plan);
      if (configured.ok()) notes = *configured;
      return configured.status();
    });
    EXPECT_TRUE(status.ok()) << status;
    return notes;
  }

  static control::InterfacePlan Plan() {
    control::InterfacePlan plan;
    plan.device = "eth0";
    plan.mac = wire::MacAddress{{0x02, 0, 0x0a, 0, 2, 0x32}};
    plan.addresses = {{*wire::IpAddress::Parse("10.0.2.50"), 24}};
    plan.gateway_v4 = wire::IpAddress::Parse("10.0.2.1");
    plan.mtu = 9001;
    return plan;
  }

  const std::string name_ = "tl-netns-test-" + std::to_string(getpid());
  UniqueFd netns_;
};

TEST_F(NetnsTest, ANewNamespaceIsSeenByIpNetnsAndHasItsLoopbackUp) {
  EXPECT_THAT(Shell("ip netns"), HasSubstr(name_));
  EXPECT_THAT(Ip("addr show lo"), AllOf(HasSubstr("127.0.0.1/8"), HasSubstr(",UP")));
  EXPECT_TRUE(absl::IsAlreadyExists(CreateNamespace(name_).status()));
}

TEST_F(NetnsTest, RemovingTwiceIsHarmless) {
  EXPECT_TRUE(RemoveNamespace(name_).ok());
  EXPECT_TRUE(RemoveNamespace(name_).ok());
  EXPECT_FALSE(std::filesystem::exists(NamespacePath(name_)));
}

TEST_F(NetnsTest, OnlyNetworkNamespacesAreOpened) {
  EXPECT_TRUE(OpenNamespace(NamespacePath(name_)).ok());
  EXPECT_TRUE(absl::IsNotFound(OpenNamespace("/run/netns/absent").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(OpenNamespace("/etc/passwd").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(OpenNamespace("/proc/self/ns/mnt").status()));
}

TEST_F(NetnsTest, ATapHasAVirtioHeaderAndLivesAsLongAsItsDescriptor) {
  UniqueFd tap = Tap("eth0");
  ifreq request{};
  ASSERT_EQ(ioctl(tap.get(), TUNGETIFF, &request), 0);
  EXPECT_STREQ(request.ifr_name, "eth0");
  EXPECT_EQ(request.ifr_flags & (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE),
            IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE);
  int header_size = 0;
  ASSERT_EQ(ioctl(tap.get(), TUNGETVNETHDRSZ, &header_size), 0);
  EXPECT_EQ(header_size, 12);
  EXPECT_NE(fcntl(tap.get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_THAT(Ip("-d link show eth0"), HasSubstr("tap"));
  tap.reset();
  EXPECT_THAT(Ip("link show eth0"), HasSubstr("does not exist"));
}

TEST_F(NetnsTest, ATapMayHaveSeveralQueuesWhichAreOneDevice) {
  std::vector<UniqueFd> queues;
  ASSERT_TRUE(InNamespace(netns_.get(), [&] {
                auto made = CreateTapQueues("eth0", Offloads(), 3);
                if (made.ok()) queues = *std::move(made);
                return made.status();
              }).ok());
  ASSERT_EQ(queues.size(), 3u);
  for (const UniqueFd& queue : queues) {
    ifreq request{};
    ASSERT_EQ(ioctl(queue.get(), TUNGETIFF, &request), 0);
    EXPECT_STREQ(request.ifr_name, "eth0");
    int header_size = 0;
    ASSERT_EQ(ioctl(queue.get(), TUNGETVNETHDRSZ, &header_size), 0);
    EXPECT_EQ(header_size, 12);
    EXPECT_NE(fcntl(queue.get(), F_GETFL) & O_NONBLOCK, 0);
  }
  EXPECT_THAT(Ip("-d link show eth0"), HasSubstr("numtxqueues"));
  queues.pop_back();
  EXPECT_THAT(Ip("link show eth0"), HasSubstr("eth0")) << "it lives as long as one of them";
  CloseTaps(std::move(queues));
  EXPECT_THAT(Ip("link show eth0"), HasSubstr("does not exist"));
}

TEST_F(NetnsTest, ATakenOrImpossibleDeviceNameIsRefused) {
  const UniqueFd tap = Tap("eth0");
  const auto attempt = [&](const std::string& device) {
    return InNamespace(netns_.get(), [&] { return CreateTap(device, Offloads()).status(); });
  };
  EXPECT_TRUE(absl::IsAlreadyExists(attempt("eth0")));
  EXPECT_TRUE(absl::IsInvalidArgument(attempt("a-name-that-is-too-long")));
  EXPECT_TRUE(absl::IsInvalidArgument(attempt("")));
}

TEST_F(NetnsTest, ManyTapsCloseTogether) {
  std::vector<UniqueFd> taps;
  for (int i = 0; i < 40; ++i) taps.push_back(Tap("eth" + std::to_string(i)));
  CloseTaps(std::move(taps));
  EXPECT_THAT(Ip("-br link"), Not(HasSubstr("eth")));
}

TEST_F(NetnsTest, AnInterfaceGetsWhatThePlanSays) {
  const UniqueFd tap = Tap("eth0");
  EXPECT_THAT(Configure(Plan()), IsEmpty());
  EXPECT_THAT(
      Ip("addr show eth0"),
      AllOf(HasSubstr("inet 10.0.2.50/24 brd 10.0.2.255"), HasSubstr("mtu 9001"), HasSubstr(",UP"),
            HasSubstr("02:00:0a:00:02:32"), HasSubstr("qlen 1000"), Not(HasSubstr("inet6"))));
  EXPECT_THAT(Ip("route"), HasSubstr("default via 10.0.2.1 dev eth0"));
}

TEST_F(NetnsTest, DualStackHasItsAddressAtOnceAndSolicitsNoRouter) {
  const UniqueFd tap = Tap("eth0");
  control::InterfacePlan plan = Plan();
  plan.addresses.push_back({*wire::IpAddress::Parse("2001:db8::50"), 64});
  plan.gateway_v6 = wire::IpAddress::Parse("fe80::1");
  Configure(plan);
  EXPECT_THAT(Ip("-6 addr show eth0"),
              AllOf(HasSubstr("2001:db8::50/64"), Not(HasSubstr("tentative"))));
  EXPECT_THAT(Ip("-6 route"), HasSubstr("default via fe80::1 dev eth0"));
  EXPECT_EQ(Shell("ip netns exec " + name_ + " cat /proc/sys/net/ipv6/conf/eth0/accept_ra"), "0\n");
}

TEST_F(NetnsTest, AGatewayOutsideEveryPrefixIsOnLink) {
  const UniqueFd tap = Tap("eth0");
  control::InterfacePlan plan = Plan();
  plan.addresses = {{*wire::IpAddress::Parse("1.2.3.4"), 32}};
  plan.gateway_v4 = wire::IpAddress::Parse("169.254.1.1");
  plan.gateway_on_link = true;
  Configure(plan);
  EXPECT_THAT(Ip("route"), HasSubstr("default via 169.254.1.1 dev eth0 proto static onlink"));
}

TEST_F(NetnsTest, ReconfiguringReplacesAddressesAndRoutes) {
  const UniqueFd tap = Tap("eth0");
  control::InterfacePlan plan = Plan();
  plan.addresses.push_back({*wire::IpAddress::Parse("2001:db8::50"), 64});
  plan.gateway_v6 = wire::IpAddress::Parse("fe80::1");
  Configure(plan);

  plan = Plan();
  plan.addresses = {{*wire::IpAddress::Parse("10.0.3.7"), 24}};
  plan.gateway_v4 = wire::IpAddress::Parse("10.0.3.1");
  plan.mtu = 1500;
  Configure(plan);
  EXPECT_THAT(Ip("addr show eth0"), AllOf(HasSubstr("10.0.3.7/24"), HasSubstr("mtu 1500"),
                                          Not(HasSubstr("10.0.2.50")), Not(HasSubstr("inet6"))));
  EXPECT_THAT(Ip("route"), AllOf(HasSubstr("default via 10.0.3.1"), Not(HasSubstr("10.0.2"))));

  const std::string before = Ip("addr") + Ip("route");
  Configure(plan);
  EXPECT_EQ(Ip("addr") + Ip("route"), before) << "the same plan again changes nothing";
}

TEST_F(NetnsTest, SomebodyElsesDefaultRouteStays) {
  const UniqueFd other = Tap("other"), tap = Tap("eth0");
  Ip("addr add 192.168.7.2/24 dev other");
  Ip("link set other up");
  Ip("route add default via 192.168.7.1");
  EXPECT_THAT(Configure(Plan()),
              ::testing::ElementsAre(HasSubstr("keeps its own IPv4 default route")));
  EXPECT_THAT(Ip("route"),
              AllOf(HasSubstr("default via 192.168.7.1"), Not(HasSubstr("default via 10.0.2.1"))));
}

TEST_F(NetnsTest, WhatTheDeviceDropsIsKnown) {
  const UniqueFd tap = Tap("eth0");
  Ip("link set eth0 txqueuelen 100 up");
  constexpr int kSent = 500;
  DeviceDrops drops;
  const absl::Status status = InNamespace(netns_.get(), [&] {
    const UniqueFd wire(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
    const int room = 16 << 20;
    setsockopt(wire.get(), SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
    sockaddr_ll eth0{};
    eth0.sll_family = AF_PACKET;
    eth0.sll_ifindex = static_cast<int>(if_nametoindex("eth0"));
    const std::array<char, 60> frame{2};  // to a unicast address; nobody reads the TAP
    for (int i = 0; i < kSent; ++i) {
      sendto(wire.get(), frame.data(), frame.size(), 0, reinterpret_cast<sockaddr*>(&eth0),
             sizeof eth0);
    }
    EXPECT_TRUE(absl::IsNotFound(ReadDeviceDrops("eth1").status()));
    const auto read = ReadDeviceDrops("eth0");
    if (read.ok()) drops = *read;
    return read.status();
  });
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_GE(drops.sent, kSent - 100u) << "all but what the queue holds";
  EXPECT_EQ(drops.received, 0u);
}

TEST(OffloadsOfThisKernel, AreTestedInAPairThatNobodySees) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  const std::string devices = Shell("ip -o link");
  {
    const OffloadTest test;
    for (const Offload each : kAllOffloads) {
      const auto& [state, detail] = test.result()[each];
      EXPECT_TRUE(state == OffloadState::kWorks || state == OffloadState::kAbsent)
          << ToString(each) << " " << ToString(state) << ": " << detail;
    }
    EXPECT_TRUE(test.result().IsLeftToDevice(Offload::kTso4));
  }
  EXPECT_EQ(Shell("ip -o link"), devices);
}

}  // namespace
}  // namespace taploom::netns
