// Two workers with their threads, and both queues of every port fed with one connection's packets
// in random turns: every byte that leaves, and every drop, is what one pipeline alone makes of
// them.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "dataplane/config/control_messages.pb.h"
#include "dataplane/observe/counter_report.h"
#include "tests/support/eventually.h"
#include "tests/support/fabric_fixture.h"
#include "tests/support/packet_builder.h"
#include "tests/support/packet_reader.h"
#include "tests/unit/worker/workers_rig.h"

namespace taploom::worker {
namespace {

using namespace std::chrono_literals;
using test::Frame;
using test::Outcome;
using test::PacketBuilder;

constexpr std::uint16_t kWorkers = 2;
constexpr std::uint8_t kIcmp = 1, kTcp = 6, kUdp = 17;

class SeveralWorkersTest : public testing::Test {
 protected:
  SeveralWorkersTest() : snapshot_(fabric_.Build()) {
    rig_.Publish(snapshot_);
    alone_.Publish(snapshot_);
    rig_.Connect(fabric_);
  }

  std::size_t AnyQueue() { return random_() % kWorkers; }

  std::uint64_t Drops() {
    config::Counters report;
    observe::ReportCounters(rig_.counters(), report);
    std::uint64_t sum = 0;
    for (const config::PortCounters& port : report.ports()) {
      for (const config::DropCount& drop : port.drops()) sum += drop.packets();
    }
    return sum;
  }

  // Sends the frame to both, and compares. What became of it, when it left.
  std::optional<Outcome> Send(const std::string& sender, const Frame& frame, std::size_t queue) {
    const std::uint16_t port = fabric_.port(sender);
    const std::uint64_t drops = Drops();
    const Outcome expected = alone_.Process(frame, port);
    EXPECT_TRUE(rig_.Send(port, queue, frame));
    if (expected.verdict.drop_reason != DropReason::kNone) {
      EXPECT_TRUE(test::Eventually([&] { return Drops() == drops + 1; }))
          << sender << ": " << test::Describe(frame) << " should be dropped";
    }
    if (expected.verdict.kind == Verdict::Kind::kDrop) return std::nullopt;
    const auto received = rig_.Receive(expected.verdict.port, 10s);
    if (!received) {
      ADD_FAILURE() << sender << ": " << test::Describe(frame) << " does not arrive";
      return std::nullopt;
    }
    EXPECT_EQ(received->frame.bytes, expected.frame.bytes)
        << test::Describe(received->frame) << " instead of " << test::Describe(expected.frame);
    EXPECT_EQ(received->frame.vnet.flags, expected.frame.vnet.flags);
    last_queue_ = received->queue;
    return expected;
  }
  std::optional<Outcome> Send(const std::string& sender, PacketBuilder packet) {
    if (!packet.has_destination_mac()) packet.To(NextHop(sender, packet.destination()));
    return Send(sender, packet.From(fabric_.mac(sender)).Build(), AnyQueue());
  }
  wire::MacAddress NextHop(const std::string& sender, const std::string& destination) {
    const bool is_neighbor = sender.starts_with("app") && destination.starts_with("10.0.1.1");
    return is_neighbor ? fabric_.mac(destination == "10.0.1.10" ? "app-1" : "app-2")
                       : fabric_.router_mac(sender);
  }

  // The answer to a packet as its receiver saw it.
  static PacketBuilder AnswerTo(const Outcome& outcome) {
    const wire::Headers seen = wire::Parse(outcome.frame.bytes, outcome.frame.bytes.size());
    const std::string from = seen.destination.ToString(), to = seen.source.ToString();
    if (seen.protocol == kIcmp) {
      return seen.icmp_type == 8 ? test::EchoReply(from, to, seen.source_port)
                                 : test::Echo(from, to, seen.destination_port);
    }
    return PacketBuilder(seen.protocol, from + ":" + std::to_string(seen.destination_port),
                         to + ":" + std::to_string(seen.source_port));
  }

  SmallFabric fabric_;
  std::shared_ptr<const tables::Snapshot> snapshot_;
  test::Bench alone_;  // the same table options as the rig's
  WorkersRig rig_{kWorkers};
  std::mt19937 random_{7};
  std::size_t last_queue_ = 0;
};

TEST_F(SeveralWorkersTest, AConnectionInBothQueuesIsOneConnection) {
  struct Way {
    std::string client, from, server, to;
  };
  const std::vector<Way> ways = {
      {"app-1", "10.0.1.10", "host", "198.51.100.7"},  // through the NAT gateway
      {"app-2", "10.0.1.11", "other", "198.51.100.8"},
      {"app-1", "10.0.1.10", "web", "10.0.0.10"},
      {"web", "10.0.0.10", "host", "198.51.100.7"},
      {"host", "198.51.100.7", "web", "203.0.113.10"},
      {"app-2", "10.0.1.11", "web", "203.0.113.10"},  // out of the VPC and in again
      {"app-1", "10.0.1.10", "app-2", "10.0.1.11"},   // refused, but for pings
      {"host", "198.51.100.7", "app-1", "203.0.113.100"}};
  int connections = 0, delivered = 0, refused = 0;
  for (std::uint16_t port = 2000; port < 2120; ++port) {
    const Way& way = ways[port % ways.size()];
    const std::uint8_t protocol = std::array{kTcp, kUdp, kIcmp}[random_() % 3];
    const std::string client = way.from + ":" + std::to_string(port);
    PacketBuilder first = protocol == kIcmp ? test::Echo(way.from, way.to, port)
                                            : PacketBuilder(protocol, client, way.to + ":80");
    std::uint32_t sent[2] = {1000, 5000};  // by client and server
    std::optional<Outcome> seen = Send(way.client, first.Sequence(sent[0]++));
    if (!seen) {
      ++refused;
      continue;
    }
    ++connections;
    // Turn by turn: each answers what it has received, and now and then resets as a stranger would.
    for (int turn = 1; turn < 12 && seen; ++turn) {
      const bool is_server = turn % 2 == 1;
      const std::string& sender = is_server ? way.server : way.client;
      PacketBuilder answer = AnswerTo(*seen);
      if (protocol == kTcp) answer.Flags(turn == 1 ? "SA" : turn < 9 ? "A" : "FA");
      answer.Sequence(sent[is_server ? 1 : 0], sent[is_server ? 0 : 1]);
      if (turn == 1 || turn >= 9) ++sent[is_server ? 1 : 0];
      if (protocol == kTcp && turn == 6) {
        PacketBuilder stray(answer);
        EXPECT_FALSE(Send(sender, stray.Flags("R").Sequence(900'000'000)));
        ++refused;
      }
      if (turn == 4) {
        const Frame quoted = seen->frame;
        const wire::Headers headers = wire::Parse(quoted.bytes, quoted.bytes.size());
        Send(sender,
             test::IcmpError(headers.destination.ToString(), headers.source.ToString(), 3, 3)
                 .Quoting(quoted.bytes, 28));
      }
      seen = Send(sender, answer);
      delivered += seen ? 1 : 0;
    }
  }
  EXPECT_GT(connections, 30);
  EXPECT_GT(delivered, 10 * connections);
  EXPECT_GT(refused, 10);
  EXPECT_EQ(rig_.use().total(), alone_.connections().size());
  rig_.Stop();
  for (const observe::CounterBlock& block : rig_.counters())
    EXPECT_GT(block.handed_over_packets.value(), 100u);
}

TEST_F(SeveralWorkersTest, TheOwnerAnswersIntoItsOwnQueues) {
  for (int i = 0; i < 20; ++i) {
    const auto sent = Send("app-1", test::Udp("10.0.1.10:4000", "198.51.100.7:53"));
    ASSERT_TRUE(sent);
    const std::size_t owner = last_queue_;
    EXPECT_EQ(owner, snapshot_->OwnerOf(*wire::IpAddress::Parse("10.0.1.10"),
                                        *wire::IpAddress::Parse("198.51.100.7"), kWorkers));
    ASSERT_TRUE(Send("host", AnswerTo(*sent)));
    EXPECT_EQ(last_queue_, owner) << "so that the kernel puts later packets there";
  }
}

TEST_F(SeveralWorkersTest, AWorkerThatCannotKeepUpLosesWhatOthersWouldGiveItAndSaysSo) {
  const std::uint16_t app = fabric_.port("app-1"), host = fabric_.port("host");
  const std::size_t owner = snapshot_->OwnerOf(*wire::IpAddress::Parse("10.0.1.10"),
                                               *wire::IpAddress::Parse("198.51.100.7"), kWorkers);
  const std::size_t other = 1 - owner;
  const Frame frame = test::Udp("10.0.1.10:4000", "198.51.100.7:53")
                          .From(fabric_.mac("app-1"))
                          .To(fabric_.router_mac("app-1"))
                          .Build();
  constexpr std::uint64_t kMore = 44;
  std::uint64_t lost = 0;
  rig_.worker(owner).Execute([&] {
    // The owner is held up here; the other goes on.
    for (std::uint64_t sent = 0; sent < HandoverRing::kCapacity + kMore;) {
      if (rig_.Send(app, other, frame)) ++sent;
    }
    const auto& drops = rig_.counters()[other].ports[app].drops;
    EXPECT_TRUE(test::Eventually([&] {
      lost = drops[static_cast<std::size_t>(DropReason::kWorkerBusy)].value();
      return lost == kMore;
    })) << lost;
  });
  for (std::size_t i = 0; i < HandoverRing::kCapacity; ++i)
    ASSERT_TRUE(rig_.Receive(host, 10s)) << i << ": what was taken over is forwarded";
  EXPECT_FALSE(rig_.Receive(host, 0s));
}

TEST_F(SeveralWorkersTest, TheLimitOfConnectionsIsTheFabrics) {
  fabric_.ConnectionsPerEni(10);
  rig_.Publish(fabric_.Build());
  int delivered = 0;
  for (std::uint16_t i = 0; i < 30; ++i) {
    const std::string to = i % 2 == 0 ? "198.51.100.7:53" : "198.51.100.8:53";
    const Frame frame = test::Udp("10.0.1.10:" + std::to_string(4000 + i), to)
                            .From(fabric_.mac("app-1"))
                            .To(fabric_.router_mac("app-1"))
                            .Build();
    ASSERT_TRUE(rig_.Send(fabric_.port("app-1"), AnyQueue(), frame));
    const std::uint64_t seen = static_cast<std::uint64_t>(i) + 1;
    ASSERT_TRUE(test::Eventually(
        [&] { return Drops() + static_cast<std::uint64_t>(rig_.use().total()) == seen; }));
  }
  delivered = static_cast<int>(rig_.use().total());
  EXPECT_EQ(delivered, 10);
}

TEST_F(SeveralWorkersTest, WhatBecameOfInjectedFramesIsToldInTheirOrderWhoeverDecides) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
  const io::UniqueFd ours(ends[0]);
  rig_.worker(0).Execute([&] {
    EXPECT_TRUE(rig_.worker(0).SetInjection(std::make_unique<Injection>(io::UniqueFd(ends[1]))));
  });
  constexpr std::size_t kFrames = 200;
  std::vector<Outcome> expected;
  for (std::size_t i = 0; i < kFrames; ++i) {
    // To both hosts, so that each worker owns some; and some that nobody is to get.
    const std::string to = i % 5 == 4 ? "10.0.1.99" : i % 2 == 0 ? "198.51.100.7" : "198.51.100.8";
    const Frame frame = test::Udp("10.0.1.10:" + std::to_string(4000 + i), to + ":53")
                            .From(fabric_.mac("app-1"))
                            .To(fabric_.router_mac("app-1"))
                            .Build();
    InjectedFrame header{.port = fabric_.port("app-1"), .vnet = frame.vnet};
    const iovec parts[] = {{&header, sizeof header},
                           {const_cast<std::uint8_t*>(frame.bytes.data()), frame.bytes.size()}};
    ASSERT_GT(writev(ours.get(), parts, 2), 0);
    expected.push_back(alone_.Process(frame, fabric_.port("app-1")));
  }
  std::size_t told = 0;
  while (told < kFrames) {
    pollfd ready{ours.get(), POLLIN, 0};
    ASSERT_EQ(poll(&ready, 1, 10'000), 1) << "after " << told;
    InjectionReport report;
    ASSERT_GT(recv(ours.get(), &report, sizeof report, 0), 0);
    ASSERT_EQ(report.first, told);
    for (std::size_t i = 0; i < report.count; ++i, ++told) {
      const Outcome& outcome = expected[told];
      ASSERT_EQ(report.outcomes[i].drop_reason,
                static_cast<std::uint8_t>(outcome.verdict.drop_reason))
          << told;
      if (outcome.verdict.kind == Verdict::Kind::kDrop) continue;
      ASSERT_EQ(report.outcomes[i].port, outcome.verdict.port) << told;
      ASSERT_TRUE(report.outcomes[i].after ==
                  flow::TupleOf(wire::Parse(outcome.frame.bytes, outcome.frame.bytes.size())))
          << told;
    }
  }
  EXPECT_GT(rig_.counters()[0].handed_over_packets.value(), 20u);
}

}  // namespace
}  // namespace taploom::worker
