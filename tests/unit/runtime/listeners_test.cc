// What the kernel's tables of sockets say about who listens.
#include "control/netns/listeners.h"

#include <gtest/gtest.h>

namespace taploom::netns {
namespace {

constexpr std::uint8_t kTcp = 6, kUdp = 17;

// From a machine with a web server on 10.0.2.50:8080 and [2001:db8::1]:443, SSH on every address,
// and an established connection.
constexpr const char* kTcpTable =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
    "inode\n"
    "   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 "
    "1 0\n"
    "   1: 3202000A:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2 "
    "1 0\n"
    "   2: 3202000A:9C40 0708640A:01BB 01 00000000:00000000 00:00000000 00000000     0        0 3 "
    "1 0\n";
constexpr const char* kTcp6Table =
    "  sl  local_address                         remote_address                        st\n"
    "   0: B80D0120000000000000000001000000:01BB 00000000000000000000000000000000:0000 0A 0:0 0 0\n"
    "   1: 00000000000000000000000000000000:1F91 00000000000000000000000000000000:0000 0A 0:0 0 "
    "0\n";
constexpr const char* kUdpTable =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
    "inode\n"
    "   0: 3202000A:D431 3502000A:0035 01 00000000:00000000 00:00000000 00000000     0        0 4 "
    "2 0\n"
    "   1: 3202000A:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 5 "
    "2 0\n";

wire::IpAddress At(const char* text) { return *wire::IpAddress::Parse(text); }

TEST(Listeners, AreBoundToTheAddressOrToAll) {
  EXPECT_TRUE(TableListens(kTcpTable, kTcp, At("10.0.2.50"), 8080));
  EXPECT_FALSE(TableListens(kTcpTable, kTcp, At("10.0.2.51"), 8080));
  EXPECT_TRUE(TableListens(kTcpTable, kTcp, At("10.0.2.51"), 22));
  EXPECT_FALSE(TableListens(kTcpTable, kTcp, At("10.0.2.50"), 80));
}

TEST(Listeners, AConnectionIsNone) {
  EXPECT_FALSE(TableListens(kTcpTable, kTcp, At("10.0.2.50"), 40'000));
  EXPECT_FALSE(TableListens(kUdpTable, kUdp, At("10.0.2.50"), 0xd431));
  EXPECT_TRUE(TableListens(kUdpTable, kUdp, At("10.0.2.50"), 53));
}

TEST(Listeners, OnAllIpv6AddressesHearIpv4) {
  EXPECT_TRUE(TableListens(kTcp6Table, kTcp, At("2001:db8::1"), 443));
  EXPECT_FALSE(TableListens(kTcp6Table, kTcp, At("2001:db8::2"), 443));
  EXPECT_TRUE(TableListens(kTcp6Table, kTcp, At("10.0.2.50"), 8081));
}

TEST(Listeners, LinesThatAreNoneArePassedOver) {
  EXPECT_FALSE(TableListens("", kTcp, At("10.0.2.50"), 22));
  EXPECT_FALSE(TableListens("heading\nnonsense\n 0: 00:16 00:00 0A\n", kTcp, At("10.0.2.50"), 22));
}

}  // namespace
}  // namespace taploom::netns
