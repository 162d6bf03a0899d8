// The dataplane dies, and another one goes on with its connections: as if a configuration had been
// published.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <random>
#include <string>

#include "dataplane/flow/conntrack.h"
#include "tests/packet/shop.h"
#include "tests/unit/flow/keys.h"

namespace taploom::test {
namespace {

using std::chrono::seconds;

class Restarted : public Shop {
 protected:
  // What the dataplane that dies has left in its memory, right or not.
  template <typename Change>
  void Spoil(Change change) {
    connections().ForEach([&](const flow::Connection& connection) {
      change(const_cast<flow::Connection&>(connection));
    });
  }
  const flow::Connection& only() {
    const flow::Connection* found = nullptr;
    connections().ForEach([&](const flow::Connection& connection) { found = &connection; });
    return *found;
  }

  const std::string kServer = "198.51.100.7:443", kClient = "10.0.1.10:4000";
};

TEST_F(Restarted, ATranslatedConnectionKeepsItsPortInBothDirections) {
  Connect("app", kClient, "api", kServer);
  const std::string translated = SeenEnds().source;
  EXPECT_EQ(Restart(), 1u);
  EXPECT_EQ(connections().nat_ports().total(), 1u);
  EXPECT_EQ(Send("api", Tcp(kServer, translated, "A").Sequence(5001, 1001)),
            "app: tcp " + kServer + " > " + kClient + " A ttl 63");
  EXPECT_EQ(Send("app", Tcp(kClient, kServer, "A").Sequence(1001, 5001)),
            "api: tcp " + translated + " > " + kServer + " A ttl 62");
  EXPECT_EQ(slow_path_packets(), 2u) << "each direction is decided once";
  Send("app", Tcp(kClient, kServer, "A").Sequence(1001, 5001));
  EXPECT_EQ(slow_path_packets(), 2u);
}

TEST_F(Restarted, NobodyElseComesInByThatPort) {
  Connect("app", kClient, "api", kServer);
  const std::string translated = SeenEnds().source;
  Restart();
  EXPECT_EQ(Send("api", Tcp("198.51.100.7:444", translated)), "drop NAT_UNSOLICITED_INBOUND");
  EXPECT_EQ(Send("visitor", Tcp("198.51.100.8:443", translated)), "drop NAT_UNSOLICITED_INBOUND");
}

TEST_F(Restarted, WithoutItsConnectionsASegmentIsRefusedAsAnywhere) {
  Connect("app", kClient, "api", kServer);
  const std::string translated = SeenEnds().source;
  Spoil([](flow::Connection& connection) { connection.version |= 1; });
  EXPECT_EQ(Restart(), 0u);
  EXPECT_EQ(Send("api", Tcp(kServer, translated, "A").Sequence(5001, 1001)),
            "drop NAT_UNSOLICITED_INBOUND");
  EXPECT_EQ(Send("app", Tcp(kClient, kServer, "A").Sequence(1001, 5001)).substr(0, 30),
            "reply [NAT_UNSOLICITED_INBOUND");
}

TEST_F(Restarted, WhatATrackedConnectionMayOthersMayNot) {
  fabric.Group("app", {"in tcp 22 from 10.0.2.10/32", "out all to 0.0.0.0/0"});
  Publish();
  Connect("app", "10.0.1.10:4000", "db", "10.0.2.10:3306");
  // Nothing allows it now but that it is tracked.
  fabric.Group("app", {}).Group("db", {});
  EXPECT_EQ(Restart(), 1u);
  EXPECT_EQ(Send("db", Tcp("10.0.2.10:3306", "10.0.1.10:4000", "A").Sequence(5001, 1001)),
            "app: tcp 10.0.2.10:3306 > 10.0.1.10:4000 A");
  EXPECT_EQ(Send("app", Tcp("10.0.1.10:4000", "10.0.2.10:3306", "A").Sequence(1001, 5001)),
            "db: tcp 10.0.1.10:4000 > 10.0.2.10:3306 A");
  EXPECT_EQ(Send("app", Tcp("10.0.1.10:4001", "10.0.2.10:3306")), "drop SG_EGRESS_DENIED");
  EXPECT_EQ(Send("db", Tcp("10.0.2.10:3306", "10.0.1.10:4001", "A")), "drop SG_EGRESS_DENIED");
}

TEST_F(Restarted, AnUntrackedConnectionIsJudgedByTheRulesOfNow) {
  Connect("visitor", "198.51.100.8:4000", "web", "203.0.113.10:80");
  fabric.Group("web", {"out all to 0.0.0.0/0"});
  EXPECT_EQ(Restart(), 1u);
  EXPECT_EQ(Send("visitor", Tcp("198.51.100.8:4000", "203.0.113.10:80", "A").Sequence(1001, 5001)),
            "drop SG_INGRESS_DENIED");
}

TEST_F(Restarted, TheRouteIsThatOfNow) {
  Connect("app", kClient, "api", kServer);
  const std::string translated = SeenEnds().source;
  fabric.Route("app", "0.0.0.0/0 blackhole");
  Restart();
  EXPECT_EQ(Send("app", Tcp(kClient, kServer, "A").Sequence(1001, 5001)), "drop BLACKHOLE_ROUTE");
  EXPECT_EQ(Send("api", Tcp(kServer, translated, "A").Sequence(5001, 1001)).substr(0, 4), "app:");
}

TEST_F(Restarted, WhatHasLostItsNatGatewayIsGone) {
  Connect("app", kClient, "api", kServer);
  fabric.SetAddresses("nat", {"10.0.0.101 = 203.0.113.100"});
  EXPECT_EQ(Restart(), 0u);
  EXPECT_EQ(connections().nat_ports().total(), 0u);
}

TEST_F(Restarted, TheGatewayCountsTheOpenConnectionsAndNoOther) {
  Connect("app", kClient, "api", kServer);
  Connect("app", "10.0.1.10:4001", "api", kServer);
  const std::string second = SeenEnds().source;
  Send("app", Tcp("10.0.1.10:4002", kServer));  // not answered yet
  Send("api", Tcp(kServer, second, "R").Sequence(5001, 1001));
  Spoil([](flow::Connection& connection) { connection.nat_gateway = 4711; });
  EXPECT_EQ(Restart(), 3u);
  EXPECT_EQ(nat("nat").active_connections.value(), 1u);
  EXPECT_EQ(nat("nat").connections_established.value(), 0u) << "since it runs";
  EXPECT_EQ(bench().counters().connections.value(), 3u);
  Send("app", Tcp(kClient, kServer, "A").Sequence(1001, 5001));
  EXPECT_EQ(nat("nat").out_to_destination.packets.value(), 1u);
  Send("app", Tcp(kClient, kServer, "R").Sequence(1001, 5001));
  EXPECT_EQ(nat("nat").active_connections.value(), 0u);
  Wait(seconds(400));
  for (int i = 0; i < 10; ++i) Expire();
  EXPECT_EQ(connections().size(), 0u);
  EXPECT_EQ(nat("nat").active_connections.value(), 0u);
}

TEST_F(Restarted, IdleTimersGoOn) {
  Connect("app", kClient, "api", kServer);
  Wait(seconds(200));
  Restart();
  Wait(seconds(149));
  EXPECT_EQ(Send("app", Tcp(kClient, kServer, "A").Sequence(1001, 5001)).substr(0, 4), "api:");
  Wait(seconds(200));
  Restart();
  Wait(seconds(151));
  EXPECT_EQ(Send("app", Tcp(kClient, kServer, "A").Sequence(1001, 5001)).substr(0, 5), "reply");
  EXPECT_EQ(nat("nat").idle_timeouts.value(), 1u);
}

TEST_F(Restarted, AMappingThatOnlyTheGatewayRememberedIsJudgedByTheRules) {
  Send("app", Udp(kClient, "198.51.100.7:53"));
  const std::string translated = SeenEnds().source;
  Wait(seconds(40));
  for (int i = 0; i < 10; ++i) Expire();
  ASSERT_TRUE(only().is_marked(flow::Connection::kMappingOnly));
  EXPECT_EQ(Restart(), 1u);
  EXPECT_EQ(Send("api", Udp("198.51.100.7:53", translated)), "drop SG_INGRESS_DENIED");
  EXPECT_EQ(Send("app", Udp(kClient, "198.51.100.7:53")),
            "api: udp " + translated + " > 198.51.100.7:53 ttl 62");
  EXPECT_EQ(Send("api", Udp("198.51.100.7:53", translated)).substr(0, 4), "app:");
}

// A process that dies between a new state and its timer, or that writes what it likes.
TEST_F(Restarted, ATimerIsThatOfTheStateWhateverIsWritten) {
  Connect("app", kClient, "api", kServer);
  Spoil([](flow::Connection& connection) { connection.timeout_ms = 0xffffffff; });
  Restart();
  EXPECT_EQ(only().timeout_ms, flow::kNatIdleMs);
  Spoil([](flow::Connection& connection) { connection.marks = flow::Connection::kMappingOnly; });
  Restart();
  EXPECT_EQ(only().timeout_ms, flow::kNatIdleMs);
  Spoil([](flow::Connection& connection) {
    connection.marks = 0;
    connection.state = flow::ConnectionState::kTcpReset;
  });
  Restart();
  EXPECT_EQ(only().timeout_ms, 5000u);
}

TEST_F(Restarted, WhatAFaultHasEndedStaysEnded) {
  Connect("app", kClient, "api", kServer);
  fabric.NatFault("nat", true);
  Publish();
  fabric.NatFault("nat", false);
  Restart();
  EXPECT_EQ(Send("app", Tcp(kClient, kServer, "A").Sequence(1001, 5001)).substr(0, 5), "reply");

  Connect("app", "10.0.1.10:4001", "api", kServer);
  Restart();
  EXPECT_EQ(Send("app", Tcp("10.0.1.10:4001", kServer, "A").Sequence(1001, 5001)).substr(0, 4),
            "api:")
      << "decided after the fault";
}

TEST_F(Restarted, WhatALaterConfigurationHasDecidedMakesNoSense) {
  Connect("app", kClient, "api", kServer);
  Spoil([](flow::Connection& connection) { connection.halves[1].action.generation = 1000; });
  EXPECT_EQ(Restart(), 0u);
}

// A process that has written anything: its successor counts right, and tells nobody wrong MACs.
TEST_F(Restarted, WhateverIsLeftIsCountedRightAndForwardedProperlyOrNotAtAll) {
  const std::uint64_t seed = flow::TestSeed();
  SCOPED_TRACE("TAPLOOM_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  std::uint32_t adopted = 0;
  for (int round = 0; round < 300; ++round) {
    for (int i = 0; i < 8; ++i) {
      const std::string port = std::to_string(4000 + random() % 20);
      Send("app", Tcp("10.0.1.10:" + port, kServer));
      const Ends seen = SeenEnds();
      Send("api", Tcp(seen.destination, seen.source, "SA"));
      Send("app", Tcp("10.0.1.10:" + port, kServer, "A"));
      Send("visitor", Tcp("198.51.100.8:" + port, "203.0.113.10:80"));
      Send("app", Udp("10.0.1.10:" + port, "198.51.100.7:53"));
    }
    Spoil([&](flow::Connection& connection) {
      auto* const bytes = reinterpret_cast<std::uint8_t*>(&connection);
      for (std::uint64_t flips = random() % 3; flips > 0; --flips)
        bytes[random() % sizeof connection] ^= static_cast<std::uint8_t>(1u << random() % 8);
    });
    adopted += Restart();
    std::uint64_t bindings = 0, open = 0;
    connections().ForEach([&](const flow::Connection& connection) {
      if (!connection.has(flow::Connection::kNat)) return;
      ++bindings;
      open += flow::IsOpen(connection.state) ? 1 : 0;
    });
    ASSERT_EQ(connections().nat_ports().total(), bindings);
    ASSERT_EQ(nat("nat").active_connections.value(), open);
    for (int i = 0; i < 20; ++i) {
      const std::string port = std::to_string(4000 + i);
      for (const std::string& said :
           {Send("app", Tcp("10.0.1.10:" + port, kServer, "A")),
            Send("visitor", Tcp("198.51.100.8:" + port, "203.0.113.10:80", "A")),
            Send("web", Tcp("10.0.0.10:80", "198.51.100.8:" + port, "A")),
            Send("app", Udp("10.0.1.10:" + port, "198.51.100.7:53"))}) {
        for (const char* fault : {"COUNTED", "WRONG MAC", "PAYLOAD CHANGED", "ANOTHER PORT"})
          ASSERT_EQ(said.find(fault), std::string::npos) << said;
      }
    }
    Wait(seconds(random() % 100));
  }
  EXPECT_GT(adopted, 1000u);
  for (int i = 0; i < 1000 && connections().size() > 0; ++i) {
    Wait(std::chrono::hours(24));
    Expire();
  }
  EXPECT_EQ(connections().size(), 0u);
  EXPECT_EQ(connections().nat_ports().total(), 0u);
  EXPECT_EQ(nat("nat").active_connections.value(), 0u);
}

TEST_F(Restarted, AnErrorAboutAnAdoptedConnectionFindsItsWay) {
  Connect("app", kClient, "api", kServer);
  const Frame seen = last().frame;
  fabric.Group("app", {"in icmp from 0.0.0.0/0", "out all to 0.0.0.0/0"});
  Restart();
  EXPECT_EQ(Send("api", IcmpError("198.51.100.7", "203.0.113.100", 3, 3).Quoting(seen.bytes))
                .substr(0, 4),
            "app:");
}

}  // namespace
}  // namespace taploom::test
