// Two hundred thousand random packets through the pipeline and through its slow twin, with rules,
// ACLs and routes changing under them: the same verdict for each, the same packet out, the same
// number of connections.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "tests/packet/twin/fabric_twin.h"
#include "tests/support/fabric_fixture.h"
#include "tests/support/test_scale.h"

namespace taploom::test {
namespace {

const int kPackets = 200'000 * TestScale();
constexpr std::uint8_t kIcmp = 1, kTcp = 6, kUdp = 17;

class RandomTraffic : public ::testing::Test {
 protected:
  RandomTraffic()
      : seed_(Seed()),
        random_(seed_),
        bench_({.capacity = 65'536, .capacity_per_port = 65'536, .seed = seed_}) {
    for (const std::string vpc : {"red", "blue"}) {
      const bool red = vpc == "red";
      fabric_.Vpc(vpc, {"10.0.0.0/16"}).InternetGateway();
      fabric_.Group(vpc + "-web", {}).Group(vpc + "-app", {});
      fabric_.Subnet(vpc + "-public", {"10.0.0.0/24"}).Subnet(vpc + "-app", {"10.0.1.0/24"});
      fabric_.Eni(vpc + "-web", vpc + "-public",
                  {red ? "10.0.0.10 = 203.0.113.10" : "10.0.0.10 = 203.0.113.20"}, {vpc + "-web"});
      fabric_.Eni(vpc + "-bare", vpc + "-public", {"10.0.0.11"}, {vpc + "-web", vpc + "-app"});
      fabric_.Eni(vpc + "-app", vpc + "-app", {"10.0.1.10"}, {vpc + "-app"});
      fabric_.Eni(vpc + "-app2", vpc + "-app", {"10.0.1.11"}, {vpc + "-app"});
      fabric_.NatGateway(vpc + "-nat", vpc + "-public",
                         {red ? "10.0.0.100 = 203.0.113.100" : "10.0.0.100 = 203.0.113.200"});
    }
    fabric_.InternetHost("host", {"198.51.100.7"}).InternetHost("host2", {"198.51.100.8"});
    for (const auto& [name, port] : fabric_.ports()) senders_.push_back(name);
    for (int i = 0; i < 20; ++i) ChangeSomething();
    Publish();
  }

  static std::uint64_t Seed() {
    const char* text = std::getenv("TAPLOOM_SEED");
    return text != nullptr ? std::strtoull(text, nullptr, 0) : std::random_device()();
  }
  std::uint64_t Below(std::uint64_t bound) { return random_() % bound; }
  template <typename T>
  const T& OneOf(const std::vector<T>& choices) {
    return choices[Below(choices.size())];
  }

  void Publish() {
    snapshot_ = fabric_.Build();
    bench_.Publish(snapshot_);
    twin_.Publish(fabric_.config());
  }

  // Most choices allow much: traffic that is always refused tests little.
  void ChangeSomething() {
    const std::string vpc = OneOf<std::string>({"red", "blue"});
    switch (Below(4)) {
      case 0:
      case 1: {
        static const std::vector<FabricBuilder::Texts> kRules = {
            {"in all from 0.0.0.0/0", "out all to 0.0.0.0/0"},
            {"in tcp 80 from 0.0.0.0/0", "out all to 0.0.0.0/0"},
            {"in tcp 80-81 from 10.0.0.0/16", "in icmp 8/0 from 0.0.0.0/0",
             "out tcp 0-65535 to 0.0.0.0/0", "out udp 53 to 198.51.100.7/32"},
            {"in udp 53 from 0.0.0.0/0", "in tcp from 198.51.100.0/24"},
            {"in all from sg:" + std::string("%") + "-app",
             "out all to sg:" + std::string("%") + "-web", "out icmp to 0.0.0.0/0"},
            {"in tcp from 0.0.0.0/0", "in udp from 10.0.0.0/24", "out udp to 0.0.0.0/0"},
            {"out all to 0.0.0.0/0"},
            {}};
        FabricBuilder::Texts rules = OneOf(kRules);
        for (std::string& rule : rules) {
          if (const auto at = rule.find('%'); at != std::string::npos) rule.replace(at, 1, vpc);
        }
        fabric_.Group(vpc + OneOf<std::string>({"-web", "-app"}), rules);
        break;
      }
      case 2: {
        static const std::vector<FabricBuilder::Texts> kEntries = {
            {"100 in allow all 0.0.0.0/0", "100 out allow all 0.0.0.0/0"},
            {"100 in allow all 0.0.0.0/0", "100 out allow all 0.0.0.0/0"},
            {"100 in deny tcp 80 10.0.1.0/24", "200 in allow all 0.0.0.0/0",
             "100 out allow all 0.0.0.0/0"},
            {"300 in allow all 0.0.0.0/0", "200 in deny udp 198.51.100.7/32",
             "100 out deny icmp 0.0.0.0/0", "200 out allow all 0.0.0.0/0"},
            {"100 in allow tcp 0.0.0.0/0", "100 out allow tcp 0.0.0.0/0"}};
        fabric_.Acl(vpc + OneOf<std::string>({"-public", "-app"}), OneOf(kEntries));
        break;
      }
      case 3: {
        fabric_.Route(vpc + "-public",
                      "0.0.0.0/0 " + OneOf<std::string>({"igw", "igw", "igw", "blackhole"}));
        const std::string way = OneOf<std::string>({"nat", "nat", "nat", "igw", "blackhole"});
        fabric_.Route(vpc + "-app", "0.0.0.0/0 " + (way == "nat" ? "nat:" + vpc + "-nat" : way));
        if (Below(2) == 0) {
          fabric_.Route(vpc + "-app", "198.51.100.8/32 blackhole");
        } else {
          fabric_.RemoveRoute(vpc + "-app", "198.51.100.8/32");
        }
        break;
      }
    }
  }

  std::string OwnAddressOf(const std::string& sender) {
    if (sender == "host") return "198.51.100.7";
    if (sender == "host2") return "198.51.100.8";
    if (sender.ends_with("-web")) return "10.0.0.10";
    if (sender.ends_with("-bare")) return "10.0.0.11";
    return sender.ends_with("-app") ? "10.0.1.10" : "10.0.1.11";
  }

  TwinPacket NewPacket() {
    static const std::vector<std::string> kTargets = {
        "10.0.0.10",    "10.0.0.11",    "10.0.1.10",     "10.0.1.11",     "10.0.0.100",
        "203.0.113.10", "203.0.113.20", "203.0.113.100", "203.0.113.200", "198.51.100.7",
        "198.51.100.8", "198.51.100.9", "10.0.1.99",     "192.168.1.1",   "100.64.0.1"};
    const std::string sender = OneOf(senders_);
    TwinPacket packet;
    packet.port = fabric_.port(sender);
    const std::string own = OwnAddressOf(sender);
    const bool forged = Below(50) == 0;
    packet.tuple.source = *wire::IpAddress::Parse(forged ? OneOf(kTargets) : own);
    do {
      packet.tuple.destination = *wire::IpAddress::Parse(OneOf(kTargets));
    } while (packet.tuple.destination == wire::IpAddress::Parse(own));
    packet.tuple.protocol = OneOf<std::uint8_t>({kTcp, kTcp, kUdp, kIcmp});
    // Below 1024, so that no binding of a NAT gateway can have the same port.
    packet.tuple.source_port = static_cast<std::uint16_t>(500 + Below(6));
    if (packet.tuple.protocol == kIcmp) {
      packet.tuple.icmp_query = 8;
    } else {
      packet.tuple.destination_port = OneOf<std::uint16_t>({80, 81, 53, 443});
    }
    if (packet.tuple.protocol == kTcp)
      packet.tcp_flags = OneOf<std::string>({"S", "S", "S", "A", "SA", "FA"});
    return packet;
  }

  // Something that was delivered is answered, or sent again.
  TwinPacket FollowUp() {
    const Exchange& exchange = history_[Below(history_.size())];
    TwinPacket packet = exchange.sent;
    if (Below(3) != 0) {
      packet.port = exchange.received_port;
      packet.tuple = exchange.received.Reversed();
      packet.is_reply = packet.tuple.protocol == kIcmp && !exchange.sent.is_reply;
      if (packet.tuple.protocol == kIcmp && exchange.sent.is_reply) packet.is_reply = false;
    }
    if (packet.tuple.protocol == kTcp)
      packet.tcp_flags = OneOf<std::string>({"A", "A", "SA", "FA", "S"});
    return packet;
  }

  Frame FrameOf(const TwinPacket& packet) {
    const std::string sender = fabric_.name_of(packet.port);
    const flow::FiveTuple& tuple = packet.tuple;
    const std::string source = tuple.source.ToString(), destination = tuple.destination.ToString();
    PacketBuilder builder =
        tuple.protocol == kIcmp
            ? packet.is_reply ? EchoReply(source, destination, tuple.destination_port)
                              : Echo(source, destination, tuple.source_port)
            : PacketBuilder(tuple.protocol, source + ":" + std::to_string(tuple.source_port),
                            destination + ":" + std::to_string(tuple.destination_port));
    if (tuple.protocol == kTcp) builder.Flags(packet.tcp_flags);
    wire::MacAddress next_hop = fabric_.router_mac(sender);
    for (const auto& [name, port] : fabric_.ports()) {
      const bool on_link = fabric_.router_mac(name) == next_hop && !sender.starts_with("host");
      if (on_link && OwnAddressOf(name) == destination) {
        builder.To(fabric_.mac(name));
        return builder.From(fabric_.mac(sender)).Build();
      }
    }
    return builder.To(next_hop).From(fabric_.mac(sender)).Build();
  }

  static std::string TextOfTuple(const flow::FiveTuple& tuple) {
    return std::to_string(tuple.protocol) + " " + tuple.source.ToString() + ":" +
           std::to_string(tuple.source_port) + " > " + tuple.destination.ToString() + ":" +
           std::to_string(tuple.destination_port);
  }
  std::string TextOf(const TwinAnswer& answer) {
    switch (answer.kind) {
      case TwinAnswer::Kind::kDrop:
        return "drop " + answer.reason;
      case TwinAnswer::Kind::kReset:
        return "reset";
      case TwinAnswer::Kind::kDeliver:
        return fabric_.name_of(answer.port) + ": " + TextOfTuple(answer.tuple);
    }
    return "?";
  }
  std::string TextOf(const Outcome& outcome, flow::FiveTuple& received) {
    switch (outcome.verdict.kind) {
      case Verdict::Kind::kDrop:
        return std::string("drop ") + taploom::TextOf(outcome.verdict.drop_reason).name;
      case Verdict::Kind::kReply:
        return "reset";
      case Verdict::Kind::kFragment:
        return "fragments";
      case Verdict::Kind::kForward:
        break;
    }
    received = flow::TupleOf(wire::Parse(outcome.frame.bytes, outcome.frame.bytes.size()));
    return fabric_.name_of(outcome.verdict.port) + ": " + TextOfTuple(received);
  }

  struct Exchange {
    TwinPacket sent;
    std::uint16_t received_port = 0;
    flow::FiveTuple received;
  };

  const std::uint64_t seed_;
  std::mt19937_64 random_;
  FabricBuilder fabric_;
  Bench bench_;
  FabricTwin twin_;
  std::shared_ptr<const tables::Snapshot> snapshot_;
  std::vector<std::string> senders_;
  std::vector<Exchange> history_;
};

TEST_F(RandomTraffic, TwinAgreesOnEveryPacket) {
  SCOPED_TRACE("TAPLOOM_SEED=" + std::to_string(seed_));
  int delivered = 0, translated = 0, replies = 0;
  for (int i = 0; i < kPackets; ++i) {
    if (Below(400) == 0) {
      ChangeSomething();
      Publish();
    }
    if (Below(10) == 0)
      bench_.Advance(std::chrono::milliseconds(Below(Below(200) == 0 ? 400'000 : 2'000)));
    if (Below(20) == 0) bench_.Expire();
    const TwinPacket packet = history_.empty() || Below(2) == 0 ? NewPacket() : FollowUp();
    TwinAnswer expected = twin_.Decide(packet, bench_.now());
    const Outcome outcome = bench_.Process(FrameOf(packet), packet.port);
    flow::FiveTuple received;
    const std::string actual = TextOf(outcome, received);
    if (expected.port_is_chosen && outcome.verdict.kind == Verdict::Kind::kForward) {
      ASSERT_EQ(twin_.Chose(received.source_port), "")
          << "packet " << i << ": " << TextOfTuple(packet.tuple);
      expected.tuple.source_port = received.source_port;
      ++translated;
    }
    ASSERT_EQ(actual, TextOf(expected))
        << "packet " << i << " from " << fabric_.name_of(packet.port) << ": "
        << TextOfTuple(packet.tuple) << " " << packet.tcp_flags;
    if (outcome.verdict.kind != Verdict::Kind::kForward) continue;
    ++delivered;
    replies += packet.is_reply ? 1 : 0;
    if (i % 8 == 0) {
      ASSERT_EQ(ChecksumFault(outcome.frame), "") << "packet " << i;
    }
    const Exchange exchange{packet, outcome.verdict.port, received};
    if (history_.size() < 256) {
      history_.push_back(exchange);
    } else {
      history_[Below(history_.size())] = exchange;
    }
  }
  std::size_t live = 0, live_nat = 0;
  bench_.connections().ForEach([&](const flow::Connection& connection) {
    if (connection.IsExpired(bench_.now())) return;
    ++live;
    live_nat += connection.has(flow::Connection::kNat) ? 1 : 0;
  });
  EXPECT_EQ(live, twin_.live_connections(bench_.now()));
  EXPECT_EQ(live_nat, twin_.live_nat_connections(bench_.now()));
  EXPECT_GT(delivered, kPackets / 10);
  EXPECT_GT(translated, kPackets / 1000);
  EXPECT_GT(replies, kPackets / 1000);

  bench_.Advance(std::chrono::days(6));
  for (int i = 0; i < 2000 && bench_.connections().size() > 0; ++i) bench_.Expire();
  EXPECT_EQ(bench_.connections().size(), 0u);
  EXPECT_EQ(bench_.connections().nat_ports().total(), 0u)
      << "every port comes back with its connection";
}

}  // namespace
}  // namespace taploom::test
