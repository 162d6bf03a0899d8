// Bytes behind the IP packet are Ethernet's (IEEE 802.3 §4.2.3.3): nothing reads them, nothing sums
// them.
#include "tests/packet/shop.h"

namespace taploom::test {
namespace {

class EthernetPadding : public Shop {};

Frame Padded(Frame frame, std::size_t bytes) {
  frame.bytes.resize(frame.bytes.size() + bytes, 0xa5);
  return frame;
}

TEST_F(EthernetPadding, BehindASynIsCarriedAlong) {
  EXPECT_EQ(
      Send("visitor", Padded(FrameOf("visitor", Tcp("198.51.100.8:4000", "203.0.113.10:80")), 6)),
      "web: tcp 198.51.100.8:4000 > 10.0.0.10:80 S");
}

// A short quote leaves room for padding where the quoted TCP checksum would stand. It must not be
// taken for one: the error's own checksum does not cover it.
TEST_F(EthernetPadding, BehindAShortQuoteIsNoPartOfIt) {
  fabric.Group("web",
               {"in tcp 80 from 0.0.0.0/0", "in icmp from 0.0.0.0/0", "out all to 0.0.0.0/0"});
  Publish();
  EXPECT_EQ(Send("web", Tcp("10.0.0.10:4000", "198.51.100.7:80")),
            "api: tcp 203.0.113.10:4000 > 198.51.100.7:80 S ttl 63");
  const Frame seen = last().frame;
  const Frame error =
      FrameOf("api", IcmpError("198.51.100.7", "203.0.113.10", 3, 3).Quoting(seen.bytes, 28));
  EXPECT_EQ(
      Send("api", Padded(error, 40)),
      "web: icmp 3/3 198.51.100.7 > 10.0.0.10 quoting [tcp 10.0.0.10:4000 > 198.51.100.7:80]");
}

}  // namespace
}  // namespace taploom::test
