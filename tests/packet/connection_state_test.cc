// Connection tracking on the wire: states, idle timers on a clock moved by hand, resets, reuse
// (vpc-semantics §5, §17).
#include "tests/packet/shop.h"

namespace taploom::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class ConnectionState : public Shop {
 protected:
  ConnectionState() {
    // Tracked at both ends, and nothing else would let a reply pass.
    fabric.Group("app", {"out tcp 3306 to 10.0.2.0/24", "out udp 53 to 10.0.2.0/24",
                         "out icmp 8 to 10.0.2.0/24"});
    fabric.Group("db", {"in tcp 3306 from 10.0.1.0/24", "in udp 53 from 10.0.1.0/24",
                        "in icmp 8 from 10.0.1.0/24"});
    Publish();
  }
  std::string FromApp(const std::string& flags, std::uint32_t sequence,
                      std::uint32_t acknowledgment = 0) {
    return Send("app",
                Tcp("10.0.1.10:4000", "10.0.2.10:3306", flags).Sequence(sequence, acknowledgment));
  }
  std::string FromDb(const std::string& flags, std::uint32_t sequence,
                     std::uint32_t acknowledgment = 0) {
    return Send("db",
                Tcp("10.0.2.10:3306", "10.0.1.10:4000", flags).Sequence(sequence, acknowledgment));
  }
  void Establish() { Connect("app", "10.0.1.10:4000", "db", "10.0.2.10:3306"); }
  std::string Query() { return Send("app", Udp("10.0.1.10:5000", "10.0.2.10:53")).substr(0, 3); }
  std::string Answer() { return Send("db", Udp("10.0.2.10:53", "10.0.1.10:5000")).substr(0, 4); }
};

// A connection picked up at its last segment is the same whether there was another before or not.
TEST_F(ConnectionState, FirstSegmentOfAConnectionThatHasMovedCountsOnce) {
  const PacketBuilder last = Tcp("10.0.0.10:4000", "198.51.100.7:80", "FA").Sequence(1001, 5001);
  ASSERT_EQ(Send("web", last).substr(0, 4), "api:");
  const std::string picked_up = StateOf(4000);
  fabric.SetAddresses("web", {"10.0.0.10 = 203.0.113.77"});
  Publish();
  ASSERT_EQ(Send("web", last).substr(0, 4), "api:");
  EXPECT_EQ(connections().size(), 1u);
  EXPECT_EQ(StateOf(4000), picked_up);
}

TEST_F(ConnectionState, TcpLivesFromSynToTimeWait) {
  FromApp("S", 1000);
  EXPECT_EQ(StateOf(4000), "SYN_SENT");
  FromDb("SA", 5000, 1001);
  EXPECT_EQ(StateOf(4000), "SYN_RECEIVED");
  FromApp("A", 1001, 5001);
  EXPECT_EQ(StateOf(4000), "ESTABLISHED");
  FromApp("FA", 1001, 5001);
  EXPECT_EQ(StateOf(4000), "FIN_WAIT");
  FromDb("FA", 5001, 1002);
  EXPECT_EQ(StateOf(4000), "TIME_WAIT");
  EXPECT_EQ(FromApp("A", 1002, 5002), "db: tcp 10.0.1.10:4000 > 10.0.2.10:3306 A")
      << "the last ACK still passes";
}

TEST_F(ConnectionState, HalfClosedSideMayStillSend) {
  Establish();
  FromApp("FA", 1001, 5001);
  Wait(seconds(3600));
  EXPECT_EQ(FromDb("A", 5001, 1002), "app: tcp 10.0.2.10:3306 > 10.0.1.10:4000 A");
}

TEST_F(ConnectionState, ResetOutsideTheWindowIsDroppedAndEndsNothing) {
  Establish();
  EXPECT_EQ(FromDb("R", 4000), "drop INVALID_TCP");
  EXPECT_EQ(StateOf(4000), "ESTABLISHED");
  EXPECT_EQ(FromDb("R", 5001), "app: tcp 10.0.2.10:3306 > 10.0.1.10:4000 R");
  EXPECT_EQ(StateOf(4000), "RESET");
}

TEST_F(ConnectionState, RefusedConnectionIsToldAndGoneAfterFiveSeconds) {
  FromApp("S", 1000);
  EXPECT_EQ(FromDb("RA", 0, 1001), "app: tcp 10.0.2.10:3306 > 10.0.1.10:4000 AR");
  Wait(milliseconds(5001));
  EXPECT_EQ(FromDb("A", 5001, 1002), "drop SG_EGRESS_DENIED");
}

// A connection older than the dataplane's memory, to a server that has restarted: the client must
// hear of it.
TEST_F(ConnectionState, ServerThatHasForgottenTheConnectionMayReset) {
  EXPECT_EQ(FromApp("A", 7000, 9000), "db: tcp 10.0.1.10:4000 > 10.0.2.10:3306 A");
  EXPECT_EQ(FromDb("R", 9000), "app: tcp 10.0.2.10:3306 > 10.0.1.10:4000 R");
}

// RFC 9293 §3.5.1, figure 9: the server's ACK is about the old connection, and only the client's
// reset makes it forget that one. Its sequence number is the server's, on either side of the
// client's own.
TEST_F(ConnectionState, ClientMayResetWhatTheServerRemembersOfAnOlderConnection) {
  FromApp("S", 1000);
  FromDb("A", 7000, 500'000);
  EXPECT_EQ(FromApp("R", 500'001), "drop INVALID_TCP") << "the server has not asked for that";
  for (const std::uint32_t remembered : {500'000u, 4'000'000'000u}) {
    FromApp("S", 1000);
    EXPECT_EQ(FromDb("A", 7000, remembered), "app: tcp 10.0.2.10:3306 > 10.0.1.10:4000 A");
    EXPECT_EQ(FromApp("R", remembered), "db: tcp 10.0.1.10:4000 > 10.0.2.10:3306 R");
    EXPECT_EQ(StateOf(4000), "RESET");
    Wait(milliseconds(5001));
  }
}

TEST_F(ConnectionState, SynAfterCloseIsANewConnection) {
  Establish();
  FromApp("FA", 1001, 5001);
  FromDb("FA", 5001, 1002);
  EXPECT_EQ(FromApp("S", 90'000), "db: tcp 10.0.1.10:4000 > 10.0.2.10:3306 S");
  EXPECT_EQ(StateOf(4000), "SYN_SENT");
  EXPECT_EQ(connections().size(), 1u);
}

TEST_F(ConnectionState, SynAfterCloseIsJudgedByTheRulesOfToday) {
  Establish();
  FromApp("FA", 1001, 5001);
  FromDb("FA", 5001, 1002);
  fabric.Group("db", {});
  Publish();
  EXPECT_EQ(FromApp("S", 90'000), "drop SG_INGRESS_DENIED");
}

TEST_F(ConnectionState, EstablishedLivesForFiveDaysIdle) {
  Establish();
  Wait(seconds(432'000));
  EXPECT_EQ(FromDb("A", 5001, 1001), "app: tcp 10.0.2.10:3306 > 10.0.1.10:4000 A");
  Wait(seconds(432'000) + milliseconds(1));
  EXPECT_EQ(FromDb("A", 5001, 1001), "drop SG_EGRESS_DENIED");
}

// Case 35, with the timer of the interface.
TEST_F(ConnectionState, InterfacesTimerEndsAnIdleConnection) {
  fabric.Eni("db-2", "data", {"10.0.2.20"}, {"db"}, {.tcp_established_seconds = 350});
  Publish();
  Connect("app", "10.0.1.10:4001", "db-2", "10.0.2.20:3306");
  Wait(seconds(350));
  EXPECT_EQ(
      Send("db-2", Tcp("10.0.2.20:3306", "10.0.1.10:4001", "A").Sequence(5001, 1001)).substr(0, 4),
      "app:");
  Wait(seconds(351));
  EXPECT_EQ(Send("db-2", Tcp("10.0.2.20:3306", "10.0.1.10:4001", "A").Sequence(5001, 1001)),
            "drop SG_EGRESS_DENIED");
}

TEST_F(ConnectionState, HalfOpenLivesForAMinute) {
  FromApp("S", 1000);
  Wait(seconds(60));
  EXPECT_EQ(FromDb("SA", 5000, 1001), "app: tcp 10.0.2.10:3306 > 10.0.1.10:4000 SA");
  Wait(seconds(60) + milliseconds(1));
  EXPECT_EQ(FromDb("SA", 5000, 1001), "drop SG_EGRESS_DENIED");
}

TEST_F(ConnectionState, UdpWithoutAnAnswerLivesForThirtySeconds) {
  EXPECT_EQ(Query(), "db:");
  EXPECT_EQ(StateOf(5000), "UDP_ONE_WAY");
  Wait(seconds(30) + milliseconds(1));
  EXPECT_EQ(Answer(), "drop");
}

TEST_F(ConnectionState, UdpExchangeLivesForThirtySecondsAStreamForThreeMinutes) {
  Query();
  EXPECT_EQ(Answer(), "app:");
  EXPECT_EQ(StateOf(5000), "UDP_REPLIED");
  Query();
  EXPECT_EQ(StateOf(5000), "UDP_STREAM");
  Wait(seconds(180));
  EXPECT_EQ(Answer(), "app:");
  Wait(seconds(180) + milliseconds(1));
  EXPECT_EQ(Answer(), "drop");
}

TEST_F(ConnectionState, EchoLivesForThirtySeconds) {
  Send("app", Echo("10.0.1.10", "10.0.2.10", 7));
  Wait(seconds(30));
  EXPECT_EQ(Send("db", EchoReply("10.0.2.10", "10.0.1.10", 7)),
            "app: echo-reply 10.0.2.10 > 10.0.1.10 id 7");
  Wait(seconds(30) + milliseconds(1));
  EXPECT_EQ(Send("db", EchoReply("10.0.2.10", "10.0.1.10", 7)), "drop SG_EGRESS_DENIED");
}

TEST_F(ConnectionState, OtherProtocolsAreTrackedByAddressForTenMinutes) {
  fabric.Group("app", {"out 50 to 10.0.2.0/24"}).Group("db", {"in 50 from 10.0.1.0/24"});
  Publish();
  EXPECT_EQ(Send("app", PacketBuilder(50, "10.0.1.10", "10.0.2.10").Payload(64)).substr(0, 3),
            "db:");
  Wait(seconds(600));
  EXPECT_EQ(Send("db", PacketBuilder(50, "10.0.2.10", "10.0.1.10").Payload(64)).substr(0, 4),
            "app:");
  Wait(seconds(600) + milliseconds(1));
  EXPECT_EQ(Send("db", PacketBuilder(50, "10.0.2.10", "10.0.1.10").Payload(64)),
            "drop SG_EGRESS_DENIED");
}

TEST_F(ConnectionState, WhatHasExpiredIsFreedWithoutTraffic) {
  FromApp("S", 1000);
  Query();
  Wait(seconds(32));
  Expire();
  EXPECT_EQ(connections().size(), 1u);
  Wait(seconds(30));
  Expire();
  EXPECT_EQ(connections().size(), 0u);
}

}  // namespace
}  // namespace taploom::test
