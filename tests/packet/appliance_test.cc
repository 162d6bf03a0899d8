// A router instance as a route's target (vpc-semantics §2; §15 cases 11 and 20).
#include "tests/packet/shop.h"

namespace taploom::test {
namespace {

class Appliance : public Shop {
 protected:
  Appliance() {
    fabric.Group("through", {"in all from 0.0.0.0/0", "out all to 0.0.0.0/0"});
    fabric.Subnet("inspection", {"10.0.9.0/24"});
    fabric.Eni("firewall", "inspection", {"10.0.9.10"}, {"through"}, {.source_dest_check = false});
    fabric.Route("app", "10.0.2.0/24 eni:firewall").Route("data", "10.0.1.0/24 eni:firewall");
    fabric.Group("db", {"in tcp 3306 from 10.0.1.0/24"});
    Publish();
  }
};

TEST_F(Appliance, ReceivesWhatIsRoutedToItUnchanged) {
  EXPECT_EQ(Send("app", Tcp("10.0.1.10:4000", "10.0.2.10:3306")),
            "firewall: tcp 10.0.1.10:4000 > 10.0.2.10:3306 S");
}

TEST_F(Appliance, ForwardsThereAndBack) {
  Send("app", Tcp("10.0.1.10:4000", "10.0.2.10:3306"));
  EXPECT_EQ(Send("firewall", Tcp("10.0.1.10:4000", "10.0.2.10:3306").Ttl(63)),
            "db: tcp 10.0.1.10:4000 > 10.0.2.10:3306 S ttl 63");
  EXPECT_EQ(Send("db", Tcp("10.0.2.10:3306", "10.0.1.10:4000", "SA").Sequence(5000, 1001)),
            "firewall: tcp 10.0.2.10:3306 > 10.0.1.10:4000 SA");
  EXPECT_EQ(
      Send("firewall", Tcp("10.0.2.10:3306", "10.0.1.10:4000", "SA").Sequence(5000, 1001).Ttl(63)),
      "app: tcp 10.0.2.10:3306 > 10.0.1.10:4000 SA ttl 63");
}

// Case 20.
TEST_F(Appliance, WithTheCheckOnReceivesNothingThatIsNotItsOwn) {
  fabric.Eni("strict", "inspection", {"10.0.9.20"}, {"through"});
  fabric.Route("app", "10.0.2.0/24 eni:strict");
  Publish();
  EXPECT_EQ(Send("app", Tcp("10.0.1.10:4000", "10.0.2.10:3306")),
            "drop SOURCE_DEST_CHECK_DESTINATION");
}

TEST_F(Appliance, IsFilteredLikeAnyInterface) {
  fabric.Group("through", {"in tcp 22 from 0.0.0.0/0"});
  Publish();
  EXPECT_EQ(Send("app", Tcp("10.0.1.10:4000", "10.0.2.10:3306")), "drop SG_INGRESS_DENIED");
}

// The way back avoids the appliance: to the security group of "app" the answer belongs to the
// connection that it opened, whose other end is the appliance's.
class OneWayAppliance : public Appliance {
 protected:
  OneWayAppliance() {
    fabric.RemoveRoute("data", "10.0.1.0/24");
    fabric.Group("app", {"out all to 0.0.0.0/0"});
    Publish();
  }

  void Connect() {
    Send("app", Tcp("10.0.1.10:4000", "10.0.2.10:3306").Sequence(1000));
    Send("firewall", Tcp("10.0.1.10:4000", "10.0.2.10:3306").Sequence(1000));
    EXPECT_EQ(Send("db", Tcp("10.0.2.10:3306", "10.0.1.10:4000", "SA").Sequence(5000, 1001)),
              "app: tcp 10.0.2.10:3306 > 10.0.1.10:4000 SA");
    Send("app", Tcp("10.0.1.10:4000", "10.0.2.10:3306", "A").Sequence(1001, 5001));
    Send("firewall", Tcp("10.0.1.10:4000", "10.0.2.10:3306", "A").Sequence(1001, 5001));
  }
  std::string Push() {
    return Send("db", Tcp("10.0.2.10:3306", "10.0.1.10:4000", "A").Sequence(5001, 1001));
  }
};

TEST_F(OneWayAppliance, AnswerByAnotherWayEstablishesTheConnectionItIsAdmittedFor) {
  Connect();
  bench().Advance(std::chrono::hours(2));  // for longer than an unanswered SYN is remembered
  EXPECT_EQ(Push(), "app: tcp 10.0.2.10:3306 > 10.0.1.10:4000 A");
}

TEST_F(OneWayAppliance, AnswersKeepTheConnectionTheyAreAdmittedForAlive) {
  fabric.Group("db", {"in udp 53 from 10.0.1.0/24"});
  Publish();
  Send("app", Udp("10.0.1.10:4000", "10.0.2.10:53"));
  Send("firewall", Udp("10.0.1.10:4000", "10.0.2.10:53"));
  for (int i = 0; i < 10; ++i) {
    bench().Advance(std::chrono::seconds(20));
    EXPECT_EQ(Send("db", Udp("10.0.2.10:53", "10.0.1.10:4000")),
              "app: udp 10.0.2.10:53 > 10.0.1.10:4000");
  }
}

TEST_F(OneWayAppliance, AnswersAreRefusedOnceTheConnectionTheyWereAdmittedForIsGone) {
  Connect();
  Push();
  // "app" gives up: a RST that the appliance does not pass on.
  Send("app", Tcp("10.0.1.10:4000", "10.0.2.10:3306", "R").Sequence(1001, 5001));
  bench().Advance(std::chrono::minutes(5));
  EXPECT_EQ(Push(), "drop SG_INGRESS_DENIED");
}

TEST_F(Appliance, RouteMovedAwayMovesTheConnection) {
  Send("app", Tcp("10.0.1.10:4000", "10.0.2.10:3306"));
  fabric.RemoveRoute("app", "10.0.2.0/24");
  Publish();
  EXPECT_EQ(Send("app", Tcp("10.0.1.10:4000", "10.0.2.10:3306")),
            "db: tcp 10.0.1.10:4000 > 10.0.2.10:3306 S");
  EXPECT_EQ(connections().size(), 1u);
}

}  // namespace
}  // namespace taploom::test
