#include "tests/support/fabric_fixture.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>

namespace taploom::test {

Packet PacketBuffer::Load(const Frame& frame, std::uint16_t ingress_port) {
  Packet packet;
  const std::size_t head_size = std::min(frame.bytes.size(), head_.size());
  std::copy_n(frame.bytes.begin(), head_size, head_.begin());
  std::copy(frame.bytes.begin() + static_cast<std::ptrdiff_t>(head_size), frame.bytes.end(),
            tail_.begin());
  packet.head = head_.data();
  packet.head_size = static_cast<std::uint32_t>(head_size);
  packet.tail = tail_.data();
  packet.tail_size = static_cast<std::uint32_t>(frame.bytes.size() - head_size);
  packet.vnet = frame.vnet;
  packet.ingress_port = ingress_port;
  return packet;
}

Outcome PacketBuffer::OutcomeOf(const Packet& packet) {
  Outcome outcome{packet.verdict, {}, packet.headers};
  outcome.frame.bytes.assign(packet.head, packet.head + packet.head_size);
  outcome.frame.bytes.insert(outcome.frame.bytes.end(), packet.tail,
                             packet.tail + packet.tail_size);
  outcome.frame.vnet = packet.vnet;
  return outcome;
}

Bench::Bench(const flow::ConnectionTable::Options& options)
    : connection_memory_(memfd_create("bench", MFD_CLOEXEC)), options_(options) {
  options_.memory = connection_memory_.get();
  Begin();
}

void Bench::Begin() {
  pipeline_.reset();
  counters_ = std::make_unique<observe::Counters>();
  pipeline_ = std::make_unique<Pipeline>(*counters_, options_);
}

void Bench::Publish(const std::shared_ptr<const tables::Snapshot>& snapshot) {
  for (std::size_t port = 0; port < snapshot->ports.size(); ++port)
    counters_->AddPort(static_cast<std::uint16_t>(port));
  pipeline_->Publish(snapshot);
}

std::uint32_t Bench::Restart(const std::shared_ptr<const tables::Snapshot>& snapshot) {
  Begin();
  Publish(snapshot);
  return pipeline_->Adopt(now_);
}

Outcome Bench::Process(const Frame& frame, std::uint16_t ingress_port) {
  Packet packet = buffer_.Load(frame, ingress_port);
  pipeline_->Process({&packet, 1}, now_);
  return PacketBuffer::OutcomeOf(packet);
}

FabricFixture::FabricFixture() : bench_(std::make_unique<Bench>()) {}

void FabricFixture::UseTable(const flow::ConnectionTable::Options& options) {
  bench_ = std::make_unique<Bench>(options);
}

void FabricFixture::Publish() {
  snapshot_ = fabric.Build();
  bench_->Publish(snapshot_);
}

std::uint32_t FabricFixture::Restart() {
  snapshot_ = fabric.Build();
  return bench_->Restart(snapshot_);
}

Frame FabricFixture::FrameOf(const std::string& sender, PacketBuilder packet) {
  if (!packet.has_source_mac()) packet.From(fabric.mac(sender));
  if (!packet.has_destination_mac()) {
    wire::MacAddress next_hop = fabric.router_mac(sender);
    const auto destination = wire::IpAddress::Parse(packet.destination());
    const tables::PortOwner owner = snapshot_->OwnerOf(fabric.port(sender));
    if (owner.eni.exists() && destination) {
      const tables::Eni& eni = (*snapshot_)[owner.eni];
      const auto& by_address = (*snapshot_)[eni.vpc].eni_by_address;
      const auto neighbor = by_address.find(*destination);
      const bool on_link =
          neighbor != by_address.end() && (*snapshot_)[neighbor->second].subnet == eni.subnet;
      if (on_link) next_hop = (*snapshot_)[neighbor->second].mac;
    }
    packet.To(next_hop);
  }
  return packet.Build();
}

std::string FabricFixture::Send(const std::string& sender, PacketBuilder packet) {
  return Send(sender, FrameOf(sender, std::move(packet)));
}

std::string FabricFixture::Send(const std::string& sender, const Frame& frame) {
  const std::uint16_t port = fabric.port(sender);
  const std::uint64_t received = bench_->counters().port(port).received_packets.value();
  const auto count_drops = [&] {
    std::uint64_t sum = 0;
    for (const observe::Counter& counter : bench_->counters().port(port).drops)
      sum += counter.value();
    return sum;
  };
  const std::uint64_t dropped = count_drops();
  last_ = bench_->Process(frame, port);
  const Verdict& verdict = last_.verdict;
  const char* reason = TextOf(verdict.drop_reason).name;

  std::string text;
  if (bench_->counters().port(port).received_packets.value() != received + 1)
    text += " NOT COUNTED";
  const bool is_counted =
      count_drops() == dropped + (verdict.drop_reason == DropReason::kNone ? 0 : 1);
  if (!is_counted) text += " DROP NOT COUNTED ONCE";
  switch (verdict.kind) {
    case Verdict::Kind::kDrop:
      return fmt::format("drop {}{}", reason, text);
    case Verdict::Kind::kReply:
      if (verdict.port != port) text += " TO ANOTHER PORT";
      if (DestinationMacOf(last_.frame) != SourceMacOf(frame)) text += " TO A WRONG MAC";
      return verdict.drop_reason == DropReason::kNone
                 ? fmt::format("reply: {}{}", Describe(last_.frame), text)
                 : fmt::format("reply [{}]: {}{}", reason, Describe(last_.frame), text);
    case Verdict::Kind::kHandOver:
      return "handed over to nobody";
    case Verdict::Kind::kForward:
    case Verdict::Kind::kFragment:
      break;
  }
  const std::string receiver = fabric.name_of(verdict.port);
  if (DestinationMacOf(last_.frame) != fabric.mac(receiver)) text += " TO A WRONG MAC";
  if (!last_.headers.is_icmp_error && PayloadOf(last_.frame) != PayloadOf(frame))
    text += " PAYLOAD CHANGED";
  const std::string how = verdict.kind == Verdict::Kind::kFragment
                              ? fmt::format(" in fragments of {}", verdict.mtu)
                              : "";
  return fmt::format("{}{}: {}{}", receiver, how, Describe(last_.frame), text);
}

void FabricFixture::Connect(const std::string& client, const std::string& source,
                            const std::string& server, const std::string& destination) {
  ASSERT_EQ(Send(client, Tcp(source, destination, "S").Sequence(1000)).substr(0, server.size() + 1),
            server + ":");
  const Ends seen = SeenEnds();
  ASSERT_EQ(Send(server, Tcp(seen.destination, seen.source, "SA").Sequence(5000, 1001))
                .substr(0, client.size() + 1),
            client + ":");
  ASSERT_EQ(
      Send(client, Tcp(source, destination, "A").Sequence(1001, 5001)).substr(0, server.size() + 1),
      server + ":");
}

FabricFixture::Ends FabricFixture::SeenEnds() const {
  const std::string text = Describe(last_.frame);  // "tcp A > B …"
  const auto arrow = text.find(" > ");
  const auto begin = text.find(' ') + 1;
  const auto end = text.find(' ', arrow + 3);
  return {text.substr(begin, arrow - begin), text.substr(arrow + 3, end - arrow - 3)};
}

std::string FabricFixture::StateOf(std::uint16_t source_port) {
  std::string state = "none";
  connections().ForEach([&](const flow::Connection& connection) {
    if (connection.keys[0].source_port() == source_port) state = ToText(connection.state);
  });
  return state;
}

}  // namespace taploom::test
