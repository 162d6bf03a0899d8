#include "dataplane/replay/prefix_map.h"

#include <gtest/gtest.h>

namespace taploom::replay {
namespace {

std::string Mapped(const PrefixMap& map, const char* address) {
  return map.Map(*wire::IpAddress::Parse(address)).ToString();
}

TEST(PrefixMap, KeepsHostBits) {
  PrefixMap map;
  EXPECT_EQ(map.Add("192.168.0.0/20=10.0.16.0/20"), "");
  EXPECT_EQ(map.Add("2001:db8:1::/48=2001:db8:2::/48"), "");
  EXPECT_EQ(map.Add("1.2.3.4=5.6.7.8"), "");
  EXPECT_EQ(Mapped(map, "192.168.15.7"), "10.0.31.7");
  EXPECT_EQ(Mapped(map, "192.168.16.7"), "192.168.16.7");
  EXPECT_EQ(Mapped(map, "2001:db8:1:5::9"), "2001:db8:2:5::9");
  EXPECT_EQ(Mapped(map, "1.2.3.4"), "5.6.7.8");
  EXPECT_EQ(Mapped(map, "1.2.3.5"), "1.2.3.5");
}

TEST(PrefixMap, TheFirstThatMatchesCounts) {
  PrefixMap map;
  map.Add("10.0.0.5=10.9.9.9");
  map.Add("10.0.0.0/8=172.0.0.0/8");
  EXPECT_EQ(Mapped(map, "10.0.0.5"), "10.9.9.9");
  EXPECT_EQ(Mapped(map, "10.0.0.6"), "172.0.0.6");
}

TEST(PrefixMap, SaysWhatIsWrong) {
  PrefixMap map;
  EXPECT_EQ(map.Add("10.0.0.0/8"),
            "\"10.0.0.0/8\" maps nothing; expected OLD=NEW, two CIDRs or addresses");
  EXPECT_EQ(map.Add("10.0.0.0/8=ten"), "\"ten\" is neither a CIDR nor an address");
  EXPECT_EQ(map.Add("10.0.0.0/33=10.0.0.0/8"), "\"10.0.0.0/33\" is neither a CIDR nor an address");
  EXPECT_EQ(map.Add("10.0.0.0/8=10.0.0.0/16"),
            "\"10.0.0.0/8=10.0.0.0/16\": both sides must be of the same family and length");
  EXPECT_EQ(map.Add("10.0.0.1=::1"),
            "\"10.0.0.1=::1\": both sides must be of the same family and length");
}

}  // namespace
}  // namespace taploom::replay
