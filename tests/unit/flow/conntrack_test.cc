// The state machine of connection.h and the timers of vpc-semantics §5 and §17.
#include "dataplane/flow/conntrack.h"

#include <gtest/gtest.h>

#include <string>

namespace taploom::flow {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr FlowDirection kOut = FlowDirection::kOriginal, kBack = FlowDirection::kReply;

wire::Headers Segment(const std::string& flags, std::uint32_t sequence = 0,
                      std::uint32_t acknowledgment = 0, std::uint32_t payload = 0) {
  wire::Headers headers;
  headers.protocol = wire::kProtocolTcp;
  headers.has_transport = true;
  headers.l4_offset = 34;
  headers.tcp_header_size = 20;
  headers.l3_size = 40 + payload;
  headers.tcp_sequence = sequence;
  headers.tcp_acknowledgment = acknowledgment;
  for (const char letter : flags) {
    headers.tcp_flags |= letter == 'S'   ? wire::kTcpSyn
                         : letter == 'A' ? wire::kTcpAck
                         : letter == 'F' ? wire::kTcpFin
                                         : wire::kTcpRst;
  }
  return headers;
}

wire::Headers Datagram() {
  wire::Headers headers;
  headers.protocol = wire::kProtocolUdp;
  headers.has_transport = true;
  return headers;
}

class TcpState : public ::testing::Test {
 protected:
  void Open(const wire::Headers& first) {
    connection_ = Connection();
    connection_.state = FirstState(first);
    StartSequence(connection_, first);
  }
  std::string After(FlowDirection direction, const wire::Headers& headers) {
    if (AdvanceConnection(connection_, direction, headers) == Advance::kInvalid) return "invalid";
    return ToText(connection_.state);
  }
  void Establish() {
    Open(Segment("S", 1000));
    After(kBack, Segment("SA", 5000, 1001));
    After(kOut, Segment("A", 1001, 5001));
  }

  Connection connection_;
};

TEST_F(TcpState, HandshakeAndCloseFromTheOriginator) {
  Open(Segment("S", 1000));
  EXPECT_EQ(ToText(connection_.state), std::string("SYN_SENT"));
  EXPECT_EQ(After(kOut, Segment("S", 1000)), "SYN_SENT") << "a retransmission";
  EXPECT_EQ(After(kBack, Segment("SA", 5000, 1001)), "SYN_RECEIVED");
  EXPECT_EQ(After(kOut, Segment("A", 1001, 5001)), "ESTABLISHED");
  EXPECT_EQ(After(kOut, Segment("FA", 1001, 5001)), "FIN_WAIT");
  EXPECT_EQ(After(kBack, Segment("A", 5001, 1002)), "FIN_WAIT");
  EXPECT_EQ(After(kOut, Segment("FA", 1001, 5001)), "FIN_WAIT")
      << "the same side's FIN again closes nothing";
  EXPECT_EQ(After(kBack, Segment("FA", 5001, 1002)), "TIME_WAIT");
  EXPECT_EQ(After(kOut, Segment("A", 1002, 5002)), "TIME_WAIT");
}

TEST_F(TcpState, CloseFromTheResponder) {
  Establish();
  EXPECT_EQ(After(kBack, Segment("FA", 5001, 1001)), "FIN_WAIT");
  EXPECT_EQ(After(kOut, Segment("FA", 1001, 5002)), "TIME_WAIT");
}

TEST_F(TcpState, MidStreamPickUpIsEstablished) {
  Open(Segment("A", 7000, 9000, 100));
  EXPECT_EQ(ToText(connection_.state), std::string("ESTABLISHED"));
}

TEST_F(TcpState, ResetWithinTheWindowIsBelieved) {
  Establish();
  EXPECT_EQ(After(kBack, Segment("R", 5001)), "RESET");
}

TEST_F(TcpState, ResetOutsideTheWindowIsNot) {
  Establish();
  EXPECT_EQ(After(kBack, Segment("R", 5000)), "invalid");
  EXPECT_EQ(After(kBack, Segment("R", 5002)), "invalid");
  EXPECT_EQ(After(kBack, Segment("RA", 0x80001389, 1001)), "invalid");
  EXPECT_EQ(ToText(connection_.state), std::string("ESTABLISHED"));
}

TEST_F(TcpState, ResetAnywhereInUnacknowledgedDataIsBelieved) {
  Establish();
  After(kBack, Segment("A", 5001, 1001, 1000));  // not acknowledged yet
  EXPECT_EQ(After(kBack, Segment("R", 5500)), "RESET");
}

TEST_F(TcpState, RefusalOfASynIsBelievedWhenItAcknowledgesIt) {
  Open(Segment("S", 1000));
  EXPECT_EQ(After(kBack, Segment("RA", 0, 1000)), "invalid");
  EXPECT_EQ(After(kBack, Segment("RA", 0, 1001)), "RESET");
}

// RFC 9293 §3.10.7.1: a host without the connection answers a segment that has an ACK with a RST
// without one, whose sequence number is that acknowledgment.
TEST_F(TcpState, RefusalOfAMidStreamSegmentIsBelieved) {
  Open(Segment("A", 7000, 9000, 100));
  EXPECT_EQ(After(kBack, Segment("R", 8999)), "invalid");
  EXPECT_EQ(After(kBack, Segment("R", 9000)), "RESET");
}

TEST_F(TcpState, RefusalOfASynCannotLackTheAck) {
  Open(Segment("S", 1000));
  EXPECT_EQ(After(kBack, Segment("R", 0)), "invalid");
}

TEST_F(TcpState, SequenceNumbersWrap) {
  Open(Segment("S", 0xffffffff));
  After(kBack, Segment("SA", 0xfffffff0, 0));
  After(kOut, Segment("A", 0, 0xfffffff1));
  After(kBack, Segment("A", 0xfffffff1, 0, 100));
  EXPECT_EQ(After(kBack, Segment("R", 0x55)), "RESET");
}

TEST_F(TcpState, SynAfterCloseStartsAnew) {
  Establish();
  EXPECT_FALSE(StartsAnew(connection_, Segment("S", 9000)));
  After(kOut, Segment("FA", 1001, 5001));
  EXPECT_FALSE(StartsAnew(connection_, Segment("S", 9000))) << "one side is still open";
  After(kBack, Segment("FA", 5001, 1002));
  EXPECT_TRUE(StartsAnew(connection_, Segment("S", 9000)));
  EXPECT_FALSE(StartsAnew(connection_, Segment("SA", 9000, 1)));
  EXPECT_FALSE(StartsAnew(connection_, Segment("A", 1002, 5002)));
}

TEST_F(TcpState, SynAfterResetStartsAnew) {
  Establish();
  After(kOut, Segment("R", 1001));
  EXPECT_TRUE(StartsAnew(connection_, Segment("S", 9000)));
}

TEST(UdpState, OneWayThenRepliedThenStream) {
  Connection connection;
  connection.state = FirstState(Datagram());
  EXPECT_EQ(connection.state, ConnectionState::kUdpOneWay);
  AdvanceConnection(connection, kOut, Datagram());
  EXPECT_EQ(connection.state, ConnectionState::kUdpOneWay);
  AdvanceConnection(connection, kBack, Datagram());
  EXPECT_EQ(connection.state, ConnectionState::kUdpReplied);
  AdvanceConnection(connection, kBack, Datagram());
  EXPECT_EQ(connection.state, ConnectionState::kUdpReplied);
  AdvanceConnection(connection, kOut, Datagram());
  EXPECT_EQ(connection.state, ConnectionState::kUdpStream);
}

TEST(UdpState, LaterFragmentsDoNotCountAsAnotherExchange) {
  Connection connection;
  connection.state = ConnectionState::kUdpReplied;
  wire::Headers fragment;
  fragment.protocol = wire::kProtocolUdp;
  fragment.is_fragment = true;
  AdvanceConnection(connection, kOut, fragment);
  EXPECT_EQ(connection.state, ConnectionState::kUdpReplied);
}

TEST(TimeoutOfTest, FollowsTheTables) {
  Timeouts timeouts;
  timeouts.tcp_established = seconds(1000);
  timeouts.tcp_closed = seconds(120);
  timeouts.udp = seconds(30);
  timeouts.udp_stream = seconds(180);
  const auto of = [&](ConnectionState state) { return TimeoutOf(state, timeouts) / 1000; };
  EXPECT_EQ(of(ConnectionState::kTcpSynSent), 60u);
  EXPECT_EQ(of(ConnectionState::kTcpSynReceived), 60u);
  EXPECT_EQ(of(ConnectionState::kTcpEstablished), 1000u);
  EXPECT_EQ(of(ConnectionState::kTcpFinWait), 1000u);
  EXPECT_EQ(of(ConnectionState::kTcpTimeWait), 120u);
  EXPECT_EQ(of(ConnectionState::kTcpReset), 5u);
  EXPECT_EQ(of(ConnectionState::kUdpOneWay), 30u);
  EXPECT_EQ(of(ConnectionState::kUdpReplied), 30u);
  EXPECT_EQ(of(ConnectionState::kUdpStream), 180u);
  EXPECT_EQ(of(ConnectionState::kIcmp), 30u);
  EXPECT_EQ(of(ConnectionState::kOther), 600u);
}

}  // namespace
}  // namespace taploom::flow
