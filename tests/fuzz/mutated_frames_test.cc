// 100,000 mutated and random frames into the pipeline: none crashes it, every one is forwarded or
// counted as a drop, the frames that leave are sound, and the traffic of others keeps flowing.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "dataplane/wire/layout.h"
#include "tests/fuzz/frame_mutator.h"
#include "tests/fuzz/hostile_fabric.h"
#include "tests/support/fabric_fixture.h"

namespace taploom::test {
namespace {

constexpr int kFrames = 100'000;

std::uint64_t Seed() {
  const char* text = std::getenv("TAPLOOM_SEED");
  return text != nullptr ? std::strtoull(text, nullptr, 0) : std::random_device()();
}

std::uint64_t DropsAt(Bench& bench, std::uint16_t port) {
  std::uint64_t sum = 0;
  for (const observe::Counter& counter : bench.counters().port(port).drops) sum += counter.value();
  return sum;
}

// An answer that is no IP packet can only be ARP, which has no checksum.
bool IsArp(const Frame& frame) {
  return frame.bytes.size() == 42 && frame.bytes[12] == 0x08 && frame.bytes[13] == 0x06;
}

// Whether the frame's checksums were right as it came in, so that they must be as it goes out.
// Offload words that point anywhere but at the transport's checksum say nothing that could be
// checked.
bool WasSound(const Frame& frame, const wire::Headers& headers) {
  if (headers.kind != wire::FrameKind::kIp || !headers.has_transport) return false;
  const std::size_t field = headers.is_tcp()   ? wire::tcp::kChecksum
                            : headers.is_udp() ? wire::udp::kChecksum
                                               : wire::icmp::kChecksum;
  if (frame.vnet.needs_checksum() && frame.vnet.checksum_offset != field) return false;
  return ChecksumFault(frame).empty();
}

// A ping between bystanders: the flow that must not notice.
void ExpectBystanderIsServed(Bench& bench, const FabricBuilder& fabric, int round) {
  PacketBuilder ping = Echo("10.0.0.11", "10.0.1.11", static_cast<std::uint16_t>(round & 0x7fff));
  ping.From(fabric.mac("bystander")).To(fabric.router_mac("bystander"));
  const Outcome outcome = bench.Process(ping.Build(), fabric.port("bystander"));
  ASSERT_EQ(Verdict::Kind::kForward, outcome.verdict.kind) << "in round " << round;
  ASSERT_EQ(fabric.port("victim"), outcome.verdict.port);
  ASSERT_EQ("", ChecksumFault(outcome.frame));
}

TEST(MutatedFrames, AHundredThousandAreForwardedOrCountedAsDrops) {
  const std::uint64_t seed = Seed();
  SCOPED_TRACE("TAPLOOM_SEED=" + std::to_string(seed));
  RecordProperty("seed", std::to_string(seed));
  HostileFabric fabric;
  const auto snapshot = fabric.Build();
  Bench bench({.capacity = 4096, .capacity_per_port = 3000, .seed = seed});
  bench.Publish(snapshot);
  const std::vector<Frame> seeds = SeedFrames(fabric);
  const std::uint16_t attacker = fabric.port("attacker");
  FrameMutator mutator(seed);

  std::uint64_t sent_on = 0, dropped = 0, answered_instead = 0;
  for (int i = 0; i < kFrames; ++i) {
    const bool is_noise = mutator.Below(5) == 0;
    const Frame frame =
        is_noise ? mutator.Noise() : mutator.Mutate(seeds[mutator.Below(seeds.size())]);
    const Outcome outcome = bench.Process(frame, attacker);
    const bool was_sound = WasSound(frame, outcome.headers);
    switch (outcome.verdict.kind) {
      case Verdict::Kind::kDrop:
        ASSERT_NE(DropReason::kNone, outcome.verdict.drop_reason);
        ++dropped;
        break;
      case Verdict::Kind::kReply:
        ASSERT_EQ(attacker, outcome.verdict.port);
        if (!IsArp(outcome.frame)) {
          ASSERT_EQ("", ChecksumFault(outcome.frame))
              << "frame " << i << ": the fabric's own answers are sound";
        }
        ++sent_on;
        if (outcome.verdict.drop_reason != DropReason::kNone) ++answered_instead;
        break;
      case Verdict::Kind::kHandOver:
        FAIL() << "frame " << i << ": there is no other worker";
      case Verdict::Kind::kForward:
      case Verdict::Kind::kFragment:
        ASSERT_FALSE(fabric.name_of(outcome.verdict.port).empty());
        ASSERT_EQ(frame.bytes.size(), outcome.frame.bytes.size());
        if (was_sound) {
          ASSERT_EQ("", ChecksumFault(outcome.frame))
              << "frame " << i << ": " << Describe(frame) << " became " << Describe(outcome.frame)
              << ", offloads " << int{frame.vnet.flags} << "/" << int{frame.vnet.gso_type};
        }
        ++sent_on;
        break;
    }
    if (i % 100 == 0) {
      bench.Advance(std::chrono::milliseconds(200));
      bench.Expire();
      ASSERT_NO_FATAL_FAILURE(ExpectBystanderIsServed(bench, fabric, i));
    }
  }
  EXPECT_EQ(std::uint64_t{kFrames}, sent_on + dropped);
  EXPECT_EQ(std::uint64_t{kFrames}, bench.counters().port(attacker).received_packets.value());
  EXPECT_EQ(dropped + answered_instead, DropsAt(bench, attacker));
  EXPECT_LE(bench.connections().size(), 4096u);
  // A run in which hardly anything got through would prove little.
  EXPECT_GT(sent_on, std::uint64_t{kFrames / 10});
  EXPECT_GT(dropped, std::uint64_t{kFrames / 10});
}

}  // namespace
}  // namespace taploom::test
