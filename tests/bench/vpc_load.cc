#include "tests/bench/vpc_load.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "dataplane/wire/checksum.h"
#include "dataplane/wire/layout.h"
#include "dataplane/wire/parse.h"
#include "tests/bench/cycle_clock.h"

namespace taploom::bench {
namespace {

constexpr std::uint32_t kFirstInstance = 0x0a008004;  // 10.0.128.4, in 10.0.128.0/17
constexpr std::uint32_t kFirstServer = 0xc6120001;    // 198.18.0.1, in 198.18.0.0/15
constexpr std::uint32_t kServers = 128;
constexpr std::uint32_t kClientSequence = 1000, kServerSequence = 5000;
constexpr std::uint8_t kAck = wire::kTcpAck, kSyn = wire::kTcpSyn;

std::string TextOf(std::uint32_t address) { return wire::IpAddress::V4(address).ToString(); }

std::uint16_t TcpChecksum(const std::uint8_t* frame) {
  const std::uint8_t* ip = frame + wire::kEthernetSize;
  const std::size_t l4_size = kFrameSize - wire::kEthernetSize - wire::ipv4::kMinSize;
  const std::uint64_t sum =
      wire::PseudoHeaderSum(wire::IpAddress::V4FromBytes(ip + wire::ipv4::kSource),
                            wire::IpAddress::V4FromBytes(ip + wire::ipv4::kDestination),
                            wire::kProtocolTcp, static_cast<std::uint32_t>(l4_size)) +
      wire::SumBytes({ip + wire::ipv4::kMinSize, l4_size});
  return static_cast<std::uint16_t>(~wire::Fold(sum));
}

bool HasRightChecksums(const std::uint8_t* frame) {
  const std::uint8_t* ip = frame + wire::kEthernetSize;
  return wire::Fold(wire::SumBytes({ip, wire::ipv4::kMinSize})) == 0xffff &&
         TcpChecksum(frame) == 0;
}

}  // namespace

VpcLoad::VpcLoad(const VpcOptions& options)
    : options_(options),
      pipeline_(
          counters_,
          {.capacity = options.capacity, .capacity_per_port = options.capacity, .seed = 0x5eed}) {
  BuildFabric(options);
  const auto snapshot = Compile(options.allows_port_81);
  for (std::size_t port = 0; port < snapshot->ports.size(); ++port)
    counters_.AddPort(static_cast<std::uint16_t>(port));
  pipeline_.Publish(snapshot);
}

void VpcLoad::BuildFabric(const VpcOptions& options) {
  fabric_.Vpc("load", {"10.0.0.0/16"}).InternetGateway();
  fabric_.Subnet("public", {"10.0.0.0/24"}).Route("public", "0.0.0.0/0 igw");
  fabric_.Subnet("app", {"10.0.128.0/17"});
  fabric_.NatGateway("nat", "public", {"10.0.0.100 = 203.0.113.100"});
  fabric_.Route("app", "0.0.0.0/0 nat:nat");
  for (std::uint32_t i = 2; i < options.routes; ++i) {
    fabric_.Route("app", TextOf(0x14000000u + (i << 8)) + "/24 blackhole");
  }
  SetRules(options.allows_port_81);
  for (std::uint32_t i = 0; i < options.enis; ++i) {
    const std::string name = fmt::format("i{}", i);
    fabric_.Eni(name, "app", {TextOf(kFirstInstance + i)}, {"app"});
    eni_ports_.push_back(fabric_.port(name));
    eni_macs_.push_back(fabric_.mac(name));
  }
  std::vector<std::string> addresses;
  for (std::uint32_t i = 0; i < kServers; ++i) addresses.push_back(TextOf(kFirstServer + i));
  fabric_.InternetHost("server", addresses);
  fabric_.ConnectionsPerEni(options.capacity);
  app_router_ = fabric_.router_mac("i0");
  server_mac_ = fabric_.mac("server");
  server_router_ = fabric_.router_mac("server");
  server_port_ = fabric_.port("server");
}

// Rules that do not match come first, with different blocks and ports, so that each costs a
// classifier of linear kind something.
void VpcLoad::SetRules(bool allows_port_81) {
  std::vector<std::string> rules;
  for (std::uint32_t i = 0; i + 3 < options_.rules; ++i) {
    const std::string block = TextOf(0xac100000u + (i << 4)) + "/28";
    rules.push_back(fmt::format("out tcp {} to {}", 1000 + i, block));
    rules.push_back(fmt::format("in tcp {} from {}", 1000 + i, block));
  }
  rules.push_back("out tcp 443 to 0.0.0.0/0");
  rules.push_back("in tcp 22 from 10.0.0.0/16");
  rules.push_back(allows_port_81 ? "out tcp 81 to 198.18.0.0/15" : "out tcp 82 to 198.18.0.0/15");
  fabric_.Group("app", rules);
}

std::shared_ptr<const tables::Snapshot> VpcLoad::Compile(bool allows_port_81) {
  SetRules(allows_port_81);
  return fabric_.Build();
}

VpcLoad::Ends VpcLoad::EndsOf(std::size_t connection) const {
  const auto number = static_cast<std::uint32_t>(connection);
  const std::uint32_t round = number / options_.enis;
  return {.source = kFirstInstance + number % options_.enis,
          .destination = kFirstServer + (number * 7 + round) % kServers,
          .source_port = static_cast<std::uint16_t>(1024 + round % 64'000),
          .destination_port = 443};
}

LoadFrame VpcLoad::FrameOf(const Ends& ends, const wire::MacAddress& source,
                           const wire::MacAddress& router, std::uint8_t flags,
                           std::uint32_t sequence, std::uint32_t acknowledgment) const {
  LoadFrame frame{};
  std::uint8_t* bytes = frame.bytes.data();
  std::copy(router.bytes.begin(), router.bytes.end(), bytes + wire::ethernet::kDestination);
  std::copy(source.bytes.begin(), source.bytes.end(), bytes + wire::ethernet::kSource);
  wire::Store(bytes + wire::ethernet::kType, wire::be16(wire::kEtherTypeIpv4));
  std::uint8_t* ip = bytes + wire::kEthernetSize;
  ip[wire::ipv4::kVersionAndSize] = 0x45;
  wire::Store(ip + wire::ipv4::kTotalLength, wire::be16(kFrameSize - wire::kEthernetSize));
  wire::Store(ip + wire::ipv4::kFragment, wire::be16(wire::ipv4::kDontFragment));
  ip[wire::ipv4::kTtl] = 64;
  ip[wire::ipv4::kProtocol] = wire::kProtocolTcp;
  wire::Store(ip + wire::ipv4::kSource, wire::be32(ends.source));
  wire::Store(ip + wire::ipv4::kDestination, wire::be32(ends.destination));
  wire::Store(ip + wire::ipv4::kChecksum, wire::InternetChecksum({ip, wire::ipv4::kMinSize}));
  std::uint8_t* tcp = ip + wire::ipv4::kMinSize;
  wire::Store(tcp + wire::tcp::kSourcePort, wire::be16(ends.source_port));
  wire::Store(tcp + wire::tcp::kDestinationPort, wire::be16(ends.destination_port));
  wire::Store(tcp + wire::tcp::kSequence, wire::be32(sequence));
  wire::Store(tcp + wire::tcp::kAcknowledgment, wire::be32(acknowledgment));
  tcp[wire::tcp::kDataOffset] = 0x50;
  tcp[wire::tcp::kFlags] = flags;
  wire::Store(tcp + wire::tcp::kChecksum, TcpChecksum(bytes));
  return frame;
}

Packet& VpcLoad::LoadOne(std::size_t slot, const LoadFrame& frame, std::uint16_t port) {
  Packet& packet = buffers_.First(kBurst)[slot];
  std::memcpy(packet.head, frame.bytes.data(), kFrameSize);
  packet.head_size = kFrameSize;
  packet.tail_size = 0;
  packet.vnet = VnetHeader();
  packet.ingress_port = port;
  return packet;
}

std::string VpcLoad::Establish(std::size_t first, std::size_t count) {
  frames_.resize((first + count) * 2);
  translated_ports_.resize(first + count);
  for (std::size_t i = first; i < first + count; ++i) {
    const std::size_t eni = i % options_.enis;
    const Ends ends = EndsOf(i);
    const auto forth = [&](std::uint8_t flags, std::uint32_t sequence, std::uint32_t acknowledged) {
      return FrameOf(ends, eni_macs_[eni], app_router_, flags, sequence, acknowledged);
    };
    Packet& syn = LoadOne(0, forth(kSyn, kClientSequence, 0), eni_ports_[eni]);
    pipeline_.Process({&syn, 1}, now_);
    if (syn.verdict.kind != Verdict::Kind::kForward)
      return fmt::format("connection {} was refused: {}", i,
                         taploom::TextOf(syn.verdict.drop_reason).name);
    const wire::Headers seen = wire::Parse(syn.head_bytes(), syn.size());
    translated_ports_[i] = seen.source_port;
    const Ends back_ends{seen.destination.v4_host_order(), seen.source.v4_host_order(),
                         seen.destination_port, seen.source_port};
    const auto back = [&](std::uint8_t flags, std::uint32_t sequence, std::uint32_t acknowledged) {
      return FrameOf(back_ends, server_mac_, server_router_, flags, sequence, acknowledged);
    };
    Packet& answer =
        LoadOne(0, back(kSyn | kAck, kServerSequence, kClientSequence + 1), server_port_);
    pipeline_.Process({&answer, 1}, now_);
    frames_[2 * i] = forth(kAck, kClientSequence + 1, kServerSequence + 1);
    frames_[2 * i + 1] = back(kAck, kServerSequence + 1, kClientSequence + 1);
    Packet& third = LoadOne(0, frames_[2 * i], eni_ports_[eni]);
    pipeline_.Process({&third, 1}, now_);
    if (third.verdict.kind != Verdict::Kind::kForward)
      return fmt::format("connection {} was not established", i);
  }
  return {};
}

std::span<Packet> VpcLoad::Load(std::span<const std::uint32_t> picks) {
  for (std::size_t i = 0; i < picks.size(); ++i) {
    const bool is_back = picks[i] % 2 != 0;
    LoadOne(i, frames_[picks[i]],
            is_back ? server_port_ : eni_ports_[picks[i] / 2 % options_.enis]);
  }
  return buffers_.First(picks.size());
}

std::string VpcLoad::Check(std::span<const Packet> burst,
                           std::span<const std::uint32_t> picks) const {
  for (std::size_t i = 0; i < burst.size(); ++i) {
    const Packet& packet = burst[i];
    const bool is_back = picks[i] % 2 != 0;
    const std::size_t connection = picks[i] / 2;
    const std::uint16_t port = is_back ? eni_ports_[connection % options_.enis] : server_port_;
    if (packet.verdict.kind != Verdict::Kind::kForward || packet.verdict.port != port)
      return fmt::format("a segment of connection {} went astray: {}", connection,
                         taploom::TextOf(packet.verdict.drop_reason).name);
    if (!HasRightChecksums(packet.head))
      return fmt::format("a segment of connection {} has a wrong checksum", connection);
    const wire::Headers seen = wire::Parse({packet.head, packet.head_size}, packet.size());
    const Ends ends = EndsOf(connection);
    const bool is_right = is_back ? seen.destination.v4_host_order() == ends.source &&
                                        seen.destination_port == ends.source_port
                                  : seen.source_port == translated_ports_[connection] &&
                                        seen.destination.v4_host_order() == ends.destination;
    if (!is_right) return fmt::format("connection {} was translated wrongly", connection);
  }
  return {};
}

std::span<Packet> VpcLoad::LoadNew(std::size_t count, std::uint16_t destination_port) {
  for (std::size_t i = 0; i < count; ++i) {
    // From the far end of the numbers, so that they never meet the established ones.
    Ends ends = EndsOf(0x3000'0000u + new_connections_);
    ends.destination_port = destination_port;
    const std::size_t eni = ends.source - kFirstInstance;
    ++new_connections_;
    LoadOne(i, FrameOf(ends, eni_macs_[eni], app_router_, kSyn, kClientSequence, 0),
            eni_ports_[eni]);
  }
  return buffers_.First(count);
}

BurstTimer::BurstTimer() : clock_cost_(CostOfNow()) {}

std::uint64_t BurstTimer::Begin() { return Now(); }

void BurstTimer::End(std::uint64_t begin, std::size_t packets) {
  const std::uint64_t cycles = Now() - begin;
  cycles_ += cycles > clock_cost_ ? cycles - clock_cost_ : 0;
  packets_ += packets;
}

void BurstTimer::EndRound() {
  if (packets_ > 0)
    samples_.push_back(static_cast<double>(cycles_) / static_cast<double>(packets_));
  cycles_ = packets_ = 0;
}

void EmptyPipeline(std::span<Packet> burst) {
  static constexpr std::uint8_t kMac[6] = {2, 0, 0, 0, 0, 1};
  for (Packet& packet : burst) {
    wire::Parse(packet.head_bytes(), packet.size(), packet.headers);
    std::memcpy(packet.head, kMac, sizeof kMac);
    packet.verdict = Verdict::Forward(1);
  }
}

}  // namespace taploom::bench
