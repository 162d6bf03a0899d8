// A million random packets (a tenth of that with a sanitizer) through the pipeline and through its
// slow twin, with rules, ACLs and routes changing, zones and gateways failing and the dataplane
// dying under them: the same verdict for each, the same packet out, the same number of connections.
// And whatever the fast path forwards without asking, the slow path would forward in the same way
// if it were asked.
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/flow/conntrack.h"
#include "dataplane/slowpath/walk.h"
#include "tests/packet/twin/fabric_twin.h"
#include "tests/packet/twin/twin_words.h"
#include "tests/support/fabric_fixture.h"
#include "tests/support/packet_reader.h"
#include "tests/support/test_scale.h"
#include "tests/support/workers_bench.h"

namespace taploom::test {
namespace {

const int kPackets = (kIsSanitized ? 100'000 : 1'000'000) * TestScale();

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
      fabric_.PrefixList(vpc + "-service", {"198.51.100.8/32"});
      fabric_.GatewayEndpoint(vpc + "-endpoint", vpc + "-service", red);
    }
    AddGreen();
    fabric_.Peering("red-green", "red", "green");
    fabric_.InternetHost("host", {"198.51.100.7", "2001:db8:ffff::7"});
    fabric_.InternetHost("host2", {"198.51.100.8"});
    for (const auto& [name, port] : fabric_.ports()) senders_.push_back(name);
    for (int i = 0; i < 20; ++i) ChangeSomething();
    Publish();
  }

  // Peered with red; IPv6 as well, by both gateways; an appliance before its public subnet; a NAT
  // gateway with two addresses; two zones.
  void AddGreen() {
    fabric_.Vpc("green", {"10.1.0.0/16", "2001:db8:9::/56"})
        .InternetGateway()
        .EgressOnlyGateway()
        .EdgeTable();
    fabric_.Group("green-web", {}).Group("green-app", {});
    fabric_.Group("green-any", {"in all from 0.0.0.0/0", "out all to 0.0.0.0/0", "in all from ::/0",
                                "out all to ::/0"});
    fabric_.Subnet("green-public", {"10.1.0.0/24", "2001:db8:9::/64"}, "eu-central-1b")
        .Subnet("green-app", {"10.1.1.0/24", "2001:db8:9:1::/64"}, "eu-central-1c")
        .Subnet("green-fw", {"10.1.2.0/24"}, "eu-central-1c");
    fabric_.Eni("green-web", "green-public", {"10.1.0.10 = 203.0.113.30", "2001:db8:9::10"},
                {"green-web"});
    fabric_.Eni("green-app", "green-app", {"10.1.1.10", "2001:db8:9:1::10"}, {"green-app"});
    fabric_.Eni("green-fw", "green-fw", {"10.1.2.10 = 203.0.113.33"}, {"green-any"},
                {.source_dest_check = false});
    fabric_.NatGateway("green-nat", "green-public",
                       {"10.1.0.100 = 203.0.113.131", "10.1.0.101 = 203.0.113.132"});
    fabric_.PrefixList("green-service", {"198.51.100.8/32"})
        .GatewayEndpoint("green-endpoint", "green-service");
    fabric_.Route("green-fw", "0.0.0.0/0 igw");
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

  // To who looks at packets, a dataplane that dies and goes on is a configuration that is published
  // once more.
  void Restart() {
    snapshot_ = fabric_.Build();
    const std::uint32_t had = bench_.connections().size();
    EXPECT_EQ(bench_.Restart(snapshot_), had);
    twin_.Publish(fabric_.config());
  }

  // One of the targets, or no route at all.
  void SetRoute(const std::string& table, const std::string& destination,
                const std::vector<std::string>& targets) {
    const std::string target = OneOf(targets);
    if (target.empty()) {
      fabric_.RemoveRoute(table, destination);
    } else {
      fabric_.Route(table, destination + " " + target);
    }
  }

  void ChangeGreenRoutes() {
    switch (Below(4)) {
      case 0:
        SetRoute("green-public", "0.0.0.0/0", {"igw", "igw", "igw", "blackhole"});
        SetRoute("green-public", "10.0.0.0/16", {"pcx:red-green", "pcx:red-green", ""});
        SetRoute("green-public", "::/0", {"igw", "eigw", ""});
        return;
      case 1:
        SetRoute("green-app", "0.0.0.0/0",
                 {"nat:green-nat", "nat:green-nat", "nat:green-nat", "eni:green-fw", "igw"});
        SetRoute("green-app", "10.0.0.0/16", {"pcx:red-green", "pcx:red-green", ""});
        SetRoute("green-app", "::/0", {"eigw", "eigw", "igw", ""});
        return;
      case 2:
        SetRoute("green-app", "198.51.100.8/32", {"vpce:green-endpoint", "blackhole", "", ""});
        SetRoute("green-app", "10.1.0.0/24", {"eni:green-fw", "", ""});
        return;
      case 3:
        SetRoute("green-edge", "10.1.0.0/24", {"eni:green-fw", "local", "blackhole", "", ""});
        return;
    }
  }

  void ChangeFaults() {
    const bool down = Below(3) == 0;
    switch (Below(4)) {
      case 0:
        fabric_.ZoneFault("eu-central-1b", down);
        return;
      case 1:
        fabric_.ZoneFault("eu-central-1c", down);
        return;
      default:
        fabric_.NatFault(OneOf<std::string>({"red-nat", "blue-nat", "green-nat"}), down);
    }
  }

  // Most choices allow much: traffic that is always refused tests little.
  void ChangeSomething() {
    std::string vpc = OneOf<std::string>({"red", "blue"});
    switch (Below(7)) {
      case 4:
        ChangeGreenRoutes();
        break;
      case 5:
        ChangeFaults();
        break;
      case 6:
        SetRoute("red-public", "10.1.0.0/16", {"pcx:red-green", "pcx:red-green", ""});
        SetRoute("red-app", "10.1.0.0/16", {"pcx:red-green", "pcx:red-green", ""});
        break;
      case 0:
      case 1: {
        vpc = OneOf<std::string>({"red", "blue", "green"});
        static const std::vector<FabricBuilder::Texts> kRules = {
            {"in all from 0.0.0.0/0", "out all to 0.0.0.0/0"},
            {"in tcp 80 from 0.0.0.0/0", "out all to 0.0.0.0/0"},
            {"in tcp 80-81 from 10.0.0.0/16", "in icmp 8/0 from 0.0.0.0/0",
             "out tcp 0-65535 to 0.0.0.0/0", "out udp 53 to 198.51.100.7/32"},
            {"in udp 53 from 0.0.0.0/0", "in tcp from 198.51.100.0/24"},
            {"in all from sg:" + std::string("%") + "-app",
             "out all to sg:" + std::string("%") + "-web", "out icmp to 0.0.0.0/0"},
            {"in tcp from 0.0.0.0/0", "in udp from 10.0.0.0/24", "out udp to 0.0.0.0/0"},
            {"in all from 0.0.0.0/0", "out all to 0.0.0.0/0", "in all from ::/0",
             "out all to ::/0"},
            {"in all from 10.0.0.0/8", "out all to 0.0.0.0/0", "out all to ::/0"},
            {"in tcp 80-81 from ::/0", "out udp to ::/0", "in all from 10.1.0.0/16",
             "out all to 10.0.0.0/8"},
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
            {"100 in allow tcp 0.0.0.0/0", "100 out allow tcp 0.0.0.0/0"},
            {"100 in allow all 0.0.0.0/0", "100 out allow all 0.0.0.0/0", "101 in allow all ::/0",
             "101 out allow all ::/0"},
            {"90 in deny udp 2001:db8:ffff::/48", "100 in allow all 0.0.0.0/0",
             "101 in allow all ::/0", "100 out allow all 0.0.0.0/0", "101 out allow tcp ::/0"}};
        vpc = OneOf<std::string>({"red", "blue", "green", "green"});
        fabric_.Acl(vpc + OneOf<std::string>({"-public", "-app"}), OneOf(kEntries));
        break;
      }
      case 3: {
        fabric_.Route(vpc + "-public",
                      "0.0.0.0/0 " + OneOf<std::string>({"igw", "igw", "igw", "blackhole"}));
        const std::string way = OneOf<std::string>({"nat", "nat", "nat", "igw", "blackhole"});
        fabric_.Route(vpc + "-app", "0.0.0.0/0 " + (way == "nat" ? "nat:" + vpc + "-nat" : way));
        SetRoute(vpc + "-app", "198.51.100.8/32", {"blackhole", "vpce:" + vpc + "-endpoint", ""});
        break;
      }
    }
  }

  std::string OwnAddressOf(const std::string& sender, bool is_v6 = false) {
    static const std::map<std::string, std::string> kV6 = {{"host", "2001:db8:ffff::7"},
                                                           {"green-web", "2001:db8:9::10"},
                                                           {"green-app", "2001:db8:9:1::10"}};
    static const std::map<std::string, std::string> kV4 = {{"host", "198.51.100.7"},
                                                           {"host2", "198.51.100.8"},
                                                           {"green-web", "10.1.0.10"},
                                                           {"green-app", "10.1.1.10"},
                                                           {"green-fw", "10.1.2.10"}};
    const auto& known = is_v6 ? kV6 : kV4;
    if (const auto found = known.find(sender); found != known.end()) return found->second;
    if (is_v6) return "";
    if (sender.ends_with("-web")) return "10.0.0.10";
    if (sender.ends_with("-bare")) return "10.0.0.11";
    return sender.ends_with("-app") ? "10.0.1.10" : "10.0.1.11";
  }

  TwinPacket NewPacket() {
    static const std::vector<std::string> kTargets = {
        "10.0.0.10",     "10.0.0.11",     "10.0.1.10",     "10.0.1.11",     "10.0.0.100",
        "203.0.113.10",  "203.0.113.20",  "203.0.113.100", "203.0.113.200", "198.51.100.7",
        "198.51.100.8",  "198.51.100.9",  "10.0.1.99",     "192.168.1.1",   "100.64.0.1",
        "10.1.0.10",     "10.1.1.10",     "10.1.2.10",     "10.1.0.100",    "203.0.113.30",
        "203.0.113.131", "203.0.113.132", "203.0.113.33",  "198.51.100.8"};
    static const std::vector<std::string> kTargetsV6 = {
        "2001:db8:9::10",   "2001:db8:9:1::10", "2001:db8:9:1::10", "2001:db8:ffff::7",
        "2001:db8:ffff::7", "2001:db8:9:1::99", "2001:db8:9:2::1"};
    // Much goes out from the private subnets: few other ways lead through a NAT gateway.
    static const std::vector<std::string> kPrivate = {"red-app", "red-app2", "blue-app",
                                                      "blue-app2", "green-app"};
    const bool goes_out = Below(6) == 0;
    const std::string sender = goes_out ? OneOf(kPrivate) : OneOf(senders_);
    const bool is_v6 = !OwnAddressOf(sender, true).empty() && Below(3) == 0;
    const std::vector<std::string>& targets = is_v6 ? kTargetsV6 : kTargets;
    TwinPacket packet;
    packet.port = fabric_.port(sender);
    const std::string own = OwnAddressOf(sender, is_v6);
    const bool forged = Below(sender == "green-fw" ? 4 : 50) == 0;
    packet.tuple.source = *wire::IpAddress::Parse(forged ? OneOf(targets) : own);
    do {
      packet.tuple.destination = *wire::IpAddress::Parse(OneOf(targets));
    } while (packet.tuple.destination == wire::IpAddress::Parse(own));
    if (goes_out && !is_v6) packet.tuple.destination = *wire::IpAddress::Parse("198.51.100.7");
    packet.tuple.protocol = OneOf<std::uint8_t>({kTcp, kTcp, kUdp, is_v6 ? kUdp : kIcmp});
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
    packet.nat_address.reset();
    const bool is_on_its_way = exchange.received_port == fabric_.port("green-fw") &&
                               exchange.received.destination.ToString() != OwnAddressOf("green-fw");
    if (is_on_its_way && Below(2) == 0) {
      packet.port = exchange.received_port;  // the appliance sends it on
      packet.tuple = exchange.received;
      return packet;
    }
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
    const auto endpoint = [&](const std::string& address, std::uint16_t port) {
      const bool is_v4 = tuple.source.is_v4();
      return (is_v4 ? address : "[" + address + "]") + ":" + std::to_string(port);
    };
    PacketBuilder builder = tuple.protocol == kIcmp
                                ? packet.is_reply
                                      ? EchoReply(source, destination, tuple.destination_port)
                                      : Echo(source, destination, tuple.source_port)
                                : PacketBuilder(tuple.protocol, endpoint(source, tuple.source_port),
                                                endpoint(destination, tuple.destination_port));
    if (tuple.protocol == kTcp) builder.Flags(packet.tcp_flags);
    wire::MacAddress next_hop = fabric_.router_mac(sender);
    for (const auto& [name, port] : fabric_.ports()) {
      const bool on_link = fabric_.router_mac(name) == next_hop && !sender.starts_with("host");
      if (on_link && OwnAddressOf(name, !tuple.source.is_v4()) == destination) {
        builder.To(fabric_.mac(name));
        return builder.From(SourceMacFor(packet, sender)).Build();
      }
    }
    return builder.To(next_hop).From(SourceMacFor(packet, sender)).Build();
  }
  wire::MacAddress SourceMacFor(const TwinPacket& packet, const std::string& sender) {
    return fabric_.mac(packet.has_foreign_mac ? OneOther(sender) : sender);
  }
  // Another than `sender`, always the same.
  const std::string& OneOther(const std::string& sender) {
    return senders_[senders_[0] == sender ? 1 : 0];
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
      case Verdict::Kind::kHandOver:
        return "handed over to nobody";
      case Verdict::Kind::kForward:
        break;
    }
    received = flow::TupleOf(wire::Parse(outcome.frame.bytes, outcome.frame.bytes.size()));
    return fabric_.name_of(outcome.verdict.port) + ": " + TextOfTuple(received);
  }

  // Which private address of a NAT gateway a receiver's view of the source comes from.
  static wire::IpAddress BehindNat(const wire::IpAddress& seen) {
    const std::string text = seen.ToString();
    if (text == "203.0.113.131") return *wire::IpAddress::Parse("10.1.0.100");
    if (text == "203.0.113.132") return *wire::IpAddress::Parse("10.1.0.101");
    return seen;
  }

  // What the slow path says about a packet that the fast path has just forwarded.
  std::string SlowPathText(const TwinPacket& packet, const Frame& frame, const Outcome& outcome) {
    const wire::Headers& headers = outcome.headers;
    slowpath::PacketView view{.ingress_port = packet.port,
                              .tuple = flow::TupleOf(headers),
                              .source_mac = SourceMacOf(frame),
                              .destination_mac = DestinationMacOf(frame),
                              .icmp_type = headers.icmp_type,
                              .icmp_code = headers.icmp_code,
                              .tcp_flags = headers.tcp_flags};
    const flow::Connection* connection = nullptr;
    const flow::Half* half =
        bench_.connections().Peek({view.tuple, packet.port}, bench_.now(), &connection);
    if (half == nullptr) return "no connection";
    const flow::ConnectionRef related{const_cast<flow::Connection*>(connection),
                                      half == &connection->halves[0]
                                          ? flow::FlowDirection::kOriginal
                                          : flow::FlowDirection::kReply};
    slowpath::NullSink nobody;
    const slowpath::Decision decision =
        slowpath::Walk<slowpath::NullSink>(*snapshot_, bench_.connections(), related, bench_.now(),
                                           /*port_choice=*/0, nobody)
            .Run(view);
    if (decision.outcome != slowpath::Decision::Outcome::kDeliver)
      return std::string("drop ") + taploom::TextOf(decision.reason).name;
    return fabric_.name_of(decision.egress_port) + ": " + TextOfTuple(decision.tuple);
  }

  struct Exchange {
    TwinPacket sent;
    std::uint16_t received_port = 0;
    flow::FiveTuple received;
    Frame received_frame = {};
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
  int delivered = 0, translated = 0, replies = 0, fast = 0;
  for (int i = 0; i < kPackets; ++i) {
    if (Below(400) == 0) {
      ChangeSomething();
      Publish();
    }
    if (Below(5000) == 0) Restart();
    if (Below(10) == 0)
      bench_.Advance(std::chrono::milliseconds(Below(Below(200) == 0 ? 400'000 : 2'000)));
    if (Below(20) == 0) bench_.Expire();
    TwinPacket packet = history_.empty() || Below(2) == 0 ? NewPacket() : FollowUp();
    packet.has_foreign_mac = Below(50) == 0 && !fabric_.name_of(packet.port).starts_with("host");
    const Frame frame = FrameOf(packet);
    const std::uint64_t asked = bench_.counters().slow_path_packets.value();
    const Outcome outcome = bench_.Process(frame, packet.port);
    flow::FiveTuple received;
    const std::string actual = TextOf(outcome, received);
    const bool is_forwarded = outcome.verdict.kind == Verdict::Kind::kForward;
    if (is_forwarded) packet.nat_address = BehindNat(received.source);
    TwinAnswer expected = twin_.Decide(packet, bench_.now());
    if (expected.port_is_chosen && is_forwarded) {
      if (!expected.is_stateless) {
        ASSERT_EQ(twin_.Chose(received.source_port), "")
            << "packet " << i << ": " << TextOfTuple(packet.tuple);
      }
      expected.tuple.source_port = received.source_port;
      ++translated;
    }
    ASSERT_EQ(actual, TextOf(expected))
        << "packet " << i << " from " << fabric_.name_of(packet.port) << ": "
        << TextOfTuple(packet.tuple) << " " << packet.tcp_flags;
    if (!is_forwarded) continue;
    ++delivered;
    if (bench_.counters().slow_path_packets.value() == asked) {
      ++fast;
      ASSERT_EQ(SlowPathText(packet, frame, outcome), actual)
          << "packet " << i << ": fast path and slow path disagree";
    }
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
    const bool is_mapped =
        connection.has(flow::Connection::kNat) &&
        bench_.now() - connection.last_seen <= Tick(flow::MappingTimeoutOf(connection.state));
    if (connection.IsExpired(bench_.now()) && !is_mapped) return;
    ++live;
    live_nat += connection.has(flow::Connection::kNat) ? 1 : 0;
  });
  EXPECT_EQ(live, twin_.live_connections(bench_.now()));
  EXPECT_EQ(live_nat, twin_.live_nat_connections(bench_.now()));
  EXPECT_GT(delivered, kPackets / 10);
  EXPECT_GT(translated, kPackets / 2000);
  EXPECT_GT(twin_.readmissions(), kPackets / 20'000);
  EXPECT_GT(replies, kPackets / 1000);
  EXPECT_GT(fast, kPackets / 100);

  bench_.Advance(std::chrono::days(6));
  for (int i = 0; i < 2000 && bench_.connections().size() > 0; ++i) bench_.Expire();
  EXPECT_EQ(bench_.connections().size(), 0u);
  EXPECT_EQ(bench_.connections().nat_ports().total(), 0u)
      << "every port comes back with its connection";
}

// The same traffic to several workers, each packet into a queue by chance, with errors and
// fragments in between: whatever worker it comes to, it is decided as the only worker decides it.
class SeveralWorkers : public RandomTraffic {
 protected:
  // An ICMP error about something that was delivered, from its receiver or a router before it.
  Frame ErrorAbout(const Exchange& exchange) {
    const std::string receiver = fabric_.name_of(exchange.received_port);
    const bool is_v4 = exchange.received.source.is_v4();
    PacketBuilder error =
        IcmpError(exchange.received.destination.ToString(), exchange.received.source.ToString(),
                  is_v4 ? 3 : 1, is_v4 ? 3 : 4);
    error.Quoting(exchange.received_frame.bytes);
    return error.From(fabric_.mac(receiver)).To(fabric_.router_mac(receiver)).Build();
  }
  // Both parts of a datagram that was cut.
  std::vector<Frame> PartsOf(const TwinPacket& packet) {
    const std::string sender = fabric_.name_of(packet.port);
    const flow::FiveTuple& tuple = packet.tuple;
    const auto endpoint = [](const wire::IpAddress& address, std::uint16_t port) {
      return address.ToString() + ":" + std::to_string(port);
    };
    PacketBuilder datagram(kUdp, endpoint(tuple.source, tuple.source_port),
                           endpoint(tuple.destination, tuple.destination_port));
    datagram.Payload(40).From(fabric_.mac(sender)).To(fabric_.router_mac(sender));
    const auto id = static_cast<std::uint16_t>(1 + Below(60'000));
    return {PacketBuilder(datagram).Slice(0, 24, id).Build(),
            PacketBuilder(datagram).Slice(24, 24, id).Build()};
  }

  static std::string WordsOf(const Outcome& outcome) {
    const Verdict& verdict = outcome.verdict;
    return std::string(ToText(verdict.kind)) + " " + taploom::TextOf(verdict.drop_reason).name +
           " " + std::to_string(verdict.port) + " " + std::to_string(verdict.mtu);
  }
};

TEST_F(SeveralWorkers, DecideAsOneDoes) {
  SCOPED_TRACE("TAPLOOM_SEED=" + std::to_string(seed_));
  constexpr std::uint16_t kWorkers = 3;
  WorkersBench workers(kWorkers, {.capacity = 65'536, .capacity_per_port = 65'536, .seed = seed_});
  workers.Publish(snapshot_);
  std::array<int, kWorkers> decided{};
  int errors = 0, parts = 0;
  std::vector<std::pair<Frame, std::uint16_t>> frames;  // of one step
  for (int i = 0; i < kPackets; ++i) {
    if (Below(400) == 0) {
      ChangeSomething();
      Publish();
      workers.Publish(snapshot_);
    }
    if (Below(5000) == 0) {
      Publish();
      const std::uint32_t had = workers.connection_count();
      ASSERT_EQ(workers.Restart(snapshot_), had);
    }
    if (Below(10) == 0) {
      const std::chrono::milliseconds time(Below(Below(200) == 0 ? 400'000 : 2'000));
      bench_.Advance(time);
      workers.Advance(time);
    }
    if (Below(20) == 0) {
      bench_.Expire();
      workers.Expire();
    }
    TwinPacket packet = history_.empty() || Below(2) == 0 ? NewPacket() : FollowUp();
    frames.clear();
    if (!history_.empty() && Below(10) == 0) {
      const Exchange& exchange = OneOf(history_);
      frames.emplace_back(ErrorAbout(exchange), exchange.received_port);
    } else if (packet.tuple.protocol == kUdp && packet.tuple.source.is_v4() && Below(4) == 0) {
      for (Frame& part : PartsOf(packet)) frames.emplace_back(std::move(part), packet.port);
    } else {
      frames.emplace_back(FrameOf(packet), packet.port);
    }
    for (const auto& [frame, port] : frames) {
      const Outcome expected = bench_.Process(frame, port);
      const Outcome actual =
          workers.Process(frame, port, static_cast<std::uint16_t>(Below(kWorkers)));
      ASSERT_EQ(WordsOf(actual), WordsOf(expected))
          << "packet " << i << " from " << fabric_.name_of(port) << ": " << Describe(frame);
      ++decided[workers.decided_by()];
      if (expected.verdict.kind == Verdict::Kind::kDrop) continue;
      ASSERT_EQ(actual.frame.bytes, expected.frame.bytes) << "packet " << i;
      if (expected.verdict.kind != Verdict::Kind::kForward) continue;
      errors += expected.headers.is_icmp_error ? 1 : 0;
      parts += expected.headers.is_fragment && !expected.headers.is_first_fragment ? 1 : 0;
      const flow::FiveTuple received =
          flow::TupleOf(wire::Parse(expected.frame.bytes, expected.frame.bytes.size()));
      for (std::uint32_t count = 2; count <= 16 && !expected.headers.is_icmp_error; ++count) {
        ASSERT_EQ(snapshot_->OwnerOf(received.destination, received.source, count),
                  snapshot_->OwnerOf(expected.headers.source, expected.headers.destination, count))
            << "packet " << i << ": " << Describe(frame) << " left as " << Describe(expected.frame);
      }
      if (expected.headers.is_fragment || expected.headers.is_icmp_error) continue;
      const Exchange exchange{packet, expected.verdict.port, received, expected.frame};
      if (history_.size() < 256) {
        history_.push_back(exchange);
      } else {
        history_[Below(history_.size())] = exchange;
      }
    }
  }
  for (const int count : decided) EXPECT_GT(count, kPackets / 10) << "each has its share";
  EXPECT_GT(workers.handed_over_packets(), static_cast<std::uint64_t>(kPackets / 10));
  EXPECT_GT(errors, kPackets / 1000);
  EXPECT_GT(parts, kPackets / 1000);
  bench_.Advance(std::chrono::days(6));
  workers.Advance(std::chrono::days(6));
  while (!bench_.pipeline().Expire(bench_.now())) {
  }
  EXPECT_EQ(bench_.connections().size(), 0u);
  for (int i = 0; i < 2000; ++i) workers.Expire();
  EXPECT_EQ(workers.connection_count(), 0u);
}

}  // namespace
}  // namespace taploom::test
