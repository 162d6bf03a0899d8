// Source/destination check (vpc-semantics §1): an interface sends from its own addresses only,
// unless the check is off.
#include "tests/packet/shop.h"

namespace taploom::test {
namespace {

class SourceCheck : public Shop {};

TEST_F(SourceCheck, OwnAddressPasses) {
  EXPECT_EQ(Send("app", Tcp("10.0.1.10:4000", "10.0.0.10:80")),
            "web: tcp 10.0.1.10:4000 > 10.0.0.10:80 S");
}

TEST_F(SourceCheck, ForgedAddressIsDropped) {
  EXPECT_EQ(Send("app", Tcp("192.0.2.1:4000", "10.0.0.10:80")), "drop SOURCE_DEST_CHECK_SOURCE");
}

TEST_F(SourceCheck, AddressOfAnotherInstanceIsDropped) {
  EXPECT_EQ(Send("app", Tcp("10.0.1.11:4000", "10.0.0.10:80")), "drop SOURCE_DEST_CHECK_SOURCE");
}

TEST_F(SourceCheck, OwnPublicAddressIsNotOneOfTheInterface) {
  EXPECT_EQ(Send("web", Tcp("203.0.113.10:4000", "198.51.100.7:80")),
            "drop SOURCE_DEST_CHECK_SOURCE");
}

TEST_F(SourceCheck, SecondaryAddressIsOwn) {
  fabric.SetAddresses("app", {"10.0.1.10", "10.0.1.20"});
  Publish();
  EXPECT_EQ(Send("app", Tcp("10.0.1.20:4000", "10.0.0.10:80")),
            "web: tcp 10.0.1.20:4000 > 10.0.0.10:80 S");
}

TEST_F(SourceCheck, SwitchedOffLetsForeignSourcesOut) {
  fabric.Eni("router", "app", {"10.0.1.50"}, {"app"}, {.source_dest_check = false});
  Publish();
  EXPECT_EQ(Send("router", Tcp("192.0.2.1:4000", "10.0.0.10:80")),
            "web: tcp 192.0.2.1:4000 > 10.0.0.10:80 S");
}

TEST_F(SourceCheck, SwitchedOffIsStillFiltered) {
  fabric.Group("quiet", {"in all from 0.0.0.0/0"});
  fabric.Eni("router", "app", {"10.0.1.50"}, {"quiet"}, {.source_dest_check = false});
  Publish();
  EXPECT_EQ(Send("router", Tcp("192.0.2.1:4000", "10.0.0.10:80")), "drop SG_EGRESS_DENIED");
}

TEST_F(SourceCheck, ComesBeforeTheSecurityGroup) {
  EXPECT_EQ(Send("db", Tcp("10.0.1.10:4000", "10.0.0.10:80")), "drop SOURCE_DEST_CHECK_SOURCE");
}

TEST_F(SourceCheck, FrameToANeighboursMacForAnotherAddressFailsItsCheck) {
  auto packet = Tcp("10.0.1.10:4000", "10.0.2.10:3306").To(fabric.mac("app-2"));
  fabric.Group("app", {"in tcp 3306 from 0.0.0.0/0", "out all to 0.0.0.0/0"});
  Publish();
  EXPECT_EQ(Send("app", packet), "drop SOURCE_DEST_CHECK_DESTINATION");
}

}  // namespace
}  // namespace taploom::test
