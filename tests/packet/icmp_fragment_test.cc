// A fragmented ping is one ping: its later fragments follow the first, although only that one says
// which ping it is.
#include "tests/packet/shop.h"

namespace taploom::test {
namespace {

class IcmpFragment : public FabricFixture {
 protected:
  IcmpFragment() {
    fabric.Vpc("pair", {"10.0.0.0/16"});
    fabric.Group("ping", {"in icmp from 0.0.0.0/0", "out all to 0.0.0.0/0"});
    fabric.Subnet("one", {"10.0.1.0/24"}).Subnet("two", {"10.0.2.0/24"});
    fabric.Eni("a", "one", {"10.0.1.10"}, {"ping"}).Eni("b", "two", {"10.0.2.10"}, {"ping"});
    Publish();
  }
};

TEST_F(IcmpFragment, LaterFragmentsOfAnEchoFollowTheFirst) {
  const PacketBuilder ping = Echo("10.0.1.10", "10.0.2.10", 7).Payload(3000);
  EXPECT_EQ(Send("a", PacketBuilder(ping).Slice(0, 1480)).substr(0, 2), "b:");
  EXPECT_EQ(Send("a", PacketBuilder(ping).Slice(1480, 1480)).substr(0, 2), "b:");
}

TEST_F(IcmpFragment, WithoutTheirFirstTheyAreUnknown) {
  const PacketBuilder ping = Echo("10.0.1.10", "10.0.2.10", 7).Payload(3000);
  EXPECT_EQ(Send("a", PacketBuilder(ping).Slice(1480, 1480)), "drop FRAGMENT_UNKNOWN");
}

}  // namespace
}  // namespace taploom::test
