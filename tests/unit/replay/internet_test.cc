#include "dataplane/replay/internet.h"

#include <gtest/gtest.h>

#include "tests/support/fabric_builder.h"

namespace taploom::replay {
namespace {

TEST(Internet, TakesPublicAddressesThatNobodyHas) {
  test::FabricBuilder fabric;
  fabric.Vpc("shop", {"10.0.0.0/16", "2001:db8::/56"}).InternetGateway();
  fabric.Subnet("public", {"10.0.0.0/24"}).Group("open", {"in all from 0.0.0.0/0"});
  fabric.Eni("web", "public", {"10.0.0.10 = 203.0.113.10"}, {"open"});
  fabric.InternetHost("visitor", {"198.51.100.7"});
  PublicAddresses addresses(fabric.config());
  for (const char* text :
       {"8.8.8.8", "10.0.0.10", "203.0.113.10", "198.51.100.7", "192.168.1.1", "172.31.0.1",
        "100.64.0.1", "169.254.169.254", "127.0.0.1", "224.0.0.251", "255.255.255.255", "0.0.0.0",
        "8.8.8.8", "fe80::1", "ff02::1", "fd00::1", "::1", "2001:db8:0:5::1", "2600::1"}) {
    addresses.Add(*wire::IpAddress::Parse(text));
  }
  ASSERT_EQ(addresses.addresses().size(), 2u);
  EXPECT_EQ(addresses.addresses()[0].ToString(), "8.8.8.8");
  EXPECT_EQ(addresses.addresses()[1].ToString(), "2600::1");
  EXPECT_FALSE(addresses.overflowed());

  config::FabricConfig config = fabric.config();
  AddInternet({}, config);
  EXPECT_EQ(config.internet_hosts_size(), 1);
  AddInternet(addresses.addresses(), config);
  ASSERT_EQ(config.internet_hosts_size(), 2);
  EXPECT_EQ(config.internet_hosts(1).name(), "internet");
  EXPECT_EQ(config.internet_hosts(1).port(), fabric.ports().size() + 1);
  AddInternet(addresses.addresses(), config);  // there is one now
  EXPECT_EQ(config.internet_hosts_size(), 2);
}

TEST(Internet, IsBounded) {
  test::FabricBuilder fabric;
  PublicAddresses addresses(fabric.config());
  for (std::uint32_t i = 0; i < PublicAddresses::kMost + 10; ++i)
    addresses.Add(wire::IpAddress::V4(0x08000000 + i));
  EXPECT_EQ(addresses.addresses().size(), PublicAddresses::kMost);
  EXPECT_TRUE(addresses.overflowed());
}

}  // namespace
}  // namespace taploom::replay
