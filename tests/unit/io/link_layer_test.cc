#include "dataplane/io/link_layer.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace taploom::io {
namespace {

using Bytes = std::vector<std::uint8_t>;
using Kind = NetworkLayer::Kind;

Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

const Bytes kMacs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
const Bytes kIpv4 = {0x45, 0, 0, 20}, kIpv6 = {0x60, 0, 0, 0};

struct Row {
  const char* what;
  int link_type;
  Bytes frame;
  Kind kind;
  std::size_t offset;
  std::uint16_t ether_type;
};

TEST(LinkLayer, FindsIpBehindEveryLinkThatCarriesIt) {
  const Row rows[] = {
      {"Ethernet", 1, kMacs + Bytes{8, 0} + kIpv4, Kind::kIp, 14, 0x0800},
      {"Ethernet, IPv6", 1, kMacs + Bytes{0x86, 0xdd} + kIpv6, Kind::kIp, 14, 0x86dd},
      {"802.1Q", 1, kMacs + Bytes{0x81, 0, 0, 7, 8, 0} + kIpv4, Kind::kIp, 18, 0x0800},
      {"QinQ", 1, kMacs + Bytes{0x88, 0xa8, 0, 7, 0x81, 0, 0, 9, 8, 0} + kIpv4, Kind::kIp, 22,
       0x0800},
      {"old QinQ", 1, kMacs + Bytes{0x91, 0, 0, 7, 0x81, 0, 0, 9, 0x86, 0xdd} + kIpv6, Kind::kIp,
       22, 0x86dd},
      {"ARP", 1, kMacs + Bytes{8, 6, 0, 1}, Kind::kOther, 14, 0x0806},
      {"raw IP", 101, kIpv4, Kind::kIp, 0, 0x0800},
      {"raw IP as Linux numbers it", 12, kIpv6, Kind::kIp, 0, 0x86dd},
      {"LINKTYPE_IPV4", 228, kIpv4, Kind::kIp, 0, 0x0800},
      {"LINKTYPE_IPV6", 229, kIpv6, Kind::kIp, 0, 0x86dd},
      {"Linux cooked", 113, Bytes(14, 0) + Bytes{8, 0} + kIpv4, Kind::kIp, 16, 0x0800},
      {"Linux cooked with a tag", 113, Bytes(14, 0) + Bytes{0x81, 0, 0, 7, 8, 0} + kIpv4, Kind::kIp,
       20, 0x0800},
      {"Linux cooked v2", 276, Bytes{0x86, 0xdd} + Bytes(18, 0) + kIpv6, Kind::kIp, 20, 0x86dd},
      {"null, little endian", 0, Bytes{2, 0, 0, 0} + kIpv4, Kind::kIp, 4, 0x0800},
      {"null, big endian", 0, Bytes{0, 0, 0, 30} + kIpv6, Kind::kIp, 4, 0x86dd},
      {"loop", 108, Bytes{0, 0, 0, 2} + kIpv4, Kind::kIp, 4, 0x0800},
      {"PPP", 9, Bytes{0xff, 3, 0, 0x21} + kIpv4, Kind::kIp, 4, 0x0800},
      {"PPP without address", 9, Bytes{0, 0x57} + kIpv6, Kind::kIp, 2, 0x86dd},
      {"Cisco HDLC", 104, Bytes{15, 0, 8, 0} + kIpv4, Kind::kIp, 4, 0x0800},
      {"neither version", 101, Bytes{0x10, 0}, Kind::kOther, 0, 0},
  };
  for (const Row& row : rows) {
    const NetworkLayer layer = FindNetworkLayer(row.link_type, row.frame);
    EXPECT_EQ(layer.kind, row.kind) << row.what;
    EXPECT_EQ(layer.offset, row.offset) << row.what;
    EXPECT_EQ(layer.ether_type, row.ether_type) << row.what;
    EXPECT_EQ(layer.is_ethernet, row.link_type == 1) << row.what;
  }
}

TEST(LinkLayer, SaysWhenAFrameEndsInItsHeader) {
  const Bytes tagged = kMacs + Bytes{0x81, 0, 0, 7, 0x81, 0, 0, 9, 8, 0};
  for (std::size_t size = 0; size < tagged.size(); ++size) {
    EXPECT_EQ(FindNetworkLayer(1, std::span(tagged).first(size)).kind, Kind::kCutShort) << size;
  }
  for (const int link_type : {0, 9, 101, 104, 108, 113, 276}) {
    EXPECT_EQ(FindNetworkLayer(link_type, {}).kind, Kind::kCutShort) << link_type;
  }
}

TEST(LinkLayer, LinksThatAreNotKnownAreNamed) {
  EXPECT_EQ(FindNetworkLayer(127, kIpv4).kind, Kind::kUnknownLink);
  EXPECT_EQ(LinkTypeText(127), "IEEE802_11_RADIO (127)");
  EXPECT_EQ(LinkTypeText(65'000), "unknown (65000)");
}

}  // namespace
}  // namespace taploom::io
