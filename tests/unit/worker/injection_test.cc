// Frames that enter a worker from a socket, and what becomes of each is told back.
#include "dataplane/worker/injection.h"

#include <gtest/gtest.h>

#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "tests/unit/worker/worker_fixture.h"

namespace taploom::worker {
namespace {

using Kind = InjectionOutcome::Kind;

class InjectionTest : public WorkerTest {
 protected:
  InjectionTest() { ConnectAll(); }

  // Makes a pair and gives one end to the worker; what the worker said to that.
  bool Begin(io::UniqueFd& ours) {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    ours.Reset(ends[0]);
    auto injection = std::make_unique<Injection>(io::UniqueFd(ends[1]));
    bool accepted = false;
    worker_.Execute([&] { accepted = worker_.SetInjection(std::move(injection)); });
    return accepted;
  }

  void Inject(const io::UniqueFd& socket, std::uint16_t port, const Bytes& frame) {
    const InjectedFrame header{.port = port};
    Bytes message(sizeof header);
    std::memcpy(message.data(), &header, sizeof header);
    message.insert(message.end(), frame.begin(), frame.end());
    ASSERT_EQ(send(socket.get(), message.data(), message.size(), 0),
              static_cast<ssize_t>(message.size()));
  }

  // The next `count` outcomes; fewer when they do not come.
  std::vector<InjectionOutcome> Outcomes(const io::UniqueFd& socket, std::size_t count) {
    std::vector<InjectionOutcome> outcomes;
    while (outcomes.size() < count) {
      pollfd ready{socket.get(), POLLIN, 0};
      InjectionReport report;
      if (poll(&ready, 1, 5000) != 1 || recv(socket.get(), &report, sizeof report, 0) <= 0) break;
      EXPECT_EQ(report.first, told_);
      told_ += report.count;
      outcomes.insert(outcomes.end(), report.outcomes.begin(),
                      report.outcomes.begin() + report.count);
    }
    return outcomes;
  }

  std::uint64_t told_ = 0;
};

TEST_F(InjectionTest, AFrameEntersAtItsPortAndIsToldWhereItWent) {
  io::UniqueFd socket;
  ASSERT_TRUE(Begin(socket));
  Inject(socket, 1, Datagram(1, 2));
  EXPECT_EQ(MarkOf(instances_[2].Receive()), 9);
  const auto outcomes = Outcomes(socket, 1);
  ASSERT_EQ(outcomes.size(), 1u);
  EXPECT_EQ(outcomes[0].kind, Kind::kSent);
  EXPECT_EQ(outcomes[0].port, 2u);
  EXPECT_EQ(outcomes[0].after.source.ToString(), AddressOfPort(1));
  EXPECT_EQ(outcomes[0].after.destination_port, 9u);
  EXPECT_EQ(counters_.Find(1)->received_packets.value(), 1u) << "as if instance 1 had sent it";
}

TEST_F(InjectionTest, OutcomesComeInTheOrderOfTheFrames) {
  io::UniqueFd socket;
  ASSERT_TRUE(Begin(socket));
  Inject(socket, 1, Datagram(1, 2));
  Inject(socket, 1, Datagram(2, 3));           // under the MAC of another
  Inject(socket, 77, Datagram(1, 2));          // nobody's port
  Inject(socket, 3, Bytes{1, 2, 3});           // no frame at all
  Inject(socket, 3, Datagram(3, 1, 9, 5000));  // larger than a head
  const auto outcomes = Outcomes(socket, 5);
  ASSERT_EQ(outcomes.size(), 5u);
  EXPECT_EQ(outcomes[0].kind, Kind::kSent);
  EXPECT_EQ(outcomes[1].kind, Kind::kLost);
  EXPECT_EQ(outcomes[1].drop_reason, static_cast<std::uint8_t>(DropReason::kForeignSourceMac));
  EXPECT_EQ(outcomes[2].kind, Kind::kLost);
  EXPECT_EQ(outcomes[2].drop_reason, static_cast<std::uint8_t>(DropReason::kPortNotInUse));
  EXPECT_EQ(outcomes[3].kind, Kind::kLost);
  EXPECT_EQ(outcomes[3].drop_reason, static_cast<std::uint8_t>(DropReason::kMalformed));
  EXPECT_EQ(outcomes[4].kind, Kind::kSent);
  EXPECT_EQ(instances_[1].Receive().size(), 14u + 28u + 5000u);
}

TEST_F(InjectionTest, WhatTheReceiverHasNoRoomForIsLost) {
  io::UniqueFd socket;
  ASSERT_TRUE(Begin(socket));
  std::size_t sent = 0, full = 0;
  for (int i = 0; i < 2000; ++i) {  // port 2's instance does not read
    Inject(socket, 1, Datagram(1, 2));
    for (const InjectionOutcome& outcome : Outcomes(socket, 1)) {
      sent += outcome.kind == Kind::kSent;
      full += outcome.drop_reason == static_cast<std::uint8_t>(DropReason::kSendBufferFull);
    }
  }
  EXPECT_GT(sent, 0u);
  EXPECT_GT(full, 0u);
  EXPECT_EQ(sent + full, 2000u);
  EXPECT_EQ(Drops(1, DropReason::kSendBufferFull), full);
}

TEST_F(InjectionTest, InstancesHaveTheirTurnsMeanwhile) {
  io::UniqueFd socket;
  ASSERT_TRUE(Begin(socket));
  for (int i = 0; i < 100; ++i) Inject(socket, 1, Datagram(1, 2));
  instances_[3].Send(Datagram(3, 1));
  EXPECT_FALSE(instances_[1].Receive().empty());
  EXPECT_EQ(Outcomes(socket, 100).size(), 100u);
}

TEST_F(InjectionTest, OneInjectsAtATimeAndTheNextWhenItHasGone) {
  io::UniqueFd first, second;
  ASSERT_TRUE(Begin(first));
  EXPECT_FALSE(Begin(second));
  Inject(first, 1, Datagram(1, 2));
  first.Reset();  // what it sent before is forwarded all the same
  EXPECT_FALSE(instances_[2].Receive().empty());
  bool accepted = false;
  for (int i = 0; i < 1000 && !accepted; ++i) accepted = Begin(second);
  ASSERT_TRUE(accepted);
  Inject(second, 3, Datagram(3, 2));
  EXPECT_FALSE(instances_[2].Receive().empty());
}

TEST_F(InjectionTest, APeerThatTalksNonsenseIsCutOff) {
  io::UniqueFd socket;
  ASSERT_TRUE(Begin(socket));
  ASSERT_EQ(send(socket.get(), "x", 1, 0), 1);
  pollfd ready{socket.get(), POLLIN, 0};
  ASSERT_EQ(poll(&ready, 1, 5000), 1);
  char byte = 0;
  EXPECT_EQ(recv(socket.get(), &byte, 1, 0), 0) << "the end";
}

}  // namespace
}  // namespace taploom::worker
