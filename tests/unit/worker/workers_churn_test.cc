// Two workers under everything at once: new connections all the time, answers into either queue,
// configurations that change, readers of counters and connections, captures that come and go. For
// the thread sanitizer (scripts/test builds this program with it); and whatever it finds or not,
// nothing is lost without being counted, and no connection is in two tables.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "dataplane/config/control_messages.pb.h"
#include "dataplane/observe/capture_ring.h"
#include "dataplane/observe/counter_report.h"
#include "tests/support/eventually.h"
#include "tests/support/packet_builder.h"
#include "tests/support/test_scale.h"
#include "tests/unit/worker/workers_rig.h"

namespace taploom::worker {
namespace {

using namespace std::chrono_literals;
using test::Frame;

constexpr std::uint16_t kWorkers = 2;
const unsigned kRounds = 30 * static_cast<unsigned>(test::TestScale());  // of other configurations

void Swap(std::vector<std::uint8_t>& bytes, std::size_t one, std::size_t other, std::size_t size) {
  std::swap_ranges(bytes.begin() + static_cast<std::ptrdiff_t>(one),
                   bytes.begin() + static_cast<std::ptrdiff_t>(one + size),
                   bytes.begin() + static_cast<std::ptrdiff_t>(other));
}

// A UDP datagram's answer: everything the other way round, which no checksum notices.
void TurnRound(Frame& frame) {
  constexpr std::size_t kIp = 14, kUdp = 34;
  if (frame.bytes.size() < kUdp + 8) return;
  Swap(frame.bytes, 0, 6, 6);
  Swap(frame.bytes, kIp + 12, kIp + 16, 4);
  Swap(frame.bytes, kUdp, kUdp + 2, 2);
}

class Churn : public testing::Test {
 protected:
  Churn() {
    rig_.Publish(fabric_.Build());
    rig_.Connect(fabric_);
  }

  Frame DatagramTo(const std::string& sender, const std::string& from, const std::string& to) {
    return test::Udp(from + ":1000", to + ":53")
        .NoUdpChecksum()
        .From(fabric_.mac(sender))
        .To(fabric_.router_mac(sender))
        .Build();
  }

  // Sends from ever new ports, in either queue, and answers what comes.
  void Talk(const std::string& name, const std::vector<Frame>& frames, unsigned seed) {
    const std::uint16_t port = fabric_.port(name);
    std::mt19937 random(seed);
    for (unsigned i = 0; rounds_ < kRounds; ++i) {
      Frame frame = frames[random() % frames.size()];
      const auto from = static_cast<std::uint16_t>(1024 + i % 3000);
      frame.bytes[34] = static_cast<std::uint8_t>(from >> 8);
      frame.bytes[35] = static_cast<std::uint8_t>(from);
      sent_ += rig_.Send(port, random() % kWorkers, frame) ? 1 : 0;
      AnswerAll(port, random);
    }
    --talking_;
    while (talking_ > 0) AnswerAll(port, random, 1ms);
  }
  void AnswerAll(std::uint16_t port, std::mt19937& random,
                 std::chrono::milliseconds patience = 0ms) {
    while (auto received = rig_.Receive(port, patience)) {
      ++received_;
      TurnRound(received->frame);
      if (random() % 4 != 0) continue;  // else an answer would be answered for ever
      sent_ += rig_.Send(port, random() % kWorkers, received->frame) ? 1 : 0;
    }
  }

  // Other rules and another way each time; what the ways have in common goes on.
  void ChangeConfiguration(unsigned round) {
    fabric_.Group("careful", round % 2 == 0 ? test::FabricBuilder::Texts{"out all to 0.0.0.0/0"}
                                            : test::FabricBuilder::Texts{"in all from 10.0.0.0/16",
                                                                         "out udp to 0.0.0.0/0"});
    fabric_.Route("app", round % 8 == 7 ? "0.0.0.0/0 blackhole" : "0.0.0.0/0 nat:nat");
    // From inside to outside and back: its connections change their owner.
    fabric_.SetAddresses("web", {round % 4 == 3 ? "10.0.0.10" : "10.0.0.10 = 203.0.113.10"});
    rig_.Publish(fabric_.Build());
  }

  void Capture() {
    constexpr std::size_t kCapacity = 1 << 20;
    std::vector<std::uint16_t> ports;
    for (const auto& [name, port] : fabric_.ports()) ports.push_back(port);
    const io::UniqueFd memory(observe::CaptureRingMemory::Make(kCapacity, 100, ports, kWorkers));
    const std::size_t size = observe::CaptureRingMemory::SizeOf(kCapacity);
    std::vector<observe::CaptureRingReader> readers;
    for (std::size_t i = 0; i < kWorkers; ++i) {
      std::string error;
      auto ring = observe::CaptureRingMemory::Map(memory.get(), size, error, i);
      readers.emplace_back(observe::CaptureRingMemory::Map(memory.get(), size, error, i));
      rig_.worker(i).Execute([&] {
        rig_.worker(i).SetObserver(
            RingObserver::Make(std::move(ring), 0ns, rig_.pipeline(i), error));
      });
      EXPECT_EQ(error, "");
    }
    observe::CaptureRingReader::Entry entry;
    EXPECT_TRUE(test::Eventually([&] { return readers.front().Next(entry); }));
    for (std::size_t i = 0; i < kWorkers; ++i) {
      rig_.worker(i).Execute([&] { rig_.worker(i).SetObserver(nullptr); });
      while (readers[i].Next(entry)) {
        EXPECT_EQ(entry.record.packet_id % kWorkers, (i + 1) % kWorkers)
            << "no two workers give the same id";
      }
      EXPECT_EQ(readers[i].error(), "");
    }
  }

  // Everything that entered has left or was dropped; fragments and answers of ours do not occur.
  void ExpectAllCounted() {
    std::uint64_t entered = 0, left = 0, dropped = 0;
    const auto sum = [&] {
      config::Counters report;
      observe::ReportCounters(rig_.counters(), report);
      entered = left = dropped = 0;
      for (const config::PortCounters& port : report.ports()) {
        entered += port.received_packets();
        left += port.sent_packets();
        for (const config::DropCount& drop : port.drops()) dropped += drop.packets();
      }
      return entered == sent_ && entered == left + dropped;
    };
    EXPECT_TRUE(test::Eventually(sum)) << "sent " << sent_ << ", entered " << entered << ", left "
                                       << left << ", dropped " << dropped;
  }

  SmallFabric fabric_;
  WorkersRig rig_{kWorkers, 8192};
  std::atomic<std::uint64_t> sent_{0}, received_{0};
  std::atomic<int> talking_{0};
  std::atomic<unsigned> rounds_{0};
};

TEST_F(Churn, LosesNothingUncountedAndNeverSharesAConnection) {
  struct Talker {
    std::string name;
    std::vector<Frame> frames;
  };
  const std::vector<Talker> talkers = {
      {"app-1",
       {DatagramTo("app-1", "10.0.1.10", "198.51.100.7"),
        DatagramTo("app-1", "10.0.1.10", "198.51.100.8"),
        DatagramTo("app-1", "10.0.1.10", "10.0.0.10")}},
      {"app-2",
       {DatagramTo("app-2", "10.0.1.11", "198.51.100.7"),
        DatagramTo("app-2", "10.0.1.11", "203.0.113.10")}},
      {"web",
       {DatagramTo("web", "10.0.0.10", "198.51.100.7"),
        DatagramTo("web", "10.0.0.10", "198.51.100.8")}},
      {"host",
       {DatagramTo("host", "198.51.100.7", "203.0.113.10"),
        DatagramTo("host", "198.51.100.7", "203.0.113.100")}},
      {"other", {DatagramTo("other", "198.51.100.8", "203.0.113.10")}}};
  talking_ = static_cast<int>(talkers.size());
  std::vector<std::thread> threads;
  unsigned seed = 1;
  for (const Talker& talker : talkers)
    threads.emplace_back(
        [this, &talker, seed = seed++] { Talk(talker.name, talker.frames, seed); });
  threads.emplace_back([this] {
    while (talking_ > 0) {
      config::Counters report;
      observe::ReportCounters(rig_.counters(), report);
      for (std::size_t i = 0; i < kWorkers; ++i) {
        rig_.connections(i).Visit(0, UINT32_MAX,
                                  [](const flow::Connection&, std::uint32_t) { return true; });
      }
    }
  });
  for (; rounds_ < kRounds; ++rounds_) {
    const std::uint64_t sent = sent_;
    ChangeConfiguration(rounds_);
    if (rounds_ % 5 == 0) Capture();
    EXPECT_TRUE(test::Eventually([&] { return sent_ > sent + 500; }));
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(received_, sent_ / 4);
  ExpectAllCounted();

  // The owner is a function of the addresses: where each table holds only its own, none is in two.
  fabric_.SetAddresses("web", {"10.0.0.10 = 203.0.113.10"});
  const auto snapshot = fabric_.Build();
  rig_.Publish(snapshot);
  rig_.Stop();
  std::uint32_t count = 0;
  for (std::size_t i = 0; i < kWorkers; ++i) {
    EXPECT_GT(rig_.pipeline(i).connections().size(), 0u);
    EXPECT_GT(rig_.counters()[i].handed_over_packets.value(), 0u);
    count += rig_.pipeline(i).connections().size();
    rig_.pipeline(i).connections().ForEach([&](const flow::Connection& connection) {
      for (const auto direction : {flow::FlowDirection::kOriginal, flow::FlowDirection::kReply}) {
        const flow::FiveTuple tuple = connection.key(direction).tuple;
        EXPECT_EQ(snapshot->OwnerOf(tuple.source, tuple.destination, kWorkers), i)
            << tuple.source.ToString() << " > " << tuple.destination.ToString();
      }
    });
  }
  EXPECT_EQ(rig_.use().total(), count) << "the shared count is that of both tables";
}

}  // namespace
}  // namespace taploom::worker
