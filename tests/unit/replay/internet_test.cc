#include "dataplane/replay/internet.h"

#include <gtest/gtest.h>

#include "dataplane/tables/compile.h"
#include "tests/support/fabric_builder.h"

namespace taploom::replay {
namespace {

class InternetTest : public testing::Test {
 protected:
  InternetTest() {
    fabric_.Vpc("shop", {"10.0.0.0/16", "198.18.0.0/16", "2001:db8::/56"}).InternetGateway();
    fabric_.Subnet("public", {"10.0.0.0/24"}).Group("open", {"in all from 0.0.0.0/0"});
    fabric_.Eni("web", "public", {"10.0.0.10 = 203.0.113.10"}, {"open"});
    fabric_.InternetHost("visitor", {"198.51.100.7"});
  }

  test::FabricBuilder fabric_;
};

TEST_F(InternetTest, HasEveryPublicAddressThatNobodyHas) {
  config::FabricConfig config = fabric_.config();
  config.set_generation(1);
  AddInternet(config);
  const tables::CompileResult compiled = tables::Compile(config);
  ASSERT_EQ(compiled.error, "");
  const auto owner = [&](const char* text) -> std::string {
    const auto host = compiled.snapshot->FindInternetHost(*wire::IpAddress::Parse(text));
    return host.exists() ? (*compiled.snapshot)[host].name : "";
  };
  for (const char* text : {"8.8.8.8", "1.0.0.1", "223.255.255.255", "192.0.2.1", "2600::1"})
    EXPECT_EQ(owner(text), "internet") << text;
  EXPECT_EQ(owner("198.51.100.7"), "visitor");
  for (const char* text :
       {"10.0.0.10", "203.0.113.10", "198.18.0.9", "192.168.1.1", "172.31.0.1", "100.64.0.1",
        "169.254.169.254", "127.0.0.1", "224.0.0.251", "255.255.255.255", "0.0.0.0", "fe80::1",
        "ff02::1", "fd00::1", "::1", "2001:db8:0:5::1"}) {
    EXPECT_EQ(owner(text), "") << text;
  }
}

TEST_F(InternetTest, WithoutItNobodyHasThem) {
  const auto snapshot = fabric_.Build();
  EXPECT_FALSE(snapshot->FindInternetHost(*wire::IpAddress::Parse("8.8.8.8")).exists());
  EXPECT_TRUE(snapshot->FindInternetHost(*wire::IpAddress::Parse("198.51.100.7")).exists());
}

TEST_F(InternetTest, IsAddedOnceAtAPortOfItsOwn) {
  config::FabricConfig config = fabric_.config();
  AddInternet(config);
  ASSERT_EQ(config.internet_hosts_size(), 2);
  EXPECT_EQ(config.internet_hosts(1).name(), "internet");
  EXPECT_EQ(config.internet_hosts(1).port(), fabric_.ports().size() + 1);
  AddInternet(config);
  EXPECT_EQ(config.internet_hosts_size(), 2);
}

TEST_F(InternetTest, OnlyOneHostHasTheRest) {
  config::FabricConfig config = fabric_.config();
  config.set_generation(1);
  AddInternet(config);
  config.mutable_internet_hosts(0)->set_has_the_rest(true);
  EXPECT_NE(tables::Compile(config).error.find("has the rest of the internet"), std::string::npos);
}

}  // namespace
}  // namespace taploom::replay
