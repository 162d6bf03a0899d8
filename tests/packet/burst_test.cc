// A burst goes through the pipeline in steps, but every packet is decided as if it had come alone
// after the packet before it: later packets see the connections that earlier ones opened, moved,
// reset or pushed out.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <random>

#include "tests/packet/shop.h"
#include "tests/support/test_scale.h"

namespace taploom::test {
namespace {

// A pipeline that is fed whole bursts.
class BurstBench {
 public:
  explicit BurstBench(const flow::ConnectionTable::Options& options)
      : pipeline_(counters_, options) {}

  void Publish(const std::shared_ptr<const tables::Snapshot>& snapshot) {
    for (std::size_t port = 0; port < snapshot->ports.size(); ++port)
      counters_.AddPort(static_cast<std::uint16_t>(port));
    pipeline_.Publish(snapshot);
  }

  struct Input {
    Frame frame;
    std::uint16_t port = 0;
  };
  std::vector<Outcome> Process(const std::vector<Input>& inputs, Tick now) {
    std::vector<std::vector<std::uint8_t>> heads;
    std::vector<Packet> burst(inputs.size());
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      std::vector<std::uint8_t>& head = heads.emplace_back(inputs[i].frame.bytes);
      burst[i].head_size = static_cast<std::uint32_t>(head.size());
      head.resize(Packet::kHeadCapacity);
      burst[i].head = head.data();
      burst[i].vnet = inputs[i].frame.vnet;
      burst[i].ingress_port = inputs[i].port;
    }
    pipeline_.Process(burst, now);
    std::vector<Outcome> outcomes;
    for (const Packet& packet : burst) {
      Outcome& outcome = outcomes.emplace_back();
      outcome.verdict = packet.verdict;
      outcome.frame.bytes.assign(packet.head, packet.head + packet.head_size);
      outcome.frame.vnet = packet.vnet;
    }
    return outcomes;
  }

  Pipeline& pipeline() { return pipeline_; }

 private:
  observe::Counters counters_;
  Pipeline pipeline_;
};

std::string TextOf(const Outcome& outcome) {
  const Verdict& verdict = outcome.verdict;
  std::string text = std::to_string(static_cast<int>(verdict.kind)) + " " +
                     taploom::TextOf(verdict.drop_reason).name + " " +
                     std::to_string(verdict.port) + " " + std::to_string(verdict.mtu);
  return verdict.kind == Verdict::Kind::kDrop ? text : text + " " + Describe(outcome.frame);
}

class BurstTest : public Shop {
 protected:
  // Small enough to be full now and then, so that packets of one burst push each other out.
  static constexpr flow::ConnectionTable::Options kTable{
      .capacity = 64, .capacity_per_port = 40, .seed = 5};

  std::uint64_t Below(std::uint64_t bound) { return random_() % bound; }
  template <typename T>
  const T& OneOf(const std::vector<T>& choices) {
    return choices[Below(choices.size())];
  }

  BurstBench::Input Input(const std::string& sender, const PacketBuilder& packet) {
    return {FrameOf(sender, packet), fabric.port(sender)};
  }

  BurstBench::Input NewPacket() {
    static const std::vector<std::pair<std::string, std::string>> kSenders = {
        {"app", "10.0.1.10"}, {"app-2", "10.0.1.11"},  {"web", "10.0.0.10"},
        {"db", "10.0.2.10"},  {"api", "198.51.100.7"}, {"visitor", "198.51.100.8"},
        {"bare", "10.0.0.11"}};
    static const std::vector<std::string> kTargets = {
        "198.51.100.7", "198.51.100.7", "203.0.113.10", "10.0.1.10", "10.0.0.10", "10.0.2.10"};
    const auto& [sender, source] = OneOf(kSenders);
    const std::string target = OneOf(kTargets);
    const std::string from = source + ":" + std::to_string(4000 + Below(3));
    const std::string to = target + ":" + OneOf<std::string>({"80", "443", "8080"});
    switch (Below(8)) {
      case 0:
        return Input(sender, Echo(source, target, static_cast<std::uint16_t>(7 + Below(2))));
      case 1:
        return Input(sender, Udp(from, to).Payload(64));
      case 2:  // a datagram in two parts, which may meet in one burst
        return Input(sender, Udp(from, to).Payload(1000).Slice(
                                 Below(2) * 504, 504, static_cast<std::uint16_t>(Below(3))));
      case 3: {
        BurstBench::Input input = Input(sender, Tcp(from, to));
        input.frame.bytes.resize(Below(input.frame.bytes.size()));
        return input;
      }
      default:
        return Input(sender, Tcp(from, to, OneOf<std::string>({"S", "S", "S", "A", "FA", "R"})));
    }
  }

  // What came out is answered, as its receiver sees it.
  BurstBench::Input Answer() {
    const Outcome& outcome = OneOf(delivered_);
    const wire::Headers seen = wire::Parse(outcome.frame.bytes, outcome.frame.bytes.size());
    const std::string receiver = fabric.name_of(outcome.verdict.port);
    const std::string source = seen.destination.ToString(), destination = seen.source.ToString();
    if (seen.is_icmp()) return Input(receiver, EchoReply(source, destination, seen.source_port));
    const std::string from = source + ":" + std::to_string(seen.destination_port);
    const std::string to = destination + ":" + std::to_string(seen.source_port);
    if (!seen.is_tcp()) return Input(receiver, Udp(from, to));
    if (Below(8) == 0)
      return Input(receiver, IcmpError(source, destination, 3, 1).Quoting(outcome.frame.bytes, 28));
    return Input(receiver, Tcp(from, to, OneOf<std::string>({"SA", "A", "FA", "RA"}))
                               .Sequence(5000, seen.tcp_sequence + 1));
  }

  std::mt19937_64 random_;
  std::vector<Outcome> delivered_;
};

TEST_F(BurstTest, IsDecidedAsIfItsPacketsHadComeOneByOne) {
  const char* text = std::getenv("TAPLOOM_SEED");
  const std::uint64_t seed =
      text != nullptr ? std::strtoull(text, nullptr, 0) : std::random_device()();
  SCOPED_TRACE("TAPLOOM_SEED=" + std::to_string(seed));
  random_.seed(seed);

  BurstBench singly(kTable), together(kTable);
  auto snapshot = fabric.Build();
  singly.Publish(snapshot);
  together.Publish(snapshot);
  Tick now{};
  int forwarded = 0, refused = 0;
  for (int round = 0; round < 600 * TestScale(); ++round) {
    if (Below(20) == 0) {
      fabric.Group("app", {OneOf<std::string>({"in tcp 8080 from sg:web", "in tcp from 0.0.0.0/0"}),
                           "out all to 0.0.0.0/0"});
      snapshot = fabric.Build();
      singly.Publish(snapshot);
      together.Publish(snapshot);
    }
    now += Tick(Below(Below(10) == 0 ? 70'000 : 500));
    std::vector<BurstBench::Input> inputs;
    for (std::size_t left = 1 + Below(70); left > 0; --left) {
      const bool is_new = delivered_.empty() || Below(2) == 0;
      inputs.push_back(!inputs.empty() && Below(6) == 0 ? OneOf(inputs)
                       : is_new                         ? NewPacket()
                                                        : Answer());
    }
    const std::vector<Outcome> actual = together.Process(inputs, now);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const Outcome expected = singly.Process({inputs[i]}, now)[0];
      ASSERT_EQ(TextOf(actual[i]), TextOf(expected)) << "packet " << i << " of round " << round;
      ASSERT_EQ(actual[i].frame.bytes, expected.frame.bytes);
      refused += expected.verdict.drop_reason == DropReason::kConnectionQuota ||
                         expected.verdict.drop_reason == DropReason::kConnectionTableFull
                     ? 1
                     : 0;
      if (expected.verdict.kind != Verdict::Kind::kForward) continue;
      ++forwarded;
      if (delivered_.size() < 64) {
        delivered_.push_back(expected);
      } else {
        delivered_[Below(delivered_.size())] = expected;
      }
    }
    ASSERT_EQ(together.pipeline().connections().size(), singly.pipeline().connections().size());
    ASSERT_EQ(together.pipeline().Expire(now), singly.pipeline().Expire(now));
  }
  EXPECT_GT(forwarded, 1000);
  EXPECT_GT(refused, 10) << "a table that is never full tests little";
}

TEST_F(BurstTest, ManyIdleConnectionsLeaveInABoundedNumberOfCalls) {
  constexpr int kConnections = 2000;
  UseTable({.capacity = 4096, .capacity_per_port = 100'000, .seed = 1});
  Publish();
  for (int i = 0; i < kConnections; ++i)
    Send("app", Udp("10.0.1.10:" + std::to_string(2000 + i), "198.51.100.7:53"));
  ASSERT_EQ(connections().size(), kConnections);
  Wait(std::chrono::minutes(6));
  int calls = 1;
  while (!bench().pipeline().Expire(bench().now())) ASSERT_LT(++calls, kConnections);
  EXPECT_EQ(connections().size(), 0u) << "true means that nothing is left to do";
  EXPECT_TRUE(bench().pipeline().Expire(bench().now()));
}

}  // namespace
}  // namespace taploom::test
