// VPCs do not see each other, even with identical addresses (vpc-semantics §1).
#include "tests/packet/shop.h"

namespace taploom::test {
namespace {

class Isolation : public FabricFixture {
 protected:
  Isolation() {
    for (const std::string vpc : {"red", "blue"}) {
      fabric.Vpc(vpc, {"10.0.0.0/16"}).InternetGateway();
      fabric.Group(vpc, {"in all from 0.0.0.0/0", "out all to 0.0.0.0/0"});
      fabric.Subnet(vpc + "-1", {"10.0.1.0/24"}).Subnet(vpc + "-2", {"10.0.2.0/24"});
      fabric.Eni(vpc + "-a", vpc + "-1",
                 {vpc == "red" ? "10.0.1.10 = 203.0.113.1" : "10.0.1.10 = 203.0.113.2"}, {vpc});
      fabric.Eni(vpc + "-b", vpc + "-2", {"10.0.2.10"}, {vpc});
      fabric.Route(vpc + "-1", "0.0.0.0/0 igw");
    }
    fabric.Eni("blue-c", "blue-2", {"10.0.2.30"}, {"blue"});
    fabric.InternetHost("host", {"198.51.100.7"});
    Publish();
  }
};

TEST_F(Isolation, SameAddressesAreDifferentMachines) {
  EXPECT_EQ(Send("red-a", Tcp("10.0.1.10:4000", "10.0.2.10:80")),
            "red-b: tcp 10.0.1.10:4000 > 10.0.2.10:80 S");
  EXPECT_EQ(Send("blue-a", Tcp("10.0.1.10:4000", "10.0.2.10:80")),
            "blue-b: tcp 10.0.1.10:4000 > 10.0.2.10:80 S");
  EXPECT_EQ(connections().size(), 2u);
  EXPECT_EQ(Send("blue-b", Tcp("10.0.2.10:80", "10.0.1.10:4000", "SA").Sequence(1, 1001)),
            "blue-a: tcp 10.0.2.10:80 > 10.0.1.10:4000 SA");
  EXPECT_EQ(Send("red-b", Tcp("10.0.2.10:80", "10.0.1.10:4000", "SA").Sequence(1, 1001)),
            "red-a: tcp 10.0.2.10:80 > 10.0.1.10:4000 SA");
}

TEST_F(Isolation, AddressThatOnlyTheOtherHasIsNobody) {
  EXPECT_EQ(Send("red-a", Tcp("10.0.1.10:4000", "10.0.2.30:80")), "drop NO_SUCH_ADDRESS");
  EXPECT_EQ(Send("blue-a", Tcp("10.0.1.10:4000", "10.0.2.30:80")).substr(0, 7), "blue-c:");
}

TEST_F(Isolation, MacOfTheOtherVpcIsUnknown) {
  EXPECT_EQ(Send("red-a", Tcp("10.0.1.10:4000", "10.0.2.30:80").To(fabric.mac("blue-a"))),
            "drop UNKNOWN_DESTINATION_MAC");
}

TEST_F(Isolation, TheyMeetOnlyByPublicAddresses) {
  EXPECT_EQ(Send("red-a", Tcp("10.0.1.10:4000", "203.0.113.2:80")),
            "blue-a: tcp 203.0.113.1:4000 > 10.0.1.10:80 S ttl 63");
  EXPECT_EQ(Send("blue-a", Tcp("10.0.1.10:80", "203.0.113.1:4000", "SA").Sequence(1, 1001)),
            "red-a: tcp 203.0.113.2:80 > 10.0.1.10:4000 SA ttl 63");
}

TEST_F(Isolation, SameOutsidePeerAndPortsDoNotConfuseThem) {
  EXPECT_EQ(Send("red-a", Udp("10.0.1.10:4000", "198.51.100.7:53")),
            "host: udp 203.0.113.1:4000 > 198.51.100.7:53 ttl 63");
  EXPECT_EQ(Send("blue-a", Udp("10.0.1.10:4000", "198.51.100.7:53")),
            "host: udp 203.0.113.2:4000 > 198.51.100.7:53 ttl 63");
  EXPECT_EQ(Send("host", Udp("198.51.100.7:53", "203.0.113.2:4000")),
            "blue-a: udp 198.51.100.7:53 > 10.0.1.10:4000");
  EXPECT_EQ(Send("host", Udp("198.51.100.7:53", "203.0.113.1:4000")),
            "red-a: udp 198.51.100.7:53 > 10.0.1.10:4000");
}

}  // namespace
}  // namespace taploom::test
