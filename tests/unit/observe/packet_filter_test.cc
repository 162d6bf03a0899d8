// Our machine against libpcap's, which is the twin: the same programs, the same packets, the same
// answers. And programs that no compiler makes.
#include "dataplane/observe/packet_filter.h"

#include <gtest/gtest.h>
#include <pcap/pcap.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace taploom::observe {
namespace {

using Bytes = std::vector<std::uint8_t>;
using Program = std::vector<FilterInstruction>;

Program Compile(const std::string& filter) {
  const std::unique_ptr<pcap_t, decltype(&pcap_close)> compiler(pcap_open_dead(DLT_EN10MB, 65'535),
                                                                &pcap_close);
  bpf_program compiled{};
  EXPECT_EQ(pcap_compile(compiler.get(), &compiled, filter.c_str(), 1, PCAP_NETMASK_UNKNOWN), 0)
      << filter << ": " << pcap_geterr(compiler.get());
  Program program(compiled.bf_len);
  std::memcpy(static_cast<void*>(program.data()), compiled.bf_insns,
              program.size() * sizeof(bpf_insn));
  pcap_freecode(&compiled);
  return program;
}

bool TwinMatches(const Program& program, const Bytes& packet, std::uint32_t size) {
  std::vector<bpf_insn> instructions(program.size());
  std::memcpy(instructions.data(), program.data(), program.size() * sizeof(bpf_insn));
  return bpf_filter(instructions.data(), packet.data(), size,
                    static_cast<unsigned>(packet.size())) != 0;
}

bool Matches(const Program& program, const Bytes& packet, std::uint32_t size) {
  const auto filter = PacketFilter::Make(program);
  EXPECT_TRUE(filter.has_value());
  return filter && filter->Matches(packet, size);
}

// Ethernet, IPv4 with options now and then, TCP or UDP: few values, so that filters hit.
Bytes RandomPacket(std::mt19937& random) {
  const auto below = [&random](unsigned limit) {
    return static_cast<std::uint8_t>(random() % limit);
  };
  Bytes packet(14 + 60 + 20 + below(40));
  for (std::uint8_t& byte : packet) byte = below(4);
  packet[12] = 0x08;
  packet[13] = below(8) == 0 ? 0x06 : 0x00;
  packet[14] = static_cast<std::uint8_t>(0x45 + below(2));
  packet[20] = below(4) == 0 ? 0x20 : 0;  // more fragments
  packet[23] = below(2) == 0 ? 6 : 17;
  packet.resize(packet.size() - below(static_cast<unsigned>(packet.size())) * below(2));
  return packet;
}

constexpr const char* kFilters[] = {
    "tcp",
    "udp port 2",
    "tcp port 257 or tcp port 2",
    "host 1.2.3.1 and not src host 0.0.0.1",
    "net 1.0.0.0/8",
    "ip[6:2] & 0x3fff != 0",
    "tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn",
    "greater 100",
    "less 60",
    "ether[0] & 1 != 0 or arp",
    "ip6 or (ip and ip[8] > 1)",
    "(ip[2:2] - ((ip[0] & 0xf) << 2)) % 3 == 1",
    "(ip[1] * ip[2] + ip[3]) / 2 > 1 or len ^ 3 = 70",
    "vlan 3 and tcp",
    "tcp[((tcp[12] & 0xf0) >> 2):4] = 0x01020300",
};

TEST(PacketFilter, AgreesWithLibpcap) {
  std::mt19937 random(20'261'124);
  int hits = 0;
  for (const char* text : kFilters) {
    const Program program = Compile(text);
    for (int i = 0; i < 2000; ++i) {
      const Bytes packet = RandomPacket(random);
      const auto size = static_cast<std::uint32_t>(packet.size() + random() % 3);
      const bool expected = TwinMatches(program, packet, size);
      ASSERT_EQ(Matches(program, packet, size), expected) << text << ", packet " << i;
      hits += expected ? 1 : 0;
    }
  }
  EXPECT_GT(hits, 1000) << "a comparison in which nothing matches compares nothing";
}

TEST(PacketFilter, RunsAnythingItAcceptsAsLibpcapDoes) {
  std::mt19937 random(7);
  int accepted = 0;
  for (int i = 0; i < 300'000; ++i) {
    Program program(1 + random() % 6);
    for (FilterInstruction& instruction : program) {
      instruction.code = static_cast<std::uint16_t>(random() % 256);
      instruction.jump_true = static_cast<std::uint8_t>(random() % 4);
      instruction.jump_false = static_cast<std::uint8_t>(random() % 4);
      instruction.k = random() % 3 == 0 ? static_cast<std::uint32_t>(random())
                                        : static_cast<std::uint32_t>(random() % 20);
    }
    // libpcap's cells hold anything before they are stored to, ours zero: compilers store first.
    const auto loads_cell = [](const FilterInstruction& each) {
      return each.code == 0x60 || each.code == 0x61;
    };
    if (std::any_of(program.begin(), program.end(), loads_cell)) continue;
    program.back().code = random() % 2 == 0 ? 0x06 : 0x16;
    const auto filter = PacketFilter::Make(program);
    if (!filter) continue;
    ++accepted;
    const Bytes packet = RandomPacket(random);
    const auto size = static_cast<std::uint32_t>(packet.size());
    ASSERT_EQ(filter->Matches(packet, size), TwinMatches(program, packet, size)) << i;
  }
  EXPECT_GT(accepted, 10'000);
}

TEST(PacketFilter, AnEmptyProgramMatchesEverything) {
  EXPECT_TRUE(Matches({}, Bytes(60), 60));
  EXPECT_TRUE(Matches({}, {}, 0));
}

TEST(PacketFilter, RefusesWhatCouldRunAway) {
  const FilterInstruction yes{0x06, 0, 0, 1};
  const auto is_refused = [](Program program) { return !PacketFilter::Make(program).has_value(); };
  EXPECT_FALSE(is_refused({yes}));
  EXPECT_TRUE(is_refused({{0x00, 0, 0, 1}})) << "does not return";
  EXPECT_TRUE(is_refused({{0x05, 0, 0, 1}, yes})) << "jumps behind its end";
  EXPECT_TRUE(is_refused({{0x05, 0, 0, 0xffffffff}, yes})) << "jumps backwards";
  EXPECT_TRUE(is_refused({{0x15, 1, 0, 1}, yes})) << "jumps behind its end when true";
  EXPECT_TRUE(is_refused({{0x60, 0, 0, 16}, yes})) << "a cell that is not there";
  EXPECT_TRUE(is_refused({{0x02, 0, 0, 16}, yes})) << "a cell that is not there";
  EXPECT_TRUE(is_refused({{0x34, 0, 0, 0}, yes})) << "divides by zero";
  EXPECT_TRUE(is_refused({{0x38, 0, 0, 0}, yes})) << "a load of no size";
  EXPECT_TRUE(is_refused({{0x106, 0, 0, 0}})) << "no instruction";
  EXPECT_TRUE(is_refused(Program(PacketFilter::kMostInstructions + 1, yes))) << "too long";
}

}  // namespace
}  // namespace taploom::observe
